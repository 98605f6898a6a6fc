"""The very same value for hours, where the device normally varies."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.readings.resample import HOUR_US
from smartwatts_ml.readings.run_lengths import equal_runs

__all__ = ["stuck"]

_FEWEST = 18
"""Readings of a stuck run, however long they take: hourly means of a coarse meter repeat."""
_STEPS = 20
"""A value of fewer steps of the meter's resolution may well be constant in truth."""
_RETURNS = 3
_ZERO_HOURS = 24.0


def stuck(
    stamps: np.ndarray,
    ends: np.ndarray,
    values: np.ndarray,
    hours: float = 2.0,
    *,
    always_varies: bool = False,
) -> np.ndarray:
    """Bool, shape (n,): in a run of one value over at least ``hours`` and 18 readings.

    Not counted: a value below twenty steps of the device's resolution; an appliance's zero;
    and an appliance's resting value, such as standby: one that it came back to for that
    long three times or more, or that more than half of its readings have.
    ``always_varies`` (mains): no value is a resting one, and zero counts from 24 h on. A
    hole longer than ``hours`` ends a run.

    >>> minutes = np.arange(2001) * 60_000_000
    >>> values = 200.0 + np.arange(2000) % 7
    >>> values[500:800] = 231.5
    >>> int(stuck(minutes[:-1], minutes[1:], values).sum())
    300
    """
    first, end = equal_runs(values, stamps[1:] - ends[:-1] > hours * HOUR_US)
    level = values[first]
    lasts = (ends[end - 1] - stamps[first]) / HOUR_US
    held = (lasts >= hours) & (end - first >= _FEWEST)
    is_stuck = held & (np.abs(level) >= _STEPS * _resolution(values))
    if always_varies:
        is_stuck = np.where(level == 0, held & (lasts >= _ZERO_HOURS), is_stuck)
    else:
        is_stuck &= (level != 0) & ~_resting(level, end - first, held)
    return np.repeat(is_stuck, end - first)


def _resolution(values: np.ndarray) -> float:
    """The step in which a device's values move, W: the 1 % quantile of what neighbours
    differ by; 0 for a device that never moves.

    >>> _resolution(np.array([100.0, 300.0, 200.0, 200.0]))
    100.0
    """
    moved = np.abs(np.diff(values))
    moved = moved[moved > 0]
    return float(np.quantile(moved, 0.01, method="lower")) if len(moved) else 0.0


def _resting(level: np.ndarray, count: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Whether each run is at a resting value; all of shape (n_runs,)."""
    _, which = np.unique(level, return_inverse=True)
    returns = np.bincount(which, held)
    readings = np.bincount(which, count)
    return np.asarray(((returns >= _RETURNS) | (2 * readings > count.sum()))[which])
