"""A meter's running total → mean power between its readings.

A home draws no more than 100 kW. So a total that leaps further belongs to another meter, or is
wrong; where it comes back, it was wrong. A total that falls, as that of a meter that runs
backwards does, is negative power, unless it falls further than this meter ever moves.
"""

from __future__ import annotations

import numpy as np

__all__ = ["glitches", "power_of_totals"]

_US_A_HOUR = 3.6e9
_DAY_US = 86_400_000_000
_MOST_KW = 100.0
_FAR = 10.0
"""So many times what a meter usually moves is no fall of its own."""
_FAR_AT_ONCE = 3.0
"""The same for a meter that hardly ever falls."""
_USUAL = 0.9
"""Quantile of all movements that is the most that a meter usually does."""
_LEAST_KW = 1.0
_FEW_FALLS = 3
_STEPS = 3
"""Of a meter's resolution: one that counts whole kWh leaps by them."""
_SMALLEST_REGISTER_KWH = 1e3
_NEAR = 0.1
"""A register that rolls over was in the last tenth of its range, and is in the first."""
_PLAUSIBLE = 3.0
"""A roll-over may show at most so many times the largest power of all other intervals."""
_TO_ZERO = 0.01
_LEAPS_AHEAD = 8
_RARE = 0.1


def glitches(stamps: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Totals that are wrong beyond doubt: some in a row that are far off, or 0, and come back
    within a day to where they were; bool, shape (n,).

    ``stamps`` int64 µs, strictly increasing; ``totals`` kWh at each.

    >>> hours = np.arange(6) * 3_600_000_000
    >>> glitches(hours, np.array([500.0, 501.0, 0.0, 0.0, 503.0, 504.0])).astype(int)
    array([0, 0, 1, 1, 0, 0])
    """
    wrong = np.zeros(len(stamps), bool)
    if len(stamps) < 3:
        return wrong
    limits = _limits(stamps, totals, _FAR)
    far = np.abs(np.diff(totals)) > limits
    to_zero, from_zero = totals[1:] == 0, totals[:-1] == 0
    leaps = np.flatnonzero(far | (to_zero != from_zero))
    if len(leaps) > _LEAPS_AHEAD + _RARE * len(far):
        return wrong  # this is no meter's total
    done = -1
    for place, leap in enumerate(leaps.tolist()):
        if leap <= done or not (far[leap] or to_zero[leap]):
            continue
        for back in leaps[place + 1 : place + 1 + _LEAPS_AHEAD].tolist():
            lasting = stamps[back + 1] - stamps[leap]
            may_move = limits[leap] * lasting / (stamps[leap + 1] - stamps[leap])
            moved = totals[back + 1] - totals[leap]
            is_zero = not totals[leap + 1 : back + 1].any()
            near = (
                moved >= 0 if is_zero else _FAR * abs(moved) <= abs(totals[leap + 1] - totals[leap])
            )
            sure = is_zero or (far[leap] and far[back] and not to_zero[back])
            if lasting <= _DAY_US and sure and near and abs(moved) <= may_move:
                wrong[leap + 1 : back + 1] = True
                done = back
                break
    return wrong


def power_of_totals(stamps: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean W from each stamp to the next total that counts (float64, NaN where nobody knows it),
    and µs until then (int64, 0 where nobody knows); both of shape (n,).

    ``stamps`` int64 µs, strictly increasing; ``totals`` kWh at each. The last one has no next;
    ``glitches`` count for nothing. Where a total falls to about 0, or further than this meter
    moves, it was reset or the meter changed, unless the register rolled over at a power of
    ten, which tells the energy.

    >>> hours = np.arange(4) * 3_600_000_000
    >>> power_of_totals(hours, np.array([99_998.5, 99_999.5, 0.5, 1.0]))[0]
    array([1000., 1000.,  500.,   nan])
    >>> power_of_totals(hours, np.array([500.0, 501.0, 0.0, 1.0]))[0]
    array([1000.,   nan, 1000.,   nan])
    >>> power_of_totals(hours, np.array([500.0, 499.0, 499.5, 499.0]))[0]
    array([-1000.,   500.,  -500.,    nan])
    """
    power, lengths = np.full(len(stamps), np.nan), np.zeros(len(stamps), np.int64)
    good = np.flatnonzero(~glitches(stamps, totals))
    if len(good) < 2:
        return power, lengths
    stamps, totals = stamps[good], totals[good]
    lasting = np.diff(stamps)
    moved = np.diff(totals)
    moved[~_is_own(stamps, totals)] = np.nan
    _roll_over(totals, moved, lasting)
    known = ~np.isnan(moved)
    power[good[:-1]] = moved * (1e3 * _US_A_HOUR) / lasting
    lengths[good[:-1]] = np.where(known, lasting, 0)
    return power, lengths


def _is_own(stamps: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Where the next total is of the same meter, which was not reset; bool, shape (n - 1,). What is
    0 may be no meter, so that what it leaps to then is none of its own."""
    before, after = totals[:-1], totals[1:]
    moved = after - before
    own = np.abs(moved) <= _limits(stamps, totals, np.inf)
    falls = moved < 0
    if falls.any():
        to_zero = (after >= 0) & (after <= _TO_ZERO * before)
        runs_back = np.count_nonzero(falls & own & ~to_zero) >= _FEW_FALLS
        far = _limits(stamps, totals, _FAR if runs_back else _FAR_AT_ONCE)
        own &= ~falls | ((-moved <= far) & (runs_back | ~to_zero))
    if not totals.all():
        own &= (before != 0) | (moved <= _limits(stamps, totals, _FAR))
        own &= ~_is_idle(totals, own)
    return own


def _is_idle(totals: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Steps from 0 to 0 of what was no meter: it leaps afterwards, or was reset before and counts
    nothing any more; bool, shape (n - 1,).

    >>> own = np.array([1, 1, 0, 1, 0, 1, 1], bool)
    >>> _is_idle(np.array([0, 0, 0, 500, 501, 0, 0, 0.1]), own).astype(int)
    array([1, 1, 0, 0, 0, 0, 0])
    """
    still = (totals[:-1] == 0) & (totals[1:] == 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    idle = np.zeros(len(own), bool)
    for start, end in edges.reshape(-1, 2).tolist():
        leaps = not own[end] if end < len(own) else start > 0 and not own[start - 1]
        idle[start:end] = leaps
    return idle


def _limits(stamps: np.ndarray, totals: np.ndarray, times: float) -> np.ndarray:
    """kWh that a total may move from each stamp to the next: what 100 kW are, or so many
    ``times`` of what it usually moves, but some steps of its resolution in any case; shape
    (n - 1,)."""
    hours = np.diff(stamps) / _US_A_HOUR
    steps = np.abs(np.diff(totals))
    steps, taking = steps[steps > 0], hours[steps > 0]
    if len(steps) < 2:
        return np.minimum(times * _LEAST_KW, _MOST_KW) * hours
    usual_kw = np.quantile(steps / taking, _USUAL, method="lower")
    smallest = np.quantile(steps, 1 - _USUAL, method="lower")
    most_kw = min(max(times * usual_kw, _LEAST_KW), _MOST_KW)
    return np.maximum(most_kw * hours, _STEPS * smallest)


def _roll_over(totals: np.ndarray, moved: np.ndarray, lasting: np.ndarray) -> None:
    """Energy where the register began again at 0, in the place of NaN."""
    before, after = totals[:-1], totals[1:]
    falls = np.flatnonzero(np.isnan(moved) & (after < before))
    if not len(falls):
        return
    before, after = before[falls], after[falls]
    range_kwh = 10.0 ** np.ceil(np.log10(np.maximum(before, 1.0)))
    rolled = range_kwh - before + after
    known = moved > 0
    highest = np.max(moved[known] / lasting[known], initial=0.0)
    over = (
        (range_kwh >= _SMALLEST_REGISTER_KWH)
        & (before > (1 - _NEAR) * range_kwh)
        & (after >= 0)
        & (after < _NEAR * range_kwh)
        & ((rolled / lasting[falls] <= _PLAUSIBLE * highest) | (highest == 0))
    )
    moved[falls[over]] = rolled[over]
