"""Registers of a meter → what a home draws: imports added, exports taken away."""

from __future__ import annotations

from collections import Counter

import numpy as np

from smartwatts_ml.readings.ingest.spill import Rows
from smartwatts_ml.readings.ingest.staged import Staged, count_files

__all__ = ["net_parts"]

_TOGETHER = 0.01
"""Registers that meet at a smaller share of stamps take turns, as tariffs of day and night do."""


def net_parts(rows: Rows, staged: Staged) -> tuple[Rows, Counter[int]]:
    """Parts of a device as one reading for each stamp, and by file how many rows went into
    others or were of a stamp where another part is missing.

    Of registers of one sign that take turns, one has to be there at a stamp; of others, and
    of meters' totals, all. No mains is better than half of it.
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
    chosen = np.flatnonzero(signs == sign)
    stamps = int(stamp[-1]) + 1
    meter_of = np.empty(stamps, np.int64)
    meter_of[stamp] = meter
    if not len(chosen):
        return np.ones(stamps, bool)
    there = np.bincount(stamp[chosen], minlength=stamps)
    meters = int(meter[-1]) + 1
    pairs = np.unique(np.stack([meter[chosen], devices[chosen]], axis=1), axis=0)
    registers = np.bincount(pairs[:, 0], minlength=meters)
    together = np.bincount(meter_of, there > 1, minlength=meters)
    any_there = np.bincount(meter_of, there > 0, minlength=meters)
    take_turns = together < _TOGETHER * np.maximum(any_there, 1)
    counted = np.bincount(meter[chosen], totals[chosen], minlength=meters) > 0
    needed = np.where(take_turns & ~counted, np.minimum(registers, 1), registers)
    return there >= needed[meter_of]
