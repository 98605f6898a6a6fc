"""Anomalies that nobody marked do not move score and threshold of normal hours."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.calibration import MONTH_HOURS
from smartwatts_ml.kinds.anomaly.cross_calibration import (
    NormalSeries,
    calibrate,
    normal_series,
)
from smartwatts_ml.kinds.anomaly.examples import Drawn, Examples
from smartwatts_ml.kinds.anomaly.policy import families
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
        found.append(
            NormalSeries(logits.astype(np.float32), np.arange(HOURS), family, np.zeros(HOURS))
        )
    return found


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

    rows_in = keras.Input((4,))
    heads = [[keras.layers.Dense(n, use_bias=False) for n in (1, 8)] for _ in range(8)]
    networks = [
        keras.Model(rows_in, {"odds": odds(rows_in), "types": types(rows_in)})
        for odds, types in heads
    ]
    weights = np.mean([types.get_weights()[0] for _, types in heads], axis=0)
    rows = np.random.default_rng(0).normal(size=(5000, 4)).astype(np.float32)
    nobody = Examples(rows[:0], np.zeros(0), np.zeros(0))
    with caplog.at_level(logging.WARNING, "tensorflow"):
        for length in (3, 50, 700, 4096, 5000):
            seen = normal_series(networks, Drawn(nobody, rows[:length], np.arange(length)))
            assert np.mean(seen.family == families(rows[:length] @ weights[:, 1:])) > 0.999
    assert caplog.text == ""


def test_networks_that_hold_most_hours_for_anomalies_forgive_nothing() -> None:
    odd = [
        NormalSeries(part.logits + 8.0, part.hours, part.family, part.slow) for part in series(0)
    ]
    usual = calibrate(series(0), AnomalySettings(), TrainOptions())
    found = calibrate(odd, AnomalySettings(), TrainOptions())
    assert found.threshold == pytest.approx(usual.threshold + 8.0, abs=0.2)
