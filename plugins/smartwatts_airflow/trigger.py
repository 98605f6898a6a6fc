"""Waits in the triggerer until enough new readings are there.

All it knows is its two arguments and what it reads from the root, so a restarted
triggerer takes it up again from the database with nothing lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from smartwatts_airflow.connection import connect
from smartwatts_airflow.gauges import emit_waiting
from smartwatts_airflow.lazily import tasks
from smartwatts_ml.errors import SmartwattsError

__all__ = ["NewReadingsTrigger"]


class NewReadingsTrigger(BaseTrigger):
    """Fires once some model has enough readings since the last decision on it."""

    def __init__(self, root: str, poke_seconds: float) -> None:
        super().__init__()
        self.root = root
        self.poke_seconds = poke_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments: all that survives a restart, and all that is needed."""
        kwargs = {"root": self.root, "poke_seconds": self.poke_seconds}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every ``poke_seconds``; a store that is gone is looked at again later. A file
        in landing/ counts once two looks have found it the same."""
        seen: dict[str, Any] = {}
        landing: dict[str, str] = {}
        while True:
            try:
                waiting = await asyncio.to_thread(_look, self.root, landing)
            except (SmartwattsError, OSError) as error:
                self.log.warning("cannot look at %s, trying again: %s", self.root, error)
            else:
                landing = waiting.pop("landing")
                if waiting != seen:
                    seen = waiting
                    self.log.info("%s", _describe(waiting))
                if waiting["models"]:
                    yield TriggerEvent(waiting)
                    return
            # Neither a folder nor S3 tells us of new objects, so there is nothing to await.
            await asyncio.sleep(self.poke_seconds)


def _look(root: str, before: dict[str, str]) -> dict[str, Any]:
    """Readings since the last decisions, from metadata alone. Blocks: call in a thread."""
    connect(root)
    waiting = tasks.new_readings(root, before)
    emit_waiting(waiting)
    return waiting


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
