"""Columns and properties of the readings table."""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable, Field, Schema

from smartwatts_ml.jsontext import json_text, parsed_document
from smartwatts_ml.readings.columns import (
    ARRIVAL,
    BUCKET,
    CHANNEL,
    MONTH,
    PARTITIONS,
    SITE,
    TIMESTAMP,
)
from smartwatts_ml.readings.site_clocks import SiteClocks
from smartwatts_ml.readings.table.delta import BlankTable
from smartwatts_ml.readings.table.part_files import PART_SCHEMA

__all__ = ["SCHEMA", "blank_readings", "clocks_of", "clocks_property", "columns_since"]

_CLOCKS = "smartwatts.clocks"

SCHEMA = pa.schema([*PART_SCHEMA, (MONTH, pa.string()), (BUCKET, pa.int32())])
_CONFIGURATION = {
    "delta.dataSkippingStatsColumns": f"{TIMESTAMP},{SITE},{CHANNEL},{ARRIVAL}",
    # Old snapshots stay readable until upkeep says otherwise.
    "delta.enableExpiredLogCleanup": "false",
    # Whoever opens the table reads the commits since the last checkpoint, one by one.
    "delta.checkpointInterval": "10",
}


def columns_since(table: DeltaTable) -> list[Field]:
    """Columns that came since the table was made."""
    known = {field.name for field in table.schema().fields}
    return [field for field in Schema.from_arrow(SCHEMA).fields if field.name not in known]


def blank_readings(clocks: SiteClocks | None) -> BlankTable:
    """The table of a root that has no readings yet."""
    kept = _CONFIGURATION | (clocks_property(clocks) if clocks else {})
    return BlankTable("readings", SCHEMA, PARTITIONS, kept)


def clocks_property(clocks: SiteClocks) -> dict[str, str]:
    """The property that keeps by which clocks sites live."""
    return {_CLOCKS: json_text(clocks)}


def clocks_of(table: DeltaTable, where: str) -> SiteClocks | None:
    """What the version at hand keeps; None where it is of an older release. Raises StoreError
    where that is damaged."""
    text = table.metadata().configuration.get(_CLOCKS)
    if text is None:
        return None
    fix = f"set the table property {_CLOCKS} right, or unset it"
    return parsed_document(SiteClocks, text.encode(), f"{_CLOCKS} of {where}", fix)
