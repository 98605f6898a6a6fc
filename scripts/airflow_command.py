"""``make airflow ARGS="…"``: a command of Airflow's with the environment of the local stack."""

from __future__ import annotations

import subprocess
import sys

from scripts.stack import REPOSITORY, Stack

__all__: list[str] = []


def _main(arguments: list[str]) -> int:
    """Its exit status; 1 where no stack runs."""
    stack = Stack(REPOSITORY / ".local", "")
    record = stack.running()
    if record is None:
        sys.stderr.write("no stack runs; `make run` starts one\n")
        return 1
    environment = Stack(stack.folder, record.root).environment(record.port)
    return subprocess.call([sys.executable, "-m", "airflow", *arguments], env=environment)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
