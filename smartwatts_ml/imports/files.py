"""A site's readings as CSV.gz files, one a month, all of them in place or none."""

from __future__ import annotations

import filecmp
import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from smartwatts_ml.errors import UsageError
from smartwatts_ml.readings.base import device_id
from smartwatts_ml.readings.columns import CSV_COLUMNS
from smartwatts_ml.readings.resample import MICRO

__all__ = ["MonthFiles"]

_LEVEL = 2
_ROWS = 4_000_000
"""Rows of one file: what ingest commits at once. A month with more has further files."""
_DAY_S = 86_400
_CLOCK = (
    *((11, 36_000, 10), (12, 3_600, 10), (14, 600, 6), (15, 60, 10), (17, 10, 6), (18, 1, 10)),
    *((20 + k, 10 ** (5 - k), 10) for k in range(6)),
)
"""Place in the text, size and range of each digit of a time: of seconds, then of µs."""
_HEADER = ",".join(CSV_COLUMNS).encode() + b"\n"
_OPTIONS = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")


@dataclass
class _Open:
    """A file under its temporary name, which starts with a dot so that ingest passes by."""

    path: Path
    raw: BinaryIO = field(init=False)
    packed: gzip.GzipFile = field(init=False)
    rows: int = 0

    def __post_init__(self) -> None:
        self.raw = self.part.open("wb")
        self.packed = gzip.GzipFile("", "wb", _LEVEL, self.raw, mtime=0)
        self.packed.write(_HEADER)

    @property
    def part(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    def close(self) -> None:
        self.packed.close()
        self.raw.close()


class MonthFiles:
    """``<out>/<site>/2014-03.csv.gz``, ``2014-03-2.csv.gz``, … The same readings give the
    same bytes, so that a second import changes nothing and ingest takes nothing twice."""

    def __init__(self, out: Path, site: str) -> None:
        self._folder, self._site = out / site, site
        self._open: dict[int, _Open] = {}
        self._all: list[_Open] = []
        self._folder.mkdir(parents=True, exist_ok=True)

    def write(self, channel: str, stamps: np.ndarray, watts: np.ndarray) -> None:
        """``stamps`` int64 µs since the epoch, ``watts`` float, both of shape (n,)."""
        months = stamps.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        edges = np.flatnonzero(np.diff(months)) + 1
        for first, last in zip([0, *edges], [*edges, len(stamps)], strict=True):
            if first < last:
                file = self._file(int(months[first]))
                rows = _csv(device_id(self._site, channel), stamps[first:last], watts[first:last])
                file.packed.write(rows)
                file.rows += int(last - first)

    def _file(self, month: int) -> _Open:
        file = self._open.get(month)
        if file is not None and file.rows < _ROWS:
            return file
        name = str(np.datetime64(month, "M"))
        part = sum(other.path.name.startswith(name) for other in self._all) + 1
        if file is not None:
            file.close()
        suffix = f"-{part}" if part > 1 else ""
        self._open[month] = _Open(self._folder / f"{name}{suffix}.csv.gz")
        self._all.append(self._open[month])
        return self._open[month]

    def commit(self) -> list[Path]:
        """Give the files their names; raises UsageError, and changes nothing, where a file
        with other readings has one of them."""
        for file in self._all:
            file.close()
        for file in self._all:
            if file.path.exists() and not filecmp.cmp(file.part, file.path, shallow=False):
                raise UsageError(
                    f"{file.path} holds other readings",
                    fix="choose another --out, or the options those files were made with",
                )
        for file in self._all:
            if not file.path.exists():
                file.part.replace(file.path)
        return [file.path for file in self._all]

    def __enter__(self) -> MonthFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._all:
            file.close()
            file.part.unlink(missing_ok=True)


def _csv(device: str, stamps: np.ndarray, watts: np.ndarray) -> memoryview:
    """Rows as CSV."""
    columns = (_instants(stamps), pa.array(watts.astype(np.float32)), pa.repeat(device, len(watts)))
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(pa.table(dict(zip(CSV_COLUMNS, columns, strict=True))), sink, _OPTIONS)
    return memoryview(sink.getvalue())


def _instants(stamps: np.ndarray) -> pa.StringArray:
    """ISO 8601 in UTC of int64 µs since the epoch, shape (n,); fractions of a second only
    where one of the stamps has them. Arrow's own conversion takes longer.

    >>> _instants(np.array([1_393_632_000_400_000])).to_pylist()
    ['2014-03-01T00:00:00.400000Z']
    >>> _instants(np.array([1_393_639_509_000_000])).to_pylist()
    ['2014-03-01T02:05:09Z']
    """
    seconds, fraction = np.divmod(stamps, MICRO)
    days, second = np.divmod(seconds, _DAY_S)
    known, of_known = np.unique(days, return_inverse=True)
    dates = np.datetime_as_string(known.astype("datetime64[D]")).astype("S10")
    template = b"0000-00-00T00:00:00.000000Z" if fraction.any() else b"0000-00-00T00:00:00Z"
    text = np.tile(np.frombuffer(template, np.uint8), (len(stamps), 1))
    text[:, :10] = dates.view(np.uint8).reshape(-1, 10)[of_known]
    for place, unit, base in _CLOCK if fraction.any() else _CLOCK[:6]:
        digits = fraction if place > 19 else second
        text[:, place] += (digits // unit % base).astype(np.uint8)
    offsets = np.arange(len(stamps) + 1, dtype=np.int32) * len(template)
    return pa.StringArray.from_buffers(
        len(stamps), pa.py_buffer(offsets), pa.py_buffer(text.tobytes())
    )
