"""A unit that changed: the level of a device jumps by 1000 or the like, for days.

A home's level moves by factors too (holidays, heating), and a device that is switched off
falls to its standby. So days are suspected by their level, and judged by their shape: a
changed unit moves every quantile of the power by the same factor and leaves the time at
zero as it is, a changed life does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartwatts_ml.readings.run_lengths import equal_runs

__all__ = ["unit_changed"]

_SMALLEST = 30.0
"""Smaller factors (Wh per 15 minutes taken for W: 4) are what life does as well."""
_TOLERANCE = 0.5
"""Decades: a factor of about 3 either way."""
_DUTY = 2.0
_FEWEST = 5
"""Non-zero readings of a day whose level counts."""
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def _factors(native_us: int) -> tuple[float, ...]:
    """What a mistaken unit may multiply by: kW for W, kWh or Wh per interval for W.

    >>> _factors(60_000_000), _factors(3_600_000_000)
    ((60.0, 1000.0, 60000.0), (1000.0,))
    """
    an_hour = 3.6e9 / native_us if native_us else 1.0
    return tuple(sorted({f for f in (1000.0, an_hour, 1000 * an_hour) if f >= _SMALLEST}))


def unit_changed(
    values: np.ndarray, day: np.ndarray, native_us: int, min_days: int = 2
) -> np.ndarray:
    """Bool, shape (n,): on a stretch of at least ``min_days`` days (with readings other than
    zero) whose level is off by one of ``_factors``, give or take a factor of 3, from the
    level that most days have, and in every quantile but one.

    Which side is in W, nobody can tell: the rarer level is flagged. A day in the middle of
    which the unit changes is not. ``values`` W, ``day`` non-decreasing int, shape (n,).

    >>> rng = np.random.default_rng(0)
    >>> day = np.repeat(np.arange(20), 96)
    >>> watts = rng.lognormal(6, 1, len(day))
    >>> watts[day >= 15] /= 1000
    >>> np.unique(day[unit_changed(watts, day, 900_000_000)]).tolist()
    [15, 16, 17, 18, 19]
    """
    changed = np.zeros(len(values), bool)
    dates, level = _levels(values, day)
    if len(dates) <= min_days:
        return changed
    usual = _most_common(level)
    normal = np.isin(day, dates[usual])
    shift = (level - np.median(level[usual], axis=0)).mean(axis=1)
    far = np.abs(shift) > np.log10(_factors(native_us)[0]) - _TOLERANCE
    group = np.where(far, np.sign(shift), 0.0)
    group[usual] = 0
    for first, end in zip(*equal_runs(group), strict=True):
        if group[first] and end - first >= min_days:
            counted = np.isin(day, dates[first:end])
            if _same_shape(values[counted], values[normal], _factors(native_us)):
                changed |= (day >= dates[first]) & (day <= dates[end - 1])
    return changed


def _levels(values: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days whose level counts, shape (d,), and log10 of their median and largest non-zero
    |W|, shape (d, 2)."""
    there = values != 0
    size, day = np.abs(values[there]), day[there]
    order = np.lexsort((size, day))
    size, day = size[order], day[order]
    first, end = equal_runs(day)
    enough = end - first >= _FEWEST
    first, end = first[enough], end[enough]
    level = np.stack([size[(first + end) // 2], size[end - 1]], axis=1)
    return day[first], np.log10(level.astype(np.float64))


def _most_common(level: np.ndarray) -> np.ndarray:
    """Mask of the days near the day that has the most days near it (the first of equals)."""
    near = [np.all(np.abs(level - other) < _TOLERANCE, axis=1) for other in level]
    return near[int(np.argmax([alike.sum() for alike in near]))]


def _same_shape(odd: np.ndarray, usual: np.ndarray, allowed: Sequence[float]) -> bool:
    """Whether one factor turns the ``usual`` W into the ``odd`` ones: in every quantile but
    one (a few days need not hold every kind of use), and with about as much time at zero (a
    standby that never rests is no fridge in kW)."""
    on = [float(np.mean(values != 0)) for values in (odd, usual)]
    odd, usual = np.abs(odd[odd != 0]), np.abs(usual[usual != 0])
    shifts = np.log10(np.quantile(odd, _QUANTILES)) - np.log10(np.quantile(usual, _QUANTILES))
    middle = float(np.median(shifts))
    near = np.abs(np.log10(allowed) - abs(middle)).min() < _TOLERANCE
    most = shifts[np.argsort(np.abs(shifts - middle))[:-1]]
    return bool(near and np.ptp(most) < _TOLERANCE and max(on) <= _DUTY * min(on))
