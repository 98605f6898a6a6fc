"""What the Models page shows, without Airflow around it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from smartwatts_airflow.page.airflow import DagRunFacts
from smartwatts_airflow.page.chart import Point, draw
from smartwatts_airflow.page.health import health
from smartwatts_airflow.page.judged import RunOf, judged
from smartwatts_airflow.page.now import models_at_work
from smartwatts_airflow.page.overview import ModelRow, last_decision, version_before

from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.at_work import AtWork
from smartwatts_ml.runs.claims import Claim
from smartwatts_ml.runs.model_report import keep_failure
from smartwatts_ml.runs.notified import Trouble
from smartwatts_ml.runs.state import ModelState
from smartwatts_ml.runs.trouble_report import TroubleReport
from smartwatts_ml.store.forced import Forced
from tests.store.helpers import new_store, publish

RUN = DagRunFacts("retrain_weekly", "manual", "success", datetime(2026, 11, 22, tzinfo=UTC))
OF = RunOf(RUN.key, RUN.when, RUN)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEEN: dict[str, Any] = {
    "rows": 0, "threshold": 672, "exact": True, "refused": 0, "models": [], "why_not": {},
    "rows_by_model": {"nilm": 0},
}  # fmt: skip
WELL = ModelRow("nilm", "NILM", version=3)
DECISION = {"accepted": True, "summary": "nilm accepted", "reasons": ["better"], "metrics": {}}
PUBLISHED = {"outcome": "published", "summary": "forced", "version": 1, "serial": 1, "file": "f"}


@pytest.mark.parametrize("baseline", [40.0, 20.0])
def test_one_version_and_its_baseline_can_be_seen(baseline: float) -> None:
    chart = draw([Point(1, 20.0, baseline, "v1", ("champion",))], "MAE")
    assert chart.count("<circle") == 1
    line = re.search(r'class="baseline" points="(.*?)"', chart)
    assert line and len(set(line[1].split())) > 1, "one place alone makes no line"


@pytest.mark.parametrize(
    "decision, published, outcome, summary",
    [
        (DECISION, PUBLISHED, "published", "forced"),
        (DECISION, None, "accepted", "nilm accepted"),
        (DECISION | {"accepted": False}, None, "kept", "nilm accepted"),
        ({"accepted": True}, None, "unreadable", "decision.json is damaged: summary"),
        ([], None, "unreadable", "decision.json is damaged"),
        (DECISION | {"accepted": "perhaps"}, None, "unreadable", "decision.json is damaged"),
        (DECISION, {}, "unreadable", "published.json is damaged: outcome"),
    ],
)
def test_a_runs_decision_is_told_and_a_damaged_one_is_called_so(
    tmp_path: Path, decision: Any, published: Any, outcome: str, summary: str
) -> None:
    objects = open_root(str(tmp_path))
    objects.write(f"runs/{RUN.key}/nilm/decision.json", json.dumps(decision).encode())
    if published is not None:
        objects.write(f"runs/{RUN.key}/nilm/published.json", json.dumps(published).encode())
    (row,) = judged(objects, "nilm", [OF])
    assert row.outcome == outcome
    assert summary in row.summary


def test_the_last_decision_is_the_newest_of_any_model() -> None:
    states = [
        ModelState("nilm", run_id="older", time=datetime(2026, 11, 1, tzinfo=UTC)),
        ModelState("anomaly", run_id="newer", time=datetime(2026, 11, 8, tzinfo=UTC)),
        ModelState("forecasting_24h"),
        None,
    ]
    last = last_decision(ModelRow("m", "k", last=state) for state in states)
    assert last and last.run_id == "newer"
    assert last_decision([ModelRow("nilm", "NILM")]) is None


def test_one_goes_back_to_what_was_in_force_before_never_to_what_was_rolled_back_from(
    tmp_path: Path,
) -> None:
    store = new_store(str(tmp_path / "root"), tmp_path)
    for run in ("one", "two", "three"):
        publish(store, "nilm", run)
    assert version_before(store.history("nilm")) == 2
    store.rollback("nilm", 2, "ann", "v3 misses kettles")
    assert version_before(store.history("nilm")) == 1
    publish(store, "nilm", "four")
    assert version_before(store.history("nilm")) == 2
    store.rollback("nilm", 1, "ann", "both miss kettles")
    assert version_before(store.history("nilm")) is None


def test_a_failed_and_a_dry_run_are_told_apart_from_what_was_decided(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path))
    keep_failure(objects, RUN.key, "nilm", "train failed: its process died")
    (row,) = judged(objects, "nilm", [OF])
    assert (row.outcome, row.summary) == ("failed", "nilm failed: train failed: its process died")
    dry = replace(RUN, run_id="dry", dry_run=True)
    objects.write(f"runs/{dry.key}/nilm/decision.json", json.dumps(DECISION).encode())
    (row,) = judged(objects, "nilm", [RunOf(dry.key, dry.when, dry)])
    assert row.dry_run and row.outcome == "accepted"


def test_a_failure_that_went_through_later_is_none(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path))
    keep_failure(objects, RUN.key, "nilm", "the store was gone")
    objects.write(f"runs/{RUN.key}/nilm/decision.json", json.dumps(DECISION).encode())
    objects.write(f"runs/{RUN.key}/nilm/published.json", json.dumps(PUBLISHED).encode())
    (row,) = judged(objects, "nilm", [OF])
    assert row.outcome == "published"


def test_a_forced_version_is_not_listed_as_any_other(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path))
    objects.write(f"runs/{RUN.key}/nilm/decision.json", json.dumps(DECISION).encode())
    forced = PUBLISHED | {"summary": "nilm forced by ann: no meter yet"}
    objects.write(f"runs/{RUN.key}/nilm/published.json", json.dumps(forced).encode())
    (row,) = judged(objects, "nilm", [OF])
    assert row.outcome == "forced"


def test_what_is_told_over_time_is_read_beside_the_decision(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path))
    drift = {"record": {"facts": {"drift": [{"feature": "energy", "psi": 0.3}, {"odd": 1}]}}}
    cost = {"epochs": 3, "seconds": 60.0, "cpu_seconds": 90.0, "peak_mib": 800.0, "log": []}
    objects.write(f"runs/{RUN.key}/nilm/decision.json", json.dumps(DECISION | drift).encode())
    objects.write(f"runs/{RUN.key}/nilm/training.json", json.dumps(cost).encode())
    (row,) = judged(objects, "nilm", [OF])
    assert row.drift == {"energy": 0.3}
    assert row.cost is not None and row.cost.cpu_seconds == 90


def verdict(rows: list[ModelRow], **more: Any) -> str:
    seen, found = SEEN | more.pop("seen", {}), more.pop("found", None)
    about: dict[str, Any] = {"doubtful": 0, "paused": ()} | more
    line = health(rows, [], seen, found, **about)
    return f"{line.verdict}: {', '.join(sign.text for sign in line.signs)}"


def test_the_line_of_health_says_the_worst_first() -> None:
    assert verdict([WELL]).startswith("All is well: 1 healthy, nothing is being retrained")
    forced = replace(WELL, forced=Forced("nilm", 3, "ann", "no meter", "2026-11-01", True))
    assert verdict([forced]).startswith("Needs a look: 1 forced (nilm)")
    failed = replace(WELL, last=ModelState("nilm", outcome="failed"))
    assert verdict([failed]).startswith("Needs a look: 1 failed (nilm)")
    gone = replace(WELL, problem="gateways cannot pull it")
    assert verdict([gone, forced]).startswith("Something is broken: 1 broken (nilm)")
    assert verdict([WELL], paused=["renew_timestamp"]).startswith("Something is broken")
    critical = TroubleReport(NOW, [Trouble("timestamp", "critical", "nobody signed it", "sign it")])
    assert "nobody signed it" in verdict([WELL], found=critical)
    two = replace(critical, troubles=critical.troubles * 2)
    assert "2 critical troubles" in verdict([WELL], found=two)
    assert verdict([WELL], doubtful=2).startswith("Needs a look")
    assert verdict([WELL], seen={"refused": 1}).startswith("Needs a look")


def test_the_line_of_health_says_why_readings_wait() -> None:
    few = {"rows": 120, "why_not": {"nilm": "120 new readings, 672 needed"}}
    assert "120 readings wait because a retraining needs 672" in verdict([WELL], seen=few)
    many = {"rows": 318_549, "models": ["nilm"]}
    asked = verdict([WELL], seen=many, paused=["retrain_on_new_readings"])
    assert "318,549 readings wait because retrain_on_new_readings is paused" in asked
    assert "nilm will be retrained within minutes" in verdict([WELL], seen=many)
    alone = verdict([WELL], seen=many, watched=False)
    assert alone.startswith("Needs a look: no triggerer looks for new readings")
    assert "nilm will be retrained once a triggerer looks" in alone
    later = {"rows": 900, "why_not": {"nilm": "failed 2 times, next attempt 2026-11-22 15:00 UTC"}}
    assert "because failed 2 times, next attempt" in verdict([WELL], seen=later)


def test_what_runs_now_is_shown_with_how_far_it_is() -> None:
    claim = Claim(RUN.key, NOW - timedelta(minutes=9))
    note = AtWork("nilm", RUN.key, "train", 18, "epoch 12/30", NOW)
    runs = {RUN.key: replace(RUN, state="running")}
    (work,) = models_at_work([replace(WELL, claim=claim, at_work=note)], runs, {}, NOW)
    assert (work.percent, work.text, work.gone) == (18, "train: epoch 12/30", False)
    before = replace(note, run_id="another")
    (work,) = models_at_work([replace(WELL, claim=claim, at_work=before)], {RUN.key: RUN}, {}, NOW)
    assert work.percent is None and work.gone


@pytest.mark.parametrize(
    "note, state, shown",
    [
        (AtWork("nilm", RUN.key, "train", 18, "", NOW), "running", True),
        (AtWork("nilm", RUN.key, "train", 18, "", NOW), "success", False),
        (AtWork("nilm", "cli-1", "train", 18, "", NOW), "running", True),
        (AtWork("nilm", "cli-1", "train", 18, "", NOW - timedelta(hours=1)), "running", False),
        (AtWork("nilm", "cli-1", "publish", 100, "", NOW), "running", False),
    ],
)
def test_a_run_without_a_claim_is_shown_while_it_is_heard_of(
    note: AtWork, state: str, shown: bool
) -> None:
    runs = {RUN.key: replace(RUN, state=state)}
    assert bool(models_at_work([replace(WELL, at_work=note)], runs, {}, NOW)) is shown
