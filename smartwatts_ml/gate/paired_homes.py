"""Beacons of days → one difference for each home that runs a new version.

A home that changed its version is compared with itself before, and that with a few other homes that
kept the old one over the same days: season and weather are in both. Which home got the version
first is chance, so of a version that changes nothing each such difference is as often above 0 as
below, after it was cut to a bound too, and so is their mean. Partners of a home follow from what
was known when its window was over, and stay: what a home said is never revised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smartwatts_ml.gate.evidence import BOUND, relative

__all__ = ["PARTNERS", "WINDOWS", "HomeDays", "Pairing", "worsened"]

WINDOWS = (2, 7, 28)
"""Days after the change over which a home is compared; it counts when they are over."""
_BEFORE = 28
_LEAST_BEFORE = 2
_FAIL_WINDOW = 2
PARTNERS = 8
"""Of one home, at most; more would take away little more noise than they cost others."""
_SPARED = 4
"""Homes that change on one day take no more than one in so many of those that they could have,
while each has a partner."""


@dataclass(frozen=True)
class HomeDays:
    """What gateways said of a model, shape (homes, days): ``version`` that was loaded, 0 where
    nothing was heard; ``failed``: the version that did not load or failed in most of its calls, 0
    for none; ``error`` and ``scale``, NaN where they were not measured. The last day is over. Homes
    stand in an order that has nothing to do with what they say."""

    version: np.ndarray
    failed: np.ndarray
    error: np.ndarray
    scale: np.ndarray

    @property
    def count(self) -> int:
        return int(self.version.shape[1])


def worsened(days: HomeDays, version: int, weeks: int = 4) -> list[np.ndarray]:
    """How much higher losses of one version are than in its first weeks, a home each, for each
    later stretch of as many weeks that is over."""
    sums, span = _Sums(days, version), 7 * weeks
    ran = (days.version == version).any(axis=0)
    first = int(ran.argmax())
    if not ran.any() or first + 2 * span > days.count:
        return []
    homes = np.arange(len(days.version))
    then = sums.loss(homes, first, first + span)
    return [
        relative(sums.loss(homes, start, start + span), then)
        for start in range(first + span, days.count - span + 1, span)
    ]


class _Sums:
    """Sums over days of one version's error and scale, and how often it was heard."""

    def __init__(self, days: HomeDays, version: int) -> None:
        ran = days.version == version
        known = ran & np.isfinite(days.error) & np.isfinite(days.scale)
        self.count = _running(ran)
        self._error = _running(np.where(known, days.error, 0.0))
        self._scale = _running(np.where(known, days.scale, 0.0))

    def loss(self, homes: np.ndarray, start: int, end: int) -> np.ndarray:
        """Of homes over some days, NaN where it was not measured; shape as ``homes``."""
        error = _between(self._error, start, end)[homes]
        scale = _between(self._scale, start, end)[homes]
        return np.where(scale > 0, error / np.where(scale > 0, scale, 1.0), np.nan)


@dataclass(frozen=True)
class _Group:
    """Homes, shape (n,), that changed on one day, and their ``partners``, shape (n, k)."""

    start: int
    homes: np.ndarray
    partners: np.ndarray


class Pairing:
    """Homes that run a candidate beside homes that keep the champion."""

    def __init__(
        self, days: HomeDays, candidate: int, champion: int, partners: int = PARTNERS
    ) -> None:
        self._days, self._most = days, partners
        self._old = _Sums(days, champion)
        self._new = _Sums(days, candidate)
        self._mine = (days.version == candidate) | (days.failed == candidate)
        self._down = _running(days.failed == candidate)
        self._heard = _running((days.version > 0) | (days.failed > 0))
        self._other = _running((days.version > 0) & (days.version != champion))

    def losses(self, window: int) -> np.ndarray:
        """A difference of relative losses, > 0 is worse, for each home that changed at least
        ``window`` days ago and has a partner; NaN where a loss was not measured."""
        return _joined([self._differences(group, window) for group in self._groups(window)])

    def failures(self) -> np.ndarray:
        """1 for each home in which the candidate did not load, failed, or was never heard of again,
        0 for another that tried it; less the share of its partners that fell silent. A home counts
        two days later."""
        return _joined(
            [
                self._failed(group) - self._silent(group.partners, group.start).mean(axis=1)
                for group in self._groups(_FAIL_WINDOW + 1, steady=False)
            ]
        )

    @cached_property
    def _starts(self) -> np.ndarray:
        """The day on which each home changed; beyond the last one where it did not."""
        changed = self._mine.any(axis=1)
        return np.where(changed, self._mine.argmax(axis=1), self._days.count + 1)

    def _groups(self, window: int, *, steady: bool = True) -> Iterator[_Group]:
        """By days. A partner ran the champion before, and is used once; it keeps it for the
        window, and if ``steady`` was heard in it."""
        starts, free = self._starts, np.ones(len(self._starts), dtype=bool)
        for start in np.unique(starts[starts + window <= self._days.count]).tolist():
            ran = _between(self._old.count, start - _BEFORE, start) >= _LEAST_BEFORE
            keeps = (starts >= start + window) & (_between(self._other, start, start + window) == 0)
            if steady:
                keeps &= _between(self._old.count, start, start + window) > 0
            homes, pool = (
                np.flatnonzero(ran & (starts == start)),
                np.flatnonzero(ran & free & keeps),
            )
            homes = homes[: len(pool)]
            if not len(homes):
                continue
            each = min(max(len(pool) // (_SPARED * len(homes)), 1), self._most)
            partners = pool[: each * len(homes)].reshape(each, -1).T
            free[partners] = False
            yield _Group(start, homes, partners)

    def _differences(self, group: _Group, window: int) -> np.ndarray:
        ours = self._change(group.homes, group.start, window, self._new)
        theirs = self._change(group.partners, group.start, window, self._old)
        cut = np.clip(ours[:, None] - theirs, -BOUND, BOUND)
        known = np.isfinite(cut)
        count = known.sum(axis=1)
        return np.where(count, np.where(known, cut, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)

    def _change(self, homes: np.ndarray, start: int, window: int, after: _Sums) -> np.ndarray:
        """How much higher losses of homes are in the window than in the weeks before."""
        before = self._old.loss(homes, start - _BEFORE, start)
        return relative(after.loss(homes, start, start + window), before)

    def _failed(self, group: _Group) -> np.ndarray:
        """Whether the candidate failed, and not only at first, or nothing was heard afterwards."""
        end = group.start + _FAIL_WINDOW
        down = _between(self._down, group.start, end)[group.homes]
        up = _between(self._new.count, group.start, end)[group.homes]
        return ((down > 0) & (down >= up)) | self._silent(group.homes, group.start)

    def _silent(self, homes: np.ndarray, start: int) -> np.ndarray:
        """Whether nothing was heard of homes on the two days after a day."""
        return ~(_between(self._heard, start + 1, start + 1 + _FAIL_WINDOW)[homes] > 0)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(float) if parts else np.zeros(0)


def _running(values: np.ndarray) -> np.ndarray:
    """Sums of the days before each, shape (homes, days + 1)."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _between(sums: np.ndarray, start: int, end: int) -> np.ndarray:
    """Sums of some days, shape (homes,)."""
    return sums[:, end] - sums[:, max(0, start)]
