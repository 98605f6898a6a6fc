"""Wall-clock stamps of a timezone → UTC, gaps and folds of daylight saving time told apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from smartwatts_ml.errors import UsageError

__all__ = ["LocalClock", "Stretch", "find_zone", "is_utc", "local_clock", "stretches", "to_utc"]

_DAY = timedelta(days=1)
_ZERO = timedelta(0)
_BEFORE_US = 2 * 86_400_000_000
"""An interval that ends in a fold begins at most so long before it."""


@dataclass(frozen=True)
class Stretch:
    """Local time from ``start`` (naive) on, until the next stretch.

    ``offset``: what local time is ahead of UTC; None in a gap, where no clock shows such
    a time. ``second``: the offset of the second occurrence, in a fold.
    """

    start: datetime
    offset: timedelta | None
    second: timedelta | None = None


def find_zone(name: str) -> ZoneInfo:
    """The IANA timezone of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"no timezone {name!r}", fix="use a name like Europe/Paris") from error


def is_utc(name: str) -> bool:
    """Whether local time is UTC at all times."""
    return find_zone(name).key in {"UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT", "UCT"}


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or _ZERO


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second at which the offset is that of ``high`` and no longer of ``low``."""
    before = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def stretches(name: str, first: datetime, last: datetime) -> tuple[Stretch, ...]:
    """How local time runs from ``first`` to ``last`` (both naive local), in order.

    >>> for part in stretches("Europe/Paris", datetime(2026, 3, 1), datetime(2026, 11, 1)):
    ...     print(part.start, part.offset, part.second)
    2026-02-26 01:00:00 1:00:00 None
    2026-03-29 02:00:00 None None
    2026-03-29 03:00:00 2:00:00 None
    2026-10-25 02:00:00 2:00:00 1:00:00
    2026-10-25 03:00:00 1:00:00 None
    """
    zone = find_zone(name)
    at = first.replace(tzinfo=UTC) - 3 * _DAY
    end = last.replace(tzinfo=UTC) + 3 * _DAY
    offset = _offset(zone, at)
    runs = [Stretch((at + offset).replace(tzinfo=None), offset)]
    while at < end:
        after = _offset(zone, at + _DAY)
        if after != offset:
            change = _change(zone, at, at + _DAY).replace(tzinfo=None)
            if after > offset:
                runs.append(Stretch(change + offset, None))
                runs.append(Stretch(change + after, after))
            else:
                runs.append(Stretch(change + after, offset, after))
                runs.append(Stretch(change + offset, after))
            offset = after
        at += _DAY
    return tuple(runs)


class LocalClock:
    """Wall-clock stamps of a timezone → UTC, many at a time."""

    def __init__(self, name: str) -> None:
        parts = stretches(name, datetime(1999, 12, 31), datetime(2100, 1, 2))
        self._starts = np.array([part.start for part in parts], "M8[us]").astype(np.int64)
        self._offsets = np.array([_micros(part.offset) for part in parts])
        self._gap = np.array([part.offset is None for part in parts])
        self._later = np.array(
            [
                0 if part.second is None else _micros(part.offset) - _micros(part.second)
                for part in parts
            ]
        )

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
        if self._later[self._part(local)].any():
            fold |= self._to_utc(local)[2]
        return utc, gap, fold

    def _to_utc(self, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not len(local):
            return local, np.zeros(0, bool), np.zeros(0, bool)
        low, high = self._part(np.array([local.min(), local.max()]))
        part = np.full(len(local), low) if low == high else self._part(local)
        return local - self._offsets[part], self._gap[part], self._later[part] > 0

    def fold_of(self, first: np.ndarray) -> np.ndarray:
        """Which fold each UTC stamp of a first occurrence is in, or begins before as an interval
        that ends in it; int64, shape (n,)."""
        folds = np.flatnonzero(self._later)
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


def _micros(offset: timedelta | None) -> int:
    return 0 if offset is None else offset // timedelta(microseconds=1)


def to_utc(local: datetime, name: str) -> datetime:
    """A naive local time as naive UTC, the first occurrence of two; UsageError in a gap.

    >>> to_utc(datetime(2026, 7, 1), "Europe/Paris")
    datetime.datetime(2026, 6, 30, 22, 0)
    """
    zone = find_zone(name)
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        raise UsageError(f"{local} does not exist in {name}", fix="the clock jumps over it")
    return instant.replace(tzinfo=None)


@cache
def local_clock(timezone: str) -> LocalClock | None:
    """The clock of naive stamps; None where it is UTC."""
    return None if is_utc(timezone) else LocalClock(timezone)
