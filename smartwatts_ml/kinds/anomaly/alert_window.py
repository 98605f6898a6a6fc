"""The hours of one alert with the readings before it: what a sentence about it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["HOUR", "BaseLoad", "StuckReading", "AlertWindow"]

HOUR = np.timedelta64(3600, "s")
_STILL_HOURS = 4
_STILL = 0.02
"""A meter is stuck if its last ``_STILL_HOURS`` lie within this share of their mean."""
_BASE = 0.1  # quantile of a day that is its base load
_FULL_DAY = 18  # hours that make a day count
_RISING = 7  # days that a slow rise may take: what was usual is looked for before them
_PAST_DAYS = 28
_LEAST_PAST = 5  # days to compare with


@dataclass(frozen=True)
class BaseLoad:
    """Base load, W: ``now``, of the last day, and ``before``, usual in the weeks before; it
    has been nearer to the former ``since`` that time."""

    now: float
    before: float
    since: np.datetime64

    @property
    def rise(self) -> float:
        """As a share of what was usual; of a watt where that is less."""
        return (self.now - self.before) / max(abs(self.before), 1.0)


@dataclass(frozen=True)
class StuckReading:
    """The reading stayed at ``watts`` for so many ``hours``, some of them before the alert."""

    watts: float
    hours: int


@dataclass(frozen=True)
class AlertWindow:
    """``wall``, what the clock shows, ``lasting``, real hours, ``watts``, ``usual`` (W): the
    site's scored hours up to the alert's last, shape (n,) each; the alert covers those from
    ``first`` on, pauses included."""

    wall: np.ndarray
    lasting: np.ndarray
    watts: np.ndarray
    usual: np.ndarray
    first: int

    @property
    def start(self) -> np.datetime64:
        """What the clock shows."""
        return np.datetime64(self.wall[self.first])

    @property
    def end(self) -> np.datetime64:
        """Exclusive."""
        return np.datetime64(self.wall[-1] + HOUR)

    @property
    def power(self) -> np.ndarray:
        """Readings of the alert, W."""
        return self.watts[self.first :]

    @property
    def usual_power(self) -> np.ndarray:
        """What is usual at its hours, W."""
        return self.usual[self.first :]

    @property
    def energy_kwh(self) -> float:
        """Above what is usual; below it, negative."""
        return float(np.sum((self.power - self.usual_power) * self.lasting[self.first :])) / 1000

    @cached_property
    def stuck(self) -> StuckReading | None:
        """The last time in the alert that the reading hardly moved; None where it moves."""
        ends = np.arange(max(self.first, _STILL_HOURS - 1), len(self.watts))
        runs = self.watts[ends[:, None] + np.arange(-_STILL_HOURS + 1, 1)]
        flat = np.ptp(runs, axis=1) <= _STILL * np.abs(runs.mean(axis=1)) + 0.5
        if not flat.any():
            return None
        last = int(ends[flat][-1])
        level = float(np.median(self.watts[last - _STILL_HOURS + 1 : last + 1]))
        apart = np.abs(self.watts[: last + 1] - level)
        moved = np.flatnonzero(apart > _STILL * abs(level) + 0.5)
        return StuckReading(level, last - (int(moved[-1]) if moved.size else -1))

    @cached_property
    def base_load(self) -> BaseLoad | None:
        """Base load of the last day against the weeks before; None where too little is known."""
        age = ((self.wall[-1] - self.wall) / HOUR).astype(np.int64) // 24
        loads = np.full(_PAST_DAYS, np.nan)
        for day in range(_PAST_DAYS):
            watts = self.watts[age == day]
            if len(watts) >= _FULL_DAY:
                loads[day] = np.quantile(watts, _BASE)
        past = loads[_RISING:][~np.isnan(loads[_RISING:])]
        if np.isnan(loads[0]) or len(past) < _LEAST_PAST:
            return None
        now, before = float(loads[0]), float(np.median(past))
        usual = np.flatnonzero(~(np.abs(loads - now) < np.abs(loads - before)))
        days = int(usual[0]) if usual.size else _PAST_DAYS
        return BaseLoad(now, before, np.datetime64(self.end - max(days, 1) * 24 * HOUR))
