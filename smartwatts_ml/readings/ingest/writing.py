"""What is staged → part files, one shard after the other, sorted and without duplicates."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.readings.columns import BUCKETS
from smartwatts_ml.readings.ingest.intervals import Intervals
from smartwatts_ml.readings.ingest.series import SeriesGroup, series_groups, shard_groups
from smartwatts_ml.readings.ingest.settling import Dropped, drop_repeats, settle, sort_rows
from smartwatts_ml.readings.ingest.spill import Rows, Spill
from smartwatts_ml.readings.ingest.staged import Staged, count_files
from smartwatts_ml.readings.ingest.staging import Staging, Taken, month_of_all, months_of
from smartwatts_ml.readings.sites import DeviceSpan
from smartwatts_ml.readings.table.part_files import (
    PART_SCHEMA,
    summarise_all,
    write_part,
)
from smartwatts_ml.readings.table.written_part import WrittenPart

__all__ = ["OverfullError", "Writing", "write_staged"]

_WORKERS = 2
_ROWS_A_PART = 1 << 20
_ROWS_A_PIECE = 1 << 18
"""Of a shard that is larger than a part: two of its pieces are written at a time."""


class OverfullError(Exception):
    """A file has so many different values for one device and stamp that they do not fit into
    memory: its number, and how many."""

    def __init__(self, file: int, values: int) -> None:
        super().__init__(file, values)
        self.file = file
        self.values = values


@dataclass(frozen=True)
class Writing:
    """Parts, and by file the rows in them, the duplicates and parts of readings that are not
    (among these those that lack others), and the rows that were dropped."""

    parts: list[WrittenPart] = field(default_factory=list)
    rows: Counter[int] = field(default_factory=Counter)
    duplicates: Counter[int] = field(default_factory=Counter)
    netted: Counter[int] = field(default_factory=Counter)
    incomplete: Counter[int] = field(default_factory=Counter)
    dropped: list[Dropped] = field(default_factory=list)


def write_staged(
    staging: Staging, files: Collection[int], intervals: Intervals, taken: Taken | None = None
) -> Writing:
    """Write the rows of some of the files; the parts lie in the staging's folder. ``taken``
    says what the table has. Raises OverfullError where one of them cannot be."""
    job = _Job(staging, files, staging.staged(intervals, taken))
    pa.default_memory_pool().release_unused()  # what scanning needed
    done = Writing()
    for some in job.write_series() if staging.by_series else job.write_shards():
        done.parts.extend(some.parts)
        done.rows.update(some.rows)
        done.duplicates.update(some.duplicates)
        done.netted.update(some.netted)
        done.incomplete.update(some.incomplete)
        done.dropped.extend(some.dropped)
    return done


class _Job:
    def __init__(self, staging: Staging, files: Collection[int], staged: Staged) -> None:
        self._staging = staging
        self._staged = staged
        self._wanted = np.array(sorted(files), np.int32)
        self._all = len(files) == len(staging.arrivals)
        self._devices, self._ranks = staging.devices.ranked()
        self._arrivals = np.array(staging.arrivals, np.int64)

    def write_shards(self) -> Iterator[Writing]:
        """Of rows that mean something by themselves: month by month."""
        return map_ahead(self._write_shard, self._staging.spill.sizes().items(), _WORKERS)

    def write_series(self) -> Iterator[Writing]:
        """Of rows that need those before and after them: whole devices settle, and go on to
        their months."""
        folder = self._staging.folder / uuid.uuid4().hex
        folder.mkdir()
        settled = Spill(folder / "settled")
        ranks = self._ranks[self._staged.wholes]
        for groups in series_groups(self._staging.spill, ranks, folder):
            for done, rows in map_ahead(self._settle_group, groups, _WORKERS):
                if len(rows):
                    settled.add(self._staging.shards_of(rows), rows)
                yield done

        def write(shard: int) -> Writing:
            done = Writing()
            for rows in settled.pieces(shard, _ROWS_A_PIECE):
                done.parts.extend(self._write_months(sort_rows(rows, self._ranks), shard))
            return done

        yield from map_ahead(write, settled.sizes(), _WORKERS)
        settled.close()
        folder.rmdir()

    def _settle_group(self, group: SeriesGroup) -> tuple[Writing, Rows]:
        done = Writing()
        return done, self._settle(self._gathered(group.pieces(), done.duplicates), done)

    def _write_shard(self, shard: tuple[int, int]) -> Writing:
        """Settle and write the rows of one month and bucket."""
        number, size = shard
        done = Writing()
        for rows in self._groups(number, size, done.duplicates):
            done.parts.extend(self._write_months(self._settle(rows, done), number))
        return done

    def _settle(self, rows: Rows, done: Writing) -> Rows:
        settled = settle(rows, self._staged)
        done.duplicates.update(settled.duplicates)
        done.netted.update(settled.netted)
        done.incomplete.update(settled.incomplete)
        done.dropped.extend(settled.dropped)
        done.rows.update(count_files(self._staged.files(settled.rows)))
        return settled.rows

    def _groups(self, shard: int, size: int, duplicates: Counter[int]) -> Iterator[Rows]:
        """The shard's rows, in groups that fit into memory, in the table's order."""
        spill = self._staging.spill
        if size <= _ROWS_A_PART:
            yield self._wanted_of(spill.read(shard))
            return
        for group in shard_groups(spill, shard, self._ranks, self._staging.folder):
            yield self._gathered(group.pieces(), duplicates)

    def _gathered(self, pieces: Iterable[Rows], duplicates: Counter[int]) -> Rows:
        """The wanted rows of a group, however often they are repeated. Raises OverfullError where
        too many are of one device and stamp."""
        rows = [Rows.none()]
        for piece in pieces:
            rows.append(self._wanted_of(piece))
            if sum(map(len, rows)) > 2 * _ROWS_A_PART:
                fewer, repeats = drop_repeats(Rows.join(rows), self._staged)
                rows = [fewer]
                duplicates.update(repeats)
                if len(fewer) > _ROWS_A_PART:
                    files = count_files(self._staged.files(fewer))
                    raise OverfullError(*files.most_common(1)[0])
        return Rows.join(rows)

    def _wanted_of(self, rows: Rows) -> Rows:
        return rows if self._all else rows.take(np.isin(self._staged.files(rows), self._wanted))

    def _write_months(self, rows: Rows, shard: int) -> list[WrittenPart]:
        return [self._write(of_month, month, shard) for month, of_month in _by_month(rows)]

    def _write(self, rows: Rows, month: int, shard: int) -> WrittenPart:
        path = self._staging.folder / f"{uuid.uuid4().hex}.parquet"
        arrivals = self._arrivals[self._staged.files(rows)]
        table, devices = self._table(rows, arrivals)
        write_part(path, [table], devices)
        return WrittenPart.of_devices(
            path,
            str(np.datetime64(month, "M")),
            shard % BUCKETS,
            devices,
            (int(arrivals.min()), int(arrivals.max())),
        )

    def _table(self, rows: Rows, arrivals: np.ndarray) -> tuple[pa.Table, list[DeviceSpan]]:
        starts = np.flatnonzero(np.append(True, rows.devices[1:] != rows.devices[:-1]))
        counts = np.diff(np.append(starts, len(rows)))
        names = [self._devices[rank] for rank in self._ranks[rows.devices[starts]].tolist()]
        held = self._staged.measured(rows, lambda measure: measure.held)
        devices = summarise_all(names, rows.stamps, starts, rows.seconds, held)
        counted = self._staged.measured(rows, lambda measure: measure.quantity == "total")
        unlabelled = rows.labels == 0
        columns = [
            pa.array(rows.stamps).view(PART_SCHEMA.field(0).type),
            _repeated([site for site, _ in names], counts),
            _repeated([channel for _, channel in names], counts),
            _array(rows.values.astype(np.float32), counted),
            _array(rows.labels.astype(np.int8) - np.int8(1), unlabelled),
            pa.array(arrivals),
            _array(rows.values, ~counted) if counted.any() else pa.nulls(len(rows), pa.float64()),
            _known(rows.seconds, len(rows)),
            _array(held, ~held) if held.any() else pa.nulls(len(rows), pa.bool_()),
        ]
        return pa.table(columns, names=PART_SCHEMA.names), devices


def _by_month(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Rows of each month: of one alone, but for ends of intervals."""
    if not len(rows):
        return
    only = month_of_all(rows.stamps)
    if only is not None:
        yield only, rows
        return
    months = months_of(rows.stamps)
    for month in np.unique(months).tolist():
        yield month, rows.take(months == month)


def _array(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    if not missing.any():
        return pa.array(values)
    if missing.all():
        return pa.nulls(len(values), pa.from_numpy_dtype(values.dtype))
    return pa.array(values, mask=missing)


def _known(seconds: np.ndarray | None, count: int) -> pa.Array:
    if seconds is None:
        return pa.nulls(count, pa.float64())
    return _array(seconds, np.isnan(seconds))


def _repeated(texts: list[str], counts: np.ndarray) -> pa.DictionaryArray:
    distinct = list(dict.fromkeys(texts))
    places = {text: place for place, text in enumerate(distinct)}
    codes = np.repeat(np.array([places[text] for text in texts], np.int32), counts)
    return pa.DictionaryArray.from_arrays(codes, distinct)
