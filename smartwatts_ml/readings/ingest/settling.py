"""Rows of one shard → readings: the second hour of a fold told apart, energy as power,
duplicates taken out, sorted by device and time.

What needs the neighbours of a row is done here, where all rows of a device and month are
together in whatever order the files had them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.parsed import FOLD, FileSource
from smartwatts_ml.readings.resample import MICRO

__all__ = ["Intervals", "drop_repeats", "settle", "untold_interval"]

_SECONDS_AN_HOUR = 3600.0
_DAY_S = 86_400
_MOST_STEPS = 1000


def untold_interval(name: str) -> BadInputError:
    """No device of a file with energy has two timestamps."""
    return BadInputError(
        f"{name} has energy of an interval that nothing tells: no device has two timestamps",
        fix="set interval_s of its source",
    )


class Intervals:
    """Seconds of one interval of energy, by file and device: the most common spacing of
    the device's stamps in the file, or of all stamps of the file where it has only one."""

    def __init__(self) -> None:
        self._steps: dict[tuple[int, int], dict[int, int]] = {}

    def count(self, rows: Rows) -> None:
        """Take in the rows of one shard, which may lie in any order."""
        order = np.lexsort((rows.stamps, rows.devices, rows.files))
        files, devices = rows.files[order], rows.devices[order]
        steps = np.diff(rows.stamps[order]) // MICRO
        same = (files[1:] == files[:-1]) & (devices[1:] == devices[:-1])
        same &= (steps > 0) & (steps <= _DAY_S)
        keys = (files[1:][same].astype(np.int64) << 32) | devices[1:][same]
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

    def _add(self, file: int, device: int, step: int, count: int) -> None:
        for whose in ((file, device), (file, -1)):
            counts = self._steps.setdefault(whose, {})
            counts[step] = counts.get(step, 0) + count
            if len(counts) > _MOST_STEPS:  # of a device without a spacing; the rarest go
                kept = sorted(counts.items(), key=lambda item: -item[1])[: _MOST_STEPS // 2]
                self._steps[whose] = dict(kept)

    def seconds(self, file: int, device: int = -1) -> int | None:
        """Seconds, the smallest of equally common ones; None where there is no spacing.
        Without ``device``, of all devices of the file together."""
        steps = self._steps.get((file, device)) or self._steps.get((file, -1))
        return min(steps, key=lambda step: (-steps[step], step)) if steps else None


def settle(
    rows: Rows, ranks: np.ndarray, files: Mapping[int, FileSource], intervals: Intervals
) -> tuple[Rows, dict[int, int]]:
    """Readings sorted by rank of their device and time, and duplicates by file.

    ``ranks`` (int64, shape (n_devices,)) orders devices. Of rows of one file, device and
    stamp the last one stays. Values come out in W, those of counters in kWh.
    """
    return _last_of_each(_as_power(_resolve_folds(rows, files), files, intervals), ranks)


def drop_repeats(rows: Rows, ranks: np.ndarray) -> tuple[Rows, dict[int, int]]:
    """Less rows, to the same end: repeats of a file, device and stamp go before all is
    settled, except in a fold, where they may tell the second hour."""
    folded = (rows.labels & FOLD) > 0
    kept, repeats = _last_of_each(rows.take(~folded), ranks)
    return Rows.join([kept, rows.take(folded)]), repeats


def _last_of_each(rows: Rows, ranks: np.ndarray) -> tuple[Rows, dict[int, int]]:
    """Sorted, and of equal file, device and stamp the last one; how many went, by file."""
    rows = _sorted(rows, ranks)
    if len(rows) < 2:
        return rows, {}
    repeated = (
        (rows.stamps[1:] == rows.stamps[:-1])
        & (rows.devices[1:] == rows.devices[:-1])
        & (rows.files[1:] == rows.files[:-1])
    )
    if not repeated.any():
        return rows, {}
    whose, counts = np.unique(rows.files[:-1][repeated], return_counts=True)
    return rows.take(np.append(~repeated, True)), dict(
        zip(whose.tolist(), counts.tolist(), strict=True)
    )


def _sorted(rows: Rows, ranks: np.ndarray) -> Rows:
    """By rank and stamp; rows equal in both stay in the order of their files and lines."""
    if not len(rows):
        return rows
    order_of = ranks[rows.devices]
    order = _by_device(order_of)
    if _in_order(order_of[order], rows.stamps[order]):  # as files of growing time are
        return rows.take(order)
    first = int(rows.stamps.min())
    span = int(rows.stamps.max()) - first + 1
    if span * (int(order_of.max()) + 1) >= 1 << 63:
        return rows.take(np.lexsort((rows.stamps, order_of)))
    keys = order_of * span + (rows.stamps - first)
    if np.all(keys[1:] > keys[:-1]):
        return rows
    order = np.argsort(keys)  # faster than a stable sort, and as good if no two are equal
    ordered = keys[order]
    if np.any(ordered[1:] == ordered[:-1]):
        order = np.argsort(keys, kind="stable")
    return rows.take(order)


def _by_device(order_of: np.ndarray) -> np.ndarray:
    """A stable order by rank: a radix sort, where the ranks at hand lie close together."""
    lowest, highest = int(order_of.min()), int(order_of.max())
    if highest - lowest < 1 << 15:
        return np.argsort((order_of - lowest).astype(np.int16), kind="stable")
    return np.argsort(order_of, kind="stable")


def _in_order(order_of: np.ndarray, stamps: np.ndarray) -> bool:
    """Whether stamps do not fall within a device."""
    return bool(np.all((stamps[1:] >= stamps[:-1]) | (order_of[1:] > order_of[:-1])))


def _as_power(rows: Rows, files: Mapping[int, FileSource], intervals: Intervals) -> Rows:
    """Energy of an interval (Wh) → mean W."""
    energy = [file for file in np.unique(rows.files).tolist() if files[file].source.is_energy]
    if not energy:
        return rows
    seconds = np.full(len(rows), _SECONDS_AN_HOUR)
    for file in energy:
        rows_of_file = np.flatnonzero(rows.files == file)
        interval_s = files[file].source.interval_s
        devices, inverse = np.unique(rows.devices[rows_of_file], return_inverse=True)
        each = [
            interval_s or intervals.seconds(file, device) or np.nan for device in devices.tolist()
        ]
        seconds[rows_of_file] = np.array(each, np.float64)[inverse]
    return replace(rows, values=rows.values * (_SECONDS_AN_HOUR / seconds))


def _resolve_folds(rows: Rows, files: Mapping[int, FileSource]) -> Rows:
    """Stamps that the clock showed twice: the first occurrence, unless the sequence of a
    device's lines shows the second.

    Where it goes back once, all after that is the second hour; otherwise only repeats of a
    stamp are.
    """
    marked = np.flatnonzero(rows.labels & FOLD)
    if not len(marked):
        return rows
    stamps = rows.stamps.copy()
    for file in np.unique(rows.files[marked]).tolist():
        clock = files[file].clock
        assert clock is not None
        rows_of_file = marked[rows.files[marked] == file]
        later = _second_hours(
            rows.devices[rows_of_file], clock.fold_of(stamps[rows_of_file]), stamps[rows_of_file]
        )
        stamps[rows_of_file[later]] += clock.later_by(stamps[rows_of_file[later]])
    return replace(rows, stamps=stamps, labels=rows.labels & ~np.uint8(FOLD))


def _second_hours(devices: np.ndarray, folds: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """Which rows, in the order of their lines, are of a second hour; bool, shape (n,)."""
    order = np.lexsort((folds, devices))  # stable: lines stay in order
    devices, folds, ordered = devices[order], folds[order], stamps[order]
    starts = np.append(True, (devices[1:] != devices[:-1]) | (folds[1:] != folds[:-1]))
    group = np.cumsum(starts) - 1
    back = np.append(False, ordered[1:] < ordered[:-1]) & ~starts
    steps_back = np.bincount(group, back)
    passed = np.cumsum(back)
    after_step = passed - passed[starts][group] > 0
    again = _repeats(group, ordered)
    second = np.where(steps_back[group] == 1, after_step, again)
    result = np.zeros(len(order), bool)
    result[order] = second
    return result


def _repeats(group: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """Rows whose stamp was there before in their group; bool, shape (n,)."""
    order = np.lexsort((stamps, group))
    same = (group[order][1:] == group[order][:-1]) & (stamps[order][1:] == stamps[order][:-1])
    result = np.zeros(len(order), bool)
    result[order[1:]] = same
    return result
