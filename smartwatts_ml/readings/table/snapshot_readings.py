"""Readings of one pinned version of the table, site by site, from its part files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smartwatts_ml.objects import Objects
from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.columns import (
    ANOMALY,
    ARRIVAL,
    CONSUMPTION,
    HELD,
    INTERVAL,
    TIMESTAMP,
    TOTAL,
    site_bucket,
)
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.resample import DeviceReadings
from smartwatts_ml.readings.site_clocks import SiteClocks
from smartwatts_ml.readings.sites import DeviceSpan, StoredReadings, site_spans
from smartwatts_ml.readings.table.part_files import devices_of, merge_devices, read_site
from smartwatts_ml.settings import Settings

__all__ = ["TablePart", "TableReadings", "read_footers", "rows_between"]

_FOOTERS_AT_ONCE = 8


@dataclass(frozen=True)
class TablePart:
    """What the table's log says of a part: ``key`` in the root, ``rows``, ``size`` in
    bytes, and the first and the last site and arrival in it (None: unknown)."""

    key: str
    path: str
    month: str
    bucket: int
    rows: int
    size: int
    first_site: str | None
    last_site: str | None
    first_arrival: int | None
    last_arrival: int | None

    def may_hold(self, site: str) -> bool:
        """Whether the log does not rule the site out."""
        if self.bucket != site_bucket(site):
            return False
        low, high = self.first_site, self.last_site
        return low is None or high is None or low <= site <= high

    def may_hold_arrival(self, arrival: int) -> bool:
        """Likewise."""
        low, high = self.first_arrival, self.last_arrival
        return low is None or high is None or low <= arrival <= high


def read_footers(objects: Objects, parts: Iterable[TablePart]) -> Iterator[list[DeviceSpan]]:
    """What devices each part holds, in the order of the parts."""

    def read(part: TablePart) -> list[DeviceSpan]:
        with objects.open(part.key) as file:
            return devices_of(file)

    yield from map_ahead(read, parts, _FOOTERS_AT_ONCE)


def rows_between(
    objects: Objects,
    parts: Iterable[TablePart],
    site: str,
    channel: str,
    first: int,
    last: int,
    without: Collection[int] = (),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a channel from one stamp (µs) to another, but for those of the arrivals
    ``without``: stamps, arrivals, totals in kWh (NaN where there is none), all of shape (n,)."""
    edges = np.array([first, last]).astype("M8[us]").astype("M8[M]")
    months = {str(month) for month in np.arange(edges[0], edges[1] + 1)}
    tables: list[pa.Table] = []
    for part in parts:
        if part.month in months and part.may_hold(site):
            with objects.open(part.key) as file:
                tables += read_site(file, site, [channel]).values()
    if not tables:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    rows = pa.concat_tables(tables)
    stamps = rows[TIMESTAMP].cast(pa.int64()).to_numpy()
    arrivals = rows[ARRIVAL].to_numpy()
    chosen = (stamps >= first) & (stamps <= last) & ~np.isin(arrivals, list(without))
    totals = _floats(rows[TOTAL])
    if totals is None:
        totals = np.full(len(stamps), np.nan)
    return stamps[chosen], arrivals[chosen], totals[chosen]


class TableReadings(StoredReadings):
    """One pinned version of the table; memory is bounded by a site. Without ``clocks`` sites live
    by those of the settings."""

    def __init__(
        self,
        objects: Objects,
        parts: Sequence[TablePart],
        current: Settings,
        clocks: SiteClocks | None = None,
    ) -> None:
        super().__init__(current)
        self._objects = objects
        self.parts = parts
        self.clocks = clocks or SiteClocks.of_settings(current)

    def timezone(self, site: str) -> str:
        return self.clocks.of_site(site).timezone

    def devices(self) -> list[DeviceSpan]:
        """What there is of each device, from the parts' footers alone."""
        return merge_devices(read_footers(self._objects, self.parts))

    def _find_spans(self) -> tuple[SiteSpan, ...]:
        return site_spans(self.devices())

    def _devices(self, site: str, channels: Sequence[str]) -> dict[str, DeviceReadings]:
        tables: dict[str, list[pa.Table]] = defaultdict(list)
        for part in self.parts:
            if part.may_hold(site):
                with self._objects.open(part.key) as file:
                    for channel, rows in read_site(file, site, channels).items():
                        tables[channel].append(rows)
        return {channel: _device(pa.concat_tables(tables[channel])) for channel in sorted(tables)}


def _device(rows: pa.Table) -> DeviceReadings:
    labels, held = rows[ANOMALY], rows[HELD]
    return DeviceRows(
        rows[TIMESTAMP].combine_chunks().view(pa.int64()).to_numpy(),
        pc.fill_null(rows[CONSUMPTION], np.nan).to_numpy(),
        None
        if labels.null_count == len(labels)
        else pc.fill_null(labels.cast(pa.float32()), np.nan).to_numpy(),
        rows[ARRIVAL].to_numpy(),
        _floats(rows[TOTAL]),
        _floats(rows[INTERVAL]),
        None if held.null_count == len(held) else pc.fill_null(held, False).to_numpy(),
    ).readings()


def _floats(column: pa.ChunkedArray) -> np.ndarray | None:
    """NaN where null; None where all are."""
    if column.null_count == len(column):
        return None
    return np.asarray(pc.fill_null(column, np.nan).to_numpy())
