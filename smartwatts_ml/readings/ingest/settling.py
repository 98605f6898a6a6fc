"""Rows of some devices → readings: the second hour of a fold told apart, energy as power,
duplicates taken out, parts netted, sorted by device and time.

What needs the neighbours of a row is done here, where all rows of a device are together in
whatever order the files had them. Rows marked as context are looked at, but they are neither
kept nor counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from smartwatts_ml.readings.ingest.folds import resolve_folds
from smartwatts_ml.readings.ingest.holding import seconds_held
from smartwatts_ml.readings.ingest.netting import net_parts
from smartwatts_ml.readings.ingest.spill import CONTEXT, Rows
from smartwatts_ml.readings.ingest.staged import Staged, count_files
from smartwatts_ml.readings.parsed import FOLD
from smartwatts_ml.readings.resample import MICRO
from smartwatts_ml.readings.run_lengths import equal_runs
from smartwatts_ml.readings.spacing import own_intervals, untold_lengths
from smartwatts_ml.readings.totals import glitches

__all__ = ["Dropped", "Settled", "drop_repeats", "settle", "sort_rows"]

_SECONDS_AN_HOUR = 3600.0


@dataclass(frozen=True)
class Dropped:
    """Rows that were rejected once all rows of a device were together, with the fault."""

    fault: str
    rows: Rows
    files: np.ndarray


@dataclass(frozen=True)
class Settled:
    """``rows`` are readings: mean W from each stamp on, or kWh that a meter had counted.
    By file, ``duplicates`` and ``netted`` count what went into others, or lacks others:
    ``incomplete``."""

    rows: Rows
    duplicates: Counter[int]
    netted: Counter[int] = field(default_factory=Counter)
    incomplete: Counter[int] = field(default_factory=Counter)
    dropped: Sequence[Dropped] = ()


def settle(rows: Rows, staged: Staged) -> Settled:
    """Readings sorted by rank of their device and time.

    Rows that repeat another one of their file are duplicates; two values for one device and
    stamp are both rejected. Energy becomes power, ends of intervals their starts, and parts of
    a device its readings.
    """
    rows, untold = resolve_folds(rows, staged)
    dropped = [_dropped("fold_untold", rows.take(untold), staged)] if untold.any() else []
    rows = rows.take(~untold) if untold.any() else rows
    ends = Rows.none()
    if staged.measured(rows, lambda measure: measure.held).any():
        nothing = np.isnan(rows.values)
        rows, ends = rows.take(~nothing), rows.take(nothing)
    rows = sort_rows(rows, staged.ranks)
    rows, duplicates, contradicting = _without_repeats(rows, staged)
    dropped += contradicting
    rows, glitched = _without_glitches(rows, staged)
    dropped += glitched
    rows, untold = _with_seconds(rows, ends, staged)
    if untold.any():
        dropped.append(_dropped("interval_untold", rows.take(untold), staged))
        rows = rows.take(~untold)
    as_sent, rows = rows, _on_starts(rows, staged)
    if not staged.signs[rows.devices].any():
        rows = rows if rows.seconds is None else sort_rows(rows, staged.ranks)
        return Settled(_own(rows), duplicates, dropped=dropped)
    net = net_parts(rows, staged)
    if net.alone.any():
        dropped.append(_dropped("part_alone", as_sent.take(net.alone), staged))
    rows = sort_rows(net.rows, staged.ranks)
    return Settled(_own(rows), duplicates, net.parts, net.incomplete, dropped)


def _own(rows: Rows) -> Rows:
    """Without those that are only there for others."""
    context = (rows.labels & CONTEXT) > 0
    return rows.take(~context) if context.any() else rows


def drop_repeats(rows: Rows, staged: Staged) -> tuple[Rows, Counter[int]]:
    """Less rows, to the same end: exact repeats of a file, device and stamp go before all is
    settled, except in a fold, where they may tell the second hour."""
    folded = (rows.labels & FOLD) > 0
    plain = sort_rows(rows.take(~folded), staged.ranks)
    same, equal = _repeats_of(plain, staged)
    kept = plain.take(~(same & equal))
    return Rows.join([kept, rows.take(folded)]), _counted(plain, same & equal, staged)


def _counted(rows: Rows, chosen: np.ndarray, staged: Staged) -> Counter[int]:
    own = (rows.labels & CONTEXT) == 0
    return count_files(staged.files(rows)[chosen & own])


def _repeats_of(rows: Rows, staged: Staged) -> tuple[np.ndarray, np.ndarray]:
    """Of sorted rows: which have file, device and stamp of the row before, and which of those
    its value as well; bool, shape (n,)."""
    same, equal = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    if len(rows) > 1:
        near = (rows.stamps[1:] == rows.stamps[:-1]) & (rows.devices[1:] == rows.devices[:-1])
        if near.any():
            files = staged.files(rows)
            labels = rows.labels & np.uint8(~CONTEXT & 0xFF)
            same[1:] = near & (files[1:] == files[:-1])
            equal[1:] = (rows.values[1:] == rows.values[:-1]) & (labels[1:] == labels[:-1])
            equal[1:] &= rows.streams[1:] == rows.streams[:-1]
    return same, equal


def _without_repeats(rows: Rows, staged: Staged) -> tuple[Rows, Counter[int], list[Dropped]]:
    """Each device and stamp of a file once: repeats go, contradictions are rejected."""
    same, equal = _repeats_of(rows, staged)
    if not same.any():
        return rows, Counter(), []
    group = np.cumsum(~same) - 1
    torn = np.bincount(group, same & ~equal) > 0
    contradicting = torn[group]
    repeated = same & ~contradicting
    duplicates = _counted(rows, repeated, staged)
    dropped = (
        [_dropped("value_two", rows.take(contradicting), staged)] if contradicting.any() else []
    )
    return rows.take(~repeated & ~contradicting), duplicates, dropped


def _dropped(fault: str, rows: Rows, staged: Staged) -> Dropped:
    rows = _own(rows)
    return Dropped(fault, rows, staged.files(rows))


def _without_glitches(rows: Rows, staged: Staged) -> tuple[Rows, list[Dropped]]:
    """Less the totals of a meter that are wrong beyond doubt."""
    totals = np.flatnonzero(staged.measured(rows, lambda measure: measure.quantity == "total"))
    if not len(totals):
        return rows, []
    wrong = np.zeros(len(rows), bool)
    order = totals[np.lexsort((rows.stamps[totals], rows.streams[totals], rows.devices[totals]))]
    keys = rows.devices[order].astype(np.int64) << 32 | rows.streams[order]
    for first, end in zip(*equal_runs(keys), strict=True):
        chosen = order[first:end]
        wrong[chosen] = glitches(rows.stamps[chosen], rows.values[chosen])
    if not wrong.any():
        return rows, []
    return rows.take(~wrong), [_dropped("total_glitch", rows.take(wrong), staged)]


def _with_seconds(rows: Rows, ends: Rows, staged: Staged) -> tuple[Rows, np.ndarray]:
    """How long rows last: by what the file says; of energy and of ends by the stamps around
    them; of what is held by the next row of the device, or by one of ``ends``. And of which
    energy that is not told; bool, shape (n,)."""
    untold = np.zeros(len(rows), bool)
    measures = [stream.measure for stream in staged.streams]
    stated = np.array([measure.interval_s or np.nan for measure in measures])
    sought = np.array([m.quantity == "energy" or m.ends or m.late for m in measures], bool)
    held = np.array([measure.held for measure in measures], bool)
    if not (sought.any() or held.any()) and np.isnan(stated).all():
        return rows, untold
    seconds = stated[rows.streams]
    if rows.seconds is not None:
        seconds = np.where(np.isnan(rows.seconds), seconds, rows.seconds)
    unsaid = np.isnan(seconds)
    chosen = np.flatnonzero(sought[rows.streams] & unsaid)
    order = chosen[np.lexsort((rows.stamps[chosen], rows.devices[chosen], rows.streams[chosen]))]
    keys = rows.devices[order].astype(np.int64) << 32 | rows.streams[order]
    for first, end in zip(*equal_runs(keys), strict=True):
        places = order[first:end]
        stream, device = int(rows.streams[places[0]]), int(rows.devices[places[0]])
        usual = staged.intervals.seconds(stream, device)
        usual_us = None if usual is None else usual * MICRO
        measure, stamps = measures[stream], rows.stamps[places]
        lasting, _ = own_intervals(stamps, usual_us, measure.ends)
        seconds[places] = lasting / MICRO
        if measure.quantity == "energy":
            untold[places] = untold_lengths(stamps, rows.values[places], lasting, measure.ends)
    chosen = np.flatnonzero(held[rows.streams] & unsaid)
    if len(chosen):
        seconds[chosen] = seconds_held(rows.take(chosen), ends)
    return replace(rows, seconds=seconds), untold


def _on_starts(rows: Rows, staged: Staged) -> Rows:
    """Energy (Wh) → mean W, ends of intervals → their starts, and starts of late totals → their
    ends, by how long each row lasts."""
    if rows.seconds is None:
        return rows
    energy = staged.measured(rows, lambda measure: measure.quantity == "energy")
    ends = staged.measured(rows, lambda measure: measure.ends)
    late = staged.measured(rows, lambda measure: measure.late)
    values, stamps, seconds = rows.values.copy(), rows.stamps.copy(), rows.seconds.copy()
    values[energy] *= _SECONDS_AN_HOUR / rows.seconds[energy]
    stamps[ends] -= np.rint(seconds[ends] * MICRO).astype(np.int64)
    stamps[late] += np.rint(seconds[late] * MICRO).astype(np.int64)
    seconds[late] = np.nan  # a total is of an instant
    return replace(rows, values=values, stamps=stamps, seconds=seconds)


def sort_rows(rows: Rows, ranks: np.ndarray) -> Rows:
    """By rank and stamp; rows equal in both stay in the order of their files and lines."""
    if not len(rows):
        return rows
    rows = rows.take(_by_device(ranks[rows.devices]))
    order_of = ranks[rows.devices]
    if _in_order(order_of, rows.stamps):  # as files of growing time are
        return rows
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
