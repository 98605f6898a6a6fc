"""The wall clock of a site, and UTC: the one place that knows when clocks change, in arrays.

People's habits follow the clock on the wall, so hours of the week, days and the cells that
models read are those of the site's own clock; what is stored is UTC. When clocks change, a time
of the wall clock may never come (it is skipped) or come twice (it is repeated).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from smartwatts_ml.timezones import find_zone, is_utc

__all__ = [
    "WallCells",
    "RealTime",
    "WallClock",
    "hour_of_week",
    "local_days",
    "local_time",
    "mondays",
    "wall_clock",
]

_DAY_S = 86_400
_MICRO = 1_000_000
_MONDAY = np.datetime64("1969-12-29", "h")  # the Monday before the epoch
_FIRST, _LAST = 0, 4_102_444_800
"""Clocks are known from 1970 up to 2100; before and after, they run on without a change."""
_EVER = 1 << 42  # s: farther than any time is from the epoch, and still good in microseconds
_NEVER = (np.array([-_EVER]), np.array([0]))
_MOST_SHIFT_S = 26 * 3600  # no clock was ever set by more, and none is that far from UTC


@dataclass(frozen=True)
class RealTime:
    """Intervals, in the order of their cells: ``cell``, its index, ``starts`` and ``ends``
    (exclusive), datetime64[s], UTC; all of shape (m,)."""

    cell: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class WallCells:
    """Consecutive cells of a wall clock, and what real time each of them is.

    ``wall``: what the clock shows at their starts. ``starts``, ``ends`` (exclusive): first and
    last instant, UTC; both are the instant of the change where a cell is skipped.
    ``last_starts``: start of the last time that a cell comes. All datetime64[s], shape (n,), and
    none falls from one cell to the next. ``seconds`` of real time, int64, shape (n,): 0 where
    skipped, twice the period where repeated.
    """

    wall: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    last_starts: np.ndarray
    seconds: np.ndarray
    _pieces: RealTime
    _first_piece: np.ndarray

    def __len__(self) -> int:
        return len(self.wall)

    def take(self, at: np.ndarray) -> WallCells:
        """The cells of some indices, any shape, in that order."""
        flat = np.ravel(at)
        counts = np.diff(self._first_piece)[flat]
        cell, within = _ragged(counts)
        piece = self._first_piece[flat][cell] + within
        arrays = (self.wall, self.starts, self.ends, self.last_starts, self.seconds)
        pieces = RealTime(cell, self._pieces.starts[piece], self._pieces.ends[piece])
        wall, starts, ends, last_starts, seconds = (array[flat] for array in arrays)
        return WallCells(wall, starts, ends, last_starts, seconds, pieces, _edges(counts))

    def intervals(self) -> RealTime:
        """Their real time: no interval where a cell is skipped, two where it is repeated."""
        return self._pieces


class WallClock:
    """The clock of an IANA timezone. ``begins``: UTC instants (s since the epoch) from which on
    the clock is ahead of UTC by ``offsets`` (s), until the next; int64, shape (k,)."""

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        zone = find_zone(timezone)
        self.begins, self.offsets = _NEVER if is_utc(timezone) else _stretches(zone)
        ends = np.append(self.begins[1:], _EVER)
        self._wall_begins = self.begins + self.offsets
        self._wall_ends = ends + self.offsets

    def to_wall(self, utc: ArrayLike) -> np.ndarray:
        """What the clock shows at UTC instants, datetime64[s] in and out, same shape.

        >>> spring = np.array(["2026-03-29T00:59:59", "2026-03-29T01:00"], "datetime64[s]")
        >>> [str(time) for time in wall_clock("Europe/Paris").to_wall(spring)]
        ['2026-03-29T01:59:59', '2026-03-29T03:00:00']
        """
        epochs = _epochs(utc)
        stretch = np.searchsorted(self.begins, epochs, side="right") - 1
        return _times(epochs + self.offsets[stretch])

    def to_utc(self, wall: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """UTC instants (datetime64[s], the first of two) of times that the clock shows, whether
        each is skipped, and whether it is repeated; same shape. A skipped time is taken as if
        the clock had not changed yet.

        >>> autumn = np.array(["2026-10-25T01:59", "2026-10-25T02:00"], "datetime64[s]")
        >>> utc, skipped, repeated = wall_clock("Europe/Paris").to_utc(autumn)
        >>> [str(time) for time in utc], repeated.tolist()
        (['2026-10-24T23:59:00', '2026-10-25T00:00:00'], [False, True])
        """
        epochs = _epochs(wall)
        first = np.searchsorted(self._wall_ends, epochs, side="right")
        last = np.searchsorted(self._wall_begins, epochs, side="right") - 1
        skipped = last < first
        offset = self.offsets[np.minimum(first, last)]
        return _times(epochs - offset), skipped, last > first

    def second(self, wall: ArrayLike) -> np.ndarray:
        """The last UTC instant at which the clock shows a time, datetime64[s], same shape."""
        epochs = _epochs(wall)
        last = np.searchsorted(self._wall_begins, epochs, side="right") - 1
        return _times(epochs - self.offsets[last])

    def split(
        self, begins: np.ndarray, ends: np.ndarray
    ) -> tuple[slice | np.ndarray, np.ndarray, np.ndarray]:
        """Spans of UTC, ``begins`` and ``ends`` (exclusive, int64 µs since the epoch, shape (n,),
        none empty), as the clock shows them: split where it changes. Gives which span each
        part is of, its begin and its end."""
        edges, shift = self._micro_edges, self.offsets * _MICRO
        first = np.searchsorted(edges, begins, side="right") - 1
        last = np.searchsorted(edges, ends - 1, side="right") - 1
        if np.array_equal(first, last):
            return slice(None), begins + shift[first], ends + shift[first]
        span, within = _ragged(last - first + 1)
        stretch = first[span] + within
        return (
            span,
            np.maximum(begins[span], edges[stretch]) + shift[stretch],
            np.minimum(ends[span], edges[stretch + 1]) + shift[stretch],
        )

    def cells(self, start: np.datetime64, period_s: int, count: int) -> WallCells:
        """So many cells of ``period_s`` from ``start`` on, a time that the clock shows.

        >>> cells = wall_clock("Europe/Paris").cells(np.datetime64("2026-03-29T01:00"), 3600, 3)
        >>> cells.seconds.tolist(), [str(time)[11:] for time in cells.starts]
        ([3600, 0, 3600], ['00:00:00', '01:00:00', '01:00:00'])
        """
        wall = _epochs(start) + np.arange(count, dtype=np.int64) * period_s
        first = np.searchsorted(self._wall_ends, wall, side="right")
        last = np.searchsorted(self._wall_begins, wall + period_s, side="left") - 1
        counts = np.maximum(last - first + 1, 0)
        cell, within = _ragged(counts)
        stretch = first[cell] + within
        offset = self.offsets[stretch]
        begin = np.maximum(wall[cell], self._wall_begins[stretch]) - offset
        end = np.minimum(wall[cell] + period_s, self._wall_ends[stretch]) - offset
        edges = _edges(counts)
        comes, change = counts > 0, self.begins[first]
        begin_of, end_of, last_of = change.copy(), change.copy(), change.copy()
        begin_of[comes] = begin[edges[:-1][comes]]
        last_of[comes] = begin[edges[1:][comes] - 1]
        end_of[comes] = end[edges[1:][comes] - 1]
        return WallCells(
            wall=_times(wall),
            starts=_times(begin_of),
            ends=_times(end_of),
            last_starts=_times(last_of),
            seconds=np.bincount(cell, end - begin, minlength=count).astype(np.int64),
            _pieces=RealTime(cell, _times(begin), _times(end)),
            _first_piece=edges,
        )

    def first_cell(self, start: np.datetime64, period_s: int, time: np.datetime64) -> int:
        """Index of the first cell that comes, for the last time, at or after a UTC instant;
        cells of ``period_s`` are counted from ``start`` on, a time that the clock shows."""
        around = -(-_MOST_SHIFT_S // period_s) if len(self.begins) > 1 else 0
        first = self.cell_at(start, period_s, time) - around
        step = np.timedelta64(period_s, "s")
        cells = self.cells(start + first * step, period_s, 2 * around + 2)
        return first + int(np.searchsorted(_epochs(cells.last_starts), _epochs(time)))

    def skipped_from(self, start: np.datetime64, period_s: int) -> int:
        """How many cells of ``period_s`` in a row the clock skips from ``start`` on."""
        cells = self.cells(start, period_s, _MOST_SHIFT_S // period_s + 2)
        return int(np.argmax(cells.seconds > 0))

    def cell_at(self, start: np.datetime64, period_s: int, time: np.datetime64) -> int:
        """Index of the cell that a UTC instant is in, counted as in ``first_cell``."""
        return int((_epochs(self.to_wall(time)) - _epochs(start)) // period_s)

    @cached_property
    def _micro_edges(self) -> np.ndarray:
        return np.append(self.begins, _EVER) * _MICRO


@cache
def wall_clock(timezone: str) -> WallClock:
    """The clock of an IANA timezone. Raises UsageError where there is none of that name."""
    return WallClock(timezone)


def _stretches(zone: ZoneInfo) -> tuple[np.ndarray, np.ndarray]:
    """From when on a zone has which offset, s. Looked up day by day: no clock was ever set twice
    within one, and then to the second."""
    begins, offsets = [-_EVER], [_offset(zone, _FIRST)]
    for day in range(_FIRST + _DAY_S, _LAST + _DAY_S, _DAY_S):
        offset = _offset(zone, day)
        if offset != offsets[-1]:
            begins.append(_change(zone, day - _DAY_S, day))
            offsets.append(offset)
    return np.array(begins, np.int64), np.array(offsets, np.int64)


def _offset(zone: ZoneInfo, epoch: int) -> int:
    offset = datetime.fromtimestamp(epoch, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The first second at which the offset is no longer that of ``low``."""
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _ragged(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are repeated so many times, and the number of each repetition in its row.

    >>> [a.tolist() for a in _ragged(np.array([1, 0, 2]))]
    [[0, 2, 2], [0, 0, 1]]
    """
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - (np.cumsum(counts) - counts)[row]


def _edges(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)])


def _epochs(times: ArrayLike) -> np.ndarray:
    return np.asarray(times, "datetime64[s]").astype(np.int64)


def _times(epochs: np.ndarray) -> np.ndarray:
    return np.asarray(epochs).astype("datetime64[s]")[()]


def local_time(times: np.ndarray, timezone: str) -> np.ndarray:
    """Wall-clock time of UTC instants, datetime64[s] in and out, same shape."""
    return wall_clock(timezone).to_wall(times)


def hour_of_week(wall: np.ndarray) -> np.ndarray:
    """Hour of the week that a clock shows, int64 in 0..167, 0 = Monday 00:00, same shape.

    >>> hour_of_week(np.array(["2026-11-23", "2026-11-22T23:00"], "M8[s]"))
    array([  0, 167])
    """
    hours = np.asarray(wall).astype("datetime64[h]") - _MONDAY
    return hours.astype(np.int64) % 168


def local_days(wall: np.ndarray) -> np.ndarray:
    """Calendar day that a clock shows, datetime64[D], same shape."""
    return np.asarray(wall).astype("datetime64[D]")


def mondays(days: np.ndarray) -> np.ndarray:
    """The Monday that begins each day's week, datetime64[D] in and out, same shape.

    >>> print(mondays(np.array(["2026-11-22", "2026-11-23", "1969-12-31"], "M8[D]")))
    ['2026-11-16' '2026-11-23' '1969-12-29']
    """
    return days - (days - _MONDAY.astype("datetime64[D]")) % np.timedelta64(7, "D")
