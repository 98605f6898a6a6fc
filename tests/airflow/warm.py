"""Code in an interpreter of its own beside Airflow, without importing Airflow each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["REPOSITORY", "WarmPython"]

REPOSITORY = Path(__file__).resolve().parents[2]


class WarmPython:
    """A process that imported Airflow once; each piece of code gets a fork of it.

    As Airflow's DAG processor does with DAG files: what one piece imports or changes is
    gone for the next.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.airflow.warm_python"],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, *arguments: str) -> str:
        """All that the code prints; AssertionError with it, unless it ends well."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"code": code, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert answer["status"] == 0, answer["output"]
        output: str = answer["output"]
        return output

    def stop(self) -> None:
        """No process is left."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
