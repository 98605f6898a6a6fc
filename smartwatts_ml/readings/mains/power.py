"""Rows as they come from a file → power of mains, near enough to tell what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.parsed import Parsed, split_part
from smartwatts_ml.readings.run_lengths import equal_runs

__all__ = ["MainsPower", "power_of_mains"]

_MOST_ROWS = 1 << 14
"""Of a block, that are looked at."""
_FEWEST_IN_A_ROW = 1 << 8
"""Rows of a device that follow each other, so that the next one tells how long each lasts."""
_WH_US_A_W = 3.6e9
_TOTAL_WH = 1e3


@dataclass(frozen=True)
class MainsPower:
    """``stamps`` int64 µs, UTC; ``watts`` float64; ``devices``: index into ``names``; each of
    shape (n,), by device and stamp. ``lasting``: µs from each row to the next of its device, NaN
    where there is none."""

    stamps: np.ndarray
    watts: np.ndarray
    devices: np.ndarray
    names: Sequence[str]
    lasting: np.ndarray

    def __len__(self) -> int:
        return len(self.stamps)


def power_of_mains(rows: Parsed) -> MainsPower:
    """Of some of the rows, what their mains draws: parts of it together, energy by the time until
    the next row, totals by what they grow until then."""
    parts = [split_part(name) for name in rows.names]
    places = {name: i for i, name in enumerate(dict.fromkeys(whole for whole, _, _ in parts))}
    whole = np.array([places[name] for name, _, _ in parts], np.int64)
    sign = np.array([sign or 1 for _, sign, _ in parts], np.float64)
    is_mains = np.array([name.endswith(f"/{MAINS}") for name, _, _ in parts], bool)
    rows = rows.take(_looked_at(rows.devices))
    rows = rows.take(is_mains[rows.devices])
    order = np.lexsort((rows.stamps, rows.devices))
    rows = rows.take(order)
    if not len(rows):
        return MainsPower(rows.stamps, rows.values, rows.devices, [*places], rows.values)
    watts, lasting = _watts(rows)
    known = np.isfinite(watts)
    devices = whole[rows.devices]
    watts = watts * sign[rows.devices]
    stamps = rows.stamps
    if any(part for _, part, _ in parts):
        stamps, watts, devices, lasting, known = _together(
            stamps[known], watts[known], devices[known], lasting[known]
        )
    return MainsPower(stamps[known], watts[known], devices[known], [*places], lasting[known])


def _looked_at(devices: np.ndarray) -> np.ndarray:
    """Places of the first rows; of those of each device where lines go device by device."""
    if len(devices) <= _MOST_ROWS:
        return np.arange(len(devices))
    starts, ends = equal_runs(devices)
    each = _MOST_ROWS // len(starts)
    if each < _FEWEST_IN_A_ROW:
        return np.arange(_MOST_ROWS)
    ends = np.minimum(ends, starts + each)
    return np.concatenate([np.arange(*span) for span in zip(starts, ends, strict=True)])


def _watts(rows: Parsed) -> tuple[np.ndarray, np.ndarray]:
    """Power of rows by device and stamp, NaN where it is not known, and how long they last."""
    same = rows.devices[1:] == rows.devices[:-1]
    gaps = np.where(same, np.diff(rows.stamps), 0).astype(np.float64)
    gaps[gaps <= 0] = np.nan
    lasting = np.append(gaps, np.nan)
    if rows.measure.quantity == "power":
        return rows.values, lasting
    if rows.measure.quantity == "total":
        grown = np.append(np.diff(rows.values), np.nan) * _TOTAL_WH
        return grown * _WH_US_A_W / lasting, lasting
    own = np.append(np.nan, gaps) if rows.measure.ends else lasting
    if rows.measure.interval_s is not None:
        own = np.full(len(rows), rows.measure.interval_s * 1e6)
    return rows.values * _WH_US_A_W / own, lasting


def _together(
    stamps: np.ndarray, watts: np.ndarray, devices: np.ndarray, lasting: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Parts of one device and stamp added up."""
    order = np.lexsort((stamps, devices))
    stamps, watts, devices, lasting = (a[order] for a in (stamps, watts, devices, lasting))
    starts = np.flatnonzero(
        np.append(True, (stamps[1:] != stamps[:-1]) | (devices[1:] != devices[:-1]))[: len(stamps)]
    )
    added = np.add.reduceat(watts, starts) if len(starts) else watts
    return stamps[starts], added, devices[starts], lasting[starts], np.ones(len(starts), bool)
