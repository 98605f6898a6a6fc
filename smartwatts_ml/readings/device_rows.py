"""Rows of one device as they are kept → its readings."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from smartwatts_ml.readings.resample import MICRO, DeviceReadings
from smartwatts_ml.readings.totals import power_of_totals

__all__ = ["DeviceRows"]


@dataclass(frozen=True)
class DeviceRows:
    """Rows of one device in any order; each array of shape (n,), None where no row has such.

    ``stamps`` int64 µs since the epoch, UTC; ``values`` float32, W; ``labels`` float32 (0, 1,
    NaN); ``arrival`` int64: of several rows of one stamp that with the largest counts, or
    without it the last one. ``totals`` float64, kWh: what a meter had counted, NaN where a row
    is power. ``seconds`` float64: how long a row lasts, NaN where the stamps around it tell, 0
    where nobody knows. ``held`` bool: whether its power was the same all the while.
    """

    stamps: np.ndarray
    values: np.ndarray
    labels: np.ndarray | None = None
    arrival: np.ndarray | None = None
    totals: np.ndarray | None = None
    seconds: np.ndarray | None = None
    held: np.ndarray | None = None

    def readings(self) -> DeviceReadings:
        """Readings whose power is known, and for how long."""
        rows = self._last_arrived()._with_power_of_totals()
        lengths = None
        if rows.seconds is not None:
            rows = rows._take(rows.seconds != 0)
            assert rows.seconds is not None
            lengths = np.rint(np.nan_to_num(rows.seconds) * MICRO).astype(np.int64)
        unlabelled = rows.labels is None or np.all(np.isnan(rows.labels))
        labels = None if unlabelled else rows.labels
        return DeviceReadings(rows.stamps, rows.values, labels, lengths, rows.held)

    def _last_arrived(self) -> DeviceRows:
        """Sorted by time, of each stamp one row."""
        if np.all(self.stamps[1:] > self.stamps[:-1]):
            return self
        keys = (self.stamps,) if self.arrival is None else (self.arrival, self.stamps)
        order = np.lexsort(keys)
        ordered = self.stamps[order]
        return self._take(order[np.append(ordered[1:] != ordered[:-1], True)])

    def _with_power_of_totals(self) -> DeviceRows:
        """Power in the place of totals, each until the next one."""
        if self.totals is None:
            return self
        values = self.values.copy()
        seconds = np.full(len(values), np.nan) if self.seconds is None else self.seconds.copy()
        counted = np.flatnonzero(~np.isnan(self.totals))
        power, lengths = power_of_totals(self.stamps[counted], self.totals[counted])
        values[counted], seconds[counted] = power, lengths / MICRO
        return replace(self, values=values, seconds=seconds, totals=None)

    def _take(self, chosen: np.ndarray) -> DeviceRows:
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return DeviceRows(**{name: c[chosen] for name, c in columns.items() if c is not None})
