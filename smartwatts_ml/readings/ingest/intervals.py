"""How long intervals of energy usually last, where only the stamps tell."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.resample import MICRO

__all__ = ["Intervals", "untold_interval"]

_DAY_S = 86_400
_MOST_STEPS = 1000


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

    def count(self, rows: Rows, later: np.ndarray) -> None:
        """Take in the rows of one shard, which may lie in any order. ``later``: how much later
        (µs) each may be than it says, as its clock shows it twice; 0 where it does not; int64,
        shape (n,)."""
        order = np.lexsort((rows.stamps, rows.devices, rows.streams))
        streams, devices = rows.streams[order], rows.devices[order]
        steps = _shown(np.diff(rows.stamps[order]), later[order]) // MICRO
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


def _shown(steps: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Steps as a clock shows them: what leads on from a repeated hour does so from the second of
    the two, and so may what is in it from one to the other.

    >>> minutes = np.array([0, 15, 45, 120])  # of which 0 to 60 come twice
    >>> _shown(np.diff(minutes), np.array([60, 60, 60, 0])).tolist()
    [15, 30, 15]
    """
    left, stays = (later[:-1] > 0) & (later[1:] == 0), (later[:-1] > 0) & (later[1:] > 0)
    shown = np.where(left, steps - later[:-1], steps)
    return np.where(stays & (steps < later[:-1]), np.minimum(steps, later[:-1] - steps), shown)
