"""What all simulated homes share: the calendar, the weather and the sun."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

__all__ = ["SLOTS", "SLOT_S", "World", "autocorrelated", "make_world", "stream"]

SLOT_S = 900
"""Seconds of a slot, the grain of everything that changes slowly."""
SLOTS = 96
"""Slots of a day."""
_LATITUDE = np.radians(50.0)
_WARM_UP_DAYS = 60


def stream(seed: int, *names: object) -> np.random.Generator:
    """A generator for one purpose, so that no purpose changes what another draws."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def autocorrelated(shocks: np.ndarray, memory: float) -> np.ndarray:
    """AR(1) series with the standard deviation of its ``shocks``, same shape (n,)."""
    series = np.empty(len(shocks))
    level = shocks[0] if len(shocks) else 0.0
    scale = np.sqrt(1 - memory**2)
    for i, shock in enumerate(shocks):
        level = memory * level + scale * shock
        series[i] = level
    return series


@dataclass(frozen=True)
class World:
    """Calendar, weather and sun over ``days`` from midnight UTC of ``start``.

    Arrays by day have shape (days,), arrays by slot (days * 96,). ``temperature`` is
    outdoor °C by slot, ``dark`` by slot 0 (bright day) to 1 (night), ``sun`` by slot the
    share of a panel's peak power, ``weekday`` by day 0 (Monday) to 6.
    """

    seed: int
    start: np.datetime64
    days: int
    weekday: np.ndarray
    temperature: np.ndarray
    dark: np.ndarray
    sun: np.ndarray

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return self.days * SLOTS * SLOT_S

    @property
    def slots(self) -> int:
        """Number of slots."""
        return self.days * SLOTS

    def slot(self, seconds: np.ndarray) -> np.ndarray:
        """Slot of each instant, given in seconds since the start, clipped to the span."""
        return np.clip(seconds // SLOT_S, 0, self.slots - 1).astype(np.int64)


def make_world(seed: int, start: np.datetime64, days: int) -> World:
    """The world from a seed: a day has the same weather, to a hair, in whatever span it lies."""
    dates = start.astype("datetime64[D]") + np.arange(days)
    numbers = dates.astype(np.int64)
    hours = (np.arange(SLOTS) + 0.5) / (SLOTS / 24)
    of_year = (dates - dates.astype("datetime64[Y]")).astype(np.int64)
    warm, cloud = _weather(seed, numbers)
    season = 11.0 - 8.0 * np.cos(2 * np.pi * (of_year - 25) / 365.25)
    daily = 3.2 * np.sin(2 * np.pi * (hours - 9) / 24)
    height = _sun_height(of_year, hours)
    light = np.clip(height, 0, None) * (1 - 0.75 * cloud[:, None])
    return World(
        seed=seed,
        start=start.astype("datetime64[s]"),
        days=days,
        weekday=(numbers + 3) % 7,  # day 0 of the epoch was a Thursday
        temperature=((season + warm)[:, None] + daily * (1.2 - 0.6 * cloud[:, None])).ravel(),
        dark=(1 - np.clip(light / 0.25, 0, 1)).ravel(),
        sun=light.ravel(),
    )


def _weather(seed: int, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Departure from the season in K, and cloud cover 0..1, of each day."""
    known = np.arange(numbers[0] - _WARM_UP_DAYS, numbers[-1] + 1)
    shocks = np.array([stream(seed, "weather", day).standard_normal(2) for day in known])
    warm = 3.4 * autocorrelated(shocks[:, 0], 0.86)
    cloud = 1 / (1 + np.exp(-1.6 * autocorrelated(shocks[:, 1], 0.5)))
    return warm[_WARM_UP_DAYS:], cloud[_WARM_UP_DAYS:]


def _sun_height(of_year: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Sine of the sun's height, shape (days, slots), negative at night."""
    tilt = np.radians(23.44) * np.sin(2 * np.pi * (of_year - 81) / 365.25)
    turn = np.radians(15 * (hours - 12.3))
    flat = np.cos(_LATITUDE) * np.cos(tilt)[:, None] * np.cos(turn)
    return np.asarray(np.sin(_LATITUDE) * np.sin(tilt)[:, None] + flat)
