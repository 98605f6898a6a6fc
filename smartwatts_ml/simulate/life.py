"""Who lives in a home, and when they are at home, awake, and at the table.

What recurs (the hours of each weekday) is a home's own; on top of it come a random
part each day, days that are livelier than others for a while, shifts of habit that
last for weeks, and absences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.simulate.world import SLOT_S, SLOTS, World, autocorrelated, stream

__all__ = ["Habit", "Life", "blocks", "live", "occurrences", "weekly_chance"]

_HOURS = (np.arange(SLOTS) + 0.5) / (SLOTS / 24)
_DAY_S = SLOTS * SLOT_S


@dataclass(frozen=True)
class Life:
    """A household's days. Arrays by day have shape (days,), by slot (days * 96,).

    ``wake``, ``back``, ``dinner`` and ``bed`` are hours of the day (``bed`` may pass
    24). ``present`` by slot is the share of adults at home, ``awake`` by slot that of
    adults at home and awake, both 0..1. ``activity`` by day scales what people do,
    ``level`` by day what runs without them. ``away`` marks days of absence.
    """

    site: str
    world: World
    adults: int
    wake: np.ndarray
    back: np.ndarray
    dinner: np.ndarray
    bed: np.ndarray
    present: np.ndarray
    awake: np.ndarray
    activity: np.ndarray
    level: np.ndarray
    away: np.ndarray

    def traits(self, name: str) -> np.random.Generator:
        """Draws what never changes about ``name`` in this home."""
        return stream(self.world.seed, self.site, name)

    def chance(self, name: str) -> np.random.Generator:
        """Draws what happens to ``name`` in this home from the world's start on."""
        return stream(self.world.seed, self.site, name, self.world.start)


@dataclass(frozen=True)
class Habit:
    """Something done near an hour that each day has, on some days of the week.

    ``hour`` of shape (days,), ``spread_h`` its standard deviation in hours, ``chance``
    by weekday, shape (7,).
    """

    hour: np.ndarray
    spread_h: float
    chance: np.ndarray


def weekly_chance(traits: np.random.Generator, mean: float, variety: float = 0.2) -> np.ndarray:
    """A chance for each weekday around ``mean``, shape (7,): Fridays are not Sundays."""
    return np.clip(mean + variety * traits.standard_normal(7), 0.02, 0.97)


def occurrences(
    life: Life,
    rng: np.random.Generator,
    habits: tuple[Habit, ...],
    scattered_per_day: float,
    spacing_s: float,
) -> np.ndarray:
    """Sorted starts in seconds: habits, and others scattered over hours awake at home."""
    days = np.arange(life.world.days)
    starts_of = []
    for habit in habits:
        done = rng.random(len(days)) < habit.chance[life.world.weekday] * life.activity
        hour = habit.hour + habit.spread_h * rng.standard_normal(len(days))
        starts_of.append((days * _DAY_S + hour * 3600)[done & (hour > 0)])
    usual = 0.4 * SLOTS  # what a day of a household has of slots awake at home, about
    rate = life.awake * np.repeat(life.activity, SLOTS) * scattered_per_day / usual
    slots = np.repeat(np.arange(life.world.slots), rng.poisson(rate))
    starts_of.append((slots + rng.random(len(slots))) * SLOT_S)
    starts = np.sort(np.concatenate(starts_of))
    starts = starts[(starts < life.world.seconds) & (life.present[life.world.slot(starts)] > 0)]
    return starts[np.diff(starts, prepend=-np.inf) > spacing_s]


