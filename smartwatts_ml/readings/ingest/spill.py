"""Rows that wait on disk, sorted into shards, until each shard is taken back as a whole.

It is how files of any size pass through bounded memory: rows come in the order of the
files, and leave by shard, in the order in which they came.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

__all__ = ["CONTEXT", "Rows", "Spill"]

CONTEXT = 8
"""Bit of a label: the row is there for the sake of those next to it, and another one is kept."""

_COLUMNS: Mapping[str, np.dtype] = {
    "stamps": np.dtype(np.int64),
    "values": np.dtype(np.float64),
    "devices": np.dtype(np.int32),
    "labels": np.dtype(np.uint8),
    "streams": np.dtype(np.int32),
}
_SECONDS = "seconds"
"""A column that is written only where some row has it."""
_ROWS_IN_MEMORY = 1 << 16
_SMALL_KEYS = 1 << 15
_WIDE = 8
"""Bytes of a number that is hardly ever that of all rows."""


@dataclass(frozen=True)
class Rows:
    """Rows of any devices and files, in the order of their lines; all of shape (n,).

    ``stamps`` µs since the epoch, UTC; ``values`` in the unit of their stream;
    ``devices`` and ``streams`` numbers that the owner gave them; ``labels``
    codes as in ``parsed``. ``seconds`` float64: how long each lasts, NaN where the stamps
    around it tell, None where they tell all.
    """

    stamps: np.ndarray
    values: np.ndarray
    devices: np.ndarray
    labels: np.ndarray
    streams: np.ndarray
    seconds: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.stamps)

    def take(self, chosen: np.ndarray | slice) -> Rows:
        """The rows that an index, a mask or a slice picks."""
        names = [*_COLUMNS] + (["seconds"] if self.seconds is not None else [])
        if isinstance(chosen, slice):
            return Rows(**{name: getattr(self, name)[chosen] for name in names})
        places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Rows(**{name: _taken(getattr(self, name), places) for name in names})

    @classmethod
    def join(cls, parts: list[Rows]) -> Rows:
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        seconds = None
        if any(part.seconds is not None for part in parts):
            seconds = np.concatenate(
                [np.full(len(p), np.nan) if p.seconds is None else p.seconds for p in parts]
            )
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS
        }
        return cls(**columns, seconds=seconds)

    @classmethod
    def none(cls) -> Rows:
        return cls(*(np.zeros(0, dtype) for dtype in _COLUMNS.values()))


def _taken(column: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The rows at some places; where all rows are alike, as labels and streams of a file mostly
    are, any will do."""
    if column.itemsize < _WIDE and 0 < len(places) <= len(column) and np.all(column == column[0]):
        return column[: len(places)]
    return column.take(places)


