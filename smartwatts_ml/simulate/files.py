"""Rows to CSV.gz files, one a month, written whole or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from smartwatts_ml.errors import UsageError
from smartwatts_ml.simulate.faults import Deliveries

__all__ = ["HomeFiles", "write_months", "write_rows"]

_HEADER = b"timestamp,consumption,device_id\n"
_LEVEL = 2
_OPTIONS = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")


@dataclass(frozen=True)
class HomeFiles:
    """Where a home's rows go: its folder, its devices, and what interval 0 is."""

    folder: Path
    devices: Sequence[str]
    start: np.datetime64
    period_s: int

    def stamps(self, at: np.ndarray) -> np.ndarray:
        """UTC start of intervals, datetime64[s]."""
        return self.start + at * np.timedelta64(self.period_s, "s")


def write_months(home: HomeFiles, rows: Deliveries) -> Iterator[Path]:
    """One file for each calendar month (UTC), its rows in the order of delivery.

    A month that the span enters late is named by its first day, so that a run which
    goes on where another ended never meets that one's file.
    """
    months = home.stamps(rows.at).astype("datetime64[M]")
    # Where a month ends, rows that were delivered out of order may go to and fro.
    for month in np.unique(months):
        chosen = np.flatnonzero(months == month)
        partial = month.astype("datetime64[s]") < home.start
        name = str(home.start.astype("datetime64[D]") if partial else month)
        broken = {
            int(np.searchsorted(chosen, place)): text
            for place, text in rows.broken.items()
            if months[place] == month
        }
        part = rows.take(chosen)
        yield write_rows(home, Deliveries(part.at, part.channel, part.watts, broken), name)


def write_rows(home: HomeFiles, rows: Deliveries, name: str) -> Path:
    """Write one file; the same rows give the same bytes."""
    table = pa.table(
        {
            "timestamp": pa.array(home.stamps(rows.at)),
            "consumption": pa.array(rows.watts),
            "device_id": pa.DictionaryArray.from_arrays(
                pa.array(rows.channel.astype(np.int8)), pa.array(list(home.devices))
            ).cast(pa.string()),
        }
    )
    sink = pa.BufferOutputStream()
    sink.write(_HEADER)
    places = sorted(rows.broken)
    for first, last in zip([0, *places], [*places, len(table)], strict=True):
        if first in rows.broken:
            sink.write(f"{rows.broken[first]}\n".encode())
        pyarrow.csv.write_csv(table.slice(first, last - first), sink, _OPTIONS)
    path = home.folder / f"{name}.csv.gz"
    _put(path, gzip.compress(sink.getvalue(), _LEVEL, mtime=0))
    return path


def _put(path: Path, data: bytes) -> None:
    """Write whole or not at all, for somebody may be reading the folder."""
    if path.exists():
        if path.read_bytes() == data:
            return
        raise UsageError(
            f"{path} holds other readings",
            fix="choose another --out, or the options that the files there were made with",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
