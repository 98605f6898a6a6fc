"""Appliances that together draw more than the mains they hang on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from smartwatts_ml.readings.base import MAINS, NOT_DRAWN
from smartwatts_ml.readings.resample import MICRO, DeviceReadings, to_grid
from smartwatts_ml.readings.run_lengths import long_runs
from smartwatts_ml.settings import QualitySettings

__all__ = ["exceeds", "over_mains"]

_GRID_S = 300
_PART = 0.1


def exceeds(
    mains: np.ndarray, total: np.ndarray, watts: float = 100.0, share: float = 0.1
) -> np.ndarray:
    """Bool, shape (n,): ``total`` is over ``mains`` (both W) by more than ``watts`` and by
    more than ``share`` of mains. Missing mains is never exceeded.

    >>> exceeds(np.array([500.0, 500.0, np.nan]), np.array([590.0, 700.0, 700.0])).tolist()
    [False, True, False]
    """
    return np.asarray(total - mains > np.maximum(watts, share * np.abs(mains)))


def over_mains(
    devices: Mapping[str, DeviceReadings], limits: QualitySettings
) -> dict[str, np.ndarray]:
    """By channel, bool of its shape (n,): in a stretch of at least ``limits.sum_minutes`` in
    which the appliances' sum ``exceeds`` mains. Only where mains is the sum of all that
    draws: with feed-in nobody can tell.

    Compared on a grid of 5 minutes, or of the coarsest channel. Flagged are mains and the
    appliances that make up at least a tenth of the sum, since any of them may be wrong.
    Empty without mains or without an appliance.

    >>> stamps = np.arange(60) * 60 * MICRO
    >>> home = {
    ...     "mains": DeviceReadings(stamps, np.full(60, 200.0)),
    ...     "oven": DeviceReadings(stamps, np.where(stamps < 1800 * MICRO, 2000.0, 0.0)),
    ... }
    >>> {name: int(over.sum()) for name, over in over_mains(home, QualitySettings()).items()}
    {'oven': 30, 'mains': 30}
    """
    if MAINS not in devices or len(devices) < 2:
        return {}
    coarsest = max(int(device.spacing.max()) for device in devices.values())
    period_s = max(_GRID_S, math.ceil(coarsest / MICRO))
    start, grid, _ = to_grid(devices, period_s)
    if MAINS not in grid:
        return {}
    apart = {MAINS, *NOT_DRAWN}
    parts = {name: np.nan_to_num(power) for name, power in grid.items() if name not in apart}
    total = np.sum(list(parts.values()), axis=0, initial=0.0)
    over = exceeds(grid[MAINS], total, limits.sum_watts, limits.sum_share)
    over = long_runs(over, max(1, math.ceil(limits.sum_minutes * 60 / period_s)))
    where = {name: over & (part >= _PART * total) for name, part in parts.items()} | {MAINS: over}
    return {
        name: _of_readings(flagged, (devices[name].stamps // MICRO - start) // period_s)
        for name, flagged in where.items()
        if flagged.any()
    }


def _of_readings(flagged: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """What the grid says of each reading; of one that it does not have, nothing."""
    inside = (cell >= 0) & (cell < len(flagged))
    return inside & flagged[np.where(inside, cell, 0)]
