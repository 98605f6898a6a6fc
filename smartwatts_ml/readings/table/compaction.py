"""Many small parts of one month and bucket → one, sorted like the others.

Every reading stays, superseded ones too, so that nothing but the files changes.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from smartwatts_ml.errors import ChangedError
from smartwatts_ml.readings.table.changes import Exchange
from smartwatts_ml.readings.table.rewriting import rewrite
from smartwatts_ml.readings.table.snapshot_readings import TablePart
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["SMALL_FILES", "compact"]

SMALL_FILES = 12
"""So many small parts of one month and bucket are worth one larger."""
_SMALL_ROWS = 1 << 19
_LARGEST_ROWS = 1 << 22


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
            merged = rewrite(table, group, place)
            table.replace(Exchange(group, table.upload([merged] if merged else [])))
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
