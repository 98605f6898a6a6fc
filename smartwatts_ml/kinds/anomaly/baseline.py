"""The simple method to beat: how far a reading is from the median of its hour of the week.

Distance in median absolute deviations (Iglewicz, Hoaglin 1993), per site, fitted on
training readings; score and threshold are calibrated like the network's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.anomaly.calibration import ScoreCalibration, budget_threshold, fit_ranks
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, mains_of, marked
from smartwatts_ml.readings.base import Readings, SiteReadings

__all__ = ["HourOfWeekMad", "fit_hour_of_week_mad"]

_LEAST_HOURS = 168
_WEEK = 168


@dataclass(frozen=True)
class _Habit:
    """Median and spread of each hour of the week, W, shape (168,) each."""

    median: np.ndarray
    spread: np.ndarray

    def distance(self, values: np.ndarray, hours: np.ndarray) -> np.ndarray:
        """Deviations from the usual, shape (n,); NaN where the reading is missing."""
        of_week = hours.astype(np.int64)
        return np.abs(values - self.median[of_week]) / self.spread[of_week]


@dataclass(frozen=True)
class HourOfWeekMad:
    """Habits by site. A site that was not trained on brings its own earlier readings."""

    habits: Mapping[str, _Habit]
    calibration: ScoreCalibration

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores in 0..1 and alerts of the hours ``at``, shape (len(at),) each."""
        values, hours = mains_of(site), hours_of_week(site)
        habit = self.habits.get(site.site)
        if habit is None and at.size:
            earlier = slice(0, int(at[0]))
            habit = _habit(values[earlier], hours[earlier])
        if habit is None:
            return np.zeros(len(at)), np.zeros(len(at), bool)
        distance = habit.distance(values[at], hours[at])
        return self.calibration.score(distance), distance >= self.calibration.threshold


def fit_hour_of_week_mad(readings: Readings, alerts_per_month: float) -> HourOfWeekMad:
    """Fit habits on every site; hours that the source marks as anomalous are left out."""
    habits: dict[str, _Habit] = {}
    series = []
    for site in readings.iterate(3600, ("mains",), local=True):
        values = np.where(marked(site), np.nan, mains_of(site))
        hours = hours_of_week(site)
        habit = _habit(values, hours)
        if habit is not None:
            habits[site.site] = habit
            known = np.flatnonzero(~np.isnan(values))
            distance = habit.distance(values[known], hours[known])
            series.append((distance, np.r_[False, np.diff(known) == 1]))
    if not series:
        raise NotEnoughReadingsError("no site has a week of hourly mains to learn habits from")
    knots, tails = fit_ranks(np.concatenate([distance for distance, _ in series]))
    return HourOfWeekMad(
        habits, ScoreCalibration(knots, tails, budget_threshold(series, alerts_per_month))
    )


def _habit(values: np.ndarray, hours: np.ndarray) -> _Habit | None:
    known = ~np.isnan(values)
    if known.sum() < _LEAST_HOURS:
        return None
    overall = float(np.median(values[known]))
    median = np.full(_WEEK, overall)
    spread = np.full(_WEEK, np.nan)
    for hour in range(_WEEK):
        here = values[known & (hours == hour)]
        if here.size >= 2:
            median[hour] = np.median(here)
            spread[hour] = 1.4826 * np.median(np.abs(here - median[hour]))
    usual = float(np.nanmedian(spread)) if np.isfinite(spread).any() else abs(overall)
    # A spread of nearly nothing would make every reading an outlier.
    floor = max(0.25 * usual, 0.01 * abs(overall), 1.0)
    return _Habit(median, np.maximum(np.nan_to_num(spread, nan=usual), floor))
