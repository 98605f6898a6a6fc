"""Parts of one month and bucket → one part, sorted like the others, with all of their rows or
without those of some arrivals."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smartwatts_ml.readings.columns import ARRIVAL, CHANNEL, HELD, INTERVAL, SITE, TIMESTAMP
from smartwatts_ml.readings.sites import DeviceSpan, summarise
from smartwatts_ml.readings.table.part_files import (
    PART_SCHEMA,
    merge_devices,
    write_part,
)
from smartwatts_ml.readings.table.snapshot_readings import TablePart, read_footers
from smartwatts_ml.readings.table.table import ReadingsTable
from smartwatts_ml.readings.table.written_part import WrittenPart

__all__ = ["rewrite"]

_BATCH_ROWS = 1 << 16
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "192MB", "threads": 1}


def rewrite(
    table: ReadingsTable, parts: Sequence[TablePart], place: Path, without: Collection[int] = ()
) -> WrittenPart | None:
    """One part in a new file of ``place`` with the rows of ``parts``, but for those of the
    arrivals ``without``; None where no row is left. Memory is bounded."""
    paths = []
    for number, part in enumerate(parts):
        paths.append(str(place / f"{number}.parquet"))
        table.objects.fetch(part.key, Path(paths[-1]))
    with duckdb.connect(config=_CONFIG | {"temp_directory": str(place / "sorting")}) as database:
        database.register("every_column", PART_SCHEMA.empty_table())  # older parts lack some
        kept = _Kept(database, paths, without)
        arrivals = kept.arrivals()
        if arrivals is None:
            return None
        devices = kept.devices() if without else merge_devices(read_footers(table.objects, parts))
        path = place / f"{uuid.uuid4().hex}.parquet"
        write_part(path, kept.tables(PART_SCHEMA.names), devices)
    return WrittenPart.of_devices(path, parts[0].month, parts[0].bucket, devices, arrivals)


class _Kept:
    """The rows of some files that stay."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, paths: list[str], without: Collection[int]
    ) -> None:
        self._database = database
        self._from = f"""FROM (
            SELECT * FROM read_parquet(?, hive_partitioning = false, union_by_name = true)
            UNION ALL BY NAME SELECT * FROM every_column)
            WHERE NOT list_contains(?::BIGINT[], {ARRIVAL})"""
        self._given = [paths, sorted(without)]

    def arrivals(self) -> tuple[int, int] | None:
        """The lowest and the highest; None where no row stays."""
        query = f"SELECT min({ARRIVAL}), max({ARRIVAL}) {self._from}"
        ((first, last),) = self._database.execute(query, self._given).fetchall()
        return None if first is None else (first, last)

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Sorted rows, in pieces."""
        rows = self._database.sql(
            f"""SELECT {", ".join(columns)} {self._from}
            ORDER BY {SITE}, {CHANNEL}, {TIMESTAMP}, {ARRIVAL}""",
            params=self._given,
        ).to_arrow_reader(_BATCH_ROWS)
        schema = pa.schema([PART_SCHEMA.field(name) for name in columns])
        for batch in rows:
            yield pa.Table.from_batches([batch]).cast(schema)

    def devices(self) -> list[DeviceSpan]:
        """What there is of each device, in order."""
        devices: list[DeviceSpan] = []
        waiting: list[pa.Table] = []
        for table in self.tables([SITE, CHANNEL, TIMESTAMP, INTERVAL, HELD]):
            for rows in _by_device(table):
                if waiting and _name_of(rows) != _name_of(waiting[0]):
                    devices.append(_summary(pa.concat_tables(waiting)))
                    waiting = []
                waiting.append(rows)
        return [*devices, _summary(pa.concat_tables(waiting))]


def _by_device(table: pa.Table) -> Iterator[pa.Table]:
    """Runs of rows of one device."""
    codes = [
        table[name].combine_chunks().dictionary_encode().indices.to_numpy()
        for name in (SITE, CHANNEL)
    ]
    changes = np.any([np.diff(code) != 0 for code in codes], axis=0)
    starts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(table)]
    for start, end in itertools.pairwise(starts):
        yield table.slice(start, end - start)


def _name_of(rows: pa.Table) -> tuple[str, str]:
    return rows[SITE][0].as_py(), rows[CHANNEL][0].as_py()


def _summary(rows: pa.Table) -> DeviceSpan:
    return summarise(
        *_name_of(rows),
        rows[TIMESTAMP].cast(pa.int64()).to_numpy(),
        pc.fill_null(rows[INTERVAL], np.nan).to_numpy(),
        pc.fill_null(rows[HELD], False).to_numpy(),
    )
