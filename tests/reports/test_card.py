"""The model card: what somebody who is to use a version should know."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from smartwatts_ml.errors import TrustError, UsageError
from smartwatts_ml.reports.card import model_card
from smartwatts_ml.store import Manifest
from tests.store.helpers import FIELDS

METRICS: dict[str, Any] = {
    "challenger": {
        "mae_w": "27.27",
        "f1": "0.71",
        "accuracy": "0.98",
        "slices": {
            "channel kettle": {"f1": "0.9", "mae_w": "8"},
            "channel fridge": {"f1": "0", "mae_w": "44"},
            "hours 00–06 h": {"f1": "0.3", "mae_w": "5"},
        },
    },
    "champion": {"mae_w": "30", "slices": {"channel kettle": {"f1": "0.8", "mae_w": "9"}}},
    "baseline": {"mae_w": "34.1", "f1": None},
}


def manifest(**more: Any) -> Manifest:
    left_out = {"fridge": "F1 0 against 0.35 of mean_power"}
    fields = FIELDS | {
        "metrics": METRICS,
        "decision": {"reasons": ["passed: MAE"], "left_out": left_out},
    }
    of_file = {"file": "nilm_v3.tflite", "sha256": "ab", "size": 2048}
    return Manifest(
        **fields | {"model": "nilm", "version": 3, "created": "", "run_id": "r"} | of_file | more
    )


def test_a_card_has_the_metrics_beside_baseline_and_champion() -> None:
    by_name = {metric.name: metric for metric in model_card(manifest()).metrics}
    mae = by_name["mae_w"]
    assert (mae.value, mae.baseline, mae.champion, mae.better) == (27.27, 34.1, 30.0, "lower")
    assert (by_name["f1"].baseline, by_name["accuracy"].champion) == (None, None)


def test_a_card_has_what_people_said_of_alerts_where_they_did() -> None:
    said = {"pr_auc": "0.4", "answered_alerts": "12", "answered_precision": "0.75"}
    measured = {"challenger": said, "champion": {"pr_auc": "0.3", "answered_precision": "0.5"}}
    card = model_card(manifest(model="anomaly", metrics=measured))
    by_name = {metric.name: metric for metric in card.metrics}
    assert (by_name["answered_precision"].value, by_name["answered_precision"].champion) == (
        0.75,
        0.5,
    )
    assert by_name["answered_alerts"].label == "answered alerts"
    without = model_card(manifest(model="anomaly", metrics={"challenger": {"pr_auc": "0.4"}}))
    assert "answered_precision" not in {metric.name for metric in without.metrics}


def test_a_card_has_the_parts_that_ship_and_why_others_do_not() -> None:
    card = model_card(manifest())
    (kettle,) = card.parts
    values = {m.name: (m.value, m.champion) for m in kettle.metrics}
    assert (kettle.name, values) == ("kettle", {"f1": (0.9, 0.8), "mae_w": (8.0, 9.0)})
    assert list(card.left_out) == ["fridge"]


def test_a_card_says_where_the_readings_end() -> None:
    few = model_card(manifest())
    assert (few.since, few.until, few.sites) == ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 3)
    assert "3 homes" in few.limits[-2]
    assert "59 days" in few.limits[-1]
    many = FIELDS["snapshot"] | {"sites": 40, "to": "2027-03-01T00:00:00Z"}
    assert len(model_card(manifest(snapshot=many)).limits) == len(few.limits) - 2
    assert few.intended_use


def test_a_card_of_a_manifest_that_says_little_lacks_it() -> None:
    card = model_card(manifest(snapshot={}, metrics={"challenger": None}, decision={}))
    assert (card.sites, card.since, card.parts, dict(card.left_out)) == (None, "", (), {})
    assert {metric.value for metric in card.metrics} == {None}


def test_a_manifest_of_the_earlier_schema_is_read_and_needs_nothing_of_a_runtime() -> None:
    said = manifest(metrics={}).to_json() | {"schema": 2}
    assert said.pop("runtime") is None
    earlier = Manifest.read(json.dumps(said).encode(), "it")
    assert (earlier.schema, model_card(earlier).runtime) == (2, "")
    with pytest.raises(TrustError, match="of another schema"):
        Manifest.read(json.dumps(said | {"schema": 4}).encode(), "it")


def test_there_is_no_card_of_a_model_of_no_kind_here() -> None:
    with pytest.raises(UsageError, match="no model 'water'"):
        model_card(replace(manifest(), model="water"))
