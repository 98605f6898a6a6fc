"""The appliances that a sub-meter can see, with the shapes that real ones have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smartwatts_ml.simulate.life import Habit, Life, occurrences, weekly_chance
from smartwatts_ml.simulate.segments import Program, Segments, join, play

__all__ = [
    "METERED",
    "cooling",
    "wash_starts",
]

_Random = np.random.Generator


def _kettle(life: Life) -> Segments:
    """2 to 3 kW for 2 to 4 minutes, on rising, on coming home, and in between."""
    traits, rng = life.traits("kettle"), life.chance("kettle")
    habits = (
        Habit(life.wake + 0.2, 0.12, weekly_chance(traits, 0.85)),
        Habit(life.wake + 1.0, 0.3, weekly_chance(traits, 0.3)),
        Habit(life.back + 0.3, 0.3, weekly_chance(traits, 0.6)),
        Habit(life.dinner + 1.1, 0.5, weekly_chance(traits, 0.5)),
    )
    starts = occurrences(life, rng, habits, traits.uniform(1.8, 4.2), spacing_s=420)
    watts = traits.uniform(2050, 2950) * rng.normal(1, 0.01, len(starts))
    seconds = np.clip(traits.uniform(130, 190) * rng.normal(1, 0.18, len(starts)), 120, 235)
    return Segments(starts, seconds, np.clip(watts, 2000, 3000))


def _microwave(life: Life) -> Segments:
    """Bursts at full power, or the magnetron switched on and off for a lower one."""
    traits, rng = life.traits("microwave"), life.chance("microwave")
    habits = (
        Habit(life.wake + 0.5, 0.25, weekly_chance(traits, 0.4)),
        Habit(np.full(life.world.days, 12.6), 0.5, weekly_chance(traits, 0.35)),
        Habit(life.dinner - 0.2, 0.4, weekly_chance(traits, 0.5)),
    )
    starts = occurrences(life, rng, habits, traits.uniform(0.9, 2.2), spacing_s=700)
    full = traits.uniform(1080, 1420)
    programs = [_microwave_run(rng, full) for _ in starts]
    return play(starts, programs)


def _microwave_run(rng: _Random, full: float) -> Program:
    watts = full * rng.normal(1, 0.015)
    if rng.random() < 0.72:
        return np.array([rng.choice([45.0, 60, 90, 120, 150, 180, 240])]), np.array([watts])
    pulses = int(rng.integers(6, 18))
    on = rng.uniform(11, 17)
    return np.tile([on, 26 - on], pulses), np.tile([watts, 45.0], pulses)


def _dishwasher(life: Life) -> Segments:
    """Two heating phases with the pump between them; mostly after dinner."""
    traits, rng = life.traits("dishwasher"), life.chance("dishwasher")
    habits = (
        Habit(life.dinner + traits.uniform(0.6, 1.6), 0.35, weekly_chance(traits, 0.7)),
        Habit(np.full(life.world.days, 13.8), 0.6, weekly_chance(traits, 0.1, 0.08)),
    )
    starts = occurrences(life, rng, habits, 0.0, spacing_s=9000)
    heat, pump = traits.uniform(1850, 2150), traits.uniform(58, 98)
    first, second = traits.uniform(12, 20), traits.uniform(8, 14)
    rinse, wash = traits.uniform(2, 7), traits.uniform(9, 20)
    programs = []
    for _ in starts:
        # The second program is a short one at a lower temperature.
        size = rng.normal(1, 0.05) * (0.7 if rng.random() < 0.2 else 1.0)
        volts = rng.normal(1, 0.008)
        parts = [
            _pumping(rng, rinse, pump),
            _steady(rng, first * size, heat * volts + pump),
            _pumping(rng, wash * size, pump),
            _steady(rng, second * size, heat * volts + pump),
            _pumping(rng, rng.uniform(2, 4), pump * 0.6),
            (np.array([rng.uniform(600, 1500)]), np.array([rng.uniform(3, 8)])),
        ]
        programs.append(_chain(parts))
    return play(starts, programs)


def _washing_machine(life: Life) -> Segments:
    """Fill, heat with the drum turning, wash, rinse and spin."""
    traits, rng = life.traits("washing_machine"), life.chance("washing_machine")
    starts = wash_starts(life)
    heat, drum = traits.uniform(1850, 2100), traits.uniform(180, 330)
    programs = []
    for _ in starts:
        minutes = rng.choice([6.0, 11.0, 19.0], p=[0.4, 0.45, 0.15]) * rng.normal(1, 0.08)
        parts = [
            (np.array([rng.uniform(80, 150)]), np.array([rng.uniform(12, 30)])),
            _interrupted(rng, rng.uniform(1, 4), heat, drum),
            _turning(rng, minutes, drum, heat),
            _turning(rng, rng.uniform(16, 34), drum),
        ]
        for _ in range(int(rng.integers(2, 4))):
            parts += [_pumping(rng, 2.0, 35.0), _turning(rng, rng.uniform(3, 6), drum * 0.8)]
            parts.append(_spinning(rng, rng.uniform(1, 1.7), drum * 1.2))
        parts.append(_spinning(rng, rng.uniform(4.5, 7.5), drum * 1.5))
        programs.append(_chain(parts))
    return play(starts, programs)


def wash_starts(life: Life) -> np.ndarray:
    """Starts of washes in seconds: the home's laundry days, at times a second load."""
    traits, rng = life.traits("laundry"), life.chance("laundry")
    chance = np.full(7, 0.06)
    chance[traits.choice(7, traits.integers(2, 4), replace=False)] = traits.uniform(0.6, 0.85)
    hour = np.where(life.world.weekday >= 5, traits.uniform(9.3, 11.5), life.back + 0.6)
    first = occurrences(life, rng, (Habit(hour, 0.7, chance),), 0.0, spacing_s=21_600)
    again = first[rng.random(len(first)) < 0.25]
    again = again + rng.uniform(7200, 9600, len(again))
    return np.sort(np.concatenate([first, again]))


