"""What is measured of a root for whoever watches it from outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.state import record_decision, record_failure
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.gauges import MODEL_GAUGES, ROOT_GAUGES, measure
from smartwatts_ml.stages.ingest import ingest
from smartwatts_ml.store import open_store
from tests.airflow.versions import fields
from tests.store.helpers import content

LANDED = b"timestamp,consumption,device_id\n2026-05-01T00:00:00,412.5,home7/mains\nnonsense,1,a/b\n"


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def measured(objects: Objects, current: Settings, model: str = "nilm") -> dict[str, float]:
    """What is measured of a model and of the root, by name."""
    later = now() + timedelta(hours=1)
    return {g.name: g.value for g in measure(objects, current, later) if g.model in (model, "")}


def test_an_empty_root_has_only_readings_to_wait_for(objects: Objects, current: Settings) -> None:
    found = measured(objects, current)
    assert found.pop("readings_wanted") > 0
    assert found == {"readings_waiting": 0.0, "quarantined_files": 0.0}


def test_a_champion_is_measured_beside_its_baseline(objects: Objects, current: Settings) -> None:
    store = open_store(objects, current)
    store.publish("nilm", content("run1"), fields(30.0), run_id="run1", actor="a", reason="better")
    objects.write("landing/a.csv", LANDED)
    snapshot = ingest(objects, current).snapshot
    record_decision(objects, "nilm", snapshot, run_id="run2", outcome="kept", now=now())
    objects.write(
        "runs/run2/nilm/decision.json",
        b'{"accepted": false, "summary": "kept", "reasons": ["a", "b"], "metrics": {}}',
    )
    found = measured(objects, current)
    assert found["champion_version"] == 1
    assert found["champion_age_seconds"] == pytest.approx(3600, abs=300)
    assert (found["champion_score"], found["baseline_score"]) == (30.0, 40.0)
    assert found["gain_over_baseline"] == 0.25
    assert found["decision_age_seconds"] == pytest.approx(3600, abs=300)
    assert (found["last_decision"], found["refusal_reasons"], found["failures"]) == (0, 2, 0)
    assert found["readings_waiting"] == 0
    assert found["timestamp_seconds_left"] == pytest.approx(71 * 3600, abs=300)
    assert found["quarantined_files"] == 1
    assert found.keys() == MODEL_GAUGES.keys() | ROOT_GAUGES.keys()


def test_failures_are_counted_and_end_with_a_decision(objects: Objects, current: Settings) -> None:
    for run in ("run1", "run2"):
        record_failure(objects, "nilm", run_id=run, reason="boom", now=now())
    found = measured(objects, current)
    assert (found["last_decision"], found["failures"], found["refusal_reasons"]) == (-1, 2, 0)
    assert "failures" not in measured(objects, current, "anomaly")


def test_a_model_that_is_damaged_hides_nothing_of_the_others(
    objects: Objects, current: Settings
) -> None:
    objects.write("state/nilm.json", b"{")
    objects.write("landing/a.csv", LANDED)
    snapshot = ingest(objects, current).snapshot
    record_decision(objects, "anomaly", snapshot, run_id="run2", outcome="published", now=now())
    assert measured(objects, current, "anomaly")["last_decision"] == 1
    assert "last_decision" not in measured(objects, current)
