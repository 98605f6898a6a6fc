"""Follows a DAG run on the terminal: what each task and model does, as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scripts.airflow_api import Airflow, UnreachableError
from smartwatts_ml.stages.order import model_stages

__all__ = [
    "FailedRunError",
    "follow",
    "name_of",
    "news",
    "progress_table",
    "show_failures",
]

_ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")
_SIGNS = {
    "success": Text("✓", "green"),
    "failed": Text("failed", "red"),
    "skipped": Text("–", "yellow"),
    "upstream_failed": Text("–", "red"),
    "running": Text("running", "cyan"),
    "up_for_retry": Text("will retry", "yellow"),
    "awaiting_input": Text("waits for you", "yellow"),
}
_POLL_SECONDS = 1.0
_LOG_TAIL = 25
_Task = Mapping[str, Any]


class FailedRunError(Exception):
    """The run did not end, in time or at all."""


def follow(
    airflow: Airflow,
    dag: str,
    run_id: str,
    console: Console,
    *,
    seconds: float,
    alive: Callable[[], bool],
) -> str:
    """Show a run until it ends; its state. A line for each change where nobody looks."""
    deadline = time.monotonic() + seconds
    said: set[str] = set()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while time.monotonic() < deadline:
            try:
                state = airflow.run(dag, run_id)["state"]
                tasks = airflow.tasks(dag, run_id)
            except UnreachableError as error:
                if not alive():
                    raise FailedRunError(f"Airflow ended before {run_id} did") from error
                time.sleep(_POLL_SECONDS)
                continue
            for line in news(tasks, said):
                live.console.print(line, soft_wrap=True)
            if state in ("success", "failed"):
                return str(state)
            if console.is_terminal:
                live.update(progress_table(tasks), refresh=True)
            time.sleep(_POLL_SECONDS)
    raise FailedRunError(f"{run_id} has not ended after {seconds / 60:.0f} minutes")


def news(tasks: Sequence[_Task], said: set[str]) -> list[Text]:
    """A line for each task that has ended, or is to be tried again, since the last call.

    What was skipped only because an earlier step was is left out.
    """
    lines = []
    for task in sorted(tasks, key=lambda t: t["end_date"] or ""):
        state, key = task["state"], f"{task['id']} {task['try_number']} {task['state']}"
        worth_saying = state in ("success", "failed", "up_for_retry", "awaiting_input") or (
            state == "skipped" and (task["map_index"] < 0 or _own_name(task))
        )
        if worth_saying and key not in said:
            said.add(key)
            parts = (_SIGNS[state], f" {name_of(task, tasks)}", (_took(task), "dim"))
            lines.append(Text.assemble(*parts))
    return lines


def name_of(task: _Task, tasks: Sequence[_Task]) -> str:
    """``train nilm``, ``validate nilm kept: F1 −0.02``, ``ingest``."""
    step = _step(task)
    if task["map_index"] < 0:
        return step
    index = task["map_index"]
    unnamed = _model_of(index, tasks) if _is_of_a_model(task) else str(index)
    return f"{step} {_own_name(task) or unnamed}"


def _model_of(index: int, tasks: Sequence[_Task]) -> str:
    """The model of a branch: the first word of any map name in it. Files that were ingested
    side by side have names and indices too, and are no branches."""
    names = (_own_name(t) for t in tasks if t["map_index"] == index and _is_of_a_model(t))
    return next((name.split()[0].rstrip(":,") for name in names if name), str(index))


def _step(task: _Task) -> str:
    return str(task["task_id"]).rpartition(".")[2]


def _is_of_a_model(task: _Task) -> bool:
    return any(stage.name == _step(task) for stage in model_stages())


def _own_name(task: _Task) -> str | None:
    """The map name that a task gave itself; Airflow calls one that never ran by its index."""
    name = task["rendered_map_index"]
    return None if name == str(task["map_index"]) else name


def _took(task: _Task) -> str:
    return f"  {task['duration']:.0f} s" if task["duration"] else ""


def progress_table(tasks: Sequence[_Task]) -> Table:
    """A row for each model, a column for each step, and what runs before and after them."""
    there = {_step(task) for task in tasks}
    # A person is asked where settings say so alone.
    names = [s.name for s in model_stages() if not s.asks_people or s.name in there]
    table = Table("", *names, box=None)
    branches: dict[int, dict[str, _Task]] = {}
    for task in tasks:
        if _is_of_a_model(task):
            if task["map_index"] >= 0:
                branches.setdefault(task["map_index"], {})[_step(task)] = task
        elif task["state"] not in (None, *_ENDED):
            table.title = f"{task['task_id']} {task['state']}"
    for index, steps in sorted(branches.items()):
        table.add_row(_model_of(index, tasks), *(_sign(steps.get(step)) for step in names))
    return table


def _sign(task: _Task | None) -> Text:
    state = task["state"] if task else None
    return _SIGNS.get(state or "") or Text(state or "·", "dim")


def show_failures(airflow: Airflow, dag: str, run_id: str, console: Console) -> None:
    """The end of the log of every task that failed, the last task to fail last."""
    tasks = airflow.tasks(dag, run_id)
    for task in sorted(tasks, key=lambda t: t["end_date"] or ""):
        if task["state"] == "failed":
            console.print(Text.assemble(("\nfailed:", "red"), f" {name_of(task, tasks)}"))
            for line in airflow.log_lines(task)[-_LOG_TAIL:]:
                console.print(f"    {line}", soft_wrap=True)
