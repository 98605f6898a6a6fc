"""Registers of a meter → what a home draws: imports added, exports taken away."""

from __future__ import annotations

import functools
import itertools
import operator
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.ingest.spill import CONTEXT, Rows
from smartwatts_ml.readings.ingest.staged import Staged, count_files

__all__ = ["Netted", "net_parts"]

_TOGETHER = 0.01
"""Registers that meet at a smaller share of stamps take turns, as tariffs of day and night do."""
_AS_LONG = 0.99
_MOST_REGISTERS = 62
_MOST_SETS = 1000
"""Of registers that were ever there together; with more of them all have to be."""


@dataclass(frozen=True)
class Netted:
    """``rows``: those that are no parts, and the readings that parts add up to. By file,
    ``parts`` counts the rows that went into others or lack others, ``incomplete`` the latter.
    ``alone``: which of the rows before are taken away from nothing; bool, shape (n,)."""

    rows: Rows
    parts: Counter[int]
    incomplete: Counter[int]
    alone: np.ndarray


@dataclass(frozen=True)
class _Parts:
    """Parts in the order of their meter (a device in a file) and stamp; ``meter`` and ``stamp``
    number those of each row, ``registers`` are all that the file has of each meter."""

    rows: Rows
    signs: np.ndarray
    meter: np.ndarray
    stamp: np.ndarray
    totals: np.ndarray
    registers: Sequence[Set[int]]
    sign_of: np.ndarray

    @property
    def meter_of(self) -> np.ndarray:
        """The meter of each stamp."""
        return self.meter[np.flatnonzero(np.diff(self.stamp, prepend=-1))]

    def registers_of(self, sign: int) -> list[list[int]]:
        """Those of each meter that count in one direction."""
        return [sorted(n for n in all_ if self.sign_of[n] == sign) for all_ in self.registers]


def net_parts(rows: Rows, staged: Staged) -> Netted:
    """Parts of a device as one reading for each stamp.

    Registers of one sign that are read together have to be there all, but groups of them may
    take turns, as tariffs of day and night do. Of meters' totals all have to be there, and all
    parts have to last equally long. What is taken away has to be taken away from something. No
    mains is better than half of it.
    """
    is_part = staged.signs[rows.devices] != 0
    places = np.flatnonzero(is_part)
    wholes = staged.wholes[rows.devices[places]]
    files = staged.files(rows)[places]
    order = np.lexsort((rows.stamps[places], files, wholes))
    places, wholes, files = places[order], wholes[order], files[order]
    parts = _numbered(rows.take(places), wholes, files, staged)
    halved = np.array([not several for several in parts.registers_of(1)])[parts.meter_of]
    complete = ~halved & _as_long(parts)
    for sign in (1, -1):
        complete &= _is_complete(sign, parts)
    first = np.flatnonzero(np.diff(parts.stamp, prepend=-1))[complete]
    kept = parts.rows.take(first)
    readings = Rows(
        stamps=kept.stamps,
        values=np.bincount(parts.stamp, parts.signs * parts.rows.values)[complete],
        devices=wholes[first],
        labels=kept.labels & np.uint8(CONTEXT),
        streams=kept.streams,
        seconds=kept.seconds,
    )
    own = (parts.rows.labels & CONTEXT) == 0
    into = np.ones(len(places), bool)
    into[first] = False
    is_alone = halved[parts.stamp]
    alone = np.zeros(len(rows), bool)
    alone[places[is_alone]] = True
    return Netted(
        rows=Rows.join([rows.take(~is_part), readings]),
        parts=count_files(files[into & ~is_alone & own]),
        incomplete=count_files(files[~complete[parts.stamp] & ~is_alone & own]),
        alone=alone,
    )


def _numbered(rows: Rows, wholes: np.ndarray, files: np.ndarray, staged: Staged) -> _Parts:
    new_meter = np.append(True, (wholes[1:] != wholes[:-1]) | (files[1:] != files[:-1]))
    new_stamp = new_meter | np.append(True, rows.stamps[1:] != rows.stamps[:-1])
    meters = zip(files[new_meter].tolist(), wholes[new_meter].tolist(), strict=True)
    return _Parts(
        rows=rows,
        signs=staged.signs[rows.devices],
        meter=np.cumsum(new_meter) - 1,
        stamp=np.cumsum(new_stamp) - 1,
        totals=staged.measured(rows, lambda measure: measure.quantity == "total"),
        registers=[staged.registers[meter] for meter in meters],
        sign_of=staged.signs,
    )


def _as_long(parts: _Parts) -> np.ndarray:
    """At which stamps all parts last equally long; bool, shape (n_stamps,)."""
    seconds = parts.rows.seconds
    starts = np.flatnonzero(np.diff(parts.stamp, prepend=-1))
    if seconds is None:
        return np.ones(len(starts), bool)
    longest = np.maximum.reduceat(seconds, starts)
    return ~(np.minimum.reduceat(seconds, starts) < _AS_LONG * longest)


def _is_complete(sign: int, parts: _Parts) -> np.ndarray:
    """At which stamps all is there of what a meter counts in one direction; bool, shape
    (n_stamps,)."""
    registers = parts.registers_of(sign)
    needed = np.array([len(several) for several in registers])
    meter_of = parts.meter_of
    chosen = np.flatnonzero(parts.signs == sign)
    stamp = parts.stamp[chosen]
    bits = _bits(parts.meter[chosen], parts.rows.devices[chosen], registers)
    there = np.zeros(len(meter_of), np.int64)
    np.bitwise_or.at(there, stamp, np.int64(1) << bits)
    sets, which, counts = np.unique(
        np.stack([meter_of, there], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    good = np.zeros(len(sets), bool)
    take_turns = (np.bincount(parts.meter, parts.totals) == 0) & (needed <= _MOST_REGISTERS)
    starts = np.flatnonzero(np.append(True, sets[1:, 0] != sets[:-1, 0])).tolist()
    for start, end in itertools.pairwise([*starts, len(sets)]):
        meter = int(sets[start, 0])
        take_turns[meter] &= needed[meter] > 1 and end - start <= _MOST_SETS
        if take_turns[meter]:
            groups = _groups(sets[start:end, 1], counts[start:end], int(needed[meter]))
            good[start:end] = [_is_whole(int(one_set), groups) for one_set in sets[start:end, 1]]
    all_there = np.bincount(stamp, minlength=len(meter_of)) == needed[meter_of]
    return np.where(take_turns[meter_of], good[which.ravel()], all_there)


def _bits(meter: np.ndarray, devices: np.ndarray, registers: Sequence[list[int]]) -> np.ndarray:
    """The place of each row's register among those of its meter; int64, shape (n,)."""
    if not len(meter):
        return np.zeros(0, np.int64)
    pairs, which = np.unique(np.stack([meter, devices], axis=1), axis=0, return_inverse=True)
    bits = [registers[of_meter].index(device) for of_meter, device in pairs.tolist()]
    return np.minimum(np.array(bits, np.int64), _MOST_REGISTERS)[which.ravel()]


def _groups(sets: np.ndarray, counts: np.ndarray, registers: int) -> list[int]:
    """Groups of registers that are read together, as sets of bits: those that meet at more than
    few stamps, and what they meet. Groups take turns."""
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


def _is_whole(registers: int, groups: list[int]) -> bool:
    """Whether some groups are there, each with all of its registers."""
    whole = [group for group in groups if group & registers]
    return bool(whole) and all(group & registers == group for group in whole)
