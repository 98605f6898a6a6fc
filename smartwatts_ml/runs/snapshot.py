"""Which readings a run sees: the snapshot that it pinned when it began.

It is pinned for as long as the folder of the run is there.
"""

from __future__ import annotations

from contextlib import suppress

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.table.table import Snapshot
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES, snapshot_key

__all__ = ["pin_snapshot", "pinned_versions", "read_snapshot", "snapshot_bytes"]


def pin_snapshot(objects: Objects, run_id: str, snapshot: Snapshot) -> Snapshot:
    """Fix what the run sees. A repeated call keeps the first snapshot."""
    key = snapshot_key(run_id)
    if not objects.exists(key):
        objects.write(key, snapshot_bytes(snapshot))
    return read_snapshot(objects, run_id)


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    """A snapshot as it is pinned."""
    return json_text(snapshot, indent=1).encode()


def read_snapshot(objects: Objects, run_id: str, sha256: str | None = None) -> Snapshot:
    """The run's pinned snapshot. Raises StoreError where it is gone or damaged, or is not of
    that digest."""
    try:
        return _read(objects, snapshot_key(run_id), sha256)
    except NotFoundError as error:
        raise NotFoundError(
            f"no run {run_id} in {objects.url}", fix="smartwatts train MODEL starts one"
        ) from error


def pinned_versions(objects: Objects) -> list[int]:
    """Versions of the table that runs stand on. Raises StoreError where a run does not say."""
    versions = set()
    for run in objects.folders("runs/"):
        with suppress(NotFoundError):
            versions.add(_read(objects, f"runs/{run}/snapshot.json").version)
    return sorted(versions)


def _read(objects: Objects, key: str, sha256: str | None = None) -> Snapshot:
    data = objects.read(key, MAX_RECORD_BYTES).data
    fix = "smartwatts train MODEL starts another run; remove the folder of this one"
    if sha256 is not None and sha256_of(data) != sha256:
        raise TrustError(f"{objects.uri(key)} is not what the run pinned", fix=fix)
    return parsed_document(Snapshot, data, objects.uri(key), fix)
