"""Rolling-origin evaluation: forecasts from local midnights, scored hour by hour.

Tashman 2000. Every origin uses readings before it only; its whole horizon lies within
the readings, so that all lead times weigh alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.forecasting.breakdown import Breakdown
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS, day_names
from smartwatts_ml.kinds.forecasting.metrics import (
    FLOOR_W,
    STATS,
    WEEK_HOURS,
    measure_hours,
    naive_errors,
)
from smartwatts_ml.kinds.forecasting.predictors import Forecaster, forecast_hours
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S, Series, to_series
from smartwatts_ml.kinds.forecasting.windows import MIN_CONTEXT_HOURS
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.sheet import Blocks, Sheet

__all__ = ["Backtest", "backtest_origins", "evaluate", "make_backtest"]

_LONG_STRIDE_DAYS = 14


@dataclass(frozen=True)
class Backtest:
    """One site: where forecasts of it are judged from (``origins``, shape (n_origins,)),
    and against what (``truth``, shape (n_origins, horizon), W, NaN where missing)."""

    series: Series
    origins: np.ndarray
    truth: np.ndarray
    naive_w: tuple[float, ...]


def _stride_days(horizon: int) -> int:
    """Days between two origins: the days of a horizon, or a fortnight beyond a week.

    >>> [_stride_days(hours) for hours in (1, 24, 48, 168, 720)]
    [1, 1, 2, 7, 14]
    """
    return -(-horizon // 24) if horizon <= WEEK_HOURS else _LONG_STRIDE_DAYS


def backtest_origins(series: Series, score_index: int | None, horizon: int) -> np.ndarray:
    """Indices of the origins to judge from, shape (n_origins,).

    Local midnights from ``score_index`` on, every few days, with the whole horizon
    inside the readings and at least three days of readings in the context. Without a
    ``score_index`` a full context comes first, or half of the readings if they are few.
    """
    if score_index is None:
        score_index = min(CONTEXT_HOURS, max(len(series) - horizon, 0) // 2)
    midnights = np.flatnonzero(series.midnight)
    midnights = midnights[(midnights >= score_index) & (midnights + horizon <= len(series))]
    origins = midnights[:: _stride_days(horizon)]
    return np.asarray(origins[series.known_before(origins) >= MIN_CONTEXT_HOURS])


def evaluate(
    horizon: int, predictors: Mapping[str, Forecaster], readings: Readings
) -> dict[str, Scores]:
    """Scores of every predictor on the same hours; a block is a site's origins of a week, a
    channel a day of the horizon. Of days that a predictor leaves out there are none."""
    sheet = Sheet(predictors, day_names(horizon) or (MAINS,), STATS)
    hours_of = {name: forecast_hours(p) for name, p in predictors.items()}
    breakdowns = {name: Breakdown(hours_of[name], p.energy) for name, p in predictors.items()}
    for loaded in readings.iterate(HOUR_S, CHANNELS, local=True):
        backtest = make_backtest(loaded, horizon)
        if backtest is None:
            continue
        series, origins, truth = backtest.series, backtest.origins, backtest.truth
        sheet.add_targets(series.site, loaded.start, origins, truth)
        hours = series.hours[origins[:, None] + np.arange(horizon)]
        blocks = sheet.add_site(series.site, series.days[origins][:, None], hours)
        for name, predictor in predictors.items():
            quantiles = predictor.forecast(series, origins)
            measured = measure_hours(truth, quantiles, backtest.naive_w)
            measured[:, ~hours_of[name]] = 0.0
            sheet.add(name, _by_day(blocks, measured))
            breakdowns[name].add(series.site, truth, quantiles, measured)
    if not sheet:
        raise NotEnoughReadingsError(
            f"no site has three days of readings and then {horizon} hours to judge a "
            f"{horizon} h forecast by"
        )
    return {
        name: _noted(
            sheet.scores(name, extra=detail.extra(), tables=detail.tables(), record=detail.record())
        )
        for name, detail in breakdowns.items()
    }


def _by_day(blocks: Blocks, measured: np.ndarray) -> np.ndarray:
    """Sums by block and day of the horizon, shape (n_blocks, n_days, n_stats), of hours,
    shape (n_origins, horizon, n_stats)."""
    days = [slice(first, first + 24) for first in range(0, measured.shape[1], 24)]
    parts = [Blocks(blocks.index[:, day], blocks.count).sums(measured[:, day]) for day in days]
    return np.stack(parts, axis=1)


def make_backtest(loaded: SiteReadings, horizon: int) -> Backtest | None:
    """Origins and truth of a site; None where it has none."""
    if MAINS not in loaded.channels:
        return None
    series = to_series(loaded)
    score_index = None if loaded.score_from is None else loaded.score_index
    origins = backtest_origins(series, score_index, horizon)
    truth = series.power[origins[:, None] + np.arange(horizon)]
    judged = np.isfinite(truth).any(1)
    if not judged.any():
        return None
    origins, truth = origins[judged], truth[judged]
    return Backtest(series, origins, truth, naive_errors(series.power[: origins[0]]))


def _noted(scores: Scores) -> Scores:
    """With how many hours MAPE leaves out."""
    hours, excluded = (scores.sums[..., STATS.index(s)].sum() for s in ("n", "ape_excluded"))
    note = f"MAPE leaves out {excluded:,.0f} of {hours:,.0f} hours with less than {FLOOR_W:.0f} W"
    return replace(scores, notes=(note,))
