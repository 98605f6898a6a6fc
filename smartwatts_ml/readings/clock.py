"""Wall-clock stamps of a timezone → UTC, skipped and repeated times told apart."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import numpy as np

from smartwatts_ml.errors import UsageError
from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.timezones import is_utc

__all__ = ["LocalClock", "local_clock", "local_to_utc", "to_utc"]

_MICRO = 1_000_000
_BEFORE_US = 2 * 86_400 * _MICRO
"""An interval that ends in a fold begins at most so long before it."""


class LocalClock:
    """Wall-clock stamps of a timezone → UTC, many at a time."""

    def __init__(self, name: str) -> None:
        clock = wall_clock(name)
        begins, offsets = clock.begins * _MICRO, clock.offsets * _MICRO
        starts, ahead, later = [begins[:1] + offsets[:1]], [offsets[:1]], [0]
        for change, before, after in zip(begins[1:], offsets[:-1], offsets[1:], strict=True):
            # Between the two, times are skipped or repeated.
            starts.append(change + np.sort([before, after]))
            ahead.append(np.array([before, after]))
            later += [before - after, 0]
        self._starts, self._offsets = np.concatenate(starts), np.concatenate(ahead)
        self._later = np.array(later)

    def to_utc(
        self, local: np.ndarray, ends: bool = False
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """UTC (int64 µs, the first occurrence of two), whether in a gap, whether in a fold.

        ``local`` int64, µs since the epoch as the clock shows it; all of shape (n,). ``ends``:
        they close intervals, so they are on the clock of the instant before; what closes a
        gap closes the interval before the gap. What closes as a fold begins counts as in it, since
        a clock that is read at the end of an interval shows that twice.
        """
        if not ends:
            return self._to_utc(local)
        utc, gap, fold = self._to_utc(local - 1)
        utc += 1
        if gap.any():
            places = np.flatnonzero(gap)
            utc[places], gap[places], fold[places] = self._to_utc(local[places])
        return utc, gap, fold | self._to_utc(local)[2]

    def _to_utc(self, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not len(local):
            return local, np.zeros(0, bool), np.zeros(0, bool)
        low, high = self._part(np.array([local.min(), local.max()]))
        part = np.full(len(local), low) if low == high else self._part(local)
        later = self._later[part]
        return local - self._offsets[part], later < 0, later > 0

    def fold_of(self, first: np.ndarray) -> np.ndarray:
        """Which fold each UTC stamp of a first occurrence is in, or begins before as an interval
        that ends in it; int64, shape (n,)."""
        folds = np.flatnonzero(self._later > 0)
        starts = (self._starts - self._offsets)[folds] - _BEFORE_US
        return folds[np.searchsorted(starts, first, side="right") - 1]

    def fold_start(self, fold: int) -> int:
        """When the first occurrence of a fold begins, UTC (µs)."""
        return int(self._starts[fold] - self._offsets[fold])

    def later(self, fold: int) -> int:
        """How much later (µs) the second occurrence is."""
        return int(self._later[fold])

    def later_by(self, first: np.ndarray) -> np.ndarray:
        """Likewise, for UTC stamps of first occurrences."""
        return self._later[self.fold_of(first)]

    def _part(self, local: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, local, side="right") - 1


def to_utc(local: datetime, name: str) -> datetime:
    """A naive local time as naive UTC, the first occurrence of two; UsageError in a gap.

    >>> to_utc(datetime(2026, 7, 1), "Europe/Paris")
    datetime.datetime(2026, 6, 30, 22, 0)
    """
    utc, skipped, _ = wall_clock(name).to_utc(np.datetime64(local, "s"))
    if skipped:
        raise UsageError(f"{local} does not exist in {name}", fix="the clock jumps over it")
    instant: datetime = utc.item()
    return instant


@cache
def local_clock(timezone: str) -> LocalClock | None:
    """The clock of naive stamps; None where it is UTC."""
    return None if is_utc(timezone) else LocalClock(timezone)


def local_to_utc(
    clock: LocalClock | None, stamps: np.ndarray, local: np.ndarray, ends: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stamps (int64 µs) of which some are ``local``, in UTC; whether in a gap, whether in a fold;
    each of shape (n,)."""
    gap, fold = np.zeros(len(stamps), bool), np.zeros(len(stamps), bool)
    if clock is None or not local.any():
        return stamps, gap, fold
    utc = stamps.copy()
    utc[local], gap[local], fold[local] = clock.to_utc(stamps[local], ends)
    return utc, gap, fold
