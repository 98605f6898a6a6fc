"""Rows of some files leave the table: the parts that hold them are written anew without."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.readings.columns import ARRIVAL
from smartwatts_ml.readings.table.changes import Exchange
from smartwatts_ml.readings.table.rewriting import rewrite
from smartwatts_ml.readings.table.snapshot_readings import TablePart
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["take_back"]

_READ_AT_ONCE = 8


def take_back(table: ReadingsTable, arrivals: Collection[int], folder: Path) -> Exchange:
    """What takes the rows of these arrivals out of the version at hand, for a commit: nothing
    has changed before that. Uses ``folder`` for temporary files."""
    old: list[TablePart] = []
    new = []
    kept = 0
    for part in _holding(table, arrivals):
        place = folder / f"back-{uuid.uuid4().hex}"
        place.mkdir()
        try:
            written = rewrite(table, [part], place, arrivals)
            if written is not None:
                kept += written.rows
                new += table.upload([written])
        finally:
            shutil.rmtree(place)
        old.append(part)
    return Exchange(old, new, gone=sum(part.rows for part in old) - kept)


def _holding(table: ReadingsTable, arrivals: Collection[int]) -> list[TablePart]:
    """Parts with rows of one of these arrivals; of others the log tells most."""
    wanted = pa.array(sorted(arrivals), pa.int64())

    def holds(part: TablePart) -> bool:
        with table.objects.open(part.key) as file:
            column = pq.ParquetFile(file).read([ARRIVAL], use_threads=False)[ARRIVAL]
        return bool(pc.any(pc.is_in(column, wanted)).as_py())

    parts = [part for part in table.parts() if any(map(part.may_hold_arrival, arrivals))]
    answers = map_ahead(holds, parts, _READ_AT_ONCE)
    return [part for part, answer in zip(parts, answers, strict=True) if answer]
