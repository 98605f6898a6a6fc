"""How long an interval lasts, where only the stamps around it tell."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.resample import MICRO

__all__ = ["Intervals", "own_intervals", "untold_interval"]

_DAY_S = 86_400
_MOST_STEPS = 1000
_JITTER = 1.5
"""A gap of so many intervals is one interval, written late; a longer one is a hole."""
_RUN = 3
"""So many equal gaps in a row show a spacing."""


def untold_interval(name: str) -> BadInputError:
    """No device of a file with energy has two timestamps."""
    return BadInputError(
        f"{name} has energy of an interval that nothing tells: no device has two timestamps",
        fix="set interval_s of its source",
        settle=("interval_s = 900  # seconds",),
    )


class Intervals:
    """Seconds of one interval of energy, by stream and device: the most common spacing of the
    device's stamps in the stream, or of all its stamps where the device has only one."""

    def __init__(self) -> None:
        self._steps: dict[tuple[int, int], dict[int, int]] = {}

    def count(self, rows: Rows) -> None:
        """Take in the rows of one shard, which may lie in any order."""
        order = np.lexsort((rows.stamps, rows.devices, rows.streams))
        streams, devices = rows.streams[order], rows.devices[order]
        steps = np.diff(rows.stamps[order]) // MICRO
        same = (streams[1:] == streams[:-1]) & (devices[1:] == devices[:-1])
        same &= (steps > 0) & (steps <= _DAY_S)
        keys = (streams[1:][same].astype(np.int64) << 32) | devices[1:][same]
        steps = steps[same]
        order = np.lexsort((steps, keys))
        keys, steps = keys[order], steps[order]
        starts = np.flatnonzero(
            np.append(True, (keys[1:] != keys[:-1]) | (steps[1:] != steps[:-1]))[: len(keys)]
        )
        counts = np.diff(np.append(starts, len(keys)))
        for key, step, count in zip(
            keys[starts].tolist(), steps[starts].tolist(), counts.tolist(), strict=True
        ):
            self._add(key >> 32, key & 0xFFFFFFFF, step, count)

    def _add(self, stream: int, device: int, step: int, count: int) -> None:
        for whose in ((stream, device), (stream, -1)):
            counts = self._steps.setdefault(whose, {})
            counts[step] = counts.get(step, 0) + count
            if len(counts) > _MOST_STEPS:  # of a device without a spacing; the rarest go
                kept = sorted(counts.items(), key=lambda item: -item[1])[: _MOST_STEPS // 2]
                self._steps[whose] = dict(kept)

    def seconds(self, stream: int, device: int = -1) -> int | None:
        """Seconds, the smallest of equally common ones; None where there is no spacing.
        Without ``device``, of all devices of the stream together."""
        steps = self._steps.get((stream, device)) or self._steps.get((stream, -1))
        return min(steps, key=lambda step: (-steps[step], step)) if steps else None


def own_intervals(stamps: np.ndarray, usual: float | None = None, ends: bool = False) -> np.ndarray:
    """Seconds of each reading's own interval; float64, shape (n,).

    ``stamps``: seconds, rising, of one device. A reading lasts until the next stamp, unless a
    hole follows: then as long as the spacing was before it (or else is after it). A gap that
    comes several times in a row is a spacing and no hole, so a spacing may change at any
    time. ``usual``: seconds where the stamps show no spacing. ``ends``: the stamps are ends,
    and a reading lasts since the one before.

    >>> own_intervals(np.array([0, 60, 120, 180, 900, 960, 1020, 1080.0]))
    array([60., 60., 60., 60., 60., 60., 60., 60.])
    >>> own_intervals(np.array([0, 60, 120, 180, 240, 1140, 2040, 2940, 3840.0]))
    array([ 60.,  60.,  60.,  60., 900., 900., 900., 900., 900.])
    """
    if ends:
        return own_intervals(-stamps[::-1], usual)[::-1]
    if len(stamps) < 2:
        return np.full(len(stamps), np.nan if usual is None else float(usual))
    gaps = np.diff(stamps).astype(np.float64)
    spacing = _is_spacing(gaps)
    if not spacing.any():
        spacing = gaps == (usual if usual is not None else gaps.min())
    at = np.arange(len(gaps))
    before = np.maximum.accumulate(np.where(spacing, at, -1))
    after = np.minimum.accumulate(np.where(spacing, at, len(gaps))[::-1])[::-1]
    nearest = np.where(before >= 0, before, np.minimum(after, len(gaps) - 1))
    lasting = np.where(gaps <= _JITTER * gaps[nearest], gaps, gaps[nearest])
    return np.append(lasting, gaps[nearest[-1]])


def _is_spacing(gaps: np.ndarray) -> np.ndarray:
    """Which gaps are of a run of equal ones; bool, shape (n,)."""
    starts = np.flatnonzero(np.append(True, np.abs(np.diff(gaps)) > 0.01 * gaps[:-1]))
    lengths = np.diff(np.append(starts, len(gaps)))
    return np.repeat(lengths >= _RUN, lengths)
