"""How the watcher of new readings survives: restarts, lost events, a store that is gone."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent
from smartwatts_airflow import trigger as trigger_module
from smartwatts_airflow.assets import new_readings_for

from smartwatts_ml.errors import StoreError
from smartwatts_ml.objects.directory import DirectoryObjects
from smartwatts_ml.stages.tasks import (
    ingest_stage,
    new_readings,
)
from tests.airflow.watcher.looks import (
    DAG,
    LOOKS,
    POKE,
    THRESHOLD,
    Drop,
    Looks,
    StillWaitingError,
    decide_all,
    decide_run,
    fires,
    new_trigger,
)

BATCHES = 12
MOST_COMMITS = 10
"""Since the table's last checkpoint; each is read when the table is opened."""


def events(root: str, most: int, monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """At which of so many looks the trigger made an event, and when, s; nobody reacts to any."""
    looks, made = Looks(most, monkeypatch), dict[int, float]()

    async def collect() -> None:
        async for _ in new_trigger(root).run():
            made[looks.count] = time.monotonic()

    with pytest.raises(StillWaitingError):
        asyncio.run(collect())
    return made


def test_a_store_that_is_gone_for_a_while_is_looked_at_again(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    looked = 0
    real = trigger_module._look

    def flaky(where: str, before: dict[str, str]) -> dict[str, Any]:
        nonlocal looked
        looked += 1
        if looked < 3:
            raise StoreError("the server is gone")
        return real(where, before)

    monkeypatch.setattr(trigger_module, "_look", flaky)
    assert fires(root) is not None
    assert looked == 3


def test_a_look_reads_few_commits_however_many_batches_there_were(root: str, drop: Drop) -> None:
    for number in range(BATCHES):
        drop(f"home{number}", 1)
        ingest_stage(root)
    assert new_readings(root)["rows"] == BATCHES
    log = Path(root) / "readings" / "_delta_log"
    checkpoint = json.loads((log / "_last_checkpoint").read_text())["version"]
    later = [path for path in log.glob("*.json") if int(path.stem) > checkpoint]
    assert checkpoint > 0 and len(later) <= MOST_COMMITS


def test_a_restarted_triggerer_takes_up_where_the_old_one_was(root: str, drop: Drop) -> None:
    path, arguments = new_trigger(root).serialize()
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**arguments)
    assert again.serialize() == (path, arguments)
    drop("home1", THRESHOLD)
    ingest_stage(root)

    async def first() -> TriggerEvent:
        return await anext(aiter(again.run()))

    assert asyncio.run(first()).payload["rows"] == THRESHOLD


def test_while_a_run_is_at_it_there_is_no_event_and_one_once_it_ended_undecided(
    root: str, drop: Drop, active_runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    active_runs[0] = 1
    with monkeypatch.context() as patch:
        assert events(root, LOOKS, patch) == {}
    active_runs[0] = 0
    assert fires(root) is not None


def test_an_event_that_was_lost_is_made_up_for_and_never_in_a_hot_loop(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    made = events(root, 40, monkeypatch)
    assert min(made) == 1 and len(made) > 2
    pauses = [later - sooner for sooner, later in itertools.pairwise(made.values())]
    assert all(pause >= POKE * 2**number for number, pause in enumerate(pauses))


def test_events_come_as_soon_as_before_once_there_was_a_decision(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    real, looked = trigger_module._look, 0

    def deciding(where: str, before: dict[str, str]) -> dict[str, Any]:
        nonlocal looked
        looked += 1
        if looked == 10:
            decide_all(root)
        if looked == 12:
            drop("home2", THRESHOLD)
            ingest_stage(root)
        return real(where, before)

    monkeypatch.setattr(trigger_module, "_look", deciding)
    made = events(root, 12, monkeypatch)
    assert max(made) == 12


def test_a_trigger_that_breaks_has_waited_before_it_looked(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow starts one that broke again within a second."""
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    def broken(where: str, before: dict[str, str]) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setattr(asyncio, "sleep", note)
    monkeypatch.setattr(trigger_module, "_look", broken)

    async def first() -> TriggerEvent:
        return await anext(aiter(new_trigger(root).run()))

    with pytest.raises(ZeroDivisionError):
        asyncio.run(first())
    assert waited == [POKE]


def test_a_watcher_with_other_settings_is_another_watcher(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watched() -> Any:
        (watcher,) = new_readings_for(DAG).watchers
        return watcher.trigger

    assert watched().serialize() == new_trigger(root).serialize() == watched().serialize()
    monkeypatch.setenv("SMARTWATTS_POKE_SECONDS", "7")
    assert watched().serialize() != new_trigger(root).serialize()


def test_a_look_costs_the_same_however_many_files_were_ingested(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        real = getattr(DirectoryObjects, name)

        def verb(self: DirectoryObjects, *given: Any, **more: Any) -> Any:
            asked.append(name)
            return real(self, *given, **more)

        return verb

    for name in ("read", "info", "list", "folders", "fetch"):
        monkeypatch.setattr(DirectoryObjects, name, counted(name))

    def look() -> list[str]:
        asked.clear()
        new_readings(root)
        return sorted(asked)

    drop("home0", 10)
    ingest_stage(root)
    decide_run(root, "run0")
    before = look()
    assert before
    for number in range(1, 8):
        drop(f"home{number}", 10)
    ingest_stage(root)
    assert look() == before
