"""Made readings: sites in memory, with habits that are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartwatts_ml.kinds.forecasting.details import ForecastingDetails
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, SiteSpan
from tests.kinds.networks import embedded

HOUR_S = 3600
MONDAY = np.datetime64("2026-01-05T00:00:00")


class Made(Readings):
    """Hourly sites in memory."""

    def __init__(self, *sites: SiteReadings) -> None:
        self._sites = {site.site: site for site in sites}

    def spans(self) -> tuple[SiteSpan, ...]:
        return tuple(
            SiteSpan(name, (MAINS,), site.start, site.end, len(site), HOUR_S)
            for name, site in sorted(self._sites.items())
        )

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        return self._sites[site]


def site_of(
    power: np.ndarray,
    name: str = "home1",
    *,
    start: np.datetime64 = MONDAY,
    timezone: str = "UTC",
    score_from: np.datetime64 | None = None,
) -> SiteReadings:
    """Hours of a wall clock from ``start`` on, as it shows it."""
    return SiteReadings(
        name,
        start,
        HOUR_S,
        {MAINS: np.asarray(power, np.float32)},
        timezone=timezone,
        score_from=score_from,
        local=True,
    )


def habit(days: int, seed: int, level: float = 500.0) -> np.ndarray:
    """A daily wave, more at weekends, and noise that no forecast can know, W."""
    rng = np.random.default_rng(seed)
    hour = np.arange(24 * days)
    weekend = (hour // 24) % 7 >= 5
    wave = 1.0 + 0.6 * np.sin(2 * np.pi * (hour - 9) / 24) + 0.5 * weekend
    return level * wave * rng.gamma(8.0, 1 / 8, len(hour))


def hours_after(start: np.datetime64, hours: int) -> np.datetime64:
    return start + np.timedelta64(hours * HOUR_S, "s")


def details_of(horizon: int) -> ForecastingDetails:
    """Of a model with this horizon, mains alone and no more."""
    model = f"forecasting_{horizon}h"
    said = embedded("forecasting", model=model, horizon=horizon, stretch={}, energy={})
    return ForecastingDetails.read(said)
