"""Base load: what a home draws at all hours of a day, beside the appliances that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["base_loads"]

_STEP = np.timedelta64(1800, "s")
"""Means over half hours: meters of seconds and of half hours then say the same, and a fridge's
cycles are a small part of what is looked at."""
_LOWEST = 0.05
"""Quantile of a day's half hours, about the third lowest: one in which an appliance was taken for
more than it drew is not the base load."""
_FEEDS_IN_W = -20.0


def base_loads(
    rest: np.ndarray, mains: np.ndarray, times: np.ndarray, day: np.ndarray
) -> np.ndarray:
    """W that ``rest`` hardly ever goes below on each day, shape (n_days,).

    ``rest``: mains less appliances, W; ``mains``: W, all known; ``times``: UTC starts of their
    samples; ``day``: 0 to n_days - 1, each of them there. All of shape (n,). NaN on a day on
    which the home feeds in: what it draws beside that mains does not tell. Never above the mean
    of the day's rest, nor below 0.
    """
    step = (times - np.datetime64(0, "s")) // _STEP
    halves = pd.Series(rest).groupby([day, step]).mean()
    by_day = halves.groupby(level=0)
    lowest = by_day.quantile(_LOWEST).to_numpy()
    mean = pd.Series(rest).groupby(day).mean().to_numpy()
    fed_in = pd.Series(mains).groupby(day).min().to_numpy() < _FEEDS_IN_W
    return np.where(fed_in, np.nan, np.clip(lowest, 0.0, np.maximum(mean, 0.0)))
