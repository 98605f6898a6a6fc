"""A site's readings as CSV.gz files, one a month, all of them in place or none."""

from __future__ import annotations

import filecmp
import gzip
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from smartwatts_ml.errors import UsageError
from smartwatts_ml.imports.base import MICRO
from smartwatts_ml.readings.base import device_id
from smartwatts_ml.readings.columns import CSV_COLUMNS

__all__ = ["MonthFiles"]

LEVEL = 2
ROWS = 4_000_000
"""Rows of one file: what ingest commits at once. A month with more has further files."""
HEADER = ",".join(CSV_COLUMNS).encode() + b"\n"
OPTIONS = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")


@dataclass
class _Open:
    """A file under its temporary name, which starts with a dot so that ingest passes by."""

    path: Path
    raw: BinaryIO = field(init=False)
    packed: gzip.GzipFile = field(init=False)
    rows: int = 0

    def __post_init__(self) -> None:
        self.raw = self.part.open("wb")
        self.packed = gzip.GzipFile("", "wb", LEVEL, self.raw, mtime=0)
        self.packed.write(HEADER)

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
        if file is not None and file.rows < ROWS:
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._all:
            file.close()
            file.part.unlink(missing_ok=True)


def _csv(device: str, stamps: np.ndarray, watts: np.ndarray) -> memoryview:
    """Rows as CSV; stamps have fractions of a second only where the source has."""
    unit = "us" if np.any(stamps % MICRO) else "s"
    instants = stamps if unit == "us" else stamps // MICRO
    table = pa.table(
        {
            "timestamp": pa.array(instants, pa.timestamp(unit, "UTC")),
            "consumption": pa.array(watts.astype(np.float32)),
            "device_id": pa.repeat(device, len(stamps)),
        }
    )
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink, OPTIONS)
    return memoryview(sink.getvalue())
