"""A run's own copies of what it published: what a repair puts back."""

from __future__ import annotations

from smartwatts_ml.errors import NotFoundError, TrustError, UsageError
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.folders import check_run_id
from smartwatts_ml.store import HistoryEntry

__all__ = ["run_copy"]


def run_copy(objects: Objects, entry: HistoryEntry) -> bytes | None:
    """The file that an entry put in force, from the run that made it; None where the run has
    no such bytes. What is given back is verified by digest."""
    for name in (f"{entry.model}.tflite", "refitted.tflite"):
        try:
            key = f"runs/{check_run_id(entry.run_id)}/{entry.model}/{name}"
            data = objects.read(key, entry.size).data
        except (NotFoundError, TrustError, UsageError):
            continue
        if sha256_of(data) == entry.sha256:
            return data
    return None
