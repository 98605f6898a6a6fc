"""Registers of a meter → what a home draws: imports added, exports taken away."""

from __future__ import annotations

import functools
import itertools
import operator
from collections import Counter

import numpy as np

from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.ingest.staged import Staged, count_files

__all__ = ["net_parts"]

_TOGETHER = 0.01
"""Registers that meet at a smaller share of stamps take turns, as tariffs of day and night do."""
_AS_LONG = 0.99
_MOST_REGISTERS = 62
_MOST_SETS = 1000
"""Of registers that were ever there together; with more of them all have to be."""


def net_parts(rows: Rows, staged: Staged) -> tuple[Rows, Counter[int]]:
    """Parts of a device as one reading for each stamp, and by file how many rows went into
    others or were of a stamp where another part is missing.

    Registers of one sign that are read together have to be there all, but groups of them may
    take turns, as tariffs of day and night do. Of meters' totals all have to be there, and all
    parts have to last equally long. No mains is better than half of it.
    """
    is_part = staged.signs[rows.devices] != 0
    whole_rows, parts = rows.take(~is_part), rows.take(is_part)
    wholes = staged.wholes[parts.devices]
    files = staged.files(parts)
    order = np.lexsort((parts.stamps, files, wholes))
    parts, wholes, files = parts.take(order), wholes[order], files[order]
    new_meter = np.append(True, (wholes[1:] != wholes[:-1]) | (files[1:] != files[:-1]))
    new_stamp = new_meter | np.append(True, parts.stamps[1:] != parts.stamps[:-1])
    meter = np.cumsum(new_meter) - 1
    stamp = np.cumsum(new_stamp) - 1
    signs = staged.signs[parts.devices]
    totals = staged.measured(parts, lambda measure: measure.quantity == "total")
    complete = np.ones(int(stamp[-1]) + 1, bool)
    for sign in (1, -1):
        complete &= _is_complete(sign, signs, meter, stamp, parts.devices, totals)
    if parts.seconds is not None:
        starts = np.flatnonzero(new_stamp)
        longest = np.maximum.reduceat(parts.seconds, starts)
        complete &= ~(np.minimum.reduceat(parts.seconds, starts) < _AS_LONG * longest)
    net = np.bincount(stamp, signs * parts.values)
    first = np.flatnonzero(new_stamp)
    kept = parts.take(first[complete])
    readings = Rows(
        stamps=kept.stamps,
        values=net[complete],
        devices=wholes[first[complete]],
        labels=np.zeros(len(kept), np.uint8),
        streams=kept.streams,
        seconds=kept.seconds,
    )
    netted = count_files(files)
    netted.subtract(count_files(files[first[complete]]))
    return Rows.join([whole_rows, readings]), +netted


def _is_complete(
    sign: int,
    signs: np.ndarray,
    meter: np.ndarray,
    stamp: np.ndarray,
    devices: np.ndarray,
    totals: np.ndarray,
) -> np.ndarray:
    """At which stamps all is there of what a meter counts in one direction; bool, shape
    (n_stamps,)."""
    complete = np.ones(int(stamp[-1]) + 1, bool)
    chosen = np.flatnonzero(signs == sign)
    if not len(chosen):
        return complete
    meter_of = np.empty(len(complete), np.int64)
    meter_of[stamp] = meter
    pairs, register = np.unique(
        np.stack([meter[chosen], devices[chosen]], axis=1), axis=0, return_inverse=True
    )
    first = np.searchsorted(pairs[:, 0], pairs[:, 0])  # of the registers of its meter
    bit = (np.arange(len(pairs)) - first)[register.ravel()]
    counted = np.bincount(meter[chosen], totals[chosen], minlength=int(meter[-1]) + 1) > 0
    there = np.zeros(len(complete), np.int64)
    np.bitwise_or.at(there, stamp[chosen], np.int64(1) << np.minimum(bit, _MOST_REGISTERS))
    sets, which, counts = np.unique(
        np.stack([meter_of, there], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    starts = np.flatnonzero(np.append(True, sets[1:, 0] != sets[:-1, 0]))
    good = np.ones(len(sets), bool)
    of_meter = np.bincount(pairs[:, 0], minlength=len(counted))
    for start, end in itertools.pairwise([*starts.tolist(), len(sets)]):
        number = int(sets[start, 0])
        registers = int(of_meter[number])
        if registers:
            shifts = _shifts(sets[start:end, 1], counts[start:end], registers, counted[number])
            good[start:end] = [_is_whole(int(s), shifts) for s in sets[start:end, 1]]
    return good[which.ravel()]


def _shifts(sets: np.ndarray, counts: np.ndarray, registers: int, is_total: bool) -> list[int]:
    """Groups of registers that are read together, as sets of bits: those that meet at more than
    few stamps, and what they meet. Groups take turns."""
    if is_total or registers > _MOST_REGISTERS or len(sets) > _MOST_SETS:
        return [(1 << registers) - 1]
    present = (sets[:, None] >> np.arange(registers)) & 1
    meetings = (present * counts[:, None]).T @ present
    often = np.diag(meetings)
    meet = meetings >= np.maximum(_TOGETHER * np.minimum(often[:, None], often), 1)
    groups: list[int] = []
    for register in range(registers):
        group = 1 << register
        for other in np.flatnonzero(meet[register]).tolist():
            group |= 1 << other
        overlapping = [known for known in groups if known & group]
        groups = [known for known in groups if not known & group]
        groups.append(functools.reduce(operator.or_, overlapping, group))
    return groups


def _is_whole(registers: int, shifts: list[int]) -> bool:
    """Whether some groups are there, each with all of its registers."""
    whole = [group for group in shifts if group & registers]
    return bool(whole) and all(group & registers == group for group in whole)
