"""Loads of a kilowatt and more that run for long: what means over half hours still show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smartwatts_ml.simulate.appliances import wash_starts
from smartwatts_ml.simulate.life import Habit, Life, blocks, occurrences, weekly_chance
from smartwatts_ml.simulate.segments import Program, Segments, join, play
from smartwatts_ml.simulate.world import SLOTS

__all__ = ["LARGE", "hob", "large_loads"]

_CHANCES = {
    "air_conditioner": 0.4,
    "ev": 0.4,
    "heat_pump": 0.4,
    "tumble_dryer": 0.5,
    "water_heater": 0.5,
}


def _oven(life: Life) -> Segments:
    """Around dinner and at weekends at noon."""
    return _cooking(life)[0]


def hob(life: Life) -> Segments:
    """Where it is electric."""
    return _cooking(life)[1]


def _cooking(life: Life) -> tuple[Segments, Segments]:
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
    baking = play(ovens, [_oven_run(rng, watts) for _ in ovens])
    if not electric_hob:
        return baking, join([])
    ring = traits.uniform(1100, 1900)
    hobs = occurrences(life, rng, hob, 0.15, spacing_s=3000)
    return baking, play(hobs, [_hob_run(rng, ring) for _ in hobs])


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


def _heat_pump(life: Life) -> Segments:
    """Follows the weather; below its smallest power it switches; hot water once a day."""
    traits, rng = life.traits("heat_pump"), life.chance("heat_pump")
    start, seconds, slot = blocks(life, rng, 1800, variety=0.15)
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


def _water_heater(life: Life) -> Segments:
    """A tank: heats what people drew, at once or in a cheap hour of the night, and its losses."""
    traits, rng = life.traits("water_heater"), life.chance("water_heater")
    watts = traits.choice([1200.0, 1800.0, 2400.0, 3000.0])
    kwh = rng.gamma(4, life.adults * traits.uniform(0.8, 1.6) / 4, life.world.days)
    if traits.random() < 0.4:
        drawn = (0.7 + kwh * life.activity) * np.where(life.away, 0.2, 1.0)
        hour = traits.uniform(0, 4) + 0.05 * rng.standard_normal(life.world.days)
        starts = np.arange(life.world.days) * 86_400 + 3600 * np.maximum(hour, 0)
        seconds = np.minimum(drawn * 3.6e6 / watts, 7 * 3600)
        return Segments(starts, seconds, np.full(len(starts), watts))
    habits = (
        Habit(life.wake + 0.4, 0.3, weekly_chance(traits, 0.75)),
        Habit(life.dinner + 1.5, 1.0, weekly_chance(traits, 0.6)),
    )
    after = occurrences(life, rng, habits, 0.4, spacing_s=7200)
    refill = rng.gamma(4, traits.uniform(0.8, 2.2) / 4, len(after)) * 3.6e6 / watts
    lost = np.cumsum(rng.uniform(8, 16, life.world.days * 3 + 1)) * 3600
    lost = lost[lost < life.world.seconds]
    warm = rng.uniform(0.4, 0.9, len(lost)) * 3.6e6 / watts  # some kelvins of 150 l
    starts, seconds = np.concatenate([after, lost]), np.concatenate([refill, warm])
    order = np.argsort(starts)
    starts, seconds = starts[order], np.minimum(seconds[order], 7000)
    apart = np.diff(starts, prepend=-np.inf) > 7200  # one heater: no run within another
    return Segments(starts[apart], seconds[apart], np.full(int(apart.sum()), watts))


def _air_conditioner(life: Life) -> Segments:
    """Cools while somebody is at home; with an inverter, or on and off. Homes lie in climates
    of their own, up to 14 K warmer."""
    traits, rng = life.traits("air_conditioner"), life.chance("air_conditioner")
    warmer, wanted = traits.uniform(0, 14), traits.uniform(21, 25)
    inverter, most = traits.random() < 0.6, traits.uniform(700, 2400)
    start, seconds, slot = blocks(life, rng, 1200, variety=0.2)
    excess = life.world.temperature[slot] + warmer + 2 - wanted
    wants = (excess > 0) & (life.present[slot] > 0) & (rng.random(len(start)) < 0.97)
    share = np.clip(excess / traits.uniform(8, 14), 0.12, 1.0) * rng.lognormal(0, 0.08, len(start))
    share = np.clip(share, 0.1, 1.0)
    if inverter:
        return Segments(start[wants], seconds[wants], most * share[wants])
    return Segments(start[wants], (seconds * share)[wants], np.full(int(wants.sum()), most))


LARGE: dict[str, Callable[[Life], Segments]] = {
    "air_conditioner": _air_conditioner,
    "ev": _ev,
    "heat_pump": _heat_pump,
    "oven": _oven,
    "tumble_dryer": _tumble_dryer,
    "water_heater": _water_heater,
}
"""By channel name."""


def large_loads(life: Life) -> dict[str, Callable[[Life], Segments]]:
    """Those of this home, where homes are to have many of them: an oven, others by chance."""
    draws = life.traits("large").random(len(_CHANCES))
    absent = {n for (n, p), u in zip(_CHANCES.items(), draws, strict=True) if u >= p}
    return {name: make for name, make in LARGE.items() if name not in absent}
