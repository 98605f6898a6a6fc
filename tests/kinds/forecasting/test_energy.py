"""Energy of days and horizons: sums whose intervals hold whatever the errors' correlation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.forecasting import KIND
from smartwatts_ml.kinds.forecasting.details import EnergyFactors
from smartwatts_ml.kinds.forecasting.energy import energy_quantiles, fit_energy
from smartwatts_ml.kinds.forecasting.predictors import SameHourMean
from smartwatts_ml.kinds.forecasting.series import Series
from tests.kinds.forecasting.helpers import MONDAY, Made, habit, site_of


def errors(shared: float, seed: int, days: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (days, 24, 3) and truth of hours with standard normal errors, of which the
    day shares a part."""
    rng = np.random.default_rng(seed)
    own, common = rng.normal(size=(days, 24)), rng.normal(size=(days, 1))
    truth = 10.0 + np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    return np.tile(10.0 + 1.2816 * np.array([-1.0, 0.0, 1.0]), (days, 24, 1)), truth


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_the_interval_of_a_sum_holds_however_errors_are_correlated(shared: float) -> None:
    quantiles, truth = errors(shared, 1)
    factors = fit_energy(quantiles, truth, np.ones(len(truth)))
    quantiles, truth = errors(shared, 2)
    low, middle, high = energy_quantiles(factors, quantiles).T
    total = truth.sum(1)
    assert ((low <= total) & (total <= high)).mean() == pytest.approx(0.8, abs=0.03)
    assert np.mean(total - middle) == pytest.approx(0.0, abs=0.5)
    spread = np.sqrt(24 * (1 + 23 * shared))
    assert np.mean(high - low) == pytest.approx(2 * 1.2816 * spread, rel=0.06)


def test_the_middle_of_a_sum_of_skewed_hours_is_more_than_the_sum_of_their_middles() -> None:
    rng = np.random.default_rng(0)
    truth = rng.exponential(size=(4000, 24))
    quantiles = np.tile(-np.log(1 - np.array([0.1, 0.5, 0.9])), (4000, 24, 1))
    factors = fit_energy(quantiles, truth, np.ones(4000))
    assert energy_quantiles(factors, quantiles[0])[1] == pytest.approx(
        np.median(truth.sum(1)), rel=0.02
    )
    assert energy_quantiles(factors, quantiles[0])[1] > 1.3 * quantiles[0, :, 1].sum()


def test_without_evidence_hours_are_taken_to_err_together() -> None:
    quantiles, truth = errors(0.0, 1, days=5)
    found = energy_quantiles(fit_energy(quantiles, truth, np.ones(5)), quantiles)[0]
    np.testing.assert_allclose(found, quantiles[0].sum(0))


class Flat:
    """1 kW give or take 100 W, with factors as if errors were independent."""

    horizon = 48
    left_out: ClassVar = ()
    energy: ClassVar = {of: EnergyFactors(0.0, -0.1, 0.0, 0.1) for of in ("day", "horizon")}

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        return np.tile([900.0, 1000.0, 1100.0], (len(origins), self.horizon, 1))


def test_energy_is_given_for_each_local_day_and_for_the_whole_horizon() -> None:
    site = site_of(habit(30, 1), timezone="Europe/Berlin")
    found = pd.concat(KIND.work.predict(Flat(), Made(site), energy=True), ignore_index=True)
    assert tuple(found.columns) == KIND.columns(energy=True)
    first = str((MONDAY + np.timedelta64(30, "D")).astype("datetime64[D]"))
    assert found["period"].tolist()[0] == first and found["period"].tolist()[-1] == "horizon"
    assert found["hours"].tolist() == [24, 24, 48]
    np.testing.assert_allclose(found["energy_kwh"], found["hours"])
    width = found["p90_kwh"] - found["p10_kwh"]
    np.testing.assert_allclose(width, 0.2 * 0.2 * found["hours"])


@pytest.mark.parametrize(
    ("change", "timezone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", [23, 24, 47]),
        ("2026-10-25", "Europe/Berlin", [25, 24, 49]),
        ("2026-04-05", "Australia/Lord_Howe", [24.5, 24, 48.5]),
        ("2026-10-04", "Australia/Lord_Howe", [23.5, 24, 47.5]),
        ("2026-10-25", "Asia/Kolkata", [24, 24, 48]),
    ],
)
def test_energy_is_of_the_real_hours_of_a_day_and_of_its_rows(
    change: str, timezone: str, hours: list[float]
) -> None:
    start = np.datetime64(change, "s") - np.timedelta64(30, "D")
    readings = Made(site_of(habit(30, 1), start=start, timezone=timezone))
    energy = pd.concat(KIND.work.predict(Flat(), readings, energy=True))
    assert energy["hours"].tolist() == hours
    np.testing.assert_allclose(energy["energy_kwh"], hours)
    rows = pd.concat(KIND.work.predict(Flat(), readings))
    stamps = rows["timestamp"].to_numpy("datetime64[s]")
    end = stamps[0] + np.timedelta64(round(3600 * hours[-1]), "s")
    lasting = np.diff(np.append(stamps, end)) / np.timedelta64(1, "h")
    assert lasting.min() >= 0.5
    assert (rows["consumption"] * lasting).sum() / 1000 == pytest.approx(hours[-1])


def test_a_forecaster_without_factors_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="train the model again"):
        next(KIND.work.predict(SameHourMean(24, 4), Made(site_of(habit(30, 1))), energy=True))


def test_a_site_with_a_short_history_is_named() -> None:
    sites = site_of(habit(40, 1), "long"), site_of(habit(14, 1), "short")
    assert KIND.work.remarks(Made(*sites)) == [
        "short has 14 of 28 days of readings: its intervals are wider"
    ]
