"""Old readings go; pinned snapshots stay readable until a vacuum that finds no pin."""

from __future__ import annotations

from contextlib import suppress

from smartwatts_ml.errors import ChangedError
from smartwatts_ml.readings.table.changes import Exchange
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["drop_before"]


def drop_before(table: ReadingsTable, month: str) -> int:
    """Take months before ``month`` (``2024-05``) out of the newest version; rows that went.

    Earlier snapshots keep them until a vacuum that finds no pin.
    """
    rows = 0
    for _ in table.attempts():
        old = [part for part in table.parts() if part.month < month]
        rows = sum(part.rows for part in old)
        if not old:
            break
        with suppress(ChangedError):
            table.replace(Exchange(old, [], gone=rows))
            break
    return rows
