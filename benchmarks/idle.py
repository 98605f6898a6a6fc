"""What the stack costs while nothing comes in, beside Airflow alone for the same time.

Two stacks side by side, each the components of ``make run`` with their own settings: one with our
DAGs and plugins, homes, a decision on each model and nothing to do; one with neither DAGs nor
plugins. Of each the CPU seconds of every process of its session, of which those that ended count
with their parents, and the rows of its metadata database, before and after.

    .venv/bin/python -m benchmarks.idle --minutes 60
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.airflow_api import Airflow
from scripts.session import members
from scripts.stack import REPOSITORY, Stack

START_SECONDS = 600.0
SIZE = ["--homes", "4", "--days", "60", "--submetered", "2", "--epochs", "1"]


class Bare(Stack):
    """Airflow's components without a DAG or a plugin."""

    def environment(self, port: int) -> dict[str, str]:
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        folders = dict.fromkeys(("DAGS_FOLDER", "PLUGINS_FOLDER"), str(empty))
        own = {f"AIRFLOW__CORE__{name}": folder for name, folder in folders.items()}
        return super().environment(port) | own


@dataclass(frozen=True)
class Reading:
    """Of a stack at one moment: CPU seconds so far, rows by table, runs by DAG."""

    cpu: float
    rows: dict[str, int]
    runs: dict[str, int]
    at: float

    @classmethod
    def of_stack(cls, stack: Stack) -> Reading:
        record = stack.running()
        if record is None:
            raise SystemExit(f"the stack in {stack.folder} is gone")
        with closing(sqlite3.connect(stack.home / "airflow.db")) as database:
            asked = "SELECT name FROM sqlite_master WHERE type = 'table'"
            tables = [name for (name,) in database.execute(asked)]
            rows = {
                name: int(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
                for name in tables
            }
            runs = dict(database.execute("SELECT dag_id, count(*) FROM dag_run GROUP BY dag_id"))
        return cls(sum(map(cpu_seconds, members(record))), rows, runs, time.monotonic())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--settle", type=float, default=5.0, help="Minutes before they count.")
    options = parser.parse_args()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMARTWATTS_")}
    os.environ.clear()
    os.environ.update(kept)
    with tempfile.TemporaryDirectory() as folder:
        ours = Stack(Path(folder) / "ours", str(Path(folder) / "root"))
        bare = Bare(Path(folder) / "bare", str(Path(folder) / "none"))
        try:
            script("run", ours, *SIZE)
            bare.prepare()
            bare.start()
            until(lambda: healthy(bare))
            time.sleep(60 * options.settle)
            stacks = {"with our DAGs": ours, "bare": bare}
            before = {name: Reading.of_stack(stack) for name, stack in stacks.items()}
            time.sleep(60 * options.minutes)
            show(before, {name: Reading.of_stack(stack) for name, stack in stacks.items()})
        finally:
            script("stop", ours)
            bare.stop()
    return 0


def script(name: str, stack: Stack, *options: str) -> None:
    """What ``make run`` and ``make stop`` call."""
    command = [sys.executable, "-m", f"scripts.{name}", "--folder", str(stack.folder)]
    subprocess.run([*command, *options], cwd=REPOSITORY, check=True, stdout=sys.stderr)


def healthy(stack: Stack) -> bool:
    record = stack.running()
    return record is not None and Airflow(record.port, stack.password()).healthy()


def until(true: Callable[[], bool]) -> None:
    """Airflow pushes nothing, so it is asked."""
    deadline = time.monotonic() + START_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"Airflow alone is not up within {START_SECONDS:.0f} s")
        time.sleep(0.5)


def cpu_seconds(process: psutil.Process) -> float:
    """Its own, and those of its children that have ended."""
    with suppress(psutil.NoSuchProcess):
        return float(sum(process.cpu_times()[:4]))
    return 0.0


def show(before: dict[str, Reading], after: dict[str, Reading]) -> None:
    """A row for each stack, and what was written by table."""
    for name, then in before.items():
        now = after[name]
        cpu, wall = now.cpu - then.cpu, now.at - then.at
        more = {t: n - then.rows.get(t, 0) for t, n in now.rows.items()}
        grown = {table: rows for table, rows in sorted(more.items()) if rows}
        began = {dag: n - then.runs.get(dag, 0) for dag, n in now.runs.items()}
        print(f"{name}: {wall / 60:.1f} min, {cpu:.1f} CPU s, {cpu / wall:.2%} of a core")
        print(f"  runs: {({dag: n for dag, n in began.items() if n}) or 'none'}")
        print(f"  rows: {sum(now.rows.values())}, of which new {grown or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