class Spill:
    """A folder with one file a column, and an index of which rows belong to which shard.

    A shard is named by a non-negative integer. Memory holds at most twice
    ``_ROWS_IN_MEMORY`` rows, those of a batch that a thread sorts and writes and those that
    come meanwhile, besides 24 bytes for each run of rows of one shard. What that thread
    meets (a full disk) is raised by the next call.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}
        for name in _COLUMNS:
            self._open(name)
        self._waiting: list[tuple[np.ndarray, Rows]] = []
        self._waiting_rows = 0
        self._written = 0
        self._runs: list[np.ndarray] = []
        self._index: np.ndarray | None = None
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def _open(self, name: str) -> None:
        self._files[name] = (self._folder / name).open("w+b", buffering=0)

    def close(self) -> None:
        """Give up the rows and their place on disk."""
        self._writer.shutdown()
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._folder)

    def add(self, shards: np.ndarray, rows: Rows) -> None:
        """Add rows; ``shards`` (int64, shape (n,)) says where each belongs."""
        self._index = None
        self._waiting.append((shards, rows))
        self._waiting_rows += len(rows)
        if self._waiting_rows >= _ROWS_IN_MEMORY:
            self._write_on()

    def _write_on(self) -> None:
        """Hand on what waits, once the batch before it is written."""
        self._wait()
        if self._waiting_rows:
            self._writing = self._writer.submit(self._write, self._waiting)
            self._waiting, self._waiting_rows = [], 0

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, batch: list[tuple[np.ndarray, Rows]]) -> None:
        shards = np.concatenate([shards for shards, _ in batch])
        rows = Rows.join([rows for _, rows in batch])
        if np.any(shards[1:] != shards[:-1]):
            # A radix sort for small numbers, which those of months and buckets are.
            keys = shards.astype(np.int16) if shards.max() < _SMALL_KEYS else shards
            order = np.argsort(keys, kind="stable")
            shards, rows = shards[order], rows.take(order)
        starts = np.flatnonzero(np.append(True, shards[1:] != shards[:-1]))
        counts = np.diff(np.append(starts, len(shards)))
        self._runs.append(np.stack([shards[starts], starts + self._written, counts], axis=1))
        if rows.seconds is not None and _SECONDS not in self._files:
            self._open(_SECONDS)
            self._write_unknown(self._written)
        for name, file in self._files.items():
            column = getattr(rows, name)
            if column is None:
                self._write_unknown(len(rows))
            else:
                _write_fully(file, np.ascontiguousarray(column).data)
        self._written += len(rows)

    def _write_unknown(self, count: int) -> None:
        """Of rows of which nobody says how long they last."""
        for first in range(0, count, _ROWS_IN_MEMORY):
            size = min(count - first, _ROWS_IN_MEMORY)
            _write_fully(self._files[_SECONDS], np.full(size, np.nan).data)

    def sizes(self) -> dict[int, int]:
        """Rows of each shard, by its name in rising order."""
        index = self._sorted_runs()
        if not len(index):
            return {}
        shards, first = np.unique(index[:, 0], return_index=True)
        return dict(zip(shards.tolist(), np.add.reduceat(index[:, 2], first).tolist(), strict=True))

    def read(self, shard: int) -> Rows:
        """The rows of a shard, in the order in which they came. May be called by several
        threads at once."""
        return Rows.join(list(self.pieces(shard, None)))

    def pieces(self, shard: int, size: int | None) -> Iterator[Rows]:
        """The rows of a shard in pieces of about ``size`` rows (None: all at once)."""
        index = self._sorted_runs()
        first, last = np.searchsorted(index[:, 0], [shard, shard + 1])
        runs = index[first:last]
        if size is None:
            groups = [runs]
        else:
            groups = np.split(runs, np.flatnonzero(np.diff(np.cumsum(runs[:, 2]) // size)) + 1)
        for group in groups:
            yield self._read_runs(group)

    def _sorted_runs(self) -> np.ndarray:
        """Shard, first row and rows of each run, shape (n, 3), sorted by shard and place."""
        if self._index is None:
            self._write_on()
            self._wait()
            runs = np.concatenate(self._runs) if self._runs else np.zeros((0, 3), np.int64)
            self._index = runs[np.argsort(runs[:, 0], kind="stable")]
        return self._index

    def _read_runs(self, runs: np.ndarray) -> Rows:
        total = int(runs[:, 2].sum())
        dtypes = {name: _COLUMNS.get(name, np.dtype(np.float64)) for name in self._files}
        columns = {name: np.empty(total, dtype) for name, dtype in dtypes.items()}
        for name, column in columns.items():
            size, number = column.itemsize, self._files[name].fileno()
            view, done = column.data.cast("B"), 0
            for _, start, count in runs.tolist():
                end = done + count * size
                _read_fully(number, view[done:end], start * size)
                done = end
        return Rows(**columns)


def _write_fully(file: IO[bytes], data: memoryview) -> None:
    """A disk that is nearly full takes less than it is given, before it takes nothing."""
    view, done = data.cast("B"), 0
    while done < len(view):
        done += file.write(view[done:])


def _read_fully(number: int, view: memoryview, offset: int) -> None:
    done = 0
    while done < len(view):
        count = os.preadv(number, [view[done:]], offset + done)
        if not count:
            raise EOFError("the temporary folder lost rows that wait in it")
        done += count
