"""Homes made for tests: a kettle, a heater that runs for half an hour, loads that nobody
meters, and a hole in mains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartwatts_ml.readings.base import Readings, SiteReadings, SiteSpan

START = np.datetime64("2026-01-01T00:00:00")


class Made(Readings):
    """``homes`` homes of ``days`` days, every ``period_s`` seconds."""

    def __init__(
        self, homes: int = 1, days: int = 8, hole: bool = True, first: int = 0, period_s: int = 60
    ) -> None:
        self._homes = {
            f"home{i}": _home(i, days, hole, period_s) for i in range(first, first + homes)
        }

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(
            SiteSpan(
                name,
                ("mains", "heater", "kettle"),
                site.start,
                site.end,
                3 * len(site),
                site.period_s,
            )
            for name, site in self._homes.items()
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        found = self._homes[site]
        wanted = found.channels if channels is None else set(channels) & set(found.channels)
        return SiteReadings(
            site, START, found.period_s, {name: found.channels[name] for name in wanted}
        )


def _home(seed: int, days: int, hole: bool, period_s: int) -> SiteReadings:
    rng = np.random.default_rng(seed)
    each = 60 // period_s
    minutes = days * 1440
    kettle, heater = np.zeros(minutes), np.zeros(minutes)
    for at in rng.choice(minutes - 60, days * 8, replace=False):
        kettle[at : at + 3] = 2500
    for at in rng.choice(minutes - 60, days * 5, replace=False):
        heater[at : at + 30] = 900
    other = np.zeros(minutes)  # nobody meters it, and it looks like the heater for two hours
    for at in rng.choice(minutes - 120, days * 3, replace=False):
        other[at : at + 120] = 880
    mains = 150 + kettle + heater + other + rng.normal(0, 8, minutes)
    if hole:
        mains[3000:3200] = np.nan
    parts = {"mains": mains, "kettle": kettle, "heater": heater}
    return SiteReadings(
        f"home{seed}",
        START,
        period_s,
        {name: np.repeat(part, each).astype(np.float32) for name, part in parts.items()},
    )
