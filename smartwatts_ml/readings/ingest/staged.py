"""What is known of staged rows besides the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.ingest.intervals import Intervals
from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.parsed import Measure, Stream

__all__ = ["KnownRows", "Lookup", "Staged", "count_files"]


@dataclass(frozen=True)
class KnownRows:
    """Readings of a device that are at their instants: ``stamps`` (µs), ``arrivals``, and
    ``totals`` of a meter in kWh, NaN where there is none; all of shape (n,)."""

    stamps: np.ndarray
    arrivals: np.ndarray
    totals: np.ndarray

    @classmethod
    def nothing(cls) -> KnownRows:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))

    def joined(self, other: KnownRows) -> KnownRows:
        """These and others."""
        return KnownRows(
            np.append(self.stamps, other.stamps),
            np.append(self.arrivals, other.arrivals),
            np.append(self.totals, other.totals),
        )

    def any_between(self, first: int, last: int) -> bool:
        """Whether there is one, both ends included."""
        return bool(np.any((self.stamps >= first) & (self.stamps <= last)))

    def arrival_before(self, stamp: int) -> int | None:
        """When the last one before a stamp arrived."""
        place = self._last(self.stamps < stamp)
        return None if place is None else int(self.arrivals[place])

    def arrival_after(self, stamp: int) -> int | None:
        """When the first one after a stamp arrived."""
        place = self._first(self.stamps > stamp)
        return None if place is None else int(self.arrivals[place])

    def is_rising(self, stamps: np.ndarray, totals: np.ndarray) -> bool:
        """Whether totals at some stamps fit between those around them, as of a meter that counts
        upwards, or else steadily downwards."""
        counted = ~np.isnan(self.totals)
        before = self._last(counted & (self.stamps < stamps.min()))
        after = self._first(counted & (self.stamps > stamps.max()))
        low = -np.inf if before is None else self.totals[before]
        high = np.inf if after is None else self.totals[after]
        low, high = min(low, high), max(low, high)
        return bool(low <= totals.min() and totals.max() <= high)

    def _last(self, chosen: np.ndarray) -> int | None:
        places = np.flatnonzero(chosen)
        return int(places[np.argmax(self.stamps[places])]) if len(places) else None

    def _first(self, chosen: np.ndarray) -> int | None:
        places = np.flatnonzero(chosen)
        return int(places[np.argmin(self.stamps[places])]) if len(places) else None


Lookup = Callable[[int, int, int], KnownRows]
"""What there was of a device (its number) from one stamp to another before what is staged."""


@dataclass(frozen=True)
class Staged:
    """What settling has to know of staged rows: ``ranks`` (int64) orders devices; ``wholes``
    and ``signs`` tell parts of devices, each by number of the device; ``streams`` by number.
    ``registers``: the parts that a file has of a device, by both. ``arrivals`` by number of the
    file."""

    ranks: np.ndarray
    wholes: np.ndarray
    signs: np.ndarray
    streams: Sequence[Stream]
    intervals: Intervals
    registers: Mapping[tuple[int, int], Set[int]]
    arrivals: np.ndarray
    lookup: Lookup | None = None

    def known(self, device: int, first: int, last: int) -> KnownRows:
        """What there was of a device from one stamp to another before all that is staged."""
        return KnownRows.nothing() if self.lookup is None else self.lookup(device, first, last)

    def files(self, rows: Rows) -> np.ndarray:
        """The file of each row; int32, shape (n,)."""
        return _of_each(np.array([stream.file for stream in self.streams], np.int32), rows)

    def measured(self, rows: Rows, what: Callable[[Measure], bool]) -> np.ndarray:
        """Which rows are of such a measure; bool, shape (n,)."""
        return _of_each(np.array([what(stream.measure) for stream in self.streams], bool), rows)


def _of_each(of_streams: np.ndarray, rows: Rows) -> np.ndarray:
    """What each row's stream has; quickly, where all have the same."""
    if len(of_streams) and np.all(of_streams == of_streams[0]):
        return np.broadcast_to(of_streams[0], len(rows))
    return np.asarray(of_streams[rows.streams])


def count_files(files: np.ndarray) -> Counter[int]:
    """How often each file is there."""
    if len(files) and files[0] == files[-1] and np.all(files == files[0]):
        return Counter({int(files[0]): len(files)})
    counts = np.bincount(files)
    numbers = np.flatnonzero(counts)
    return Counter(dict(zip(numbers.tolist(), counts[numbers].tolist(), strict=True)))
