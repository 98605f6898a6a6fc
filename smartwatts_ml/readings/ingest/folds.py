"""Stamps that a clock shows twice → the instants that the order of lines tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.ingest.staged import Staged
from smartwatts_ml.readings.ingest.staging import months_of
from smartwatts_ml.readings.parsed import FOLD
from smartwatts_ml.readings.run_lengths import equal_runs
from smartwatts_ml.readings.spacing import PATIENCE

__all__ = ["resolve_folds"]


@dataclass(frozen=True)
class _Fold:
    """Rows of one device and file, by their places in the order of lines, whose stamps are of one
    repeated hour: ``stamps`` are of its first occurrence, the second is ``later`` (µs)."""

    file: int
    device: int
    rows: np.ndarray
    stamps: np.ndarray
    later: int


def resolve_folds(rows: Rows, staged: Staged) -> tuple[Rows, np.ndarray]:
    """Rows at their instants, and which of them nothing tells; bool, shape (n,).

    Within a file the order of a device's lines tells: upwards or downwards, where a stamp comes
    again or steps back, and which stamps lie next to the hour. A file with nothing but one of
    the two hours is the first one, unless that is already there from another file; then it is
    the second, unless that is there too.
    """
    untold = np.zeros(len(rows), bool)
    marked = np.flatnonzero(rows.labels & FOLD)
    if not len(marked):
        return rows, untold
    stamps = rows.stamps.copy()
    files = staged.files(rows)
    places = _Places(rows.devices)
    alone: list[_Fold] = []
    for fold in _folds(rows, files, marked, staged):
        of_device = places.of_device(fold.device)
        second = _second(fold, rows.stamps[of_device[files[of_device] == fold.file]])
        if second is None:
            alone.append(fold)
        else:
            stamps[fold.rows[second]] += fold.later
    waiting = np.zeros(len(rows), bool)
    for fold in alone:
        waiting[fold.rows] = True
    for fold in alone:  # in the order of arrival
        waiting[fold.rows] = False
        whole = staged.wholes[fold.device]
        others = places.of_device(fold.device)
        others = others[~waiting[others] & (files[others] != fold.file)]
        there = stamps[others]
        for shift in (0, fold.later):
            at = fold.stamps + shift
            if not np.isin(at, there).any() and not staged.is_taken(whole, at):
                stamps[fold.rows] = at
                break
        else:
            untold[fold.rows] = True
    return replace(rows, stamps=stamps, labels=rows.labels & ~np.uint8(FOLD)), untold


class _Places:
    """Where the rows of each device are."""

    def __init__(self, devices: np.ndarray) -> None:
        self._order = np.argsort(devices, kind="stable")
        self._devices = devices[self._order]

    def of_device(self, device: int) -> np.ndarray:
        """Places in the order of lines; int64."""
        first, end = np.searchsorted(self._devices, [device, device + 1])
        return self._order[first:end]


def _folds(rows: Rows, files: np.ndarray, marked: np.ndarray, staged: Staged) -> Iterator[_Fold]:
    """Each repeated hour of each device and file, file after file."""
    for file in np.unique(files[marked]).tolist():
        of_file = marked[files[marked] == file]
        clock = staged.streams[rows.streams[of_file[0]]].clock
        assert clock is not None
        stamps = rows.stamps[of_file]
        folds = clock.fold_of(stamps)
        order = np.lexsort((folds, rows.devices[of_file]))  # stable: lines stay in order
        keys = rows.devices[of_file][order] * (folds.max() + 1) + folds[order]
        for first, end in zip(*equal_runs(keys), strict=True):
            chosen = order[first:end]
            places = of_file[chosen]
            later = int(clock.later_by(stamps[chosen[:1]])[0])
            yield _Fold(file, int(rows.devices[places[0]]), places, stamps[chosen], later)


def _second(fold: _Fold, of_device: np.ndarray) -> np.ndarray | None:
    """Which rows are of the second occurrence; bool, shape (n,). None where nothing tells.
    ``of_device``: all stamps of the device in the file, those of a month in the order of lines."""
    month = months_of(of_device) == months_of(fold.stamps[:1])
    downwards = np.sign(np.diff(of_device[month])).sum() < 0
    ordered = -fold.stamps if downwards else fold.stamps
    back = np.flatnonzero(np.diff(ordered) < 0)
    if len(back) == 1:
        return np.asarray((np.arange(len(ordered)) > back[0]) != downwards)
    again, twice = _occurrences(fold.stamps)
    if twice.any():
        return np.asarray(twice & (again != downwards))
    return _by_neighbours(fold, of_device)


def _occurrences(stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows repeat a stamp, and which have a stamp that is there several times; bool."""
    order = np.argsort(stamps, kind="stable")
    same = stamps[order][1:] == stamps[order][:-1]
    again, twice = np.zeros(len(stamps), bool), np.zeros(len(stamps), bool)
    again[order[1:]] = same
    twice[order[1:]] |= same
    twice[order[:-1]] |= same
    return again, twice


def _by_neighbours(fold: _Fold, of_device: np.ndarray) -> np.ndarray | None:
    """One of two hours alone: the first follows what is before it, the second leads on to what
    is after it."""
    first, last = int(fold.stamps.min()), int(fold.stamps.max())
    gaps = np.diff(np.unique(fold.stamps))
    step = int(PATIENCE * (gaps.min() if len(gaps) else fold.later))
    after_second = last + fold.later
    leads = np.any((of_device >= first - step) & (of_device < first))
    follows = np.any((of_device > after_second) & (of_device <= after_second + step))
    if not leads and not follows:
        return None
    return np.full(len(fold.stamps), not leads)
