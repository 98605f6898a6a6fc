"""Old readings go, and files that nothing needs any more; pinned snapshots stay readable.

A snapshot is pinned for as long as the folder of its run is there.
"""

from __future__ import annotations

import json

from smartwatts_ml.errors import ChangedError, StoreError
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["drop_before", "pinned_versions", "vacuum"]

ATTEMPTS = 20


def drop_before(table: ReadingsTable, month: str) -> int:
    """Take months before ``month`` (``2024-05``) out of the newest version; rows that went.

    Earlier snapshots keep them until a vacuum that finds no pin.
    """
    for _ in range(ATTEMPTS):
        old = [part for part in table.parts() if part.month < month]
        rows = sum(part.rows for part in old)
        if not old:
            return 0
        try:
            table.replace(old, [], dropped=rows)
        except ChangedError:
            table.reload()
            continue
        return rows
    raise StoreError("the readings table is being written by others without a pause")


def pinned_versions(objects: Objects) -> list[int]:
    """Versions of the table that runs stand on."""
    found = {
        int(json.loads(objects.read(info.key).data)["version"])
        for info in objects.list("runs/")
        if info.key.endswith("/snapshot.json")
    }
    return sorted(found)


def vacuum(table: ReadingsTable, hours: int, *, dry_run: bool) -> list[str]:
    """Delete files that neither the newest version nor a pinned one holds and that are older
    than ``hours``, which has to outlast the longest ingest; their paths in the table."""
    return table.vacuum(hours, pinned_versions(table.objects), dry_run=dry_run)
