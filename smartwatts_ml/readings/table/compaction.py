"""Many small parts of one month and bucket → one, sorted like the others.

Every reading stays, superseded ones too, so that nothing but the files changes.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa

from smartwatts_ml.errors import ChangedError
from smartwatts_ml.readings.columns import ARRIVAL, CHANNEL, SITE, TIMESTAMP
from smartwatts_ml.readings.table.part_files import (
    PART_SCHEMA,
    WrittenPart,
    merge_devices,
    write_part,
)
from smartwatts_ml.readings.table.snapshot_readings import TablePart, read_footers
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["SMALL_FILES", "compact"]

SMALL_FILES = 12
"""So many small parts of one month and bucket are worth one larger."""
_SMALL_ROWS = 1 << 19
_LARGEST_ROWS = 1 << 22
_BATCH_ROWS = 1 << 16
_MEMORY = "192MB"


def compact(table: ReadingsTable, folder: Path, enough: int = SMALL_FILES) -> int:
    """Join small parts where at least ``enough`` of them lie together; how many went.

    Uses ``folder`` for temporary files. Where somebody else has replaced a part meanwhile,
    that month and bucket is left to him.
    """
    gone = 0
    for group in _groups(table.parts(), enough):
        place = folder / f"compact-{uuid.uuid4().hex}"
        place.mkdir()
        try:
            merged = _merge(table, group, place)
            table.replace(group, table.upload([merged]))
            gone += len(group)
        except ChangedError:
            table.reload()
        finally:
            shutil.rmtree(place)
    return gone


def _groups(parts: list[TablePart], enough: int) -> Iterator[list[TablePart]]:
    for _, together in groupby(parts, key=lambda part: (part.month, part.bucket)):
        group: list[TablePart] = []
        rows = 0
        for part in sorted(together, key=lambda part: part.rows):
            if part.rows <= _SMALL_ROWS and rows + part.rows <= _LARGEST_ROWS:
                group.append(part)
                rows += part.rows
        if len(group) >= enough:
            yield group


def _merge(table: ReadingsTable, group: list[TablePart], place: Path) -> WrittenPart:
    paths = []
    for number, part in enumerate(group):
        paths.append(str(place / f"{number}.parquet"))
        table.objects.fetch(part.key, Path(paths[-1]))
    devices = merge_devices(read_footers(table.objects, group))
    path = place / "merged.parquet"
    with duckdb.connect(config={"memory_limit": _MEMORY, "threads": 1}) as database:
        database.register("every_column", PART_SCHEMA.empty_table())  # older parts lack some
        rows = database.sql(
            f"""SELECT {", ".join(PART_SCHEMA.names)} FROM (
                SELECT * FROM read_parquet(?, hive_partitioning = false, union_by_name = true)
                UNION ALL BY NAME SELECT * FROM every_column)
            ORDER BY {SITE}, {CHANNEL}, {TIMESTAMP}, {ARRIVAL}""",
            params=[paths],
        ).to_arrow_reader(_BATCH_ROWS)
        write_part(path, (_typed(batch) for batch in rows), devices)
    return WrittenPart(path, group[0].month, group[0].bucket, tuple(devices))


def _typed(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch]).cast(PART_SCHEMA)
