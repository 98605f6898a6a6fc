"""Readings of one pinned version of the table, site by site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.columns import (
    ANOMALY,
    ARRIVAL,
    BUCKET,
    CHANNEL,
    CONSUMPTION,
    MONTH,
    SITE,
    TIMESTAMP,
    site_bucket,
)
from smartwatts_ml.readings.resample import DeviceReadings
from smartwatts_ml.readings.sites import StoredReadings, primary_channels, site_spans
from smartwatts_ml.settings import Settings

__all__ = ["TableReadings"]


class TableReadings(StoredReadings):
    """One pinned version of the table; memory is bounded by a site."""

    def __init__(self, data: ds.Dataset, current: Settings) -> None:
        super().__init__(current)
        self._data = data

    def _find_spans(self) -> tuple[SiteSpan, ...]:
        with duckdb.connect() as database:
            database.register("readings", self._data)
            months = database.execute(f"""
                SELECT {SITE}, {CHANNEL}, {MONTH}, epoch_us(min({TIMESTAMP})),
                    epoch_us(max({TIMESTAMP})), count(*)
                FROM readings GROUP BY ALL
            """).fetchall()
        devices: dict[tuple[str, str], tuple[int, int, int]] = {}
        for site, channel, _, first, last, rows in months:
            a, b, n = devices.get((site, channel), (first, last, 0))
            devices[site, channel] = (min(a, first), max(b, last), n + rows)
        return site_spans(
            [(*device, *span) for device, span in devices.items()], self._natives(months)
        )

    def _natives(self, months: Sequence[tuple[Any, ...]]) -> dict[str, int]:
        """Spacing of each site's mains (µs), from the month that holds most of them."""
        chosen = primary_channels((site, channel) for site, channel, *_ in months)
        fullest: dict[str, tuple[int, str]] = {}
        for site, channel, month, _, _, rows in months:
            if channel == chosen[site]:
                fullest[site] = max(fullest.get(site, (0, "")), (rows, month))
        return {
            site: self._devices(site, [chosen[site]], month)[chosen[site]].native_us
            for site, (_, month) in fullest.items()
        }

    def _devices(
        self, site: str, channels: Sequence[str], month: str | None = None
    ) -> dict[str, DeviceReadings]:
        wanted = (ds.field(BUCKET) == site_bucket(site)) & (ds.field(SITE) == site)
        wanted &= ds.field(CHANNEL).isin(list(channels))
        if month is not None:
            wanted &= ds.field(MONTH) == month
        columns = [CHANNEL, TIMESTAMP, CONSUMPTION, ANOMALY, ARRIVAL]
        rows = self._data.to_table(columns=columns, filter=wanted)
        return {
            channel: _device(rows.filter(pc.equal(rows[CHANNEL], channel)))
            for channel in sorted(set(pc.unique(rows[CHANNEL]).to_pylist()))
        }


def _device(rows: pa.Table) -> DeviceReadings:
    labels = rows[ANOMALY]
    return DeviceReadings.of(
        rows[TIMESTAMP].cast(pa.int64()).to_numpy(),
        rows[CONSUMPTION].to_numpy(),
        None
        if labels.null_count == len(labels)
        else pc.fill_null(labels.cast(pa.float32()), np.nan).to_numpy(),
        rows[ARRIVAL].to_numpy(),
    )
