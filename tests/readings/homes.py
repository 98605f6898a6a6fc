"""Simulated homes in memory, and readings that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from smartwatts_ml.readings.base import MAINS, SiteSpan
from smartwatts_ml.readings.resample import MICRO, DeviceReadings
from smartwatts_ml.readings.sites import StoredReadings, site_spans, summarise
from smartwatts_ml.settings import Settings
from smartwatts_ml.simulate.generate import meter
from smartwatts_ml.simulate.life import live
from smartwatts_ml.simulate.world import make_world

Home = dict[str, DeviceReadings]
START = np.datetime64("2026-03-02", "us")


@cache
def _metered(
    seed: int, days: int, period_s: int, solar: bool, submetered: bool
) -> dict[str, np.ndarray]:
    life = live("home01", make_world(seed, START.astype("datetime64[D]"), days))
    return meter(life, period_s, submetered=submetered, has_solar=solar)


def home(
    seed: int = 5,
    days: int = 30,
    period_s: int = 60,
    *,
    solar: bool = False,
    submetered: bool = True,
) -> Home:
    """A clean home from Monday 2026-03-02 on, UTC."""
    watts = _metered(seed, days, period_s, solar, submetered)
    count = len(watts[MAINS])
    stamps = START.astype(np.int64) + np.arange(count) * period_s * MICRO
    return {name: DeviceReadings(stamps, w.astype(np.float32)) for name, w in watts.items()}


def spoil(device: DeviceReadings, change: Callable[[np.ndarray], object]) -> DeviceReadings:
    """The device with values that ``change`` has altered in place."""
    values = device.values.copy()
    change(values)
    return DeviceReadings(device.stamps, values)


class KeptReadings(StoredReadings):
    """Readings of homes in memory."""

    def __init__(self, homes: Mapping[str, Home], current: Settings | None = None) -> None:
        super().__init__(current or Settings())
        self._homes = homes

    def _find_spans(self) -> tuple[SiteSpan, ...]:
        return site_spans(
            summarise(site, name, device.stamps)
            for site, channels in self._homes.items()
            for name, device in channels.items()
        )

    def _devices(self, site: str, channels: Sequence[str]) -> Home:
        return {name: d for name, d in self._homes[site].items() if name in channels}
