"""At which hours mains draws: what panels make is 0 every night, and most at its noon."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.readings.mains.power import MainsPower

__all__ = ["MainsHours"]

_HOUR_US = 3_600_000_000
_DAY_H = 24
_MOST_DEVICES = 500
"""That are looked at."""
_LEAST_US = 36 * _HOUR_US
"""That readings span at least, so that some nights are there."""
_NIGHT = 6
"""Hours in a row of nothing."""
_DARK = 0.98
"""Share of readings of the night that are 0, or of other hours that are not."""
_LIGHT = 0.6
"""Share of readings about noon that are above 0."""
_IDLE = 0.5
"""Share of readings of an hour that are 0 where mains often is."""
_IDLE_HOURS = (3, 12)
"""Hours in a row in which it often is, though hardly ever in others."""
_BELL = 1.5
"""Times as much about noon as in the morning and in the evening."""


class MainsHours:
    """Counts readings by hour of the day (UTC), as they go by. No clock is needed: a night is
    where nothing is."""

    def __init__(self) -> None:
        self._sums: dict[str, np.ndarray] = {}
        self._spans: dict[str, tuple[int, int]] = {}

    def see(self, power: MainsPower) -> None:
        """Take in some more."""
        looked_at = self._looked_at(power)
        numbers = np.full(len(power.names), -1, np.int64)
        numbers[looked_at] = np.arange(len(looked_at))
        chosen = numbers[power.devices] >= 0
        devices, stamps = numbers[power.devices[chosen]], power.stamps[chosen]
        watts = power.watts[chosen]
        cells = devices * _DAY_H + stamps // _HOUR_US % _DAY_H
        size = len(looked_at) * _DAY_H
        counted = np.bincount(cells, minlength=size)
        above = np.bincount(cells, watts > 0, minlength=size)
        below = np.bincount(cells, watts < 0, minlength=size)
        sums = np.bincount(cells, watts, minlength=size)
        table = np.stack([counted, above, below, sums]).reshape(4, -1, _DAY_H)
        first = np.full(len(looked_at), np.iinfo(np.int64).max)
        last = np.full(len(looked_at), np.iinfo(np.int64).min)
        np.minimum.at(first, devices, stamps)
        np.maximum.at(last, devices, stamps)
        for number, place in enumerate(looked_at):
            name = power.names[place]
            self._sums[name] = self._sums.get(name, np.zeros((4, _DAY_H))) + table[:, number]
            since, until = self._spans.get(name, (first[number], last[number]))
            self._spans[name] = min(since, first[number]), max(until, last[number])

    def _looked_at(self, power: MainsPower) -> list[int]:
        """Which of the names: the first ones, and those that were there before."""
        places, room = [], _MOST_DEVICES - len(self._sums)
        for place in np.unique(power.devices).tolist():
            is_new = power.names[place] not in self._sums
            if room > 0 or not is_new:
                places.append(place)
                room -= is_new
        return places

    def made_by_panels(self) -> tuple[list[str], list[str]]:
        """Devices whose mains looks like what panels make, or what of it is fed in; and others."""
        made = [name for name in self._sums if self._is_made(name)]
        return made, [name for name in self._sums if name not in made]

    def often_nothing(self) -> list[str]:
        """Devices whose mains is 0 at some hours of most days, and at others never: what another
        register counts meanwhile is not there."""
        return [n for n in self._sums if self._lasts(n) and _is_idle(*self._sums[n][:3])]

    def _is_made(self, name: str) -> bool:
        return self._lasts(name) and _is_bell(*self._sums[name])

    def _lasts(self, name: str) -> bool:
        first, last = self._spans[name]
        return bool(last - first >= _LEAST_US)


def _is_bell(counted: np.ndarray, above: np.ndarray, below: np.ndarray, watts: np.ndarray) -> bool:
    """By hour of the day, each of shape (24,): how many, how many above and below 0, their sum."""
    if not counted.all() or below.any():
        return False
    dark = above <= (1 - _DARK) * counted
    start, length = _longest_run(dark)
    if not _NIGHT <= length <= _DAY_H - 3:
        return False
    day = (start + length + np.arange(_DAY_H - length)) % _DAY_H
    third = max(len(day) // 3, 1)
    noon = day[third : len(day) - third]
    edges = np.concatenate([day[:third], day[len(day) - third :]])
    mean = watts / counted
    lit = above[noon].sum() >= _LIGHT * counted[noon].sum()
    return bool(lit and mean[noon].mean() >= _BELL * mean[edges].mean())


def _is_idle(counted: np.ndarray, above: np.ndarray, below: np.ndarray) -> bool:
    """By hour of the day, each of shape (24,): how many, how many above and below 0."""
    if not counted.all() or below.any():
        return False
    idle = above <= (1 - _IDLE) * counted
    fewest, most = _IDLE_HOURS
    always = above >= _DARK * counted
    length = _longest_run(idle)[1]
    return bool(fewest <= length <= most and 2 * np.count_nonzero(always) >= _DAY_H - length)


def _longest_run(flags: np.ndarray) -> tuple[int, int]:
    """First place and length of the longest run of True around the clock.

    >>> _longest_run(np.array([1, 1, 0, 1, 0, 1], bool))
    (5, 3)
    """
    if flags.all():
        return 0, len(flags)
    best, run = (0, 0), 0
    for place, flag in enumerate(np.tile(flags, 2).tolist()):
        run = run + 1 if flag else 0
        if run > best[1]:
            best = (place - run + 1, run)
    return best
