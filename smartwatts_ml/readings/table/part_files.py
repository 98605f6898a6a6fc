"""Part files of the readings table: Parquet that says itself which devices it holds.

A part holds rows of one month and bucket, sorted by site, channel and time. Its footer lists
its devices and how many rows each has, so totals, spans and coverage are known from
metadata, and the rows of one site are read without a look at the others.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import astuple
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
    HELD,
    INTERVAL,
    SITE,
    TIMESTAMP,
    TOTAL,
)
from smartwatts_ml.readings.sites import DeviceSpan, summarise

__all__ = [
    "PART_SCHEMA",
    "devices_of",
    "merge_devices",
    "read_site",
    "summarise_all",
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
        (INTERVAL, pa.float64()),
        (HELD, pa.bool_()),
    ]
)
_SELDOM = (ANOMALY, TOTAL, INTERVAL, HELD)
"""What most devices have none of. Statistics say so, which saves reading them; older parts, and
those that others wrote, may lack a column."""
_VALUES = (TIMESTAMP, CONSUMPTION, ARRIVAL, *_SELDOM)
_FOOTER_KEY = "smartwatts.devices"
_OLD_FIELDS = 6
_ROW_GROUP = 1 << 16
_WRITER: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": [SITE, CHANNEL, ANOMALY, ARRIVAL, INTERVAL],
    "column_encoding": {TIMESTAMP: "DELTA_BINARY_PACKED"},
    "write_statistics": [TIMESTAMP, SITE, *_SELDOM],
    "store_schema": False,
}


def merge_devices(footers: Iterable[Iterable[DeviceSpan]]) -> list[DeviceSpan]:
    """Devices of several parts, sorted; the spacing is that of the part with most rows."""
    merged: dict[tuple[str, str], DeviceSpan] = {}
    most: dict[tuple[str, str], int] = {}
    for device in itertools.chain.from_iterable(footers):
        name = (device.site, device.channel)
        known = merged.get(name)
        if known is None:
            merged[name], most[name] = device, device.rows
            continue
        larger = device.rows > most[name]
        most[name] = max(most[name], device.rows)
        merged[name] = DeviceSpan(
            *name,
            rows=known.rows + device.rows,
            first=min(known.first, device.first),
            last=max(known.last, device.last),
            native=device.native if larger else known.native,
            finest=min(filter(None, (known.finest, device.finest)), default=0),
            covered=known.covered + device.covered,
        )
    return [merged[name] for name in sorted(merged)]


def summarise_all(
    names: Sequence[tuple[str, str]],
    stamps: np.ndarray,
    starts: np.ndarray,
    seconds: np.ndarray | None = None,
    held: np.ndarray | None = None,
) -> list[DeviceSpan]:
    """``summarise`` of many devices: the stamps of each begin at its place in ``starts``."""
    ends = np.append(starts[1:], len(stamps))
    steps = np.diff(stamps, append=stamps[-1:])
    lonely = ends - starts == 1
    steps[ends - 1] = np.where(lonely, 0, steps[ends - 2])  # not to the next device
    low, high = np.minimum.reduceat(steps, starts), np.maximum.reduceat(steps, starts)
    as_long = low == high
    if seconds is not None:
        other = ~np.isnan(seconds) & (seconds * 1e6 != np.repeat(low, ends - starts))
        as_long &= ~np.logical_or.reduceat(other, starts)
    return [
        DeviceSpan.regular(
            site, channel, end - start, int(stamps[start]), int(stamps[end - 1]), step
        )
        if regular
        else summarise(
            site,
            channel,
            stamps[start:end],
            None if seconds is None else seconds[start:end],
            None if held is None else held[start:end],
        )
        for (site, channel), start, end, step, regular in zip(
            names, starts.tolist(), ends.tolist(), low.tolist(), as_long.tolist(), strict=True
        )
    ]


def write_part(path: Path, tables: Iterable[pa.Table], devices: Sequence[DeviceSpan]) -> None:
    """Write sorted tables (columns of ``PART_SCHEMA``, text as strings or dictionaries);
    ``devices`` says, in the same order, whose rows they are."""
    footer = [astuple(device) for device in devices]
    writer: pq.ParquetWriter | None = None
    for group in _row_groups(tables, devices):
        if writer is None:
            writer = pq.ParquetWriter(path, group.schema, **_WRITER)
        writer.write_table(group, row_group_size=len(group))
    if writer is None:
        raise ValueError("a part has at least one row")
    writer.add_key_value_metadata({_FOOTER_KEY: json.dumps(footer, separators=(",", ":"))})
    writer.close()


def _row_groups(tables: Iterable[pa.Table], devices: Sequence[DeviceSpan]) -> Iterator[pa.Table]:
    """The rows in row groups that begin with a device, where that is not too small, so that
    reading one reads little else."""
    waiting: list[pa.Table] = []
    rest = iter(tables)
    for size in _group_sizes([device.rows for device in devices]):
        while sum(map(len, waiting)) < size:
            waiting.append(next(rest))
        together = pa.concat_tables(waiting)
        yield together.slice(0, size)
        waiting = [together.slice(size)]


def _group_sizes(rows: Iterable[int]) -> Iterator[int]:
    """Rows of each row group, for so many rows of each device.

    >>> list(_group_sizes([40_000, 20_000, 20_000, 150_000, 5]))
    [40000, 40000, 65536, 65536, 18933]
    """
    size = 0
    for count in rows:
        size += count
        while size > _ROW_GROUP:
            yield _ROW_GROUP
            size -= _ROW_GROUP
        if size >= _ROW_GROUP // 2:
            yield size
            size = 0
    if size:
        yield size


def devices_of(file: BinaryIO) -> list[DeviceSpan]:
    """The devices of a part, from its footer. A part that another program wrote has none
    there, so its rows are looked at."""
    part = pq.ParquetFile(file)
    footer = _footer(part)
    if footer is not None:
        return footer
    rows = part.read(columns=[SITE, CHANNEL, TIMESTAMP], use_threads=False)
    rows = rows.sort_by([(name, "ascending") for name in (SITE, CHANNEL, TIMESTAMP)])
    devices = []
    for device in rows.group_by([SITE, CHANNEL]).aggregate([]).to_pylist():
        site, channel = device[SITE], device[CHANNEL]
        of_device = pc.and_(pc.equal(rows[SITE], site), pc.equal(rows[CHANNEL], channel))
        stamps = rows[TIMESTAMP].filter(of_device).cast(pa.int64())
        devices.append(summarise(site, channel, stamps.to_numpy()))
    return devices


def _footer(part: pq.ParquetFile) -> list[DeviceSpan] | None:
    kept = (part.metadata.metadata or {}).get(_FOOTER_KEY.encode())
    if kept is None:
        return None
    # Older parts have neither the finest spacing nor how long rows last.
    return [
        DeviceSpan(*fields) if len(fields) > _OLD_FIELDS else DeviceSpan.regular(*fields)
        for fields in json.loads(kept)
    ]


def read_site(file: BinaryIO, site: str, channels: Collection[str]) -> dict[str, pa.Table]:
    """Rows of some channels of one site (``_VALUES``), by channel; row groups without them
    are not read."""
    part = pq.ParquetFile(file)
    footer = _footer(part)
    if footer is None:
        return _search_site(part, site, channels)
    places: dict[str, tuple[int, int]] = {}
    row = 0
    for device in footer:
        if device.site == site and device.channel in channels:
            places[device.channel] = (row, device.rows)
        row += device.rows
    if not places:
        return {}
    first = min(start for start, _ in places.values())
    last = max(start + rows for start, rows in places.values())
    groups, skipped = _groups_between(part.metadata, first, last)
    rows = _read_values(part, groups)
    return {
        channel: rows.slice(start - skipped, count) for channel, (start, count) in places.items()
    }


def _groups_between(metadata: pq.FileMetaData, first: int, last: int) -> tuple[list[int], int]:
    """Row groups that hold rows ``first`` to ``last`` (exclusive), and the rows before them."""
    groups, skipped, start = [], 0, 0
    for number in range(metadata.num_row_groups):
        end = start + metadata.row_group(number).num_rows
        if start < last and end > first:
            groups.append(number)
        elif end <= first:
            skipped = end
        start = end
    return groups, skipped


def _read_values(part: pq.ParquetFile, groups: list[int], *more: str) -> pa.Table:
    empty = _without_values(part.metadata, groups)
    names = [name for name in (*more, *_VALUES) if name not in empty]
    rows = part.read_row_groups(groups, columns=names, use_threads=False)
    for name in _SELDOM:
        if name not in rows.column_names:
            kind = PART_SCHEMA.field(name).type
            rows = rows.append_column(name, pa.nulls(len(rows), kind))
    return rows.select([*more, *_VALUES])


def _without_values(metadata: pq.FileMetaData, groups: list[int]) -> set[str]:
    """Which of the columns that most devices have none of hold no value in any of the groups."""
    names = [metadata.schema.column(place).path for place in range(metadata.num_columns)]
    seldom = {name: place for place, name in enumerate(names) if name in _SELDOM}
    parts = [metadata.row_group(group) for group in groups]
    return {
        name
        for name, place in seldom.items()
        if all(_is_null(part.column(place), part.num_rows) for part in parts)
    }


def _is_null(column: pq.ColumnChunkMetaData, rows: int) -> bool:
    statistics = column.statistics
    return statistics is not None and statistics.has_null_count and statistics.null_count == rows


def _search_site(part: pq.ParquetFile, site: str, channels: Collection[str]) -> dict[str, pa.Table]:
    """``read_site`` of a part that another program wrote, in whatever order."""
    rows = _read_values(part, list(range(part.metadata.num_row_groups)), SITE, CHANNEL)
    rows = rows.filter(pc.equal(rows[SITE], site))
    by_channel = {
        channel: rows.filter(pc.equal(rows[CHANNEL], channel)).drop_columns([SITE, CHANNEL])
        for channel in channels
    }
    return {channel: of_channel for channel, of_channel in by_channel.items() if len(of_channel)}
