"""Rolling-origin evaluation: forecasts from local midnights, scored hour by hour.

Tashman 2000. Every origin uses readings before it only; its whole horizon lies within
the readings, so that all lead times weigh alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.forecasting.breakdown import Breakdown
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS
from smartwatts_ml.kinds.forecasting.metrics import (
    FLOOR_W,
    STATS,
    WEEK_HOURS,
    measure_hours,
    naive_error,
)
from smartwatts_ml.kinds.forecasting.predictors import Forecaster
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S, Series, to_series
from smartwatts_ml.kinds.forecasting.windows import MIN_CONTEXT_HOURS
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.targets import HOUR_BANDS, TargetIndex

__all__ = ["Case", "backtest_origins", "evaluate", "make_case"]

LONG_STRIDE_DAYS = 14
MONDAY = np.datetime64("1969-12-29", "D")


@dataclass(frozen=True)
class Case:
    """One site: where it is judged from, and against what."""

    series: Series
    origins: np.ndarray
    truth: np.ndarray
    weeks: np.ndarray
    naive_error_w: float


def stride_days(horizon: int) -> int:
    """Days between two origins: the days of a horizon, or a fortnight beyond a week.

    >>> [stride_days(hours) for hours in (1, 24, 48, 168, 720)]
    [1, 1, 2, 7, 14]
    """
    return -(-horizon // 24) if horizon <= WEEK_HOURS else LONG_STRIDE_DAYS


def backtest_origins(series: Series, score_index: int | None, horizon: int) -> np.ndarray:
    """Indices of the origins to judge from, shape (n_origins,).

    Local midnights from ``score_index`` on, every ``stride_days``, with the whole horizon
    inside the readings and at least three days of readings in the context. Without a
    ``score_index`` a full context comes first, or half of the readings if they are few.
    """
    if score_index is None:
        score_index = min(CONTEXT_HOURS, max(len(series) - horizon, 0) // 2)
    midnights = np.flatnonzero(series.midnight)
    midnights = midnights[(midnights >= score_index) & (midnights + horizon <= len(series))]
    origins = midnights[:: stride_days(horizon)]
    return np.asarray(origins[series.known_before(origins) >= MIN_CONTEXT_HOURS])


def evaluate(
    horizon: int, predictors: Mapping[str, Forecaster], readings: Readings
) -> dict[str, Scores]:
    """Scores of every predictor on the same hours; a block is a site's origins of a week."""
    sites: list[str] = []
    weeks: list[np.ndarray] = []
    sums: dict[str, list[np.ndarray]] = {name: [] for name in predictors}
    looks = {name: Breakdown(horizon, predictor.energy) for name, predictor in predictors.items()}
    targets = TargetIndex()
    for loaded in readings.iterate(HOUR_S, CHANNELS):
        case = make_case(loaded, horizon)
        if case is None:
            continue
        found, block = np.unique(case.weeks, return_inverse=True)
        sites += [case.series.site] * len(found)
        targets.add(case.series.site, loaded.start, case.origins, case.truth)
        bands = case.series.hours[case.origins[:, None] + np.arange(horizon)] % 24 // 6
        weeks.append(found)
        for name, predictor in predictors.items():
            quantiles = predictor.forecast(case.series, case.origins)
            hours = measure_hours(case.truth, quantiles, case.naive_error_w)
            total = np.zeros((len(found), len(HOUR_BANDS), len(STATS)))
            np.add.at(total, (block[:, None], bands), hours)
            sums[name].append(total)
            looks[name].add(case.series.site, case.truth, quantiles, hours)
    if not sites:
        raise NotEnoughReadingsError(
            f"no site has three days of readings and then {horizon} hours to judge a "
            f"{horizon} h forecast by"
        )
    return {
        name: _scores(
            np.array(sites),
            np.concatenate(weeks),
            np.concatenate(parts),
            targets.hexdigest(),
            looks[name],
        )
        for name, parts in sums.items()
    }


def make_case(loaded: SiteReadings, horizon: int) -> Case | None:
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
    days = series.days[origins]
    return Case(
        series=series,
        origins=origins,
        truth=truth,
        weeks=days - (days - MONDAY) % np.timedelta64(7, "D"),
        naive_error_w=naive_error(series.power[: origins[0]]),
    )


def _scores(
    sites: np.ndarray, weeks: np.ndarray, by_band: np.ndarray, targets: str, look: Breakdown
) -> Scores:
    """``by_band``: shape (n_blocks, n_bands, n_stats)."""
    sums = by_band.sum(1)
    excluded = int(sums[:, STATS.index("ape_excluded")].sum())
    hours = int(sums[:, STATS.index("n")].sum())
    return Scores(
        channels=(MAINS,),
        stats=STATS,
        sites=sites,
        weeks=weeks,
        sums=sums[:, None, :],
        bands={name: by_band[:, None, band] for band, name in enumerate(HOUR_BANDS)},
        targets=targets,
        extra=look.extra(),
        tables=look.tables(),
        record=look.record(),
        notes=(f"MAPE leaves out {excluded:,} of {hours:,} hours with less than {FLOOR_W:.0f} W",),
    )
