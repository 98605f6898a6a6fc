"""Beacons as a sort of records: a gateway says one thing of a model's version in an hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, ClassVar, Final

import pyarrow as pa

from smartwatts_ml.fleet.beacon import NEEDED, Beacon, read_beacon
from smartwatts_ml.objects import Objects
from smartwatts_ml.records.intake import RecordsTaken, take_records
from smartwatts_ml.records.sort import Sort
from smartwatts_ml.records.table import RecordTable

__all__ = ["BEACONS", "existing_beacons", "take_beacons"]

_HOUR_US = 3_600_000_000


class _Beacons(Sort[Beacon]):
    name = "beacons"
    needed = NEEDED
    fix = "JSON lines, or CSV with a header, as docs/fleet.md has them"
    columns: ClassVar[Mapping[str, pa.DataType]] = {
        "gateway": pa.string(),
        "model": pa.string(),
        "version": pa.int32(),
        "time": pa.timestamp("us", "UTC"),
        "serial": pa.int32(),
        "hours": pa.float32(),
        "runtime": pa.string(),
        "loaded": pa.bool_(),
        "runs": pa.int32(),
        "failures": pa.int32(),
        "latency_ms": pa.float32(),
        "error": pa.float64(),
        "scale": pa.float64(),
        "alerts": pa.int32(),
        "trouble": pa.string(),
        "arrived": pa.timestamp("us", "UTC"),
    }
    time = "time"
    subject = ("gateway", "model", "version", f"time // {_HOUR_US}")
    sorted_by = ("model", "gateway")

    def read(self, fields: Mapping[str, Any]) -> Beacon:
        return read_beacon(fields)

    def as_of(self, record: Beacon, arrived: datetime) -> Beacon:
        return record if record.time <= arrived else replace(record, time=arrived)

    def source(self, record: Beacon) -> str:
        return record.gateway

    def row(self, record: Beacon, arrived: datetime, number: int, digest: str) -> dict[str, Any]:
        said = {column.name: getattr(record, column.name) for column in fields(record)}
        return said | {"arrived": arrived}


BEACONS: Final = _Beacons()


def existing_beacons(objects: Objects) -> RecordTable[Beacon] | None:
    """The table of a root; None where there is none, and none is made."""
    return RecordTable.existing(objects, BEACONS)


def take_beacons(objects: Objects, kept_months: int = 0) -> RecordsTaken:
    """Add every file of ``landing/beacons/`` that is new. Months before the ``kept_months`` that
    end with the newest leave the table then; 0: none do."""
    return take_records(objects, BEACONS, kept_months)
