"""The weekly run and the one on new readings meet: nothing is retrained twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.runs import claims
from smartwatts_ml.runs.state import record_decision
from smartwatts_ml.stages.tasks import ingest_stage, new_readings, plan_stage, record_failure

ROWS = 1500


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A root with more new readings than the threshold, all ingested."""
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "1000")
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    where = str(tmp_path / "root")
    monkeypatch.setenv("SMARTWATTS_ROOT", where)
    add(where, "home1")
    return where


def add(root: str, home: str) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    stamps = (f"{start + timedelta(minutes=i):%Y-%m-%dT%H:%M:%S}" for i in range(ROWS))
    lines = "\n".join(f"{stamp},120,{home}/mains" for stamp in stamps)
    text = f"timestamp,consumption,device_id\n{lines}\n"
    open_root(root).write(f"landing/{home}.csv", text.encode())
    ingest_stage(root)


def decide(root: str, run_id: str) -> None:
    objects = open_root(root)
    snapshot = open_table(objects).snapshot()
    for model in model_names():
        record_decision(objects, model, snapshot, run_id=run_id, outcome="rejected")


def test_the_trigger_does_not_fire_while_the_weekly_run_retrains(root: str) -> None:
    assert new_readings(root)["models"] == list(model_names())
    plan_stage(root, "weekly", only_new=True)
    assert new_readings(root)["models"] == []
    assert new_readings(root)["why_not"]["nilm"].startswith("being retrained: weekly")
    decide(root, "weekly")
    add(root, "home2")
    assert new_readings(root)["models"] == list(model_names())


def test_the_weekly_run_leaves_out_what_the_other_run_retrains_or_decided(root: str) -> None:
    assert plan_stage(root, "new", only_due=True)["models"] == list(model_names())
    weekly = plan_stage(root, "weekly", only_new=True)
    assert weekly["models"] == []
    assert weekly["skipped"]["nilm"].startswith("being retrained: new")
    decide(root, "new")
    weekly = plan_stage(root, "weekly-again", only_new=True)
    assert weekly["skipped"]["nilm"] == "no new readings since new"


def test_of_two_runs_that_plan_at_once_each_model_goes_to_one(root: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        plans = list(pool.map(lambda r: plan_stage(root, r, only_due=True), ("one", "two")))
    chosen = [model for plan in plans for model in plan["models"]]
    assert sorted(chosen) == sorted(model_names())


def test_a_plan_that_is_tried_again_keeps_its_models(root: str) -> None:
    first = plan_stage(root, "weekly", only_new=True)
    assert plan_stage(root, "weekly", only_new=True) == first


def test_a_run_by_hand_retrains_whatever_was_asked_for(root: str) -> None:
    plan_stage(root, "new", only_due=True)
    decide(root, "earlier")
    assert plan_stage(root, "by-hand")["models"] == list(model_names())


def test_a_dry_run_holds_nobody_up(root: str) -> None:
    plan_stage(root, "dry", claim=False)
    assert new_readings(root)["models"] == list(model_names())


def test_a_run_that_failed_or_vanished_holds_nobody_up_for_long(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_stage(root, "vanished", only_due=True)
    with monkeypatch.context() as hours_later:
        hours_later.setattr(claims, "LONGEST", timedelta(0))
        assert new_readings(root)["models"] == list(model_names())
    plan_stage(root, "weekly")
    record_failure(root, "weekly", "nilm", "out of memory")
    weekly = plan_stage(root, "next-week", only_new=True)
    assert "nilm" in weekly["models"], "a week later it is tried again"
