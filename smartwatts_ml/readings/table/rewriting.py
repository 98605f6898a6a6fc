"""Parts of one month and bucket → one part, sorted like the others, with all of their rows or
without those of some arrivals."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from smartwatts_ml.readings.columns import ARRIVAL, CHANNEL, SITE, TIMESTAMP
from smartwatts_ml.readings.sites import DeviceSpan, summarise
from smartwatts_ml.readings.table.part_files import (
    PART_SCHEMA,
    WrittenPart,
    merge_devices,
    write_part,
)
from smartwatts_ml.readings.table.snapshot_readings import TablePart, read_footers
from smartwatts_ml.readings.table.table import ReadingsTable

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
        kept = _Kept(database, paths, without)
        arrivals = kept.arrivals()
        if arrivals is None:
            return None
        devices = kept.devices() if without else merge_devices(read_footers(table.objects, parts))
        path = place / f"{uuid.uuid4().hex}.parquet"
        write_part(path, kept.tables(PART_SCHEMA.names), devices)
    return WrittenPart(path, parts[0].month, parts[0].bucket, tuple(devices), arrivals)


class _Kept:
    """The rows of some files that stay."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, paths: list[str], without: Collection[int]
    ) -> None:
        self._database = database
        self._from = f"""FROM read_parquet(?, hive_partitioning = false, union_by_name = true)
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
        name: tuple[Any, Any] | None = None
        waiting: list[np.ndarray] = []
        for table in self.tables([SITE, CHANNEL, TIMESTAMP]):
            for new_name, stamps in _by_device(table):
                if name is not None and new_name != name:
                    devices.append(summarise(*name, np.concatenate(waiting)))
                    waiting = []
                name = new_name
                waiting.append(stamps)
        if name is not None:
            devices.append(summarise(*name, np.concatenate(waiting)))
        return devices


def _by_device(table: pa.Table) -> Iterator[tuple[tuple[Any, Any], np.ndarray]]:
    """Site and channel, and stamps (µs), of each run of rows of one device."""
    columns = (table[SITE], table[CHANNEL])
    codes = [column.combine_chunks().dictionary_encode().indices.to_numpy() for column in columns]
    stamps = table[TIMESTAMP].combine_chunks().view(pa.int64()).to_numpy()
    changes = np.any([np.diff(code) != 0 for code in codes], axis=0)
    starts = np.append(0, np.flatnonzero(changes) + 1)
    for start, end in zip(starts, np.append(starts[1:], len(stamps)), strict=True):
        name = (columns[0][int(start)].as_py(), columns[1][int(start)].as_py())
        yield name, stamps[start:end]
