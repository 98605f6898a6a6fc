"""A site's hours, and what a network gets of them before an origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.forecasting.details import NO_EXOGENOUS, Exogenous
from smartwatts_ml.kinds.forecasting.holiday import holiday_flags
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS, HOLIDAY
from smartwatts_ml.localtime import hour_of_week, local_days
from smartwatts_ml.readings.base import MAINS, SiteReadings
from smartwatts_ml.readings.base import TEMPERATURE as TEMPERATURE_CHANNEL
from smartwatts_ml.timezones import is_utc

__all__ = ["CHANNELS", "HOUR_S", "Series", "to_series"]

HOUR_S = 3600
CHANNELS = (MAINS, TEMPERATURE_CHANNEL)
"""Channels that forecasting reads; the second is optional, in degrees Celsius."""


@dataclass(frozen=True)
class Series:
    """Hourly mains of one site.

    Hours are those of the site's wall clock. ``power`` float32, W, NaN where missing;
    ``hours`` of the week, one longer, so that it also names the hour after the last; ``days``
    date; shape (n,). ``start``: what the clock shows at hour 0; ``temperature`` (n,), degrees
    Celsius, if the site has it.
    """

    site: str
    power: np.ndarray
    hours: np.ndarray
    days: np.ndarray
    start: np.datetime64
    timezone: str
    temperature: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.power)

    @property
    def end(self) -> int:
        """Index of the hour after the last reading of mains."""
        known = np.flatnonzero(np.isfinite(self.power))
        return int(known[-1]) + 1 if len(known) else 0

    @property
    def midnight(self) -> np.ndarray:
        """Whether a local day begins with each hour, bool, shape (n,)."""
        return np.asarray(self.hours[:-1] % 24 == 0)

    def known_before(self, origins: np.ndarray) -> np.ndarray:
        """Readings in the context of each origin, shape (n_origins,)."""
        total = np.concatenate([[0], np.cumsum(np.isfinite(self.power))])
        return np.asarray(total[origins] - total[np.maximum(origins - CONTEXT_HOURS, 0)])

    def contexts(
        self, origins: np.ndarray, exogenous: Exogenous = NO_EXOGENOUS
    ) -> dict[str, np.ndarray]:
        """Network inputs: ``history_w`` (n_origins, 672, 1), W, ``hour_of_week``
        (n_origins, 1), and the exogenous ones. No reading of mains at or after an origin is
        in its context."""
        padded = np.concatenate([np.full(CONTEXT_HOURS, np.nan, np.float32), self.power])
        at = origins[:, None] + np.arange(CONTEXT_HOURS + exogenous.ahead)
        return {
            "history_w": padded[at[:, :CONTEXT_HOURS]][:, :, None],
            "hour_of_week": self.hours[origins][:, None].astype(np.float32),
            **{name: row[at][:, :, None] for name, row in self.exogenous_rows(exogenous).items()},
        }

    def exogenous_rows(self, exogenous: Exogenous) -> dict[str, np.ndarray]:
        """Each exogenous input from a context before hour 0 to a horizon after the last hour,
        float32, shape (672 + n + ahead,)."""
        return {
            name: self._holidays(exogenous) if name == HOLIDAY else self._temperatures(exogenous)
            for name in exogenous.names
        }

    def _holidays(self, exogenous: Exogenous) -> np.ndarray:
        hours = np.arange(-CONTEXT_HOURS, len(self) + exogenous.ahead)
        times = self.start + hours * np.timedelta64(HOUR_S, "s")
        return holiday_flags(local_days(times), exogenous.country)

    def _temperatures(self, exogenous: Exogenous) -> np.ndarray:
        row = np.full(CONTEXT_HOURS + len(self) + exogenous.ahead, np.nan, np.float32)
        if self.temperature is not None:
            row[CONTEXT_HOURS : CONTEXT_HOURS + len(self)] = self.temperature
        return row


def to_series(loaded: SiteReadings) -> Series:
    """The mains of a site, its temperature if it has one, and what its clock says."""
    assert loaded.local or is_utc(loaded.timezone), "forecasts are made on the wall clock"
    times = loaded.start + np.arange(len(loaded) + 1) * np.timedelta64(HOUR_S, "s")
    return Series(
        site=loaded.site,
        power=loaded.channels[MAINS].astype(np.float32),
        hours=hour_of_week(times),
        days=local_days(times[:-1]),
        start=loaded.start,
        timezone=loaded.timezone,
        temperature=loaded.channels.get(TEMPERATURE_CHANNEL),
    )
