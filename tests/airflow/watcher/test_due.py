"""When a retraining is due: at the threshold and not before it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from smartwatts_airflow import trigger as trigger_module

from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.table.retention import drop_before
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.stages.tasks import (
    ingest_stage,
    new_readings,
    plan_stage,
    record_failure,
)
from tests.airflow.watcher.looks import (
    THRESHOLD,
    Drop,
    decide_all,
    decide_run,
    fires,
)


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
