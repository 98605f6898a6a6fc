"""What the Models page shows, without Airflow around it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from smartwatts_airflow.page.airflow import DagRunFacts
from smartwatts_airflow.page.chart import Point, draw
from smartwatts_airflow.page.detail import judged
from smartwatts_airflow.page.overview import ModelRow, last_decision

from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.state import ModelState

RUN = DagRunFacts("retrain_weekly", "manual", "success", datetime(2026, 11, 22, tzinfo=UTC))
DECISION = {"accepted": True, "summary": "nilm accepted", "reasons": ["better"], "metrics": {}}
PUBLISHED = {"outcome": "published", "summary": "forced", "version": 1, "serial": 1, "file": "f"}


@pytest.mark.parametrize("baseline", [40.0, 20.0])
def test_one_version_and_its_baseline_can_be_seen(baseline: float) -> None:
    chart = draw([Point(1, 20.0, baseline, "v1", "champion")], "MAE")
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
    (row,) = judged(objects, "nilm", [RUN])
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