def _fridge(life: Life) -> Segments:
    """A compressor's duty cycle, with the spike of its start, and a defrost heater."""
    return cooling(life, "fridge")


def cooling(life: Life, name: str) -> Segments:
    """Fridge or freezer: works harder in warm rooms and while people open the door."""
    traits, rng = life.traits(name), life.chance(name)
    watts, cycle = traits.uniform(68, 115), traits.uniform(1850, 2650)
    duty = traits.uniform(0.3, 0.44)
    defrost_every = int(traits.integers(18, 40)) if traits.random() < 0.6 else 0
    heater = traits.uniform(130, 240)
    lengths = cycle * np.exp(0.07 * rng.standard_normal(int(life.world.seconds / cycle * 1.1) + 2))
    starts = np.cumsum(lengths) - lengths[0] * rng.random()
    slot = life.world.slot(starts)
    load = 1 + 0.012 * (life.world.temperature[slot] - 12) + 0.18 * life.awake[slot]
    on = lengths * np.clip(duty * load, 0.15, 0.8)
    number = np.arange(len(starts)) + int(rng.integers(1, 18))
    defrosts = (number % defrost_every == 0) if defrost_every else np.zeros(len(starts), bool)
    after = np.concatenate([[False], defrosts[:-1]])
    on = np.where(after, np.minimum(on * 1.7, lengths * 0.95), on)
    runs, cold = ~defrosts, watts * rng.normal(1, 0.015, len(starts))
    early = np.minimum(150.0, on)
    return join(
        [
            Segments(starts[runs], np.full(runs.sum(), 1.5), 6 * cold[runs]),
            Segments(starts[runs], early[runs], 1.12 * cold[runs]),
            Segments((starts + early)[runs], (on - early)[runs], cold[runs]),
            Segments(
                starts[defrosts], np.full(defrosts.sum(), 1080.0), heater * cold[defrosts] / watts
            ),
        ]
    )


def _chain(parts: list[Program]) -> Program:
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _steady(rng: _Random, minutes: float, watts: float) -> Program:
    """A heater that is on, in steps of 90 s that differ a little."""
    steps = max(1, round(minutes / 1.5))
    return np.full(steps, minutes * 60 / steps), watts * rng.normal(1, 0.006, steps)


def _pumping(rng: _Random, minutes: float, watts: float) -> Program:
    """A pump that runs, stops to drain, and runs again."""
    steps = max(1, round(minutes))
    level = np.where(rng.random(steps) < 0.25, rng.uniform(0.1, 0.6, steps), 1.0)
    return np.full(steps, minutes * 60 / steps), watts * level * rng.normal(1, 0.05, steps)


def _turning(rng: _Random, minutes: float, watts: float, heat: float = 0.0) -> Program:
    """The drum turns one way, rests, turns the other way; the heater may be on."""
    turns = max(1, round(minutes * 60 / 18))
    on = rng.uniform(7, 13, turns)
    power = np.column_stack([watts * rng.lognormal(0, 0.3, turns), np.full(turns, 6.0)])
    return np.column_stack([on, 18 - on]).ravel(), np.clip(power, 0, 420).ravel() + heat


def _interrupted(rng: _Random, minutes: float, heat: float, drum: float) -> Program:
    """The heater goes on and off while water still flows in."""
    seconds, watts = _turning(rng, minutes, drum)
    return seconds, watts + heat * (np.arange(len(watts)) % 5 < 3)


def _spinning(rng: _Random, minutes: float, watts: float) -> Program:
    """The motor speeds up and holds."""
    steps = max(2, round(minutes * 3))
    rise = np.clip(np.linspace(0.45, 1.4, steps), None, 1.0)
    level = np.clip(watts * rise * rng.normal(1, 0.06, steps), 0, 520)
    return np.full(steps, minutes * 60 / steps), level


METERED: dict[str, Callable[[Life], Segments]] = {
    "kettle": _kettle,
    "microwave": _microwave,
    "dishwasher": _dishwasher,
    "washing_machine": _washing_machine,
    "fridge": _fridge,
}
"""Sub-meterable appliances by channel name."""
