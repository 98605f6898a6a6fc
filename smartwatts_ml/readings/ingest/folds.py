"""Stamps that a clock shows twice → the instants that the order of lines tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.ingest.staged import Staged
from smartwatts_ml.readings.parsed import FOLD

__all__ = ["resolve_folds"]


def resolve_folds(rows: Rows, staged: Staged) -> Rows:
    """Stamps that the clock showed twice: the first occurrence, unless the sequence of a
    device's lines shows the second.

    Where it goes back once, all after that is the second hour; otherwise only repeats of a
    stamp are.
    """
    marked = np.flatnonzero(rows.labels & FOLD)
    if not len(marked):
        return rows
    stamps = rows.stamps.copy()
    files = staged.files(rows)[marked]
    for file in np.unique(files).tolist():
        rows_of_file = marked[files == file]
        clock = staged.streams[rows.streams[rows_of_file[0]]].clock
        assert clock is not None
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
