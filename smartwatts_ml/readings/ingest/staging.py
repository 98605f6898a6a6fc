"""Files that were scanned but not yet committed: their rows wait on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.columns import BUCKETS, site_bucket
from smartwatts_ml.readings.ingest.intervals import Intervals
from smartwatts_ml.readings.ingest.spill import Rows, Spill
from smartwatts_ml.readings.ingest.staged import KnownRows, Lookup, Staged
from smartwatts_ml.readings.parsed import (
    FOLD,
    Measure,
    Parsed,
    ParsedBlock,
    Stream,
    split_part,
)

__all__ = ["DeviceNumbers", "Staging", "Taken", "month_of_all", "months_of"]

Taken = Callable[[str, str, int, int], KnownRows]
"""What a site's channel had before, from one stamp to another."""

_ROWS_AT_ONCE = 1 << 20
_DAY_US = 86_400_000_000
_DAYS = np.arange("1850-01-01", "2251-01-01", dtype="M8[D]")
"""A reading may last as long as there are stamps."""
_MONTH_OF_DAY = _DAYS.astype("M8[M]").astype(np.int64)
_FIRST_DAY = int(_DAYS[0].astype(np.int64))


class DeviceNumbers:
    """Devices and parts of devices in the order in which they were first seen, by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._facts: list[tuple[int, int, int]] = []
        self._as_array = np.zeros((3, 0), np.int32)
        self._ranked: tuple[list[tuple[str, str]], np.ndarray] = ([], np.zeros(0, np.int64))

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
            self._facts.append((whole, sign, site_bucket(name.partition("/")[0])))
        return number

    def names(self, numbers: Collection[int]) -> list[str]:
        """The names of some numbers."""
        return [name for name, number in self._numbers.items() if number in numbers]

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """For each number the device that it is of, and its sign, 0 where it is no part; both
        of shape (n_devices,)."""
        return self._array()[0], self._array()[1]

    def buckets(self) -> np.ndarray:
        """The bucket of each number, shape (n_devices,)."""
        return self._array()[2]

    def _array(self) -> np.ndarray:
        if self._as_array.shape[1] != len(self._facts):
            self._as_array = np.array(self._facts, np.int32).T
        return self._as_array

    def ranked(self) -> tuple[list[tuple[str, str]], np.ndarray]:
        """Site and channel of all devices, sorted; and the place of each number in that
        (int64, shape (n_devices,))."""
        if len(self._ranked[1]) != len(self):
            pairs = [(*name.split("/", 1),) for name in self._numbers]
            order = sorted(range(len(pairs)), key=pairs.__getitem__)
            ranks = np.empty(len(order), np.int64)
            ranks[order] = np.arange(len(order))
            self._ranked = [pairs[number] for number in order], ranks  # type: ignore[misc]
        return self._ranked


def _as_rows(parsed: Parsed, stream: int, devices: DeviceNumbers) -> Rows:
    """Rows of a block, with the numbers of their devices and of their stream."""
    return Rows(
        stamps=parsed.stamps,
        values=parsed.values,
        devices=devices.numbers(parsed.names)[parsed.devices],
        labels=parsed.labels,
        streams=np.full(len(parsed), stream, np.int32),
        seconds=parsed.seconds,
    )


def months_of(stamps: np.ndarray) -> np.ndarray:
    """Months since 1970 of UTC stamps (µs); int64, shape (n,)."""
    return _MONTH_OF_DAY[stamps // _DAY_US - _FIRST_DAY]


def month_of_all(stamps: np.ndarray) -> int | None:
    """The month of UTC stamps (µs); None where there are several."""
    first, last = months_of(np.array([stamps.min(), stamps.max()]))
    return int(first) if first == last else None


class Staging:
    """Rows of several files until somebody takes them. Files have numbers from 0 on, and so
    have their streams, the rows of one measure each; a shard holds the rows of one month and
    bucket, or else ``by_device``. ``by_series``: some rows mean something only with those before
    and after them, in whatever month these are. ``registers``: the parts that each file has of
    each device."""

    def __init__(self, folder: Path, by_device: bool = False) -> None:
        self.folder = folder
        folder.mkdir()
        self.spill = Spill(folder / "rows")
        self.devices = DeviceNumbers()
        self.streams: list[Stream] = []
        self.arrivals: list[int] = []
        self.by_series = False
        self.registers: dict[tuple[int, int], set[int]] = {}
        self._by_device = by_device

    def close(self) -> None:
        """Give up the rows and their place on disk."""
        self.spill.close()
        shutil.rmtree(self.folder)

    def open_file(self, arrival: int = 0) -> int:
        """The number of a file whose rows follow; ``arrival`` as in the table, which may be set
        until they are written."""
        self.arrivals.append(arrival)
        self._open: dict[Measure, int] = {}
        self._noted = np.zeros(0, bool)
        return len(self.arrivals) - 1

    def add(self, file: int, block: ParsedBlock, clock: LocalClock | None) -> None:
        """Take over a block's rows. ``clock`` is that of the file's naive stamps."""
        for parsed in (*block.rows, *block.ends):
            if len(parsed):
                stream = self._open.get(parsed.measure)
                if stream is None:
                    stream = self._open[parsed.measure] = len(self.streams)
                    self.streams.append(Stream(file, parsed.measure, clock))
                rows = _as_rows(parsed, stream, self.devices)
                self._note_registers(file, rows)
                self.by_series |= parsed.measure.needs_series or bool(np.any(rows.labels & FOLD))
                self.spill.add(self._shards(rows), rows)

    def _note_registers(self, file: int, rows: Rows) -> None:
        wholes, signs = self.devices.parts()
        if not signs.any():
            return
        self.by_series = True
        noted = np.zeros(len(signs), bool)
        noted[: len(self._noted)] = self._noted
        before = noted.copy()
        noted[rows.devices] = True
        self._noted = noted
        for number in np.flatnonzero(noted & ~before & (signs != 0)).tolist():
            self.registers.setdefault((file, int(wholes[number])), set()).add(number)

    def registers_of(self, file: int) -> list[str]:
        """What the registers of a file's meters are called."""
        several = (all_ for (of_file, _), all_ in self.registers.items() if of_file == file)
        numbers = set[int]().union(*several)
        parts = (split_part(name) for name in self.devices.names(numbers))
        return sorted({register for _, _, register in parts})

    def _shards(self, rows: Rows) -> np.ndarray:
        if self._by_device:
            return self.devices.parts()[0][rows.devices].astype(np.int64)
        return self.shards_of(rows)

    def shards_of(self, rows: Rows) -> np.ndarray:
        """The month and bucket of each row; int64, shape (n,)."""
        buckets = self.devices.buckets().astype(np.int64)
        month = month_of_all(rows.stamps)
        if month is not None:
            return (month * BUCKETS + buckets)[rows.devices]
        return months_of(rows.stamps) * BUCKETS + buckets[rows.devices]

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
            self.registers,
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
                    chosen = rows.take(np.isin(rows.streams, untold))
                    intervals.count(chosen, self._later_by(chosen))
        return intervals

    def _later_by(self, rows: Rows) -> np.ndarray:
        """How much later (µs) each row may be than its stamp, as its clock shows that twice."""
        later, folded = np.zeros(len(rows), np.int64), (rows.labels & FOLD) > 0
        for number in np.unique(rows.streams[folded]).tolist():
            clock, own = self.streams[number].clock, folded & (rows.streams == number)
            assert clock is not None
            later[own] = clock.later_by(rows.stamps[own])
        return later
