"""Readings at any spacing → mean power on a regular grid, energy preserved.

A reading is the mean power from its stamp on, for as long as the file says or else
``own_intervals`` finds. So a regular series gives plain means, whatever is missing in it, a
jittering one loses nothing, and a spacing may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smartwatts_ml.localtime import WallCells, WallClock
from smartwatts_ml.readings.base import COARSER
from smartwatts_ml.readings.spacing import native_interval, own_intervals

__all__ = ["HOUR_US", "MICRO", "DeviceReadings", "resample", "to_grid"]

_MUCH_COARSER = 24
MICRO = 1_000_000
HOUR_US = 3600 * MICRO
_WEEK_US = 168 * HOUR_US
"""A mean over more than that says nothing of an hour in it."""


@dataclass(frozen=True)
class DeviceReadings:
    """One device: ``stamps`` int64 µs since the epoch (UTC), strictly increasing;
    ``values`` float32, W; ``labels`` float32 (0, 1, NaN where unlabelled) or None.

    ``lengths``: int64, µs that a reading lasts at most, 0 where the stamps around it tell; None
    where they tell all. ``held``: bool, whether the power was the same all the while; None where
    it is a mean. All of shape (n,).
    """

    stamps: np.ndarray
    values: np.ndarray
    labels: np.ndarray | None = None
    lengths: np.ndarray | None = None
    held: np.ndarray | None = None

    @cached_property
    def native_us(self) -> int:
        """Most common spacing, µs; 0 with fewer than two readings."""
        return native_interval(self.stamps)

    @cached_property
    def lasting(self) -> np.ndarray:
        """How long each reading lasts, int64 µs, shape (n,): no longer than to the next."""
        own, _ = self._own
        if self.lengths is None:
            return own
        lasting = np.where(self.lengths > 0, self.lengths, own)
        lasting[:-1] = np.minimum(lasting[:-1], np.diff(self.stamps))
        return lasting

    @cached_property
    def ends(self) -> np.ndarray:
        """Where the time that each reading covers ends (exclusive), int64 µs, shape (n,)."""
        return self.stamps + self.lasting

    @cached_property
    def spacing(self) -> np.ndarray:
        """The spacing that each reading is of, µs: a finer grid can't have it; int64, shape
        (n,). 0 where the power was the same all the while."""
        spacing = np.minimum(self._own[1], self.lasting)
        return spacing if self.held is None else np.where(self.held, 0, spacing)

    @cached_property
    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        return own_intervals(self.stamps)

    def fine(self, period_us: int) -> DeviceReadings:
        """Only the readings that a grid of such a period can have, each as long as it is: none
        if all are coarser, else those that are not much coarser too, spread evenly."""
        lasting = self.lasting
        fits = (lasting > 0) & (self.spacing <= period_us * COARSER)
        if fits.any():
            fits = (lasting > 0) & (self.spacing <= period_us * _MUCH_COARSER)
        long = lasting > max(_WEEK_US, period_us * COARSER)
        fits &= ~long if self.held is None else self.held | ~long
        return self if fits.all() else self.take(fits)

    def take(self, chosen: np.ndarray) -> DeviceReadings:
        """The readings of a mask, each as long as it is among all."""
        columns = (self.labels, self.lasting, self.held)
        labels, lengths, held = (None if c is None else c[chosen] for c in columns)
        return DeviceReadings(self.stamps[chosen], self.values[chosen], labels, lengths, held)


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
    return _means(_Spans.on(readings), start_us, period_us, count)


@dataclass(frozen=True)
class _Spans:
    """What readings say, in any order: ``values`` (W) from ``begins`` to ``ends`` (µs on some
    clock), shape (n,); labels alike, or None."""

    begins: np.ndarray
    ends: np.ndarray
    values: np.ndarray
    labels: np.ndarray | None

    @classmethod
    def on(cls, readings: DeviceReadings, clock: WallClock | None = None) -> _Spans:
        """As a wall clock shows them, if there is one."""
        if clock is None:
            return cls(readings.stamps, readings.ends, readings.values, readings.labels)
        span, begins, ends = clock.split(readings.stamps, readings.ends)
        labels = None if readings.labels is None else readings.labels[span]
        return cls(begins, ends, readings.values[span], labels)


def _means(
    spans: _Spans, start_us: int, period_us: int, count: int, lasting_us: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """``resample`` on the clock of the spans; ``lasting_us``: real time of each cell, shape
    (count,), where it is not the period."""
    reading, at, lasting = _pieces(spans.begins - start_us, spans.ends - start_us, period_us, count)
    energy = np.bincount(at, lasting * spans.values[reading], minlength=count)
    covered = np.bincount(at, lasting, minlength=count)
    labels = None
    if spans.labels is not None:
        labels = np.zeros(count, np.uint8)
        labels[at[spans.labels[reading] == 1]] = 1
    enough = (covered > 0) & (covered * 2 >= (period_us if lasting_us is None else lasting_us))
    mean = np.full(count, np.nan, np.float32)
    mean[enough] = energy[enough] / covered[enough]
    return mean, labels


def _pieces(
    begins: np.ndarray, ends: np.ndarray, period_us: int, count: int
) -> tuple[slice | np.ndarray, np.ndarray, np.ndarray]:
    """What falls into each cell: of which reading, into which cell, for how long (µs, float64).
    ``begins`` and ``ends`` count from the first cell."""
    first, last = begins // period_us, (ends - 1) // period_us
    if np.array_equal(first, last) and first.min(initial=0) >= 0 and last.max(initial=0) < count:
        return slice(None), first, (ends - begins).astype(np.float64)
    first, last = np.maximum(first, 0), np.minimum(last, count - 1)
    cells = np.maximum(last - first + 1, 0)
    reading = np.repeat(np.arange(len(begins)), cells)
    at = first[reading] + np.arange(len(reading)) - (np.cumsum(cells) - cells)[reading]
    edge = at * period_us
    begin = np.maximum(begins[reading], edge)
    return reading, at, (np.minimum(ends[reading], edge + period_us) - begin).astype(np.float64)


def to_grid(
    devices: Mapping[str, DeviceReadings], period_s: int, clock: WallClock | None = None
) -> tuple[int, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Readings that are fine enough for ``period_s``, on one grid aligned to the epoch; channels
    without one are left out. The grid is that of a wall ``clock``, if there is one: of a cell
    that is skipped nothing is known, also where readings end as the clock skips it; one that is
    repeated gets the mean of both times, and nothing while readings end before the second of them.

    Returns the start (s since the epoch, on that clock), mean W by channel (float32, shape
    (n,)) and labels by channel (uint8, shape (n,)) where a channel has them.
    """
    period_us = period_s * MICRO
    fine = {name: device.fine(period_us) for name, device in devices.items()}
    spans = {n: _Spans.on(device, clock) for n, device in fine.items() if len(device.stamps)}
    if not spans:
        return 0, {}, {}
    start = min(int(device.begins.min()) for device in spans.values()) // period_us
    end = max(int(device.ends.max()) - 1 for device in spans.values()) // period_us + 1
    cells = None
    if clock is not None:  # what is skipped is over when the clock skips it
        end += clock.skipped_from(np.datetime64(end * period_s, "s"), period_s)
        cells = clock.cells(np.datetime64(start * period_s, "s"), period_s, end - start)
    lasting = None if cells is None else cells.seconds * MICRO
    values, labels = {}, {}
    for name, device in spans.items():
        values[name], marked = _means(device, start * period_us, period_us, end - start, lasting)
        if cells is not None:
            values[name][_comes_again(cells, int(fine[name].ends.max()))] = np.nan
        if marked is not None:
            labels[name] = marked
    return start * period_s, values, labels


def _comes_again(cells: WallCells, until_us: int) -> np.ndarray:
    """Which cell has begun before an instant, UTC, and comes once more from then on; bool."""
    until = np.datetime64(until_us, "us")
    return np.asarray((cells.starts < until) & (until <= cells.last_starts))
