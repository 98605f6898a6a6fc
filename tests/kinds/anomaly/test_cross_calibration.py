"""Anomalies that nobody marked do not move score and threshold of normal hours."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.calibration import MONTH_HOURS, NEVER
from smartwatts_ml.kinds.anomaly.cross_calibration import (
    NormalSeries,
    calibrate,
    normal_series,
)
from smartwatts_ml.kinds.anomaly.examples import Drawn, Examples
from smartwatts_ml.kinds.anomaly.policy import families, quiet_alerts
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.base import TrainOptions

HOURS = 6000


def series(seed: int, unmarked: float = 0.0) -> list[NormalSeries]:
    """Six sites of noise, and events of 6 to 48 hours in a share of the hours."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(6):
        slow = np.convolve(rng.normal(size=HOURS + 5), np.ones(6) / 2.4, "valid")
        logits = slow + rng.normal(size=HOURS) * 0.5 - 3.0
        covered = 0.0
        while covered < unmarked * HOURS:
            start, length = int(rng.integers(0, HOURS)), int(rng.integers(6, 49))
            logits[start : start + length] = rng.normal(5.0, 1.5)
            covered += length
        family = rng.integers(0, 4, HOURS)
        found.append(NormalSeries(logits.astype(np.float32), np.arange(HOURS), family, slow))
    return found


def rises_a_month(parts: list[NormalSeries], cut: float) -> float:
    """Alerts of slow rises alone."""
    quiet = np.zeros(HOURS)
    alerts = [
        quiet_alerts(p.hours, quiet > 0, quiet, p.family, np.inf, rise=p.slow - cut) for p in parts
    ]
    return sum(int(found.number.max()) for found in alerts) / (6 * HOURS) * MONTH_HOURS


def runs_a_month(parts: list[NormalSeries], threshold: float) -> float:
    starts = sum(int((np.diff((p.logits >= threshold).astype(int)) == 1).sum()) for p in parts)
    return starts / (len(parts) * HOURS) * MONTH_HOURS


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_unmarked_anomalies_in_five_percent_of_hours_cost_little(seed: int) -> None:
    settings, options = AnomalySettings(), TrainOptions()
    clean = calibrate(series(seed), settings, options)
    dirty = calibrate(series(seed, unmarked=0.05), settings, options)
    fresh = series(seed + 100)
    on_clean, on_dirty = (runs_a_month(fresh, found.threshold) for found in (clean, dirty))
    assert on_clean <= 6.0  # runs before the rule that joins and silences
    assert 0.6 * on_clean <= on_dirty <= 1.4 * on_clean
    normal = np.concatenate([part.logits for part in fresh])
    for found in (clean, dirty):
        for level in (0.9, 0.99):
            assert np.mean(found.score(normal) >= level) == pytest.approx(1 - level, rel=0.5)


def test_sites_of_any_length_are_seen_without_a_graph_for_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import keras

    networks, weights = [], []
    for _ in range(8):
        features = keras.Input((4,))
        types, odds = keras.layers.Dense(8), keras.layers.Dense(1)
        outputs = {"odds": odds(features), "types": types(features)}
        networks.append(keras.Model(features, outputs))
        weights.append(types.get_weights()[0])
    rows = np.random.default_rng(0).normal(size=(5000, 4)).astype(np.float32)
    nobody = Examples(rows[:0], np.zeros(0), np.zeros(0))
    with caplog.at_level(logging.WARNING, "tensorflow"):
        for length in (3, 50, 700, 4096, 5000):
            seen = normal_series(networks, Drawn(nobody, rows[:length], np.arange(length)))
            assert np.array_equal(
                seen.family, families(rows[:length] @ np.mean(weights, axis=0)[:, 1:])
            )
    assert caplog.text == ""


def test_networks_that_hold_most_hours_for_anomalies_forgive_nothing() -> None:
    odd = [replace(part, logits=part.logits + 8.0) for part in series(0)]
    usual = calibrate(series(0), AnomalySettings(), TrainOptions())
    found = calibrate(odd, AnomalySettings(), TrainOptions())
    assert found.threshold == pytest.approx(usual.threshold + 8.0, abs=0.2)


def test_slow_rises_have_a_budget_of_their_own_and_none_by_a_quantile_alone() -> None:
    calibration = calibrate(series(0), AnomalySettings(), TrainOptions())
    fresh = rises_a_month(series(1), calibration.slow)
    assert 0.1 <= fresh <= 0.5  # 15 % of 2 alerts a device-month
    loud = TrainOptions(extra={"threshold": 0.9, "max_alerts_per_month": None})
    assert calibrate(series(0), AnomalySettings(), loud).slow == NEVER
