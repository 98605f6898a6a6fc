"""Base load: what a home draws at all hours of a day, beside the appliances that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["base_loads"]

_STEP_S = 1800
"""Means over half hours: meters of seconds and of half hours then say the same."""
_LOWEST = 0.05
"""Quantile of a day's half hours, about the third lowest: one in which an appliance was taken for
more than it drew is not the base load."""
_FEEDS_IN_W = -20.0
_LEAST_HOURS = 12


def base_loads(
    rest: np.ndarray, mains: np.ndarray, times: np.ndarray, day: np.ndarray, period_s: int
) -> np.ndarray:
    """W that the mean of ``rest`` over hardly any half hour of a day is below, shape (n_days,).

    ``rest``: mains less appliances, W; ``mains``: W, all known; ``times``: UTC starts of their
    samples of ``period_s``; ``day``: 0 to n_days - 1, each of them there. All of shape (n,).
    Cycles of what is no appliance of the model, as a fridge's, are part of it. NaN on a day of
    which less than half is known, on one with an unknown ``rest``, and on one with a half hour in
    which the home feeds in: what it draws beside that mains does not tell. Never above the mean of
    the day's rest, nor below 0.
    """
    step = (times - np.datetime64(0, "s")) // np.timedelta64(_STEP_S, "s")
    samples = pd.DataFrame({"rest": rest, "mains": mains})
    halves = samples.groupby([day, step])
    known = halves.size() * period_s >= _STEP_S / 2
    means = halves.mean().where(known).groupby(level=0)
    sure = known.groupby(level=0).sum() * _STEP_S >= _LEAST_HOURS * 3600
    sure &= samples["rest"].notna().groupby(day).all()
    sure &= means["mains"].min() >= _FEEDS_IN_W
    most = samples["rest"].groupby(day).mean().clip(lower=0.0)
    lowest = means["rest"].quantile(_LOWEST).clip(lower=0.0, upper=most)
    return lowest.where(sure).to_numpy()
