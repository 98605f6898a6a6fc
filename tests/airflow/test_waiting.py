"""When the new-readings trigger fires: on a real root, at the threshold and not before it."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent
from smartwatts_airflow import trigger as trigger_module
from smartwatts_airflow.assets import new_readings_for
from smartwatts_airflow.trigger import NewReadingsTrigger

from smartwatts_ml.errors import StoreError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.objects.directory import DirectoryObjects
from smartwatts_ml.readings.table.retention import drop_before
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.runs.snapshot import pin_snapshot
from smartwatts_ml.runs.state import record_decision
from smartwatts_ml.stages.tasks import (
    ingest_stage,
    new_readings,
    plan_stage,
    record_failure,
)

THRESHOLD = 1000
POKE = 0.01
DAG = "retrain_on_new_readings"
LOOKS = 3
BATCHES = 12
MOST_COMMITS = 10
"""Since the table's last checkpoint; each is read when the table is opened."""
Drop = Callable[[str, int], None]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", str(THRESHOLD))
    monkeypatch.setenv("SMARTWATTS_POKE_SECONDS", str(POKE))
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    where = str(tmp_path / "root")
    monkeypatch.setenv("SMARTWATTS_ROOT", where)
    return where


@pytest.fixture
def drop(root: str) -> Drop:
    """Puts a file with so many readings of one home into landing/."""

    def put(home: str, rows: int) -> None:
        minutes = (
            f"2026-03-{1 + i // 1440:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00" for i in range(rows)
        )
        lines = [f"{stamp},{100 + len(stamp)},{home}/mains" for stamp in minutes]
        text = "timestamp,consumption,device_id\n" + "\n".join(lines) + "\n"
        open_root(root).write(f"landing/{home}.csv", text.encode())

    return put


def decide_all(root: str) -> None:
    """As a run does at its end: every model is decided on the newest snapshot."""
    objects = open_root(root)
    snapshot = open_table(objects).snapshot()
    for model in model_names():
        record_decision(objects, model, snapshot, run_id="run", outcome="rejected")


class StillWaitingError(Exception):
    """The trigger looks once more, so it has not fired."""


@pytest.fixture(autouse=True)
def active_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many runs of the DAG there are, in its one item: only a triggerer can ask Airflow."""
    runs = [0]
    monkeypatch.setattr(trigger_module, "_active_runs", lambda dag_id: runs[0])
    monkeypatch.setattr(trigger_module, "_SHORTEST_PAUSE", POKE)
    return runs


def new_trigger(root: str) -> NewReadingsTrigger:
    return NewReadingsTrigger(root=root, dag_id=DAG, poke_seconds=POKE)


def fires(root: str) -> dict[str, Any] | None:
    """The payload of the trigger's event, or None if it waits on after ``LOOKS`` looks."""
    look, looks = trigger_module._look, 0

    def counted(where: str, before: dict[str, str]) -> dict[str, Any]:
        nonlocal looks
        looks += 1
        if looks > LOOKS:
            raise StillWaitingError
        return look(where, before)

    async def first() -> TriggerEvent:
        return await anext(aiter(new_trigger(root).run()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trigger_module, "_look", counted)
        try:
            return asyncio.run(first()).payload
        except StillWaitingError:
            return None


def test_it_fires_at_the_threshold_and_not_before_it(root: str, drop: Drop) -> None:
    drop("home1", THRESHOLD - 1)
    ingest_stage(root)
    assert fires(root) is None
    drop("home2", 1)
    ingest_stage(root)
    event = fires(root)
    assert event is not None
    assert event["rows"] == THRESHOLD
    assert event["models"] == list(model_names())


def test_a_large_fleet_waits_for_a_share_of_what_the_last_decision_had(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "0")
    monkeypatch.setenv("SMARTWATTS_NEW_PER_SITE", "10")
    drop("home1", 2 * THRESHOLD)
    drop("home2", 8 * THRESHOLD)
    ingest_stage(root)
    decide_all(root)
    drop("home3", THRESHOLD - 1)
    ingest_stage(root)
    assert new_readings(root)["why_not"]["nilm"] == "999 new readings, 1,000 needed"
    drop("home4", 1)
    ingest_stage(root)
    assert fires(root) is not None


def test_a_small_fleet_waits_for_so_many_readings_a_site(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "0")
    drop("home1", 600)
    ingest_stage(root)
    assert new_readings(root)["why_not"]["nilm"] == "600 new readings, 672 needed"
    drop("home2", 72)
    ingest_stage(root)
    assert fires(root) is not None
    decide_all(root)
    drop("home3", 2 * 672 - 1)
    ingest_stage(root)
    assert new_readings(root)["why_not"]["nilm"] == "1,343 new readings, 1,344 needed"
    drop("home4", 500)
    assert fires(root) is not None, "files in landing count by their size"


def test_files_still_in_landing_count_by_their_size(root: str, drop: Drop) -> None:
    drop("home1", 600)
    ingest_stage(root)
    assert fires(root) is None
    drop("home2", 600)
    event = fires(root)
    assert event is not None
    assert abs(event["rows"] - 1200) <= 12


def test_a_file_that_is_still_being_written_starts_nothing(root: str, drop: Drop) -> None:
    drop("home1", 10)
    ingest_stage(root)
    decide_all(root)
    written = 0
    look = trigger_module._look

    def meanwhile(where: str, before: dict[str, str]) -> dict[str, Any]:
        nonlocal written
        written += 2 * THRESHOLD
        drop("home2", written)
        return look(where, before)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trigger_module, "_look", meanwhile)
        assert fires(root) is None
    assert fires(root) is not None, "once it is whole"


