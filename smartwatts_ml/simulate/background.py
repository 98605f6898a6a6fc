"""What only mains sees: everything in a home that has no sub-meter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smartwatts_ml.simulate.appliances import cooling, wash_starts
from smartwatts_ml.simulate.life import Habit, Life, occurrences, weekly_chance
from smartwatts_ml.simulate.segments import Program, Segments, by_slot, join, play
from smartwatts_ml.simulate.world import SLOT_S, SLOTS, autocorrelated

__all__ = ["background", "extras", "solar"]

_CHANCES = {
    "freezer": 0.55,
    "electric_shower": 0.25,
    "tumble_dryer": 0.35,
    "heat_pump": 0.12,
    "ev": 0.12,
}


def extras(life: Life) -> tuple[str, ...]:
    """Names of what this home has and others have not, sorted."""
    draws = life.traits("extras").random(len(_CHANCES))
    return tuple(sorted(n for (n, p), u in zip(_CHANCES.items(), draws, strict=True) if u < p))


def background(life: Life) -> Segments:
    """Every load without a sub-meter."""
    has = extras(life)
    parts = [make(life) for make in _ALWAYS]
    parts += [make(life) for name, make in _OPTIONAL.items() if name in has]
    if "heat_pump" not in has:
        parts.append(_boiler(life))
    return join(parts)


def _standby(life: Life) -> Segments:
    """What never sleeps, with slow drift and the shifts of weeks."""
    traits, rng = life.traits("standby"), life.chance("standby")
    drift = autocorrelated(0.05 * rng.standard_normal(life.world.days), 0.95)
    watts = traits.uniform(45, 150) * life.level * np.exp(drift)
    return by_slot(np.repeat(watts, SLOTS))


def _lighting(life: Life) -> Segments:
    """Lamps go on and off with people and darkness."""
    traits, rng = life.traits("lighting"), life.chance("lighting")
    start, seconds, slot = _blocks(life, rng, 1400)
    day = slot // SLOTS
    level = life.awake[slot] ** 0.6 * (0.06 + 0.94 * life.world.dark[slot]) * life.activity[day]
    lamps = np.clip(rng.lognormal(0, 0.3, len(start)), 0.3, 2)
    return Segments(start, seconds, traits.uniform(80, 260) * level * lamps)


def _electronics(life: Life) -> Segments:
    """Computers while people are up, television in the evening."""
    traits, rng = life.traits("electronics"), life.chance("electronics")
    start, seconds, slot = _blocks(life, rng, 2700)
    busy = life.awake[slot] * (rng.random(len(start)) < 0.6) * life.activity[slot // SLOTS]
    work = Segments(start, seconds, traits.uniform(50, 150) * busy)
    evening = Habit(life.dinner + traits.uniform(0.5, 1.3), 0.35, weekly_chance(traits, 0.85))
    weekend = np.where(np.arange(7) >= 5, traits.uniform(0.2, 0.7), 0.05)
    morning = Habit(life.wake + 2, 0.8, weekend)
    shows = occurrences(life, rng, (evening, morning), 0.1, spacing_s=3600)
    length = np.clip(rng.normal(traits.uniform(5400, 9000), 2100, len(shows)), 1500, 16_000)
    television = np.full(len(shows), traits.uniform(70, 210))
    return join([work, Segments(shows, length, television)])


def _cooking(life: Life) -> Segments:
    """Oven and hob around dinner, more on some days of the week than on others."""
    traits, rng = life.traits("cooking"), life.chance("cooking")
    electric_hob = traits.random() < 0.5
    oven = (
        Habit(life.dinner - 0.7, 0.3, weekly_chance(traits, 0.4, 0.25)),
        Habit(np.full(life.world.days, 12.0), 0.4, weekly_chance(traits, 0.08, 0.12)),
    )
    hob = (
        Habit(life.dinner - 0.4, 0.25, weekly_chance(traits, 0.75)),
        Habit(np.full(life.world.days, 12.3), 0.4, weekly_chance(traits, 0.2)),
    )
    watts = traits.uniform(1900, 2700)
    ovens = occurrences(life, rng, oven, 0.05, spacing_s=6000)
    parts = [play(ovens, [_oven_run(rng, watts) for _ in ovens])]
    if electric_hob:
        ring = traits.uniform(1100, 1900)
        hobs = occurrences(life, rng, hob, 0.15, spacing_s=3000)
        parts.append(play(hobs, [_hob_run(rng, ring) for _ in hobs]))
    return join(parts)


def _oven_run(rng: np.random.Generator, watts: float) -> Program:
    """Heats up, then the thermostat switches."""
    cycles = int(rng.integers(5, 16))
    on, off = rng.uniform(55, 85, cycles), rng.uniform(80, 150, cycles)
    seconds = np.column_stack([on, off]).ravel()
    seconds[0] = rng.uniform(480, 780)
    return seconds, np.tile([watts, 60.0], cycles)


def _hob_run(rng: np.random.Generator, watts: float) -> Program:
    """Full on, then regulated by switching, on one or two rings."""
    rings = rng.choice([1.0, 1.0, 1.7])
    cycles, duty = int(rng.integers(10, 36)), rng.uniform(0.3, 0.6)
    seconds = np.tile([40 * duty, 40 * (1 - duty)], cycles)
    seconds[0] = rng.uniform(150, 420)
    return seconds, np.tile([watts * rings, 0.0], cycles)


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


def _tumble_dryer(life: Life) -> Segments:
    """Follows most washes, and switches its heater."""
    traits, rng = life.traits("tumble_dryer"), life.chance("tumble_dryer")
    starts = wash_starts(life)
    starts = starts[rng.random(len(starts)) < 0.7] + 7400
    watts, programs = traits.uniform(1900, 2500), []
    for _ in starts:
        cycles = int(rng.integers(8, 15))
        seconds = np.column_stack([rng.uniform(130, 200, cycles), rng.uniform(40, 90, cycles)])
        seconds[0, 0] = rng.uniform(700, 1200)
        programs.append((seconds.ravel(), np.tile([watts, 220.0], cycles)))
    return play(starts, programs)


def _boiler(life: Life) -> Segments:
    """Pump and fan of gas heating: on for a share of each half-hour that grows with cold."""
    traits, rng = life.traits("boiler"), life.chance("boiler")
    start, seconds, slot = _blocks(life, rng, 1800)
    cold = np.clip((15.5 - life.world.temperature[slot]) / 14, 0, 1)
    on = seconds * np.clip(cold * (0.35 + 0.65 * (life.awake[slot] > 0)), 0, 1)
    return Segments(start, on, np.full(len(start), traits.uniform(70, 150)))


def _heat_pump(life: Life) -> Segments:
    """Follows the weather; below its smallest power it switches; hot water once a day."""
    traits, rng = life.traits("heat_pump"), life.chance("heat_pump")
    start, seconds, slot = _blocks(life, rng, 1800, variety=0.15)
    outside, hour = life.world.temperature[slot], slot % SLOTS / (SLOTS / 24)
    wanted = np.where((hour > 5) & (hour < 22), 16.0, 13.5) - 2 * life.away[slot // SLOTS]
    heat = traits.uniform(110, 190) * np.clip(wanted - outside, 0, None)
    watts = heat / np.clip(3.3 + 0.06 * (outside - 7), 2, 5)
    watts = watts * rng.lognormal(0, 0.06, len(start))
    least = 450.0
    on = seconds * np.clip(watts / least, 0, 1)
    house = Segments(start, on, np.where(watts > 30, np.maximum(watts, least), 0))
    days = np.arange(life.world.days)
    tank = days * 86_400 + 3600 * (traits.uniform(2, 5) + 0.1 * rng.standard_normal(len(days)))
    water = rng.normal(2700, 500, len(days)) * np.where(life.away, 0.3, life.activity)
    return join([house, Segments(tank, np.clip(water, 300, 6000), np.full(len(days), 1500.0))])


def _ev(life: Life) -> Segments:
    """Charges when the battery has run low enough, on coming home or at the cheap hour."""
    traits, rng = life.traits("ev"), life.chance("ev")
    watts = traits.choice([2300.0, 3600.0, 7200.0])
    at_night, enough = traits.random() < 0.6, traits.uniform(2, 14)
    daily = traits.uniform(3, 9) * np.where(life.world.weekday >= 5, 0.8, 1.0)
    used = daily * rng.gamma(3, 1 / 3, life.world.days) * ~life.away
    starts, seconds, need = [], [], 0.0
    for day in range(life.world.days):
        need += used[day]
        if need > enough and not life.away[day]:
            hour = 24.5 if at_night else life.back[day] + 0.1
            starts.append(day * 86_400 + 3600 * hour + rng.uniform(0, 300))
            seconds.append(min(need * 3.6e6 / watts, 6.5 * 3600))
            need = 0.0
    return Segments(np.array(starts), np.array(seconds), np.full(len(starts), watts))


def solar(life: Life) -> Segments:
    """Panels: negative power that follows the sun, with passing clouds."""
    traits, rng = life.traits("solar"), life.chance("solar")
    peak = traits.uniform(2500, 5500)
    start = np.arange(life.world.seconds // 300) * 300.0
    bright = np.interp(start, np.arange(life.world.slots) * float(SLOT_S), life.world.sun)
    passing = np.clip(1 + 0.25 * autocorrelated(rng.standard_normal(len(start)), 0.8), 0.15, 1.15)
    return Segments(start, np.full(len(start), 300.0), -peak * bright * passing)


def _blocks(
    life: Life, rng: np.random.Generator, mean_s: float, variety: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Back-to-back blocks of random length over the span: start, seconds, slot at start."""
    count = int(life.world.seconds / mean_s * 1.3) + 8
    seconds = mean_s * np.clip(rng.lognormal(0, variety, count), 0.15, 6)
    start = np.cumsum(seconds) - seconds
    inside = start < life.world.seconds
    return start[inside], seconds[inside], life.world.slot(start[inside])


_ALWAYS: tuple[Callable[[Life], Segments], ...] = (
    _standby,
    _lighting,
    _electronics,
    _cooking,
    _small,
)
_OPTIONAL: dict[str, Callable[[Life], Segments]] = {
    "freezer": lambda life: cooling(life, "freezer"),
    "electric_shower": _shower,
    "tumble_dryer": _tumble_dryer,
    "heat_pump": _heat_pump,
    "ev": _ev,
}
