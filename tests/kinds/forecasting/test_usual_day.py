"""Beyond a week a forecast leans on the usual day, as far as weeks of a context do not repeat."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytestmark = pytest.mark.slow

WEEK, DAYS = 168, 28
ROUNDING = 1.02
"""Widths and means of compressed power are no exact means of watts."""


@cache
def said_by_untrained(horizon: int) -> object:
    import keras

    from smartwatts_ml.kinds.forecasting.network import Design, Trunk, build_network

    keras.utils.set_random_seed(0)
    return build_network(Trunk(Design(horizon, units=8, layers=2)))


def first_week(horizon: int, history: np.ndarray) -> np.ndarray:
    """Quantiles of an untrained network, which says a mean of like hours, W, (168, 3)."""
    inputs = {
        "history_w": history.reshape(1, -1, 1).astype(np.float32),
        "hour_of_week": np.zeros((1, 1), np.float32),
    }
    network = said_by_untrained(horizon)
    power: np.ndarray = network.predict_on_batch(inputs)["power_w"][0, :WEEK]  # type: ignore[attr-defined]
    return power


def test_where_weeks_repeat_the_network_alone_speaks() -> None:
    week = np.random.default_rng(0).uniform(200, 2000, WEEK)
    history = np.tile(week, DAYS // 7)
    assert first_week(720, history) == pytest.approx(first_week(WEEK, history), rel=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_where_they_do_not_forecasts_lie_nearer_to_the_usual_day(seed: int) -> None:
    history = np.random.default_rng(seed).lognormal(6, 1, (DAYS, 24))
    usual = np.tile(np.median(history, 0), 7)
    alone, drawn = (first_week(horizon, history)[:, 1] for horizon in (WEEK, 720))
    low, high = np.minimum(alone, usual) / ROUNDING, np.maximum(alone, usual) * ROUNDING
    assert ((low <= drawn) & (drawn <= high)).all()
    nearer = np.abs(drawn - usual).mean() / np.abs(alone - usual).mean()
    assert 0.6 < nearer < 0.9


@pytest.mark.parametrize("missing", [0, 300, 600, 672])
def test_quantiles_do_not_cross_whatever_is_missing(missing: int) -> None:
    rng = np.random.default_rng(missing)
    history = rng.normal(0, 800, DAYS * 24)
    history[rng.permutation(len(history))[:missing]] = np.nan
    said = first_week(720, history)
    assert np.isfinite(said).all() and (np.diff(said, axis=1) >= 0).all()
