"""Which of two hours of the same name a row is of, by the order of a device's lines in a file."""

from __future__ import annotations

import numpy as np

__all__ = ["FIRST", "SECOND", "UNTOLD", "tell_hours"]

FIRST, SECOND, UNTOLD = 0, 1, -1

_CLEAR = 9
"""Lines go one way where so many times as many steps go it as go the other."""
_DOUBLED = 1.5


def tell_hours(
    stamps: np.ndarray,
    inside: np.ndarray,
    values: np.ndarray,
    later: int,
    counted: bool,
    upwards: bool = False,
) -> np.ndarray | None:
    """Of each row ``inside`` a repeated hour which of the two it is of: int64, in the order of
    lines; None where the rows are one hour alone.

    ``stamps`` int64 µs of all of the device in the file, in the order of lines, those inside as
    of the first hour; ``values`` likewise. ``later``: how much later the second one is, µs.
    ``counted``: values are a meter's totals. ``upwards``: lines of the device's other files go
    upwards. Lines that go neither upwards nor downwards tell nothing, but for totals.

    >>> quarters = np.array([-15, 0, 15, 30, 45, 0, 15, 30, 45, 120])
    >>> inside = (quarters >= 0) & (quarters < 60)
    >>> tell_hours(quarters, inside, quarters, 60, False).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    >>> tell_hours(quarters[::-1], inside, quarters, 60, False).tolist()
    [1, 1, 1, 1, 0, 0, 0, 0]
    """
    fold, fold_values = stamps[inside], values[inside]
    repeats = _repeats(stamps[~inside], fold, fold_values)
    fold, fold_values = fold[~repeats], fold_values[~repeats]
    direction, orderly = _direction(stamps, inside)
    if len(fold) == 1:
        return None
    if len(stamps) == 2 and not upwards and not counted and _may_meet(fold, later):
        return np.full(2, UNTOLD)
    if not direction:
        hours: np.ndarray | None = _by_value(fold, fold_values, counted)
    else:
        hours = _by_order(direction * fold, fold_values, later, orderly)
        if hours is not None and direction < 0:
            hours = np.where(hours == UNTOLD, UNTOLD, SECOND - hours)
    return None if hours is None else hours[np.cumsum(~repeats) - 1]


def _repeats(outside: np.ndarray, fold: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which rows of the hour are the line before once more, in a file whose lines are; bool."""
    repeats = np.zeros(len(fold), bool)
    if len(outside) > _DOUBLED * len(np.unique(outside)):
        repeats[1:] = (fold[1:] == fold[:-1]) & (values[1:] == values[:-1])
    return repeats


def _may_meet(fold: np.ndarray, later: int) -> bool:
    """Whether two rows may as well be the begin of the second hour and the end of the first, in
    lines that go downwards."""
    return bool(2 * (fold[-1] - fold[0]) >= later)


def _direction(stamps: np.ndarray, inside: np.ndarray) -> tuple[int, bool]:
    """1 where lines go upwards in time, -1 downwards, 0 where that is not clear: by what is
    outside of the hour, or else by the hour alone; and whether all outside go that way."""
    steps = np.sign(np.diff(stamps))
    outside = steps[~(inside[1:] & inside[:-1])]
    ups, downs = int(np.count_nonzero(outside > 0)), int(np.count_nonzero(outside < 0))
    if ups or downs:
        direction = 1 if ups >= _CLEAR * downs else -1 if downs >= _CLEAR * ups else 0
        return direction, not (ups and downs)
    ups, downs = int(np.count_nonzero(steps > 0)), int(np.count_nonzero(steps < 0))
    if ups > 2 * downs:
        return 1, True
    return (-1 if downs > max(2 * ups, 1) else 0), True


def _by_order(fold: np.ndarray, values: np.ndarray, later: int, orderly: bool) -> np.ndarray | None:
    """Of rows that go upwards. A step back begins the other hour; where lines are in disorder
    elsewhere as well, only a long one."""
    back = fold[:-1] - fold[1:]
    steps = np.flatnonzero(back >= 0)
    if not len(steps):
        return None
    long = 2 * back >= later
    if long.any():
        hours = np.append(0, np.cumsum(long)) % 2
        once = np.count_nonzero(long) == 1
        return hours if once or _agree(fold, values, hours) else np.full(len(fold), UNTOLD)
    if len(steps) == 1 and (orderly or not back[steps[0]]):
        if _is_a_repeat(fold, values, int(steps[0]), later):
            return np.full(len(fold), UNTOLD)
        return (np.arange(len(fold)) > steps[0]).astype(np.int64)
    _, place, times = np.unique(fold, return_inverse=True, return_counts=True)
    if times.max() > 2 or np.any(back > 0):
        return np.full(len(fold), UNTOLD)
    return _of_pairs(fold, times[place] == 2, later)


def _is_a_repeat(fold: np.ndarray, values: np.ndarray, step: int, later: int) -> bool:
    """Whether the line after a step may be the one before once more, among finer ones."""
    same = fold[step] == fold[step + 1] and values[step] == values[step + 1]
    return bool(same and len(np.unique(fold)) > 1 and fold[-1] - fold[0] < later)


def _of_pairs(fold: np.ndarray, paired: np.ndarray, later: int) -> np.ndarray:
    """Hours that are side by side, stamp by stamp. Of intervals by their ends, what ends as the
    first hour begins is before it, and what ends with the second is of that."""
    hours = np.append(FIRST, (fold[1:] == fold[:-1]).astype(np.int64))
    hours[~paired] = UNTOLD
    if fold[-1] - fold[0] == later:
        hours[0], hours[-1] = FIRST, SECOND
    return hours


def _agree(fold: np.ndarray, values: np.ndarray, hours: np.ndarray) -> bool:
    """Whether each stamp of each hour has one value, however often it is there."""
    order = np.lexsort((values, fold, hours))
    same = (np.diff(fold[order]) == 0) & (np.diff(hours[order]) == 0)
    return not np.any(same & (np.diff(values[order]) != 0))


def _by_value(fold: np.ndarray, values: np.ndarray, counted: bool) -> np.ndarray:
    """Of rows in no order: two equal values are one each; of two totals the lower is the first."""
    order = np.lexsort((values, fold))
    _, first, times = np.unique(fold[order], return_index=True, return_counts=True)
    pairs = first[times == 2]
    if not counted:
        pairs = pairs[values[order[pairs]] == values[order[pairs + 1]]]
    hours = np.full(len(fold), UNTOLD)
    hours[order[pairs]], hours[order[pairs + 1]] = FIRST, SECOND
    return hours
