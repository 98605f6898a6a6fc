"""Shrinkage: what a forecast is drawn to, and how much."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.kinds.forecasting.predictors import SameHourMean
from smartwatts_ml.kinds.forecasting.series import to_series
from smartwatts_ml.kinds.forecasting.shrinkage import Shrinkage, columns, fit_shrinkage
from tests.kinds.forecasting.helpers import habit, site_of

HORIZON = 200
BY_NETWORK, BY_WEEK, BY_DAY = np.eye(3)


def contexts(*weeks_differ_by: float) -> np.ndarray:
    """Days of one shape, weekends of another; each value moved by as much, (n, 28, 24), W."""
    rng = np.random.default_rng(0)
    hour = np.arange(672)
    power = 500 + 200 * np.sin(2 * np.pi * hour / 24) + 300.0 * (hour // 24 % 7 >= 5)
    noise = np.array(weeks_differ_by)[:, None] * rng.laplace(size=(len(weeks_differ_by), 672))
    return (power + noise).reshape(-1, 28, 24).astype(np.float32)


def mixed(regular: np.ndarray, irregular: np.ndarray, context: np.ndarray) -> np.ndarray:
    network = np.tile(np.float32([-1.0, 0.0, 2.0]), (len(context), HORIZON, 1))
    return np.asarray(Shrinkage(np.stack([regular, irregular])).mix(columns(network, context)))


def test_the_hour_of_the_week_is_the_four_week_mean_with_its_interval() -> None:
    site = to_series(site_of(habit(35, 3)))
    origins = np.array([672, 700])
    context = site.contexts(origins)["history_w"].reshape(-1, 28, 24)
    said = SameHourMean(HORIZON, 4).forecast(site, origins)
    np.testing.assert_allclose(mixed(BY_WEEK, BY_WEEK, context), said, rtol=1e-4, atol=0.05)


def test_the_hour_of_the_day_is_told_by_its_quantiles_over_four_weeks() -> None:
    context = contexts(50.0)
    said = np.quantile(context, (0.1, 0.5, 0.9), axis=1).transpose(1, 2, 0)
    found = mixed(BY_DAY, BY_DAY, context)
    np.testing.assert_allclose(found, np.tile(said, (1, 9, 1))[:, :HORIZON], rtol=1e-4)


def test_where_weeks_repeat_other_weights_hold_than_where_they_do_not() -> None:
    context = contexts(1.0, 2000.0)
    found = mixed(BY_WEEK, BY_NETWORK, context)
    alone = mixed(BY_WEEK, BY_WEEK, context)
    np.testing.assert_allclose(found[0], alone[0], rtol=1e-4)
    np.testing.assert_allclose(found[1], np.tile([-1.0, 0.0, 2.0], (HORIZON, 1)), atol=1e-3)


def test_a_mix_never_crosses_whatever_its_weights() -> None:
    rng = np.random.default_rng(1)
    for weights in rng.dirichlet([1, 1, 1], (20, 2)):
        assert (np.diff(mixed(*weights, contexts(0.0, 30.0, 300.0)), axis=2) >= 0).all()


@pytest.mark.parametrize("truth", ["network", "week", "day"])
def test_the_mix_is_the_one_that_is_right(truth: str) -> None:
    context = contexts(*np.linspace(1.0, 400.0, 64))
    rng = np.random.default_rng(2)
    network = np.sort(rng.normal(400, 200, (64, 48, 3)), 2).astype(np.float32)
    parts = np.asarray(columns(network, context))[:, :, :, [1, 1, 1]]  # sure of themselves
    own = {"network": BY_NETWORK, "week": BY_WEEK, "day": BY_DAY}[truth]
    goal = np.array(Shrinkage(np.stack([own, own])).mix(parts))[:, :, 1]
    goal[:5, :7] = np.nan
    found = fit_shrinkage(parts, goal, np.ones(64)).weights
    np.testing.assert_allclose(found, np.stack([own, own]), atol=0.05)
    np.testing.assert_allclose(found.sum(1), 1.0)
