"""A fleet of sub-metered homes over many weeks, hour by hour, whose truth is known.

Appliances are unlike the library's simulated homes in one way: they are drawn for the whole
fleet at once, ten minutes at a time, so that a year of forty homes costs seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan

__all__ = [
    "APPLIANCES",
    "CAR_WEEK",
    "SHIFT_WEEKS",
    "START",
    "UNIT_WEEKS",
    "WARM_UP",
    "Fleet",
    "make_fleet",
]

APPLIANCES = ("washing_machine", "dishwasher", "heat_pump")
WARM_UP = 26
"""Weeks before the year begins: what the first champion is trained and judged on."""
UNIT_WEEKS = range(8, 12)
SHIFT_WEEKS = range(34, 38)
SHIFT_H = 6
CAR_WEEK = 22
"""Weeks of the year in which sub-meters of some homes tell kW for W, those in which the
clocks of some are late, and from which on some homes charge a car that nobody meters."""
FAULTY, WITH_CAR = 0.25, 0.4
STEPS = 6
WEEK_H = 168
START = np.datetime64("2025-07-07T00:00:00", "s")
COLDEST_DAY = 192


@dataclass(frozen=True)
class Fleet:
    """``features``: what mains shows of each hour, shape (n_sites, n_hours, n_features);
    ``truth``: W of each appliance, shape (n_sites, n_hours, n_appliances); ``labels``: what
    sub-meters say of it; ``mains``: W, shape (n_sites, n_hours)."""

    features: np.ndarray
    truth: np.ndarray
    labels: np.ndarray
    mains: np.ndarray

    @property
    def sites(self) -> list[str]:
        """Names."""
        return [f"home{i:02d}" for i in range(len(self.mains))]

    def until(self, week: int) -> Readings:
        """Mains of all weeks before ``week``."""
        return _Mains(dict(zip(self.sites, self.mains[:, : week * WEEK_H], strict=True)), START)


class _Mains(Readings):
    """Hourly mains in memory."""

    def __init__(self, power: dict[str, np.ndarray], start: np.datetime64) -> None:
        self._power, self._start = power, start

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(
            SiteSpan(
                site, (MAINS,), self._start, self._start + np.timedelta64(len(w), "h"), len(w), 3600
            )
            for site, w in self._power.items()
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        return SiteReadings(site, self._start, period_s, {MAINS: self._power[site]})


def make_fleet(sites: int, weeks: int, seed: int) -> Fleet:
    """``weeks`` after the warm-up; the base load grows and machines come to need less, both
    unlike in different homes."""
    rng = np.random.default_rng(seed)
    hours = (WARM_UP + weeks) * WEEK_H
    shape = (sites, hours * STEPS)
    week = np.maximum(np.arange(hours * STEPS) / (WEEK_H * STEPS) - WARM_UP, 0)
    growth = 1 + rng.uniform(0, 1.2, (sites, 1)) * week / 52
    saving = 1 - rng.uniform(0, 0.6, (sites, 1)) * week / 52
    washing = _events(rng, shape, 3, (9, 21), (2000, 2000, 1900, 350, 200, 300, 150, 400)) * saving
    dishes = _events(rng, shape, 4, (17, 24), (1800, 1700, 120, 90, 1750, 900, 60)) * saving
    truth = np.stack([washing, dishes, _heat_pump(rng, shape)], -1)
    car = _events(rng, shape, 4, (21, 24), (3700,) * 18) * (week >= CAR_WEEK)
    car *= (np.arange(sites) < WITH_CAR * sites)[:, None]
    mains = truth.sum(-1) + car + _rest(rng, shape) * growth
    by_hour = truth.reshape(sites, hours, STEPS, -1).mean(2)
    return Fleet(
        features=_features(mains.reshape(sites, hours, STEPS)),
        truth=by_hour,
        labels=_faulty(by_hour, rng),
        mains=mains.reshape(sites, hours, STEPS).mean(2).astype(np.float32),
    )


def _events(
    rng: np.random.Generator,
    shape: tuple[int, int],
    a_week: float,
    between_h: tuple[int, int],
    programme: tuple[float, ...],
) -> np.ndarray:
    """Runs of a machine, W: each home has its own scale and length."""
    sites, steps = shape
    watts = np.zeros((sites, steps + 4 * len(programme)))
    for site in range(sites):
        length = rng.uniform(0.8, 1.6)
        stretched = np.repeat(programme, 2)[
            np.arange(0, 2 * len(programme), 2 / length).astype(int)
        ]
        own = stretched * rng.uniform(0.7, 1.3)
        days = np.flatnonzero(rng.random(steps // (24 * STEPS)) < a_week / 7)
        begins = (days * 24 + rng.uniform(*between_h, len(days))) * STEPS
        for begin in begins.astype(int):
            watts[site, begin : begin + len(own)] = own * rng.uniform(0.9, 1.1)
    return watts[:, :steps]


def _heat_pump(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """More the colder it is; cycles of its own in each home."""
    sites, steps = shape
    day = np.arange(steps) / (24 * STEPS)
    weather = np.repeat(np.cumsum(rng.normal(0, 1.2, steps // 144 + 1) * 0.6), 144)[:steps]
    weather -= np.convolve(weather, np.ones(2016) / 2016, "same")
    outside = 10 - 8 * np.cos(2 * np.pi * (day - COLDEST_DAY) / 365) + weather
    outside = outside - 3 * np.cos(2 * np.pi * (day - 0.1))
    needed = np.maximum(16 - outside, 0) * rng.uniform(25, 70, (sites, 1))
    cycle = rng.integers(5, 12, (sites, 1))
    on = (np.arange(steps) + rng.integers(0, 12, (sites, 1))) % cycle < 0.7 * cycle
    return np.where(on, needed / 0.7, 0.0) * rng.uniform(0.9, 1.1, shape)


def _rest(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Everything else: base, evenings, a fridge, and short bursts of cooking."""
    sites, steps = shape
    hour = np.arange(steps) / STEPS % 24
    evening = np.exp(-(((hour - 19.5) / 2.5) ** 2)) * rng.uniform(100, 500, (sites, 1))
    fridge = 90.0 * ((np.arange(steps) + rng.integers(0, 9, (sites, 1))) % 7 < 3)
    meals = np.isin(hour.astype(int), (7, 12, 18, 19))
    bursts = (rng.random(shape) < 0.12) & meals
    cooking = bursts * rng.uniform(800, 2500, shape)
    return (
        rng.uniform(60, 300, (sites, 1)) * rng.gamma(20, 0.05, shape) + evening + fridge + cooking
    )


