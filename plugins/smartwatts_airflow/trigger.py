"""Watches, in the triggerer, for enough new readings, and says so to Airflow as events of an asset.

It looks at what is there, not at what has changed: an event that is lost, with a triggerer that
dies or while the DAG is paused, is made up for by the next look. All it knows is its arguments
and what it reads from the root, so any triggerer can take it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from smartwatts_airflow.connection import connect
from smartwatts_airflow.gauges import emit_waiting
from smartwatts_airflow.lazily import tasks
from smartwatts_ml.errors import SmartwattsError

__all__ = ["NewReadingsTrigger"]

_SHORTEST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0
"""Seconds between two events where the readings of the first stay undecided: in the shortest a
scheduler that lives has made the run that an event asks for."""


class NewReadingsTrigger(BaseEventTrigger):
    """An event once some model has enough readings since the last decision on it, while no run of
    the DAG is queued or at work. ``dag_id``: of the DAG that the events start."""

    def __init__(self, root: str, dag_id: str, poke_seconds: float) -> None:
        super().__init__()
        self.root = root
        self.dag_id = dag_id
        self.poke_seconds = poke_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments: all that is needed, and what tells one watcher from another."""
        kwargs = {"root": self.root, "dag_id": self.dag_id, "poke_seconds": self.poke_seconds}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every ``poke_seconds``; a store that is gone is looked at again later. A file
        in landing/ counts once two looks have found it the same. Events of readings that stay
        undecided, whatever the runs that they start come to, grow rarer."""
        landing: dict[str, str] = {}
        logged, pause, quiet_until = "", _SHORTEST_PAUSE, 0.0
        clock = asyncio.get_running_loop().time
        while True:
            # Before the first look too: Airflow starts a trigger that breaks again at once. And
            # neither a folder nor S3 tells us of new objects, so there is nothing to await.
            await asyncio.sleep(self.poke_seconds)
            try:
                waiting = await asyncio.to_thread(_look, self.root, landing)
                due = waiting["models"] and not await asyncio.to_thread(_active_runs, self.dag_id)
            except (SmartwattsError, OSError, AirflowRuntimeError) as error:
                self.log.warning("cannot look at %s, trying again: %s", self.root, error)
                continue
            landing = waiting.pop("landing")
            if (seen := _describe(waiting)) != logged:
                logged = seen
                self.log.info("%s: %s", self.root, seen)
            if not waiting["models"]:
                pause, quiet_until = _SHORTEST_PAUSE, 0.0
            elif due and clock() >= quiet_until:
                yield TriggerEvent(waiting)
                quiet_until, pause = clock() + pause, min(2 * pause, _LONGEST_PAUSE)


def _look(root: str, before: dict[str, str]) -> dict[str, Any]:
    """Readings since the last decisions, from metadata alone. Blocks: call in a thread."""
    connect(root)
    waiting = tasks.new_readings(root, before)
    emit_waiting(waiting)
    return waiting


def _active_runs(dag_id: str) -> int:
    """Runs of the DAG that have not ended, whoever started them. Blocks: call in a thread."""
    return RuntimeTaskInstance.get_dr_count(dag_id, states=["queued", "running"])


def _describe(waiting: dict[str, Any]) -> str:
    """What was seen, in one line.

    >>> why = {"nilm": "5 new readings"}
    >>> waiting = {"seen": "5 of 9 new readings", "models": [], "settling": 2}
    >>> _describe({**waiting, "why_not": why})
    '5 of 9 new readings; 2 files in landing/ may still be written; nilm: 5 new readings'
    """
    reasons = "; ".join(f"{model}: {why}" for model, why in waiting["why_not"].items())
    due = f"due: {', '.join(waiting['models'])}" if waiting["models"] else ""
    written = "file in landing/ may" if waiting["settling"] == 1 else "files in landing/ may"
    settling = f"{waiting['settling']} {written} still be written" if waiting["settling"] else ""
    return "; ".join(part for part in (waiting["seen"], settling, due, reasons) if part)
