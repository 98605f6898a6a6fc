"""Stamps that a clock shows twice → the instants that the order of lines and files tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.readings.clock import LocalClock
from smartwatts_ml.readings.ingest.fold_order import FIRST, SECOND, UNTOLD, tell_hours
from smartwatts_ml.readings.ingest.lone_hours import LoneHour, place_lone
from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.ingest.staged import Staged
from smartwatts_ml.readings.ingest.staging import months_of
from smartwatts_ml.readings.parsed import FOLD
from smartwatts_ml.readings.resample import HOUR_US
from smartwatts_ml.readings.run_lengths import equal_runs
from smartwatts_ml.readings.spacing import PATIENCE

__all__ = ["resolve_folds"]

_REGULAR = 0.8
"""Share of gaps that are the most common one where a spacing is regular."""
_ENOUGH_GAPS = 3


@dataclass(frozen=True)
class _Run:
    """A device's rows in a file, those of a month in the order of lines: ``rows`` are their
    places; ``clock`` shows their stamps, which are of first occurrences (µs); ``marked``: which
    may be of second ones; ``upwards``: lines of the device's other files go upwards."""

    file: int
    device: int
    rows: np.ndarray
    stamps: np.ndarray
    values: np.ndarray
    marked: np.ndarray
    clock: LocalClock
    counted: bool
    ends: bool
    upwards: bool


def resolve_folds(rows: Rows, staged: Staged) -> tuple[Rows, np.ndarray]:
    """Rows at their instants, and which of them nothing tells; bool, shape (n,).

    Within a file the order of a device's lines tells, upwards or downwards. A file with one of
    the two hours is told by what is next to it, in the file or else in others and in the table,
    and by what is there already. An hour that could be either is neither.
    """
    untold = np.zeros(len(rows), bool)
    if not (rows.labels & FOLD).any():
        return rows, untold
    stamps = rows.stamps.copy()
    lone: list[LoneHour] = []
    for run in _runs(rows, staged):
        for fold, inside in _folds_of(run):
            later = run.clock.later(fold)
            hours = _by_lines(run, inside, later)
            if hours is None:
                hours = _of_coarse(run, inside, later, run.clock.fold_start(fold))
            places = run.rows[inside]
            if hours is not None:
                stamps[places] += later * (hours == SECOND)
                untold[places] = hours == UNTOLD
                continue
            beside = _beside(run, inside, later)
            at, counted = run.stamps[inside], run.counted
            lone.append(LoneHour(run.file, run.device, places, at, later, counted, beside))
    if lone:
        place_lone(lone, rows, stamps, untold, staged)
    return replace(rows, stamps=stamps, labels=rows.labels & ~np.uint8(FOLD)), untold


def _runs(rows: Rows, staged: Staged) -> Iterator[_Run]:
    """Rows of each device and file that have a repeated hour."""
    files = staged.files(rows)
    marked = (rows.labels & FOLD) > 0
    chosen = np.flatnonzero(np.isin(rows.devices, np.unique(rows.devices[marked])))
    order = chosen[np.lexsort((files[chosen], rows.devices[chosen]))]  # lines stay in order
    keys = rows.devices[order].astype(np.int64) << 32 | files[order]
    upwards = _upwards(rows.devices[order], keys, rows.stamps[order], marked[order])
    for first, end in zip(*equal_runs(keys), strict=True):
        places = order[first:end]
        folded = places[marked[places]]
        if len(folded):
            stream = staged.streams[rows.streams[folded[0]]]
            assert stream.clock is not None
            yield _Run(
                stream.file,
                int(rows.devices[places[0]]),
                places,
                rows.stamps[places],
                rows.values[places],
                marked[places],
                stream.clock,
                stream.measure.quantity == "total",
                stream.measure.ends,
                upwards[int(rows.devices[places[0]])],
            )


def _upwards(
    devices: np.ndarray, keys: np.ndarray, stamps: np.ndarray, marked: np.ndarray
) -> dict[int, bool]:
    """Whether lines outside of repeated hours go upwards alone, by device; all in the order of
    lines, file by file (``keys``)."""
    steps = np.diff(stamps)
    told = (keys[1:] == keys[:-1]) & ~marked[1:] & ~marked[:-1] & (steps != 0)
    ups, downs = set(devices[1:][told & (steps > 0)]), set(devices[1:][told & (steps < 0)])
    return {device: device in ups and device not in downs for device in set(devices.tolist())}


def _folds_of(run: _Run) -> Iterator[tuple[int, np.ndarray]]:
    """Each repeated hour, and which rows are of it."""
    places = np.flatnonzero(run.marked)
    folds = run.clock.fold_of(run.stamps[places])
    for fold in np.unique(folds).tolist():
        inside = np.zeros(len(run.stamps), bool)
        inside[places[folds == fold]] = True
        yield fold, inside


def _by_lines(run: _Run, inside: np.ndarray, later: int) -> np.ndarray | None:
    """As the order of the month's lines tells."""
    months = months_of(run.stamps)
    near = np.isin(months, months[inside])
    return tell_hours(
        run.stamps[near], inside[near], run.values[near], later, run.counted, run.upwards
    )


def _beside(run: _Run, inside: np.ndarray, later: int) -> int | None:
    """Which of two hours one alone is, by what is next to it in its file: the first follows what
    is before it, the second leads on to what is after it. With both it could be either; None
    with neither."""
    stamps = np.unique(run.stamps)
    gaps = np.diff(stamps)
    first, last = int(run.stamps[inside].min()), int(run.stamps[inside].max())
    reach = max(HOUR_US, later, int(PATIENCE * np.median(gaps)) if len(gaps) else 0)
    follows = np.any((stamps >= first - reach) & (stamps < first))
    leads = np.any((stamps > last) & (stamps <= last + later + reach))
    if not follows and not leads:
        return None
    return UNTOLD if follows and leads else FIRST if follows else SECOND


def _of_coarse(run: _Run, inside: np.ndarray, later: int, start: int) -> np.ndarray | None:
    """Which instant a stamp is of where readings last longer than the hour: what keeps their
    pace. Where both do as well, an interval begins at the first and ends at the last, unless it
    ends as the hour begins. None where they are finer, or come in no pace."""
    stamps = np.unique(run.stamps)
    fold = np.unique(run.stamps[inside])
    if len(fold) > 1 or not _is_coarse(np.diff(stamps), later):
        return None
    stamp, place = int(fold[0]), int(np.searchsorted(stamps, fold[0]))
    hour = SECOND if run.ends and stamp > start else FIRST
    if 0 < place < len(stamps) - 1:
        before, after = stamp - int(stamps[place - 1]), int(stamps[place + 1]) - stamp
        first, second = abs(after - before), abs((after - later) - (before + later))
        if abs(first - second) > later // 2:
            hour = FIRST if first < second else SECOND
    return np.full(np.count_nonzero(inside), hour)


def _is_coarse(gaps: np.ndarray, later: int) -> bool:
    """Whether readings come regularly, and last longer than the repeated hour."""
    if len(gaps) < _ENOUGH_GAPS:
        return False
    usual = np.median(gaps)
    near = np.abs(gaps - usual) <= later
    return bool(usual > PATIENCE * later and np.count_nonzero(near) >= _REGULAR * len(gaps))
