"""``make stop``: end the local stack and leave no process of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from scripts.session import members
from scripts.stack import REPOSITORY, Stack


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=REPOSITORY / ".local", help="All files of the stack.")
    stack = Stack(Path(parser.parse_args().folder).resolve(), "")
    console = Console(highlight=False)
    record = stack.record()
    if record is None:
        console.print("nothing runs")
        return 0
    killed = stack.stop()
    left = members(record)
    console.print(f"stopped{f', {killed} processes had to be killed' if killed else ''}")
    for process in left:
        console.print(f"[red]process {process.pid} is still there[/red]")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(_main())
