"""Files that were scanned but not yet committed: their rows wait on disk."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from smartwatts_ml.readings.columns import BUCKETS, site_bucket
from smartwatts_ml.readings.ingest.settling import Intervals
from smartwatts_ml.readings.ingest.spill import Rows, Spill
from smartwatts_ml.readings.parsed import FileSource, Parsed

__all__ = ["DAY_US", "DeviceNumbers", "Staging", "as_rows", "months_of"]

_ROWS_AT_ONCE = 1 << 20
DAY_US = 86_400_000_000
_MONTH_OF_DAY = (
    np.arange("1970-01-01", "2101-01-01", dtype="M8[D]").astype("M8[M]").astype(np.int64)
)


class DeviceNumbers:
    """Devices in the order in which they were first seen, by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """The number of each name, int32."""
        numbers = self._numbers
        return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)

    def ranked(self) -> tuple[list[tuple[str, str]], np.ndarray]:
        """Site and channel of all devices, sorted; and the place of each number in that
        (int64, shape (n_devices,))."""
        pairs = [(*name.split("/", 1),) for name in self._numbers]
        order = sorted(range(len(pairs)), key=pairs.__getitem__)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return [pairs[number] for number in order], ranks  # type: ignore[misc]


def as_rows(parsed: Parsed, file: int, devices: DeviceNumbers) -> Rows:
    """Rows of a block, with the numbers of their devices and of their file."""
    return Rows(
        stamps=parsed.stamps,
        values=parsed.values,
        devices=devices.numbers(parsed.names)[parsed.devices],
        labels=parsed.labels,
        files=np.full(len(parsed), file, np.int32),
    )


def months_of(stamps: np.ndarray) -> np.ndarray:
    """Months since 1970 of UTC stamps (µs); int64, shape (n,)."""
    first, last = _MONTH_OF_DAY[[stamps.min() // DAY_US, stamps.max() // DAY_US]]
    if first == last:
        return np.full(len(stamps), first)
    return _MONTH_OF_DAY[stamps // DAY_US]


class Staging:
    """Rows of several files until somebody takes them. Files have numbers from 0 on; a
    shard holds the rows of one month and bucket, or else ``by_device``."""

    def __init__(self, folder: Path, by_device: bool = False) -> None:
        self.folder = folder
        folder.mkdir()
        self.spill = Spill(folder / "rows")
        self.devices = DeviceNumbers()
        self.files: dict[int, FileSource] = {}
        self.arrivals: list[int] = []
        self._by_device = by_device
        self._buckets = np.zeros(0, np.int64)

    def close(self) -> None:
        """Give up the rows and their place on disk."""
        self.spill.close()
        shutil.rmtree(self.folder)

    def open_file(self, source: FileSource, arrival: int) -> int:
        """The number of a file whose rows follow; ``arrival`` as in the table."""
        number = len(self.files)
        self.files[number] = source
        self.arrivals.append(arrival)
        return number

    def add(self, file: int, parsed: Parsed) -> None:
        """Take over a block's rows."""
        if len(parsed):
            rows = as_rows(parsed, file, self.devices)
            self.spill.add(self._shards(rows, parsed.names), rows)

    def _shards(self, rows: Rows, names: Sequence[str]) -> np.ndarray:
        if self._by_device:
            return rows.devices.astype(np.int64)
        self._number_buckets(names)
        return months_of(rows.stamps) * BUCKETS + self._buckets[rows.devices]

    def _number_buckets(self, names: Sequence[str]) -> None:
        """Buckets of devices that were not seen before, which are the newest numbers."""
        if len(self.devices) > len(self._buckets):
            known = len(self._buckets)
            grown = np.empty(len(self.devices), np.int64)
            grown[:known] = self._buckets
            for name, number in zip(names, self.devices.numbers(names).tolist(), strict=True):
                if number >= known:
                    grown[number] = site_bucket(name.partition("/")[0])
            self._buckets = grown

    def intervals(self, files: Collection[int]) -> Intervals:
        """Of those among the files whose consumption is energy of an untold interval."""
        intervals = Intervals()
        untold = [file for file in files if self.files[file].source.interval_untold]
        if untold:
            for shard in self.spill.sizes():
                for rows in self.spill.pieces(shard, _ROWS_AT_ONCE):
                    intervals.count(rows.take(np.isin(rows.files, untold)))
        return intervals
