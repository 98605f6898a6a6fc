"""``make stop``: end the local stack and leave no process of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.session import members
from scripts.stack import REPOSITORY, Stack
from smartwatts_ml.commands.console import out


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=REPOSITORY / ".local", help="All files of the stack.")
    stack = Stack(Path(parser.parse_args().folder).resolve(), "")
    record = stack.record()
    if record is None:
        out.print("nothing runs")
        return 0
    killed = stack.stop()
    left = members(record)
    out.print(f"stopped{f', {killed} processes had to be killed' if killed else ''}")
    for process in left:
        out.print(f"process {process.pid} is still there", style="red")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(_main())
