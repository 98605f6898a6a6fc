"""Which forecasts are judged, and what the numbers mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.forecasting_peers import LastDay, Statistical, Trees
from benchmarks.gate_real import Forecast, Noted
from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.forecasting import KIND
from smartwatts_ml.kinds.forecasting.details import EnergyFactors
from smartwatts_ml.kinds.forecasting.evaluation import backtest_origins
from smartwatts_ml.kinds.forecasting.metrics import STATS, headline, measure
from smartwatts_ml.kinds.forecasting.predictors import Forecaster, SameHourMean, forecast_hours
from smartwatts_ml.kinds.forecasting.series import Series, to_series
from smartwatts_ml.localtime import mondays
from smartwatts_ml.readings.base import MAINS, SiteSpan
from smartwatts_ml.readings.holdout import make_split
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.settings import HoldoutSettings
from tests.kinds.forecasting.helpers import MONDAY, Made, details_of, habit, hours_after, site_of


class Fixed:
    """Forecasts the same three numbers for every hour."""

    def __init__(self, horizon: int, low: float, middle: float, high: float) -> None:
        self.horizon = horizon
        self._values = np.array([low, middle, high], np.float32)
        self.energy: dict[str, EnergyFactors] = {}
        self.left_out: tuple[tuple[int, int], ...] = ()

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        return np.tile(self._values, (len(origins), self.horizon, 1))


@pytest.mark.parametrize(
    ("horizon", "days", "expected"), [(24, 10, 10), (168, 10, 1), (168, 21, 3), (720, 45, 2)]
)
def test_origins_are_local_midnights_with_the_whole_horizon_inside(
    horizon: int, days: int, expected: int
) -> None:
    score_index = 28 * 24
    series = to_series(site_of(habit(28 + days, 1)))
    origins = backtest_origins(series, score_index, horizon)
    assert len(origins) == expected
    assert (origins >= score_index).all() and (origins + horizon <= len(series)).all()
    assert (series.hours[origins] % 24 == 0).all()


@pytest.mark.parametrize(("horizon", "weeks"), [(24, 4), (168, 3), (720, 3)])
def test_the_holdout_of_a_long_known_home_has_calendar_weeks_to_tell_chance_by(
    horizon: int, weeks: int
) -> None:
    site = site_of(habit(400, 1))
    spec = KIND.spec(forecast_horizon=horizon)
    span = SiteSpan(site.site, (MAINS,), site.start, site.end, len(site), 3600)
    split = make_split([span], HoldoutSettings(), embargo_s=0, least_s=spec.holdout_s)
    first = int((split.holdout_start[site.site] - site.start) / np.timedelta64(1, "h"))
    origins = backtest_origins(to_series(site), first, horizon)
    assert len(np.unique(mondays(to_series(site).days[origins]))) >= weeks


def test_forecasters_of_benchmarks_are_what_is_evaluated() -> None:
    trees = Forecast([], {}, MONDAY)
    own: list[Forecaster] = [LastDay(24), Trees(24, []), Statistical(24), trees, Noted(trees)]
    for forecaster in own:
        assert forecast_hours(forecaster).all() and not forecaster.energy


def test_origins_follow_the_wall_clock_through_daylight_saving_time() -> None:
    start = np.datetime64("2026-03-01T00:00:00")
    site = site_of(habit(60, 1), start=start, timezone="Europe/Paris")
    series = to_series(site)
    origins = backtest_origins(series, 7 * 24, 24)
    times = site.times[origins]
    utc_hours = (times.astype("datetime64[h]").astype(int) % 24).tolist()
    assert set(utc_hours) == {22, 23}
    change = times >= np.datetime64("2026-03-29T01:00:00")
    assert {h for h, after in zip(utc_hours, change, strict=True) if after} == {22}
    assert len(np.unique(series.days[origins])) == len(origins)


def test_an_origin_needs_three_days_of_readings_before_it() -> None:
    power = habit(40, 1)
    power[: 27 * 24] = np.nan
    origins = backtest_origins(to_series(site_of(power)), None, 24)
    assert origins[0] == 30 * 24


def test_a_file_without_a_holdout_is_judged_after_a_full_context_or_half_of_it() -> None:
    assert backtest_origins(to_series(site_of(habit(60, 1))), None, 24)[0] == 28 * 24
    assert backtest_origins(to_series(site_of(habit(20, 1))), None, 24)[0] == 10 * 24


def test_metrics_are_means_over_sites_of_what_the_definitions_say() -> None:
    rng = np.random.default_rng(0)
    power = {name: rng.gamma(1.0, size, 56 * 24) for name, size in (("a", 100), ("b", 3000))}
    score_from = hours_after(MONDAY, 42 * 24)
    readings = Made(*(site_of(p, n, score_from=score_from) for n, p in power.items()))
    systems = {"fixed": Fixed(24, 20.0, 150.0, 900.0)}
    scores = KIND.work.evaluate(details_of(24), systems, readings, 0)["fixed"]
    found = KIND.work.headline(site_sums(scores))
    expected: dict[str, list[float]] = {}
    for values in power.values():
        values = values.astype(np.float32).astype(float)
        y, past = values[42 * 24 :], values[: 42 * 24]
        error = np.abs(y - 150.0)
        losses = [
            np.maximum(q * (y - f), (q - 1) * (y - f))
            for q, f in ((0.1, 20.0), (0.5, 150.0), (0.9, 900.0))
        ]
        large = y >= 50
        for name, value in {
            "wape": error.sum() / y.sum(),
            "mape": (error[large] / y[large]).mean(),
            "rmse_w": math.sqrt((error**2).mean()),
            "nrmse": math.sqrt((error**2).mean()) / y.mean(),
            "mase_24h": error.mean() / np.abs(past[24:] - past[:-24]).mean(),
            "mase_168h": error.mean() / np.abs(past[168:] - past[:-168]).mean(),
            "wql": np.mean([2 * loss.sum() / y.sum() for loss in losses]),
            "pinball_w": np.mean(losses),
            "coverage_80": ((y >= 20) & (y <= 900)).mean(),
            "width_80": 880 / y.mean(),
        }.items():
            expected.setdefault(name, []).append(float(value))
    assert found == pytest.approx({name: np.mean(v) for name, v in expected.items()}, rel=1e-5)
    assert "hours with less than 50 W" in scores.notes[0]


def test_sums_of_blocks_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(300, 200, 48)
    truth[::7] = np.nan
    quantiles = np.sort(rng.normal(300, 200, (48, 3)), axis=1)
    whole = measure(truth, quantiles, 90.0)
    parts = measure(truth[:20], quantiles[:20], 90.0) + measure(truth[20:], quantiles[20:], 90.0)
    np.testing.assert_allclose(parts, whole)
    assert whole[STATS.index("n")] == np.isfinite(truth).sum()


def test_a_site_under_the_floor_has_no_mape_and_is_left_out_of_its_mean() -> None:
    quiet = measure(np.full(24, 5.0), np.full((24, 3), 6.0), 1.0)
    home = measure(np.full(24, 100.0), np.full((24, 3), 110.0), 1.0)
    assert math.isnan(headline(quiet[None, None])["mape"])
    assert headline(np.stack([quiet, home])[:, None])["mape"] == pytest.approx(0.1)


def test_a_home_that_produces_is_scored() -> None:
    solar = measure(np.full(24, -500.0), np.tile([-700.0, -450.0, -300.0], (24, 1)), 100.0)
    found = headline(solar[None, None])
    assert found["wape"] == pytest.approx(0.1) and found["coverage_80"] == 1.0
    assert found["mape"] == pytest.approx(0.1)


def test_all_systems_are_scored_on_the_same_blocks_by_the_week_of_the_origin() -> None:
    power = habit(56, 2)
    power[50 * 24 : 51 * 24] = np.nan
    readings = Made(site_of(power, score_from=hours_after(MONDAY, 42 * 24)))
    systems = KIND.work.baselines(details_of(24), readings)
    scores = KIND.work.evaluate(details_of(24), systems, readings, 0)
    assert set(scores) == {"four_week_mean", "last_week"}
    for one in scores.values():
        assert one.weeks.tolist() == [
            (MONDAY + np.timedelta64(42 + 7 * week, "D")).astype("datetime64[D]").item()
            for week in (0, 1)
        ]
        assert one.sums[:, 0, STATS.index("n")].tolist() == [168, 144]


def test_readings_too_short_for_one_horizon_cannot_be_judged() -> None:
    readings = Made(site_of(habit(20, 1)))
    with pytest.raises(NotEnoughReadingsError, match="720"):
        KIND.work.evaluate(details_of(720), {"mean": SameHourMean(720, 4)}, readings, 0)
