"""Columns and settings of the readings table."""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable, Field, Schema

from smartwatts_ml.readings.columns import ARRIVAL, BUCKET, CHANNEL, MONTH, SITE, TIMESTAMP
from smartwatts_ml.readings.table.part_files import PART_SCHEMA

__all__ = ["CONFIGURATION", "SCHEMA", "columns_since"]

SCHEMA = pa.schema([*PART_SCHEMA, (MONTH, pa.string()), (BUCKET, pa.int32())])
CONFIGURATION = {
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