def blocks(
    life: Life, rng: np.random.Generator, mean_s: float, variety: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Back-to-back blocks of random length over the span: start, seconds, slot at start."""
    count = int(life.world.seconds / mean_s * 1.3) + 8
    seconds = mean_s * np.clip(rng.lognormal(0, variety, count), 0.15, 6)
    start = np.cumsum(seconds) - seconds
    inside = start < life.world.seconds
    return start[inside], seconds[inside], life.world.slot(start[inside])


def live(site: str, world: World) -> Life:
    """A household's days in this world."""
    traits = stream(world.seed, site, "people")
    rng = stream(world.seed, site, "days", world.start)
    adults = int(traits.choice([1, 2, 2, 3]))
    shifts = _shifts(rng, world.days)
    plans = [_plan_adult(traits, rng, world, shifts) for _ in range(adults)]
    gone = _absences(rng, world)
    at_home = np.mean([plan.at_home for plan in plans], axis=0) * ~gone
    awake = np.mean([plan.at_home & plan.up for plan in plans], axis=0) * ~gone
    wake = np.min([plan.wake for plan in plans], axis=0)
    back = np.min([plan.back for plan in plans], axis=0)
    table = traits.uniform(17.9, 19.7) + 0.45 * traits.standard_normal(7)
    dinner = table[world.weekday] + shifts[2] + 0.25 * rng.standard_normal(world.days)
    lively = autocorrelated(0.2 * rng.standard_normal(world.days), 0.75)
    away = gone.reshape(world.days, SLOTS).mean(axis=1) > 0.5
    return Life(
        site=site,
        world=world,
        adults=adults,
        wake=wake,
        back=back,
        dinner=np.maximum(dinner, back + 0.3),
        bed=np.max([plan.bed for plan in plans], axis=0),
        present=at_home,
        awake=awake,
        activity=np.exp(lively + shifts[3] - 0.02),
        level=np.exp(shifts[4]),
        away=away,
    )


@dataclass(frozen=True)
class _Plan:
    """One adult's days: hours by day, and at home and up by slot."""

    wake: np.ndarray
    back: np.ndarray
    bed: np.ndarray
    at_home: np.ndarray
    up: np.ndarray


def _shifts(rng: np.random.Generator, days: int) -> np.ndarray:
    """Shifts of habit that last for weeks: hours of waking, coming home and eating, then
    logarithms of activity and of the standing load; shape (5, days)."""
    spreads = np.array([0.35, 0.5, 0.35, 0.1, 0.12])
    shifts = np.zeros((5, days))
    day = int(rng.integers(14, 60))
    while day < days:
        shifts[:, day:] = (spreads * rng.standard_normal(5))[:, None]
        day += int(rng.integers(18, 70))
    return shifts


def _plan_adult(
    traits: np.random.Generator, rng: np.random.Generator, world: World, shifts: np.ndarray
) -> _Plan:
    """An adult's days: rises, leaves, comes back, goes to bed."""
    days, weekend = world.days, world.weekday >= 5
    rises = traits.uniform(5.8, 7.6) + np.where(weekend, traits.uniform(0.6, 1.9), 0.0)
    noise = np.where(weekend, 0.5, 0.22) * rng.standard_normal(days)
    wake = rises + shifts[0] + noise
    leaves = wake + traits.uniform(0.8, 1.5) + 0.15 * rng.standard_normal(days)
    returns = traits.uniform(15.5, 18.3) + shifts[1] + 0.4 * rng.standard_normal(days)
    returns = np.where(rng.random(days) < 0.08, returns + 3, returns)  # an evening out
    bed = traits.uniform(22.2, 23.9) + 0.4 * rng.standard_normal(days)
    bed = bed + np.where(np.isin(world.weekday, (4, 5)), traits.uniform(0, 1.2), 0.0)
    home_days = traits.random(7) < traits.choice([0.0, 0.25, 0.4, 1.0], p=[0.35, 0.3, 0.2, 0.15])
    stays = (home_days[world.weekday] ^ (rng.random(days) < 0.06)) | weekend
    outing = rng.random(days) < np.where(weekend, 0.6, 0.45)
    out_from = rng.uniform(9.8, 15, days)
    out_to = out_from + rng.gamma(3, 0.8, days)
    leave = np.where(stays, np.where(outing, out_from, 12.0), leaves)
    back = np.where(stays, np.where(outing, out_to, 12.0), np.maximum(returns, leaves + 1))
    hours = _HOURS[None, :]
    out = (hours >= leave[:, None]) & (hours < back[:, None])
    yesterday = np.concatenate([bed[:1], bed[:-1]])[:, None] - 24
    up = ((hours >= wake[:, None]) & (hours < bed[:, None])) | (hours < yesterday)
    return _Plan(wake, np.where(stays, 16.0, back), bed, ~out.ravel(), up.ravel())


def _absences(rng: np.random.Generator, world: World) -> np.ndarray:
    """Slots in which nobody is there for days, bool of shape (slots,)."""
    gone = np.zeros(world.slots, bool)
    day = rng.exponential(60)
    while day < world.days:
        length = rng.choice([1.6, 2.4, 4, 7, 9]) + rng.uniform(-0.2, 0.4)
        gone[int(day * SLOTS) : int((day + length) * SLOTS)] = True
        day += length + rng.exponential(60)
    return gone
