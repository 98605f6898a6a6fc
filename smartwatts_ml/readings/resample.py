"""Readings at any spacing → mean power on a regular grid, energy preserved.

A reading is the mean power from its stamp on. It covers the time until the next stamp if
that is at most ``_PATIENCE`` native intervals away (jitter), and one native interval
otherwise (a hole follows). So a regular series gives plain means, whatever is missing in
it, and a jittering one loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smartwatts_ml.readings.totals import power_of_totals

__all__ = [
    "COARSER",
    "HOUR_US",
    "DeviceReadings",
    "MICRO",
    "native_interval",
    "resample",
    "to_grid",
]

_PATIENCE = 1.5
COARSER = 1.1
"""A grid may be finer than the native interval by this factor, no more."""
MICRO = 1_000_000
HOUR_US = 3600 * MICRO


@dataclass(frozen=True)
class DeviceReadings:
    """One device: ``stamps`` int64 µs since the epoch (UTC), strictly increasing;
    ``values`` float32, W; ``labels`` float32 (0, 1, NaN where unlabelled) or None. All of
    shape (n,)."""

    stamps: np.ndarray
    values: np.ndarray
    labels: np.ndarray | None = None

    @classmethod
    def from_rows(
        cls,
        stamps: np.ndarray,
        values: np.ndarray,
        labels: np.ndarray | None = None,
        arrival: np.ndarray | None = None,
        totals: np.ndarray | None = None,
    ) -> DeviceReadings:
        """Any order, with duplicates: of one stamp the reading that arrived last counts.

        ``arrival`` int64, shape (n,); None means the order of the arrays. ``totals``
        float64, kWh, NaN where a reading is power: what a meter had counted at the stamp,
        from which the power until its next total follows.
        """
        if not np.all(stamps[1:] > stamps[:-1]):
            keys = (stamps,) if arrival is None else (arrival, stamps)
            order = np.lexsort(keys)
            ordered = stamps[order]
            last = np.append(ordered[1:] != ordered[:-1], True)
            order = order[last]
            stamps, values = stamps[order], values[order]
            labels = None if labels is None else labels[order]
            totals = None if totals is None else totals[order]
        if totals is not None:
            stamps, values, labels = _without_totals(stamps, values, labels, totals)
        if labels is not None and np.all(np.isnan(labels)):
            labels = None
        return cls(stamps, values, labels)

    @cached_property
    def native_us(self) -> int:
        """Most common spacing, µs; 0 with fewer than two readings."""
        return native_interval(self.stamps)

    @cached_property
    def ends(self) -> np.ndarray:
        """Where the time that each reading covers ends (exclusive), int64 µs, shape (n,)."""
        ends = self.stamps + self.native_us
        near = np.diff(self.stamps) <= _PATIENCE * self.native_us
        ends[:-1][near] = self.stamps[1:][near]
        return ends


def _without_totals(
    stamps: np.ndarray, values: np.ndarray, labels: np.ndarray | None, totals: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Power in place of totals; a total from which none follows goes."""
    counted = np.flatnonzero(~np.isnan(totals))
    counted_at = stamps[counted]
    power = power_of_totals(counted_at, totals[counted])
    # The energy of a hole is known, but not when it was used.
    power[:-1][np.diff(counted_at) > _PATIENCE * native_interval(counted_at)] = np.nan
    values = values.copy()
    values[counted] = power
    known = ~np.isnan(values)
    return stamps[known], values[known], None if labels is None else labels[known]


def native_interval(stamps: np.ndarray) -> int:
    """Most common difference of sorted int64 stamps other than 0, the smallest of equals; 0
    if there is none.

    >>> native_interval(np.array([0, 60, 120, 180, 180, 600]))
    60
    """
    steps = np.diff(stamps)
    if len(steps) and steps.min() == steps.max():
        return int(steps[0])
    steps, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(steps[np.argmax(counts)]) if len(steps) else 0


def resample(
    readings: DeviceReadings, start_us: int, period_us: int, count: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean W (float32) and labels (uint8, or None) of ``count`` intervals from ``start_us``.

    Both of shape (count,). NaN where readings cover less than half of an interval. A label
    is the largest of the readings that touch the interval.

    >>> stamps = np.arange(4) * 30 * MICRO
    >>> quarter = DeviceReadings(stamps, np.array([100, 200, 300, 500], "f4"))
    >>> resample(quarter, 0, 60 * MICRO, 3)[0]
    array([150., 400.,  nan], dtype=float32)
    """
    begins, ends = readings.stamps, readings.ends
    energy, covered = np.zeros(count), np.zeros(count)
    labels = None if readings.labels is None else np.zeros(count, np.uint8)
    first = (begins - start_us) // period_us
    last = (ends - 1 - start_us) // period_us
    for step in range(int((last - first).max(initial=0)) + 1):
        cell = first + step
        inside = (cell <= last) & (cell >= 0) & (cell < count)
        touched = slice(None) if inside.all() else inside
        at, begin, end = cell[touched], begins[touched], ends[touched]
        if step or np.any(last > first):  # a reading that is cut by the edge of an interval
            edge = start_us + at * period_us
            begin, end = np.maximum(begin, edge), np.minimum(end, edge + period_us)
        lasting = (end - begin).astype(np.float64)
        energy += np.bincount(at, lasting * readings.values[touched], minlength=count)
        covered += np.bincount(at, lasting, minlength=count)
        if labels is not None and readings.labels is not None:
            labels[at[readings.labels[touched] == 1]] = 1
    enough = covered * 2 >= period_us
    mean = np.full(count, np.nan, np.float32)
    mean[enough] = energy[enough] / covered[enough]
    return mean, labels


def to_grid(
    devices: Mapping[str, DeviceReadings], period_s: int
) -> tuple[int, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Channels that are fine enough for ``period_s``, on one grid aligned to the epoch.

    Returns the start (s since the epoch), mean W by channel (float32, shape (n,)) and
    labels by channel (uint8, shape (n,)) where a channel has them.
    """
    period_us = period_s * MICRO
    fine = {
        name: device
        for name, device in devices.items()
        if 0 < device.native_us <= period_us * COARSER
    }
    if not fine:
        return 0, {}, {}
    start = min(int(device.stamps[0]) for device in fine.values()) // period_us
    end = max(int(device.ends.max()) - 1 for device in fine.values()) // period_us + 1
    values, labels = {}, {}
    for name, device in fine.items():
        values[name], marked = resample(device, start * period_us, period_us, end - start)
        if marked is not None:
            labels[name] = marked
    return start * period_s, values, labels
