"""Checks of a reading's size: fed in, beyond the fuse, zero, clipped.

All take ``values`` in W, shape (n,), and give bool of the same shape, True where flagged.
"""

from __future__ import annotations

import numpy as np

from smartwatts_ml.readings.resample import HOUR_US
from smartwatts_ml.readings.run_lengths import equal_runs

__all__ = ["bright", "clipped", "feeds_in", "fuse_limit", "low", "zeros"]

_DAYLIGHT = (3, 23)
"""Hours in which panels can feed in anywhere people live, on midsummer and on a clock that
is a few hours off (a site whose timezone nobody set)."""
_EXPORT_DAYS = 3
_EXPORT_SHARE = 0.1
_BY_DAY = 0.9
_HEADROOM = 3.0
_CEILING_READINGS = 20
_CEILING_BAND = 0.05


def bright(hour: np.ndarray) -> np.ndarray:
    """Whether panels can feed in at a local hour; bool, same shape."""
    return np.asarray((hour >= _DAYLIGHT[0]) & (hour < _DAYLIGHT[1]))


def feeds_in(below: np.ndarray, day: np.ndarray, hour: np.ndarray) -> bool:
    """Whether negative mains is what panels do: on at least 3 days and a tenth of those
    with readings, and 90 % of it between 3 and 23 o'clock.

    ``below`` bool, ``day`` and ``hour`` local, all of shape (n,).

    >>> hour = np.tile(np.arange(24), 5)
    >>> day = np.repeat(np.arange(5), 24)
    >>> feeds_in((hour > 10) & (hour < 15), day, hour), feeds_in(hour < 3, day, hour)
    (True, False)
    """
    if not below.any():
        return False
    days, with_it = len(np.unique(day)), len(np.unique(day[below]))
    regular = with_it >= max(_EXPORT_DAYS, _EXPORT_SHARE * days)
    return bool(regular and bright(hour[below]).mean() >= _BY_DAY)


def fuse_limit(mains: np.ndarray, fuse_w: float = 50_000.0) -> float:
    """W beyond which nothing at a site of unknown fuse can be: ``fuse_w`` (the largest usual
    home connection is 200 A at 240 V), or three times the 99 % quantile of what its mains
    draws, where that is more, since then it is no home.

    >>> fuse_limit(np.full(100, 300.0)), fuse_limit(np.full(100, 400_000.0))
    (50000.0, 1200000.0)
    """
    usual = float(np.quantile(np.abs(mains), 0.99)) if len(mains) else 0.0
    return max(fuse_w, _HEADROOM * usual)


def zeros(
    stamps: np.ndarray, ends: np.ndarray, values: np.ndarray, hours: float = 1.0, fewest: int = 1
) -> np.ndarray:
    """Mains at exactly 0 W for at least ``hours``, in ``fewest`` readings or more: a home with
    a fridge never is. Seen where missing readings were written as 0, where feed-in was cut
    off at 0, where the power was out, and where "mains" is really a panel's production.

    >>> hours = np.arange(4) * 3_600_000_000
    >>> zeros(hours[:3], hours[1:], np.array([0.0, 5.0, 5.0])).tolist()
    [True, False, False]
    """
    first, end = equal_runs(values)
    lasts = ends[end - 1] - stamps[first]
    long = (lasts >= hours * HOUR_US) & (end - first >= fewest)
    return np.repeat((values[first] == 0) & long, end - first)


def low(values: np.ndarray, lowest_w: float = 5.0) -> np.ndarray:
    """Mains other than 0, of either sign, where most of it is below what hardly any home draws:
    kW that were taken for W, in a file with other homes that are right.

    >>> low(np.array([0.0, 0.4, 0.3, 2.1])).tolist(), low(np.array([4.0, 150.0, 90.0])).tolist()
    ([False, True, True, True], [False, False, False])
    """
    draws = values != 0
    too_low = draws.any() and np.median(np.abs(values[draws])) < lowest_w
    return draws & bool(too_low)


def clipped(values: np.ndarray) -> np.ndarray:
    """At the largest value of all, where at least 20 readings are and more than in the 5 %
    below it: the meter or its logger could not show more. Real peaks thin out upwards.

    >>> values = np.concatenate([np.linspace(100, 6000, 900), np.full(60, 6000.0)])
    >>> int(clipped(values).sum()), int(clipped(np.linspace(100, 6000, 900)).sum())
    (61, 0)
    """
    top = values.max(initial=0)
    at_top = values == top
    near = int(np.sum(values >= top * (1 - _CEILING_BAND))) - int(at_top.sum())
    if top <= 0 or at_top.sum() < max(_CEILING_READINGS, near + 1):
        return np.zeros(len(values), bool)
    return np.asarray(at_top)
