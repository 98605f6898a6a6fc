"""What a scheduler's tasks tell of a root to systems that watch it, beside what they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.table.log import TABLE
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages import gauges
from smartwatts_ml.stages.gauges import Gauge
from smartwatts_ml.store import open_store

__all__ = ["made_of", "measure", "measure_waiting", "readings_address"]


def _open(root: str) -> tuple[Objects, Settings]:
    return open_root(root, writable=False), settings(root=root)


def measure(root: str) -> list[Gauge]:
    """What the root's condition is in numbers."""
    return gauges.measure(*_open(root))


def measure_waiting(waiting: Mapping[str, Any]) -> list[Gauge]:
    """The part of that which ``tasks.new_readings`` has found out."""
    return gauges.waiting_gauges(waiting)


def readings_address(root: str) -> str:
    """Where the table of readings is."""
    return _open(root)[0].uri(TABLE)


def made_of(root: str, model: str, version: int) -> dict[str, Any]:
    """Addresses of ``readings`` and ``model``, and the ``snapshot`` that a version was made of.
    Raises TrustError where its manifest is not to be believed."""
    objects, current = _open(root)
    manifest = open_store(objects, current).manifest(model, version)
    return {
        "readings": objects.uri(TABLE),
        "snapshot": int(manifest.snapshot["version"]),
        "model": objects.uri(f"models/{model}"),
    }