def _features(parts: np.ndarray) -> np.ndarray:
    """Of each hour: mean, least, most, spread, largest step, mean of the hours beside it,
    least and mean of the day around it, hour of the day."""
    sites, hours, _ = parts.shape
    mean, least = parts.mean(2), parts.min(2)
    jump = np.abs(np.diff(parts, axis=2)).max(2)
    beside = [np.roll(mean, shift, 1) for shift in (1, -1)]
    day = np.stack([np.roll(least, shift, 1) for shift in range(-12, 12, 2)]).min(0)
    around = np.stack([np.roll(mean, shift, 1) for shift in range(-12, 12, 2)]).mean(0)
    hour = np.broadcast_to(np.arange(hours) % 24, (sites, hours))
    columns = (mean, least, parts.max(2), parts.std(2), jump, *beside, day, around, hour)
    return np.stack(columns, -1).astype(np.float32)


def _faulty(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What sub-meters say: the truth, but for two faults at a quarter of homes each."""
    labels = truth.copy()
    order = rng.permutation(len(truth))
    count = round(FAULTY * len(truth))
    unit, late = order[:count], order[count : 2 * count]
    a, b = ((WARM_UP + weeks.start, WARM_UP + weeks.stop) for weeks in (UNIT_WEEKS, SHIFT_WEEKS))
    labels[unit, a[0] * WEEK_H : a[1] * WEEK_H] /= 1000
    part = slice(b[0] * WEEK_H, b[1] * WEEK_H)
    labels[late, part] = np.roll(truth, SHIFT_H, 1)[late, part]
    return labels
