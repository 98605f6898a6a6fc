"""Sensors that write when their value changes: how long each value holds."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.readings.ingest.spill import Rows

__all__ = ["seconds_held"]

_MICRO = 1_000_000


def seconds_held(rows: Rows, ends: Rows) -> np.ndarray:
    """How long each value holds, until the next one of its device in its stream or until one of
    ``ends``; float64, shape (n,). 0 where nobody knows."""
    stamps = np.concatenate([rows.stamps, ends.stamps])
    keys = np.concatenate([_keys(rows), _keys(ends)])
    order = np.lexsort((np.arange(len(stamps)) >= len(rows), stamps, keys))
    stamps, keys = stamps[order], keys[order]
    same = np.append(False, (keys[1:] == keys[:-1]) & (stamps[1:] == stamps[:-1]))
    order, stamps, keys = order[~same], stamps[~same], keys[~same]
    last = np.append(keys[1:] != keys[:-1], True)
    until = np.where(last, stamps, np.append(stamps[1:], 0))
    seconds = np.zeros(len(rows))
    is_value = order < len(rows)
    seconds[order[is_value]] = (until - stamps)[is_value] / _MICRO
    return seconds


def _keys(rows: Rows) -> np.ndarray:
    return rows.devices.astype(np.int64) << 32 | rows.streams