def test_of_a_file_that_grows_only_what_was_added_is_new(root: str, drop: Drop) -> None:
    drop("home1", 5 * THRESHOLD)
    ingest_stage(root)
    decide_all(root)
    drop("home1", 5 * THRESHOLD + 100)
    assert new_readings(root)["rows"] == pytest.approx(100, abs=5)
    assert fires(root) is None
    drop("home1", 7 * THRESHOLD)
    assert fires(root) is not None


def decide_run(root: str, run_id: str, now: datetime | None = None) -> None:
    """As a real run: its snapshot is pinned, and every model is decided on it."""
    objects = open_root(root)
    snapshot = pin_snapshot(objects, run_id, open_table(objects).snapshot())
    for model in model_names():
        record_decision(objects, model, snapshot, run_id=run_id, outcome="rejected", now=now)


@pytest.mark.slow
def test_days_of_new_readings_may_be_asked_for_as_well(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_NEW_DAYS", "2")
    drop("home1", 1440)
    ingest_stage(root)
    decide_run(root, "run1")
    drop("home2", 2 * 1440)
    assert fires(root) is not None, "what is not ingested yet has to be looked at"
    ingest_stage(root)
    found = new_readings(root)
    assert found["models"] == []
    assert found["why_not"]["nilm"] == "1.0 new days, 2 needed"
    assert plan_stage(root, "run2", None, only_due=True)["models"] == []
    assert fires(root) is None, "or it would start runs without end"
    drop("home3", 3 * 1440)
    ingest_stage(root)
    assert new_readings(root)["models"] == list(model_names())


def test_a_meter_whose_clock_runs_ahead_keeps_no_retraining_away(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_NEW_DAYS", "2")
    monkeypatch.setenv("SMARTWATTS_NEW_SITE_SHARE", "0.6")
    drop("home1", 1440)
    ahead = b"timestamp,consumption,device_id\n2099-03-01T00:00:00,100,home2/mains\n"
    open_root(root).write("landing/ahead.csv", ahead)
    ingest_stage(root)
    decide_run(root, "run1", now=datetime(2026, 3, 2, tzinfo=UTC))
    assert new_readings(root)["why_not"]["nilm"].startswith("0 new readings")
    drop("home1", 4 * 1440)
    ingest_stage(root)
    assert new_readings(root)["models"] == list(model_names())


def test_what_retention_dropped_is_not_asked_for_again(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "0")
    monkeypatch.setenv("SMARTWATTS_NEW_PER_SITE", "1")
    for day in range(1, 4):
        drop(f"home{day}", 10_000)
    ingest_stage(root)
    old = open_root(root).read("landing/home1.csv").data.replace(b"2026-03", b"2025-01")
    open_root(root).write("landing/old.csv", old.replace(b"home1", b"home4"))
    ingest_stage(root)
    assert drop_before(open_table(open_root(root)), "2025-02") == 10_000
    decide_all(root)
    assert new_readings(root)["thresholds"]["nilm"] == 3_000


def test_a_share_of_sites_with_new_readings_may_be_asked_for_as_well(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_NEW_SITE_SHARE", "0.6")
    for home in ("home1", "home2"):
        drop(home, 1440)
    ingest_stage(root)
    decide_run(root, "run1")
    drop("home3", 3 * 1440)
    ingest_stage(root)
    assert new_readings(root)["why_not"]["nilm"] == "33% of sites have new readings, 60% needed"
    text = open_root(root).read("landing/home3.csv").data.replace(b"home3", b"home2")
    open_root(root).write("landing/home2b.csv", text)
    ingest_stage(root)
    assert new_readings(root)["models"] == list(model_names())


def test_a_decision_of_any_kind_starts_the_count_anew(root: str, drop: Drop) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    decide_all(root)
    assert fires(root) is None
    drop("home2", THRESHOLD + 50)
    assert fires(root) is not None


def test_a_model_that_failed_is_left_alone_for_an_hour(root: str, drop: Drop) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    for model in model_names():
        record_failure(root, "run", model, "out of memory")
    assert fires(root) is None


def test_after_ingest_the_exact_count_decides(root: str, drop: Drop) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    decide_all(root)
    unusable = open_root(root).read("landing/home1.csv").data.replace(b",119,", b",nan,")
    open_root(root).write("landing/unusable.csv", unusable)
    assert fires(root) is not None, "by size, the file looks like new readings"
    ingest_stage(root)
    plan = plan_stage(root, "run2", None, only_due=True)
    assert plan["models"] == []
    assert fires(root) is None


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


def events(root: str, looks: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """At which of so many looks the trigger made an event; nobody reacts to any."""
    real, looked, made = trigger_module._look, 0, []

    def counted(where: str, before: dict[str, str]) -> dict[str, Any]:
        nonlocal looked
        looked += 1
        if looked > looks:
            raise StillWaitingError
        return real(where, before)

    async def collect() -> None:
        async for _ in new_trigger(root).run():
            made.append(looked)

    monkeypatch.setattr(trigger_module, "_look", counted)
    with pytest.raises(StillWaitingError):
        asyncio.run(collect())
    return made


def test_while_a_run_is_at_it_there_is_no_event_and_one_once_it_ended_undecided(
    root: str, drop: Drop, active_runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    active_runs[0] = 1
    with monkeypatch.context() as patch:
        assert events(root, LOOKS, patch) == []
    active_runs[0] = 0
    assert fires(root) is not None


def test_an_event_that_was_lost_is_made_up_for_and_never_in_a_hot_loop(
    root: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("home1", THRESHOLD)
    ingest_stage(root)
    looks = 40
    made = events(root, looks, monkeypatch)
    assert made[0] == 1 and len(made) > 2
    distances = [later - sooner for sooner, later in itertools.pairwise(made)]
    assert distances == sorted(distances) and distances[-1] > LOOKS
    assert len(made) < looks / 4


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
    assert made[-1] == 12


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


def test_a_cleared_run_trains_nothing_that_is_decided(root: str, drop: Drop) -> None:
    drop("home1", 2 * THRESHOLD)
    assert fires(root) is not None
    ingest_stage(root)
    assert plan_stage(root, "run1", None, only_due=True)["models"] == list(model_names())
    decide_run(root, "run1")
    assert fires(root) is None
    drop("home2", 2 * THRESHOLD)
    assert fires(root) is not None


def test_a_dag_that_was_paused_for_long_catches_up_in_one_run(root: str, drop: Drop) -> None:
    for number in range(4):
        drop(f"home{number}", THRESHOLD)
    event = fires(root)
    assert event is not None
    assert event["rows"] > 3 * THRESHOLD
    ingest_stage(root)
    plan_stage(root, "run1", None, only_due=True)
    decide_run(root, "run1")
    assert fires(root) is None


def test_two_triggerers_that_both_fire_start_one_training_a_model(root: str, drop: Drop) -> None:
    """As when a triggerer that was believed dead comes back."""
    drop("home1", 2 * THRESHOLD)
    assert fires(root) is not None and fires(root) is not None
    ingest_stage(root)
    plans = [plan_stage(root, run, None, only_due=True)["models"] for run in ("run1", "run2")]
    assert plans == [list(model_names()), []]


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
