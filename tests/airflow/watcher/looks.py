"""Looks of the trigger of new readings, at a real root, and what a decision leaves there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent
from smartwatts_airflow import trigger as trigger_module
from smartwatts_airflow.trigger import NewReadingsTrigger

from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.runs.snapshot import pin_snapshot
from smartwatts_ml.runs.state import record_decision

THRESHOLD = 1000
POKE = 0.01
DAG = "retrain_on_new_readings"
LOOKS = 3
Drop = Callable[[str, int], None]


class StillWaitingError(Exception):
    """The trigger looks once more, so it has not fired."""


class Looks:
    """Counts how often the trigger looks, as long as ``monkeypatch`` holds; the look after ``most``
    ends it."""

    def __init__(self, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._most, self._look = most, trigger_module._look
        monkeypatch.setattr(trigger_module, "_look", self)

    def __call__(self, where: str, before: dict[str, str]) -> dict[str, Any]:
        self.count += 1
        if self.count > self._most:
            raise StillWaitingError
        return self._look(where, before)


def new_trigger(root: str) -> NewReadingsTrigger:
    return NewReadingsTrigger(root=root, dag_id=DAG, poke_seconds=POKE)


def fires(root: str) -> dict[str, Any] | None:
    """The payload of the trigger's event, or None if it waits on after ``LOOKS`` looks."""

    async def first() -> TriggerEvent:
        return await anext(aiter(new_trigger(root).run()))

    with pytest.MonkeyPatch.context() as patch:
        Looks(LOOKS, patch)
        try:
            return asyncio.run(first()).payload
        except StillWaitingError:
            return None


def decide_all(root: str) -> None:
    """As a run does at its end: every model is decided on the newest snapshot."""
    objects = open_root(root)
    snapshot = open_table(objects).snapshot()
    for model in model_names():
        record_decision(objects, model, snapshot, run_id="run", outcome="rejected")


def decide_run(root: str, run_id: str, now: datetime | None = None) -> None:
    """As a real run: its snapshot is pinned, and every model is decided on it."""
    objects = open_root(root)
    snapshot = pin_snapshot(objects, run_id, open_table(objects).snapshot())
    for model in model_names():
        record_decision(objects, model, snapshot, run_id=run_id, outcome="rejected", now=now)
