"""What is known of staged rows besides the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.ingest.intervals import Intervals
from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.parsed import Measure, Stream

__all__ = ["Staged", "count_files"]


@dataclass(frozen=True)
class Staged:
    """What settling has to know of staged rows: ``ranks`` (int64) orders devices; ``wholes``
    and ``signs`` tell parts of devices, each by number of the device; ``streams`` by number.
    ``registers``: the parts that a file has of a device, by both."""

    ranks: np.ndarray
    wholes: np.ndarray
    signs: np.ndarray
    streams: Sequence[Stream]
    intervals: Intervals
    registers: Mapping[tuple[int, int], Set[int]]
    taken: Callable[[int, np.ndarray], bool] | None = None
    """Whether the table has some of a device's stamps."""

    def is_taken(self, device: int, stamps: np.ndarray) -> bool:
        """Whether some of a device's stamps were there before all that is staged."""
        return self.taken is not None and self.taken(device, stamps)

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
