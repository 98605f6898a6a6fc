"""Sensors that write when their value changes: how long each value holds."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.readings.ingest.spill import Rows

__all__ = ["NextStamps", "seconds_held"]

_MICRO = 1_000_000
_DAY_US = 86_400 * _MICRO


class NextStamps:
    """The first stamp of each day of each stream and device, whichever shard it is in, so that
    a value may hold beyond the end of a shard."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._known: np.ndarray | None = None

    def add(self, rows: Rows) -> None:
        """Take in rows, in whatever order."""
        self._known = None
        day = rows.stamps // _DAY_US
        order = np.lexsort((rows.stamps, day, rows.devices, rows.streams))
        columns = np.stack([_keys(rows), day, rows.stamps], axis=1)[order]
        first = np.append(True, np.any(columns[1:, :2] != columns[:-1, :2], axis=1))
        self._parts.append(columns[first][:, [0, 2]])

    def after(self, key: int, stamp: int) -> int | None:
        """The next stamp of a stream and device on a later day; None if there is none."""
        if self._known is None:
            known = np.concatenate(self._parts)
            self._parts = [known]
            self._known = known[np.lexsort((known[:, 1], known[:, 0]))]
        first, end = np.searchsorted(self._known[:, 0], [key, key + 1])
        of_key = self._known[first:end, 1]
        place = int(np.searchsorted(of_key, stamp, side="right"))
        return int(of_key[place]) if place < len(of_key) else None


def seconds_held(rows: Rows, ends: Rows, following: NextStamps) -> np.ndarray:
    """How long each value holds, until the next one of its device in its stream or until one of
    ``ends``; float64, shape (n,). 0 where nobody knows."""
    stamps = np.concatenate([rows.stamps, ends.stamps])
    keys = np.concatenate([_keys(rows), _keys(ends)])
    order = np.lexsort((np.arange(len(stamps)) >= len(rows), stamps, keys))
    stamps, keys = stamps[order], keys[order]
    same = np.append(False, (keys[1:] == keys[:-1]) & (stamps[1:] == stamps[:-1]))
    order, stamps, keys = order[~same], stamps[~same], keys[~same]
    until = np.append(stamps[1:], 0)
    last = np.append(keys[1:] != keys[:-1], True)
    for place in np.flatnonzero(last & (order < len(rows))).tolist():
        later = following.after(int(keys[place]), int(stamps[place]))
        until[place] = stamps[place] if later is None else later
    seconds = np.zeros(len(rows))
    is_value = order < len(rows)
    seconds[order[is_value]] = (until - stamps)[is_value] / _MICRO
    return seconds


def _keys(rows: Rows) -> np.ndarray:
    return rows.devices.astype(np.int64) << 32 | rows.streams
