"""Files that were scanned but not yet committed: their rows wait on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.columns import BUCKETS, site_bucket
from smartwatts_ml.readings.ingest.holding import NextStamps
from smartwatts_ml.readings.ingest.intervals import Intervals
from smartwatts_ml.readings.ingest.spill import Rows, Spill
from smartwatts_ml.readings.ingest.staged import KnownRows, Lookup, Staged
from smartwatts_ml.readings.parsed import Measure, Parsed, ParsedBlock, Stream, split_part

__all__ = ["DAY_US", "DeviceNumbers", "Staging", "Taken", "as_rows", "month_of_all", "months_of"]

Taken = Callable[[str, str, int, int], KnownRows]
"""What a site's channel had before, from one stamp to another."""

_ROWS_AT_ONCE = 1 << 20
DAY_US = 86_400_000_000
_MONTH_OF_DAY = (
    np.arange("1970-01-01", "2101-01-01", dtype="M8[D]").astype("M8[M]").astype(np.int64)
)


class DeviceNumbers:
    """Devices and parts of devices in the order in which they were first seen, by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._parts: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """The number of each name, int32."""
        return np.array([self._number(name) for name in names], np.int32)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            device, sign, _ = split_part(name)
            whole = self._number(device) if sign else len(self._numbers)
            number = self._numbers[name] = len(self._numbers)
            self._parts.append((whole, sign))
        return number

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """For each number the device that it is of, and its sign, 0 where it is no part; both
        of shape (n_devices,)."""
        wholes, signs = np.array(self._parts or np.zeros((0, 2)), np.int32).T
        return wholes, signs

    def ranked(self) -> tuple[list[tuple[str, str]], np.ndarray]:
        """Site and channel of all devices, sorted; and the place of each number in that
        (int64, shape (n_devices,))."""
        pairs = [(*name.split("/", 1),) for name in self._numbers]
        order = sorted(range(len(pairs)), key=pairs.__getitem__)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return [pairs[number] for number in order], ranks  # type: ignore[misc]


def as_rows(parsed: Parsed, stream: int, devices: DeviceNumbers) -> Rows:
    """Rows of a block, with the numbers of their devices and of their stream."""
    return Rows(
        stamps=parsed.stamps,
        values=parsed.values,
        devices=devices.numbers(parsed.names)[parsed.devices],
        labels=parsed.labels,
        streams=np.full(len(parsed), stream, np.int32),
    )


def months_of(stamps: np.ndarray) -> np.ndarray:
    """Months since 1970 of UTC stamps (µs); int64, shape (n,)."""
    return _MONTH_OF_DAY[stamps // DAY_US]


def month_of_all(stamps: np.ndarray) -> int | None:
    """The month of UTC stamps (µs); None where there are several."""
    first, last = _MONTH_OF_DAY[[stamps.min() // DAY_US, stamps.max() // DAY_US]]
    return int(first) if first == last else None


class Staging:
    """Rows of several files until somebody takes them. Files have numbers from 0 on, and so
    have their streams, the rows of one measure each; a shard holds the rows of one month and
    bucket, or else ``by_device``."""

    def __init__(self, folder: Path, by_device: bool = False) -> None:
        self.folder = folder
        folder.mkdir()
        self.spill = Spill(folder / "rows")
        self.devices = DeviceNumbers()
        self.streams: list[Stream] = []
        self.arrivals: list[int] = []
        self._following = NextStamps()
        self._by_device = by_device
        self._buckets = np.zeros(0, np.int64)

    def close(self) -> None:
        """Give up the rows and their place on disk."""
        self.spill.close()
        shutil.rmtree(self.folder)

    def open_file(self, arrival: int = 0) -> int:
        """The number of a file whose rows follow; ``arrival`` as in the table, which may be set
        until they are written."""
        self.arrivals.append(arrival)
        self._open: dict[Measure, int] = {}
        return len(self.arrivals) - 1

    def add(self, file: int, block: ParsedBlock, clock: LocalClock | None) -> None:
        """Take over a block's rows. ``clock`` is that of the file's naive stamps."""
        for parsed in (*block.rows, *block.ends):
            if len(parsed):
                stream = self._open.get(parsed.measure)
                if stream is None:
                    stream = self._open[parsed.measure] = len(self.streams)
                    self.streams.append(Stream(file, parsed.measure, clock))
                rows = as_rows(parsed, stream, self.devices)
                if parsed.measure.held:
                    self._following.add(rows)
                self.spill.add(self._shards(rows, parsed.names), rows)

    def _shards(self, rows: Rows, names: Sequence[str]) -> np.ndarray:
        if self._by_device:
            return self.devices.parts()[0][rows.devices].astype(np.int64)
        self._number_buckets(names)
        month = month_of_all(rows.stamps)
        if month is not None:
            return (month * BUCKETS + self._buckets)[rows.devices]
        return months_of(rows.stamps) * BUCKETS + self._buckets[rows.devices]

    def _number_buckets(self, names: Sequence[str]) -> None:
        """Buckets of devices that were not seen before, which are the newest numbers."""
        if len(self.devices) > len(self._buckets):
            known = len(self._buckets)
            grown = np.zeros(len(self.devices), np.int64)
            grown[:known] = self._buckets
            for name, number in zip(names, self.devices.numbers(names).tolist(), strict=True):
                if number >= known:
                    grown[number] = site_bucket(name.partition("/")[0])
            self._buckets = grown

    def staged(self, intervals: Intervals, taken: Taken | None = None) -> Staged:
        """What settling has to know of the rows."""
        pairs, ranks = self.devices.ranked()
        lookup: Lookup | None = None
        if taken is not None:
            known = taken

            def lookup(device: int, first: int, last: int) -> KnownRows:
                site, channel = pairs[ranks[device]]
                return known(site, channel, first, last)

        return Staged(
            ranks,
            *self.devices.parts(),
            self.streams,
            intervals,
            self._following,
            np.array(self.arrivals, np.int64),
            lookup,
        )

    def untold(self, file: int, intervals: Intervals) -> bool:
        """Whether a file's energy is of an interval that nothing tells."""
        return any(
            stream.file == file
            and stream.measure.interval_untold
            and intervals.seconds(number) is None
            for number, stream in enumerate(self.streams)
        )

    def intervals(self, files: Collection[int]) -> Intervals:
        """Of those among the files whose consumption is energy of an untold interval."""
        intervals = Intervals()
        untold = [
            number
            for number, stream in enumerate(self.streams)
            if stream.file in files and stream.measure.interval_untold
        ]
        if untold:
            for shard in self.spill.sizes():
                for rows in self.spill.pieces(shard, _ROWS_AT_ONCE):
                    intervals.count(rows.take(np.isin(rows.streams, untold)))
        return intervals
