"""Part files of the readings table: Parquet that says itself which devices it holds.

A part holds rows of one month and bucket, sorted by site, channel and time, in row groups
small enough that reading one site skips most of them. Its footer lists its devices, so
that totals, spans and coverage are known from metadata.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smartwatts_ml.readings.columns import (
    ANOMALY,
    ARRIVAL,
    CHANNEL,
    CONSUMPTION,
    SITE,
    TIMESTAMP,
    TOTAL,
)
from smartwatts_ml.readings.resample import native_interval

__all__ = [
    "PART_SCHEMA",
    "DevicePart",
    "devices_of",
    "merge_devices",
    "read_site",
    "summarise",
    "write_part",
]

PART_SCHEMA = pa.schema(
    [
        (TIMESTAMP, pa.timestamp("us", "UTC")),
        (SITE, pa.string()),
        (CHANNEL, pa.string()),
        (CONSUMPTION, pa.float32()),
        (ANOMALY, pa.int8()),
        (ARRIVAL, pa.int64()),
        (TOTAL, pa.float64()),
    ]
)
FOOTER_KEY = "smartwatts.devices"
ROW_GROUP = 1 << 16
WRITER: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": [SITE, CHANNEL, ANOMALY, ARRIVAL],
    "column_encoding": {TIMESTAMP: "DELTA_BINARY_PACKED"},
    "write_statistics": [TIMESTAMP, SITE, CHANNEL],
    "store_schema": False,
}


@dataclass(frozen=True)
class DevicePart:
    """What a part holds of one device: ``first`` and ``last`` stamp and the most common
    spacing, all in µs."""

    site: str
    channel: str
    rows: int
    first: int
    last: int
    native: int

    @property
    def coverage(self) -> float | None:
        """Rows there are, of those that the span could hold at this spacing, at most 1; None
        where there is no spacing."""
        if not self.native:
            return None
        return min(1.0, self.rows * self.native / (self.last + self.native - self.first))


def merge_devices(footers: Iterable[Sequence[DevicePart]]) -> list[DevicePart]:
    """Devices of several parts, sorted; the spacing is that of the part with most rows."""
    found: dict[tuple[str, str], list[DevicePart]] = defaultdict(list)
    for footer in footers:
        for device in footer:
            found[device.site, device.channel].append(device)
    return [
        DevicePart(
            site,
            channel,
            sum(part.rows for part in parts),
            min(part.first for part in parts),
            max(part.last for part in parts),
            max(parts, key=lambda part: (part.rows, part.first)).native,
        )
        for (site, channel), parts in sorted(found.items())
    ]


def summarise(site: str, channel: str, stamps: np.ndarray) -> DevicePart:
    """``stamps`` int64 µs, sorted, shape (n,), n > 0."""
    return DevicePart(
        site, channel, len(stamps), int(stamps[0]), int(stamps[-1]), native_interval(stamps)
    )


def write_part(path: Path, tables: Iterable[pa.Table], devices: Sequence[DevicePart]) -> None:
    """Write sorted tables (columns of ``PART_SCHEMA``, text as strings or dictionaries)."""
    footer = [
        [part.site, part.channel, part.rows, part.first, part.last, part.native] for part in devices
    ]
    writer: pq.ParquetWriter | None = None
    for table in tables:
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, **WRITER)
        writer.write_table(table, row_group_size=ROW_GROUP)
    if writer is None:
        raise ValueError("a part has at least one table")
    writer.add_key_value_metadata({FOOTER_KEY: json.dumps(footer, separators=(",", ":"))})
    writer.close()


def devices_of(file: BinaryIO) -> list[DevicePart]:
    """The devices of a part, from its footer. A part that another program wrote has none
    there, so its rows are looked at."""
    part = pq.ParquetFile(file)
    kept = (part.metadata.metadata or {}).get(FOOTER_KEY.encode())
    if kept is not None:
        return [DevicePart(*fields) for fields in json.loads(kept)]
    rows = part.read(columns=[SITE, CHANNEL, TIMESTAMP], use_threads=False)
    rows = rows.sort_by([(name, "ascending") for name in (SITE, CHANNEL, TIMESTAMP)])
    found = []
    for device in rows.group_by([SITE, CHANNEL]).aggregate([]).to_pylist():
        site, channel = device[SITE], device[CHANNEL]
        mine = rows.filter(pc.and_(pc.equal(rows[SITE], site), pc.equal(rows[CHANNEL], channel)))
        found.append(summarise(site, channel, mine[TIMESTAMP].cast(pa.int64()).to_numpy()))
    return found


def read_site(file: BinaryIO, site: str, channels: Sequence[str]) -> pa.Table:
    """Rows of some channels of one site, without the columns of the site; row groups that
    cannot hold it are skipped."""
    part = pq.ParquetFile(file, read_dictionary=[SITE, CHANNEL])
    groups = _groups_with(part.metadata, site)
    rows = part.read_row_groups(groups, columns=PART_SCHEMA.names, use_threads=False)
    if TOTAL not in rows.column_names:  # written before totals were kept
        rows = rows.append_column(TOTAL, pa.nulls(len(rows), pa.float64()))
    wanted = pc.and_(
        pc.equal(rows[SITE], site), pc.is_in(rows[CHANNEL], value_set=pa.array(list(channels)))
    )
    return rows.filter(wanted).drop_columns([SITE])


def _groups_with(metadata: pq.FileMetaData, site: str) -> list[int]:
    """Row groups whose statistics do not rule the site out."""
    place = metadata.schema.names.index(SITE)
    groups = []
    for number in range(metadata.num_row_groups):
        told = metadata.row_group(number).column(place).statistics
        if told is None or not told.has_min_max or told.min <= site <= told.max:
            groups.append(number)
    return groups
