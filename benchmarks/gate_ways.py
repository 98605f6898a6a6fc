"""Ways of getting the newest weeks into the model in force, and what each judges by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.gate_homes import START, Fleet
from benchmarks.gate_models import DAY_H, WEEK_H, Learner, Model
from smartwatts_ml.readings.holdout import Split, make_split
from smartwatts_ml.settings import HoldoutSettings

__all__ = ["SHIPS", "WAYS", "Candidate", "Way"]

_EMBARGO_S = 86_400


@dataclass(frozen=True)
class Candidate:
    """What a week offers: ``judged`` on ``weeks``, and ``shipped`` where that is accepted."""

    judged: Model
    shipped: Model
    split: Split
    weeks: tuple[int, ...]


@dataclass(frozen=True)
class _Task:
    """A week of a fleet, split by a way's holdout."""

    fleet: Fleet
    learner: Learner
    week: int
    split: Split

    @property
    def seen(self) -> tuple[int, ...]:
        """Sites that may be trained on."""
        sites = enumerate(self.fleet.sites)
        return tuple(i for i, site in sites if site not in self.split.held_out_sites)

    @property
    def everyone(self) -> tuple[int, ...]:
        return tuple(range(len(self.fleet.sites)))

    @property
    def now(self) -> int:
        """The hour."""
        return self.week * WEEK_H

    @property
    def first(self) -> int:
        """The first whole week that is held out."""
        begin = min(self.split.holdout_start.values())
        hours = (begin - START) / np.timedelta64(1, "h")
        return int(np.ceil(hours / WEEK_H))

    def judged(self) -> Model:
        return self.learner.fit(self.seen, ((0, self.first * WEEK_H - DAY_H),))


@dataclass(frozen=True)
class Way:
    """``offer``: from a task to what was judged, what ships, and the weeks judged on."""

    name: str
    holdout: HoldoutSettings
    offer: Callable[[_Task], tuple[Model, Model, tuple[int, ...]]]

    def candidate(self, fleet: Fleet, learner: Learner, week: int) -> Candidate:
        """What it offers in a week."""
        spans = fleet.until(week).spans()
        split = make_split(spans, self.holdout, embargo_s=_EMBARGO_S)
        judged, shipped, weeks = self.offer(_Task(fleet, learner, week, split))
        return Candidate(judged, shipped, split, weeks)


def _newest(task: _Task) -> tuple[int, ...]:
    return tuple(range(task.first, task.week))


def _as_judged(task: _Task) -> tuple[Model, Model, tuple[int, ...]]:
    judged = task.judged()
    return judged, judged, _newest(task)


def _refitted(task: _Task) -> tuple[Model, Model, tuple[int, ...]]:
    """The same recipe on everything up to now, of every site."""
    return task.judged(), task.learner.fit(task.everyone, ((0, task.now),)), _newest(task)


def _continued(task: _Task) -> tuple[Model, Model, tuple[int, ...]]:
    """Trained on, on what was held out alone."""
    judged = task.judged()
    start = task.first * WEEK_H
    return judged, task.learner.continued(judged, task.everyone, start, task.now), _newest(task)


def _every_second(task: _Task) -> tuple[Model, Model, tuple[int, ...]]:
    """Of the newest weeks the odd ones are judged on, with a day between; the even ones are
    learned."""
    weeks = tuple(week for week in range(task.first, task.week) if week % 2)
    between = [
        (week * WEEK_H + DAY_H, (week + 1) * WEEK_H - DAY_H)
        for week in range(task.first, task.week)
        if not week % 2
    ]
    hours = ((0, task.first * WEEK_H - DAY_H), *between)
    judged = task.learner.fit(task.seen, hours)
    return judged, judged, weeks


def _weeks(count: int, **more: Any) -> HoldoutSettings:
    return HoldoutSettings(days=7 * count, max_days=7 * count, **more)


SHIPS = "four weeks, then refitted"
"""What the product does."""
WAYS = (
    Way("a fifth, ships as judged", HoldoutSettings(max_days=10_000), _as_judged),
    Way("four weeks, ships as judged", _weeks(4), _as_judged),
    Way("one week, ships as judged", _weeks(1), _as_judged),
    Way("every second of eight weeks, ships as judged", _weeks(8), _every_second),
    Way("four weeks, then trained on with them alone", _weeks(4), _continued),
    Way("eight weeks, then refitted", _weeks(8), _refitted),
    Way(SHIPS, _weeks(4), _refitted),
)
