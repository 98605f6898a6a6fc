"""Beacons of days → one difference for each home that runs a new version.

A home that changed its version is compared with itself before, and that with another home that kept
the old one over the same days: season and weather are in both. Which home got the version first is
chance, so of a version that changes nothing such a difference is as often above 0 as below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smartwatts_ml.gate.evidence import relative

__all__ = ["WINDOWS", "HomeDays", "paired_failures", "paired_losses", "worsened"]

WINDOWS = (2, 7, 28)
"""Days after the change over which a home is compared; it counts when they are over."""
_BEFORE = 28
_LEAST_BEFORE = 2
_FAIL_WINDOW = 2
_Pair = tuple[int, int, int]
"""A home that changed, the day on which it did, and its partner."""


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


def paired_losses(days: HomeDays, candidate: int, champion: int, window: int) -> np.ndarray:
    """A difference of relative losses, > 0 is worse, for each home that changed from ``champion``
    to ``candidate`` at least ``window`` days ago and has a partner; NaN where a loss was not
    measured."""
    look = _Look(days, candidate, champion)
    differences = [
        look.change(home, start, window, look.new) - look.change(partner, start, window, look.old)
        for home, start, partner in look.pairs(window)
    ]
    return np.array(differences, dtype=float)


def paired_failures(days: HomeDays, candidate: int, champion: int) -> np.ndarray:
    """1 for each home in which the candidate did not load, failed, or was never heard of again, 0
    for another that tried it; less 1 where its partner fell silent. A home counts two days
    later."""
    look = _Look(days, candidate, champion)
    failures = [
        float(look.failed(home, start)) - float(look.silent(partner, start))
        for home, start, partner in look.pairs(_FAIL_WINDOW + 1, steady=False)
    ]
    return np.array(failures, dtype=float)


def worsened(days: HomeDays, version: int, weeks: int = 4) -> list[np.ndarray]:
    """How much higher losses of one version are than in its first weeks, a home each, for each
    later stretch of as many weeks that is over."""
    sums, span = _Sums(days, version), 7 * weeks
    ran = (days.version == version).any(axis=0)
    if not ran.any():
        return []
    first = int(ran.argmax())
    stretches = []
    for start in range(first + span, days.count - span + 1, span):
        pairs = (
            (_loss(sums, home, start, start + span), _loss(sums, home, first, first + span))
            for home in range(len(days.version))
        )
        stretches.append(np.array([relative(now, then) for now, then in pairs], dtype=float))
    return stretches


class _Sums:
    """Sums over days of one version's error and scale, and how often it was heard."""

    def __init__(self, days: HomeDays, version: int) -> None:
        ran = days.version == version
        known = ran & np.isfinite(days.error) & np.isfinite(days.scale)
        self.count = _running(ran)
        self.error = _running(np.where(known, days.error, 0.0))
        self.scale = _running(np.where(known, days.scale, 0.0))


class _Look:
    """HomeDays as two versions are compared on them."""

    def __init__(self, days: HomeDays, candidate: int, champion: int) -> None:
        self.days = days
        self.old = _Sums(days, champion)
        self.new = _Sums(days, candidate)
        self._mine = (days.version == candidate) | (days.failed == candidate)
        self._down = _running(days.failed == candidate)
        self._heard = _running((days.version > 0) | (days.failed > 0))
        self._other = _running((days.version > 0) & (days.version != champion))

    @cached_property
    def _starts(self) -> dict[int, int]:
        changed = np.flatnonzero(self._mine.any(axis=1))
        return {int(home): int(self._mine[home].argmax()) for home in changed}

    def pairs(self, window: int, *, steady: bool = True) -> Iterator[_Pair]:
        """In the order of changes. A partner ran the champion before, and is used once; it keeps it
        for the window, and if ``steady`` was heard in it."""
        starts = self._starts
        free = [home for home in range(len(self.days.version)) if home not in starts]
        later = sorted(starts, key=lambda home: -starts[home])
        for home, start in sorted(starts.items(), key=lambda item: (item[1], item[0])):
            if start + window > self.days.count or not self._ran_before(home, start):
                continue
            partner = self._take(free, start, window, steady)
            if partner is None:
                soon = [other for other in later if starts[other] >= start + window]
                partner = self._take(soon, start, window, steady)
                if partner is not None:
                    later.remove(partner)
            if partner is not None:
                yield home, start, partner

    def _take(self, homes: list[int], start: int, window: int, steady: bool) -> int | None:
        for place, home in enumerate(homes):
            if self._ran_before(home, start) and self._kept(home, start, window, steady):
                return homes.pop(place)
        return None

    def _ran_before(self, home: int, start: int) -> bool:
        return _between(self.old.count, home, start - _BEFORE, start) >= _LEAST_BEFORE

    def _kept(self, home: int, start: int, window: int, steady: bool) -> bool:
        if _between(self._other, home, start, start + window):
            return False
        return not steady or _between(self.old.count, home, start, start + window) > 0

    def change(self, home: int, start: int, window: int, after: _Sums) -> float:
        """How much higher a home's loss is in the window than in the weeks before."""
        before = _loss(self.old, home, start - _BEFORE, start)
        return float(relative(_loss(after, home, start, start + window), before))

    def failed(self, home: int, start: int) -> bool:
        """Whether the candidate failed, and not only at first, or nothing was heard afterwards."""
        end = start + _FAIL_WINDOW
        down = _between(self._down, home, start, end)
        up = _between(self.new.count, home, start, end)
        return (down > 0 and down >= up) or self.silent(home, start)

    def silent(self, home: int, start: int) -> bool:
        """Whether nothing was heard of a home on the two days after a day."""
        return not _between(self._heard, home, start + 1, start + 1 + _FAIL_WINDOW)


def _running(values: np.ndarray) -> np.ndarray:
    """Sums of the days before each, shape (homes, days + 1)."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _between(sums: np.ndarray, home: int, start: int, end: int) -> float:
    return float(sums[home, end] - sums[home, max(0, start)])


def _loss(sums: _Sums, home: int, start: int, end: int) -> np.ndarray:
    scale = _between(sums.scale, home, start, end)
    return np.asarray(_between(sums.error, home, start, end) / scale if scale > 0 else np.nan)
