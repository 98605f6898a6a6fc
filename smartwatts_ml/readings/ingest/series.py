"""Rows that mean something only with those before and after them: whole devices together, from
the shards of all months.

A device with more rows than fit into memory is cut in time; then each piece has some rows of the
one before and the one after it as context.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smartwatts_ml.readings.columns import BUCKETS
from smartwatts_ml.readings.ingest.spill import CONTEXT, Rows, Spill

__all__ = ["SeriesGroup", "series_groups", "shard_groups"]

_ROWS_TOGETHER = 1 << 19
_ROWS_A_GROUP = 1 << 18
_ROWS_OF_CONTEXT = 1 << 16
_SAMPLE = 1 << 10
"""One of so many stamps shows where to cut."""


@dataclass(frozen=True)
class SeriesGroup:
    """Rows of some devices, and context."""

    spill: Spill
    shards: Sequence[int]

    def pieces(self) -> Iterator[Rows]:
        """Those of a month in the order of their lines."""
        for shard in self.shards:
            yield from self.spill.pieces(shard, _ROWS_A_GROUP)


def series_groups(spill: Spill, ranks: np.ndarray, folder: Path) -> Iterator[Sequence[SeriesGroup]]:
    """All rows in groups that fit into memory. What is given at once can be worked on at once,
    until the next is asked for. ``ranks`` (int64, shape (n_devices,)) numbers what belongs
    together; ``folder`` is for what waits."""
    shards: defaultdict[int, list[int]] = defaultdict(list)
    rows: defaultdict[int, int] = defaultdict(int)
    for shard, size in spill.sizes().items():
        shards[shard % BUCKETS].append(shard)
        rows[shard % BUCKETS] += size
    buckets = {bucket: SeriesGroup(spill, shards[bucket]) for bucket in sorted(shards)}
    yield [group for bucket, group in buckets.items() if rows[bucket] <= _ROWS_TOGETHER]
    for bucket, whole in buckets.items():
        if rows[bucket] > _ROWS_TOGETHER:
            finer = _cut(whole, ranks, folder / uuid.uuid4().hex, context=True)
            yield [SeriesGroup(finer, [group]) for group in finer.sizes()]
            finer.close()


def shard_groups(
    spill: Spill, shard: int, ranks: np.ndarray, folder: Path
) -> Iterator[SeriesGroup]:
    """The rows of one shard likewise, one group after the other and without context: they mean
    something by themselves."""
    whole = SeriesGroup(spill, [shard])
    finer = _cut(whole, ranks, folder / uuid.uuid4().hex, context=False)
    for group in finer.sizes():
        yield SeriesGroup(finer, [group])
    finer.close()


def _cut(whole: SeriesGroup, ranks: np.ndarray, folder: Path, *, context: bool) -> Spill:
    finer = Spill(folder)
    cutting = _Cutting(whole, ranks, context)
    for piece in whole.pieces():
        finer.add(*cutting.assign(piece))
    return finer


@dataclass(frozen=True)
class _Cuts:
    """First stamps (µs) of the pieces of a device but the first; and between which stamps lies
    what is context at each cut; all of shape (n_cuts,)."""

    stamps: np.ndarray
    since: np.ndarray
    until: np.ndarray

    @classmethod
    def of_sample(cls, stamps: np.ndarray) -> _Cuts:
        """Sorted stamps of some rows."""
        near = _ROWS_OF_CONTEXT // _SAMPLE
        at = np.arange(_ROWS_A_GROUP // _SAMPLE, len(stamps), _ROWS_A_GROUP // _SAMPLE)
        at = at[np.unique(stamps[at], return_index=True)[1]]
        until = np.minimum(at + near, len(stamps) - 1)
        return cls(stamps[at], stamps[np.maximum(at - near, 0)], stamps[until])


class _Cutting:
    """Which rows go together."""

    def __init__(self, whole: SeriesGroup, ranks: np.ndarray, context: bool) -> None:
        self._ranks = ranks
        self._context = context
        counts = np.zeros(int(ranks.max()) + 1, np.int64)
        for rows in whole.pieces():
            counts += np.bincount(ranks[rows.devices], minlength=len(counts))
        is_long = counts > _ROWS_TOGETHER
        self._cuts = self._find_cuts(whole, np.flatnonzero(is_long))
        steps = (np.cumsum(counts) - counts) // _ROWS_A_GROUP
        new = (steps[1:] != steps[:-1]) | is_long[1:] | is_long[:-1]
        pieces = np.zeros(len(counts), np.int64)
        for rank, cuts in self._cuts.items():
            pieces[rank] = len(cuts.stamps)
        self._first = np.append(0, np.cumsum(new)) + np.cumsum(pieces) - pieces

    def _find_cuts(self, whole: SeriesGroup, is_long: np.ndarray) -> dict[int, _Cuts]:
        if not len(is_long):
            return {}
        samples: dict[int, list[np.ndarray]] = {rank: [] for rank in is_long.tolist()}
        for rows in whole.pieces():
            ranks = self._ranks[rows.devices]
            for rank, sample in samples.items():
                sample.append(rows.stamps[ranks == rank][::_SAMPLE])
        return {
            rank: _Cuts.of_sample(np.sort(np.concatenate(sample)))
            for rank, sample in samples.items()
        }

    def assign(self, rows: Rows) -> tuple[np.ndarray, Rows]:
        """The group of each row; rows that are context of another one are there twice."""
        ranks = self._ranks[rows.devices]
        groups = self._first[ranks]
        places, numbers = [np.arange(len(rows))], [groups]
        for rank, cuts in self._cuts.items():
            of_device = np.flatnonzero(ranks == rank)
            stamps = rows.stamps[of_device]
            piece = np.searchsorted(cuts.stamps, stamps, side="right")
            groups[of_device] += piece
            if not self._context:
                continue
            for step, near in (
                (1, stamps >= np.append(cuts.since, np.inf)[piece]),
                (-1, stamps < np.append(-np.inf, cuts.until)[piece]),
            ):
                places.append(of_device[near])
                numbers.append(groups[of_device[near]] + step)
        if len(places) == 1:
            return groups, rows
        place = np.concatenate(places)
        context = np.arange(len(place)) >= len(rows)
        order = np.argsort(place, kind="stable")
        taken = rows.take(place[order])
        marks = np.where(context[order], np.uint8(CONTEXT), np.uint8(0))
        return np.concatenate(numbers)[order], replace(taken, labels=taken.labels | marks)
