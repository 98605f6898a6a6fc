"""Old readings go, and files that nothing needs any more; pinned snapshots stay readable.

A snapshot is pinned for as long as the folder of its run is there.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from smartwatts_ml.errors import ChangedError, NotFoundError
from smartwatts_ml.jsontext import parsed_document
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table.table import ReadingsTable

__all__ = ["drop_before", "pinned_versions", "vacuum"]


@dataclass(frozen=True)
class _Pin:
    """What a run's snapshot.json says of the table's version."""

    version: int


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
            table.replace(old, [], dropped=rows)
            break
    return rows


def pinned_versions(objects: Objects) -> list[int]:
    """Versions of the table that runs stand on. Raises StoreError where a run does not say."""
    versions = set()
    for run in objects.folders("runs/"):
        with suppress(NotFoundError):
            key = f"runs/{run}/snapshot.json"
            data, fix = objects.read(key).data, "remove the folder of this run"
            versions.add(parsed_document(_Pin, data, objects.uri(key), fix).version)
    return sorted(versions)


def vacuum(table: ReadingsTable, hours: int, *, dry_run: bool) -> list[str]:
    """Delete files that neither the newest version nor a pinned one holds and that are older
    than ``hours``, which has to outlast the longest ingest; their paths in the table."""
    return table.vacuum(hours, pinned_versions(table.objects), dry_run=dry_run)
