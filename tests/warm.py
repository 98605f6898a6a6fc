"""Code in processes of its own that need not load the same modules each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["AIRFLOW", "REPOSITORY", "SMARTWATTS", "WarmPython"]

REPOSITORY = Path(__file__).resolve().parents[1]
AIRFLOW = (
    "airflow.dag_processing.dagbag",
    "airflow.triggers.base",
    *(f"airflow.sdk:{name}" for name in ("DAG", "BaseSensorOperator", "CronTriggerTimetable")),
    *(f"airflow.sdk:{name}" for name in ("Param", "task", "task_group")),
)
"""What Airflow's own DAG processor has loaded when it forks for one of our DAG files."""
SMARTWATTS = ("typer", "typer.rich_utils", "rich.progress", "rich.table", "pydantic_settings")
"""What the command line needs of others; our own modules may read the environment at import."""


class WarmPython:
    """A process that loaded ``names`` once; each piece of code gets a fork of it.

    What one piece loads or changes is gone for the next.
    """

    def __init__(self, *names: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_python", *names],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, code: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it in this process's environment and what is given; never raises for its end."""
        assert self._process.stdin and self._process.stdout
        asked = {
            "code": code,
            "arguments": arguments,
            "environment": {**os.environ, **environment},
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        done = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(
            arguments, done["status"], done["stdout"], done["stderr"]
        )

    def output(self, code: str, *arguments: str) -> str:
        """What the code writes to its standard output; it has to end well."""
        done = self.run(code, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> None:
        """No process is left."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
