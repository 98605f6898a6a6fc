"""What Airflow adds to a run of five models, and how soon new readings start one.

Starts the stack of ``make run`` in a folder of its own, with a threshold below one day
of the simulated homes. Overhead is the time of the DAG's run in which no stage was at work: from
the logs, a stage works between the end of *Pre Execute* and the beginning of *Post Execute*,
so that loading TensorFlow is a stage's own and starting its process is Airflow's.

    .venv/bin/python -m benchmarks.overhead --homes 6 --days 90 --epochs 1
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from scripts.airflow_api import Airflow, AirflowError
from scripts.stack import REPOSITORY, Stack
from smartwatts_ml.simulate import simulate

WEEKLY, NEW = "retrain_weekly", "retrain_on_new_readings"
START = date(2026, 1, 1)
POKE_SECONDS = 5
PATIENCE = 3600.0
Interval = tuple[float, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--homes", type=int, default=6)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--epochs", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), str(Path(folder) / "root"))
        environment = os.environ | {
            "SMARTWATTS_ROOT": stack.root,
            "SMARTWATTS_NEW_READINGS": str(300 * given.homes),
            "SMARTWATTS_POKE_SECONDS": str(POKE_SECONDS),
        }
        try:
            size = ["--homes", given.homes, "--days", given.days, "--epochs", given.epochs]
            script("run", stack, environment, *map(str, size))
            record = stack.running()
            assert record is not None
            measure(Airflow(record.port, stack.password()), stack, given)
        finally:
            script("stop", stack, environment)
    return 0


def script(name: str, stack: Stack, environment: dict[str, str], *options: str) -> None:
    """What ``make run`` and ``make stop`` call."""
    command = [sys.executable, "-m", f"scripts.{name}", "--folder", str(stack.folder), *options]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=sys.stderr)


def measure(airflow: Airflow, stack: Stack, given: argparse.Namespace) -> None:
    """The run that ``make run`` followed, then new readings; a line for each."""
    run = airflow.runs(WEEKLY)[0]
    whole = seconds(run["end_date"]) - seconds(run["start_date"])
    tasks = [task for task in airflow.tasks(WEEKLY, run["dag_run_id"]) if task["queued_when"]]
    work = [working(airflow, task) for task in tasks]
    busy = union(work)
    print(
        f"run {whole:.0f} s, stages at work {busy:.0f} s, overhead {whole - busy:.0f} s,"
        f" {len(work)} tasks"
    )
    print(f"a task's median: {', '.join(steps(tasks, work))}")
    log = stack.logs / "triggerer.log"
    until(lambda: "new readings" in log.read_text(), "the triggerer looks")
    day = START + timedelta(days=given.days)
    with tempfile.TemporaryDirectory(dir=stack.folder) as made:
        simulate(given.homes, 1, Path(made) / "day", submetered=1, start=day)
        (Path(made) / "day").rename(Path(stack.root) / "landing" / str(day))
    landed = time.time()
    fired = until(lambda: first_task(airflow), "new readings are noticed")
    after = seconds(fired["start_date"]) - landed
    print(
        f"threshold reached to the run's first task: {after:.1f} s, looking every {POKE_SECONDS} s"
    )


def first_task(airflow: Airflow) -> dict[str, Any] | None:
    """Of the new-readings run, once it was started."""
    tasks = airflow.tasks(NEW, str(airflow.runs(NEW)[0]["dag_run_id"]))
    return next((t for t in tasks if t["task_id"] == "find_new_files" and t["start_date"]), None)


def working(airflow: Airflow, task: dict[str, Any]) -> Interval:
    """When a task's own code ran."""
    path = (
        f"/dags/{WEEKLY}/dagRuns/{quote(task['dag_run_id'])}/taskInstances/{task['task_id']}/logs/"
        f"{task['try_number']}?map_index={task['map_index']}"
    )
    entries = airflow.call("GET", path)["content"]
    stamps = [(e["event"], e["timestamp"]) for e in entries if e.get("timestamp")]
    begin = next((s for event, s in stamps if event == "::endgroup::"), task["start_date"])
    end = next((s for event, s in stamps if "Post Execute" in event), task["end_date"])
    return seconds(begin), seconds(end)


def steps(tasks: list[dict[str, Any]], work: list[Interval]) -> Iterable[str]:
    """Where a task's time goes beside its own code."""
    starts = [seconds(task["start_date"]) for task in tasks]
    queued = [seconds(task["queued_when"]) for task in tasks]
    ended = [seconds(task["end_date"]) for task in tasks]
    waits = [start - when for start, when in zip(starts, queued, strict=True)]
    before = [begin - start for (begin, _), start in zip(work, starts, strict=True)]
    after = [end - done for (_, done), end in zip(work, ended, strict=True)]
    yield f"queued to started {median(waits):.1f} s"
    yield f"to its own code {median(before):.1f} s"
    yield f"after it {median(after):.1f} s"


def union(intervals: Iterable[Interval]) -> float:
    """Seconds that are in at least one interval.

    >>> union([(0, 2), (1, 3), (5, 6)])
    4.0
    """
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def seconds(stamp: str) -> float:
    """Since 1970."""
    return datetime.fromisoformat(stamp).timestamp()


def until(true: Any, what: str) -> Any:
    """Airflow pushes nothing, so it is asked."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            found = true()
        except (AirflowError, LookupError):
            found = None
        if found:
            return found
        time.sleep(0.3)
    raise SystemExit(f"{what}: not within {PATIENCE:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
