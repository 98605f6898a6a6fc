"""What only mains sees: everything in a home that has no sub-meter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smartwatts_ml.simulate.appliances import cooling
from smartwatts_ml.simulate.large import LARGE, hob, large_loads
from smartwatts_ml.simulate.life import Habit, Life, blocks, occurrences, weekly_chance
from smartwatts_ml.simulate.segments import Segments, by_slot, join
from smartwatts_ml.simulate.world import SLOT_S, SLOTS, autocorrelated

__all__ = ["background", "extras", "solar"]

_CHANCES = {
    "freezer": 0.55,
    "electric_shower": 0.25,
    "tumble_dryer": 0.35,
    "heat_pump": 0.12,
    "ev": 0.12,
}


def extras(life: Life, *, large: bool = False) -> tuple[str, ...]:
    """Names of what this home has and others have not, sorted. ``large``: it is one of those
    whose large loads have sub-meters, and has more of these."""
    draws = life.traits("extras").random(len(_CHANCES))
    has = {n for (n, p), u in zip(_CHANCES.items(), draws, strict=True) if u < p}
    if large:
        has = (has - LARGE.keys()) | (large_loads(life).keys() - _ALWAYS.keys())
    return tuple(sorted(has))


def background(life: Life, *, large: bool = False) -> Segments:
    """Every load without a sub-meter; ``large`` as of ``extras``."""
    has = extras(life, large=large)
    made = _ALWAYS | {name: make for name, make in _OPTIONAL.items() if name in has}
    if "heat_pump" not in has:
        made["boiler"] = _boiler
    unmetered = made.keys() - LARGE.keys() if large else made.keys()
    return join([make(life) for name, make in made.items() if name in unmetered])


def _standby(life: Life) -> Segments:
    """What never sleeps, with slow drift and the shifts of weeks."""
    traits, rng = life.traits("standby"), life.chance("standby")
    drift = autocorrelated(0.05 * rng.standard_normal(life.world.days), 0.95)
    watts = traits.uniform(45, 150) * life.level * np.exp(drift)
    return by_slot(np.repeat(watts, SLOTS))


def _lighting(life: Life) -> Segments:
    """Lamps go on and off with people and darkness."""
    traits, rng = life.traits("lighting"), life.chance("lighting")
    start, seconds, slot = blocks(life, rng, 1400)
    day = slot // SLOTS
    level = life.awake[slot] ** 0.6 * (0.06 + 0.94 * life.world.dark[slot]) * life.activity[day]
    lamps = np.clip(rng.lognormal(0, 0.3, len(start)), 0.3, 2)
    return Segments(start, seconds, traits.uniform(80, 260) * level * lamps)


def _electronics(life: Life) -> Segments:
    """Computers while people are up, television in the evening."""
    traits, rng = life.traits("electronics"), life.chance("electronics")
    start, seconds, slot = blocks(life, rng, 2700)
    busy = life.awake[slot] * (rng.random(len(start)) < 0.6) * life.activity[slot // SLOTS]
    work = Segments(start, seconds, traits.uniform(50, 150) * busy)
    evening = Habit(life.dinner + traits.uniform(0.5, 1.3), 0.35, weekly_chance(traits, 0.85))
    weekend = np.where(np.arange(7) >= 5, traits.uniform(0.2, 0.7), 0.05)
    morning = Habit(life.wake + 2, 0.8, weekend)
    shows = occurrences(life, rng, (evening, morning), 0.1, spacing_s=3600)
    length = np.clip(rng.normal(traits.uniform(5400, 9000), 2100, len(shows)), 1500, 16_000)
    television = np.full(len(shows), traits.uniform(70, 210))
    return join([work, Segments(shows, length, television)])


def _small(life: Life) -> Segments:
    """Toaster, hair dryer, iron, vacuum cleaner: short, and easily taken for a kettle."""
    traits, rng = life.traits("small"), life.chance("small")
    toast = Habit(life.wake + 0.45, 0.2, weekly_chance(traits, 0.4))
    toasts = occurrences(life, rng, (toast,), 0.1, spacing_s=600)
    toaster = Segments(
        toasts, rng.uniform(110, 190, len(toasts)), np.full(len(toasts), traits.uniform(750, 1250))
    )
    others = occurrences(life, rng, (), traits.uniform(0.4, 1.4), spacing_s=1200)
    seconds = np.clip(rng.lognormal(5.8, 0.7, len(others)), 60, 2700)
    return join([toaster, Segments(others, seconds, rng.uniform(400, 1900, len(others)))])


def _shower(life: Life) -> Segments:
    """An electric shower: very high, for a few minutes, once an adult."""
    traits, rng = life.traits("shower"), life.chance("shower")
    watts = traits.uniform(7200, 9300)
    habits = tuple(
        Habit(life.wake + 0.35 + 0.25 * i, 0.12, weekly_chance(traits, 0.6))
        for i in range(life.adults)
    )
    starts = occurrences(life, rng, habits, 0.2, spacing_s=900)
    seconds = np.clip(rng.normal(390, 110, len(starts)), 150, 780)
    return Segments(starts, seconds, np.full(len(starts), watts))


def _boiler(life: Life) -> Segments:
    """Pump and fan of gas heating: on for a share of each half-hour that grows with cold."""
    traits, rng = life.traits("boiler"), life.chance("boiler")
    start, seconds, slot = blocks(life, rng, 1800)
    cold = np.clip((15.5 - life.world.temperature[slot]) / 14, 0, 1)
    on = seconds * np.clip(cold * (0.35 + 0.65 * (life.awake[slot] > 0)), 0, 1)
    return Segments(start, on, np.full(len(start), traits.uniform(70, 150)))


def solar(life: Life) -> Segments:
    """Panels: negative power that follows the sun, with passing clouds."""
    traits, rng = life.traits("solar"), life.chance("solar")
    peak = traits.uniform(2500, 5500)
    start = np.arange(life.world.seconds // 300) * 300.0
    bright = np.interp(start, np.arange(life.world.slots) * float(SLOT_S), life.world.sun)
    passing = np.clip(1 + 0.25 * autocorrelated(rng.standard_normal(len(start)), 0.8), 0.15, 1.15)
    return Segments(start, np.full(len(start), 300.0), -peak * bright * passing)


_ALWAYS: dict[str, Callable[[Life], Segments]] = {
    "standby": _standby,
    "lighting": _lighting,
    "electronics": _electronics,
    "oven": LARGE["oven"],
    "hob": hob,
    "small": _small,
}
_OPTIONAL: dict[str, Callable[[Life], Segments]] = {
    "freezer": lambda life: cooling(life, "freezer"),
    "electric_shower": _shower,
    "tumble_dryer": LARGE["tumble_dryer"],
    "heat_pump": LARGE["heat_pump"],
    "ev": LARGE["ev"],
}
