"""What the rest of the system sees of readings: sites, each on one regular grid.

A ``Readings`` is a fixed set (a snapshot of the table, or a list of files). It hands
out one site at a time, so memory is bounded by the largest site, not by the fleet.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.parallel import map_ahead

__all__ = [
    "MAINS",
    "NOT_DRAWN",
    "NO_POWER",
    "Readings",
    "SiteReadings",
    "SOLAR",
    "SiteSpan",
    "TEMPERATURE",
    "device_id",
    "split_device_id",
]

MAINS = "mains"
TEMPERATURE = "temperature"
SOLAR = "solar"
NO_POWER = frozenset({TEMPERATURE})
"""Channels that hold no power: outdoor temperature, in degrees Celsius."""
NOT_DRAWN = NO_POWER | {SOLAR}
"""Channels that hold nothing that a home draws: what its panels make, besides."""
_AHEAD = 2


def device_id(site: str, channel: str) -> str:
    """Name of a channel of a site.

    >>> device_id("home1", "kettle")
    'home1/kettle'
    """
    return f"{site}/{channel}"


def split_device_id(device: str) -> tuple[str, str]:
    """Site and channel of a device_id; a bare id is that site's mains.

    >>> split_device_id("home1/kettle"), split_device_id("home1")
    (('home1', 'kettle'), ('home1', 'mains'))
    """
    site, _, channel = device.partition("/")
    return site, channel or MAINS


@dataclass(frozen=True)
class SiteReadings:
    """One site's channels on one regular grid.

    ``start`` is the UTC start of interval 0 (datetime64[s]) and a multiple of the period
    since the epoch. Each array of ``channels`` is float32 of shape (n,), mean W over the
    interval, NaN where no reading covers at least half of it. ``anomaly`` is uint8 of
    shape (n,), the label of mains where the source has one. Only intervals from
    ``score_from`` on may be scored (``None``: all); earlier ones are context.
    """

    site: str
    start: np.datetime64
    period_s: int
    channels: dict[str, np.ndarray]
    anomaly: np.ndarray | None = None
    timezone: str = "UTC"
    score_from: np.datetime64 | None = None

    def __len__(self) -> int:
        return len(next(iter(self.channels.values()))) if self.channels else 0

    @property
    def end(self) -> np.datetime64:
        """UTC end of the last interval (exclusive)."""
        return self.start + np.timedelta64(len(self) * self.period_s, "s")

    @property
    def times(self) -> np.ndarray:
        """UTC start of each interval, datetime64[s], shape (n,)."""
        return self.start + np.arange(len(self)) * np.timedelta64(self.period_s, "s")

    @property
    def score_index(self) -> int:
        """Index of the first interval that may be scored."""
        return 0 if self.score_from is None else self.index(self.score_from)

    def index(self, time: np.datetime64) -> int:
        """Index of the first interval that starts at or after ``time``, within 0..n."""
        offset = (time - self.start) / np.timedelta64(self.period_s, "s")
        return int(min(max(np.ceil(offset), 0), len(self)))

    def between(self, start: np.datetime64 | None, end: np.datetime64 | None) -> SiteReadings:
        """The intervals that start in [start, end)."""
        a = 0 if start is None else self.index(start)
        b = len(self) if end is None else self.index(end)
        return replace(
            self,
            start=self.start + np.timedelta64(a * self.period_s, "s"),
            channels={name: values[a:b] for name, values in self.channels.items()},
            anomaly=None if self.anomaly is None else self.anomaly[a:b],
        )


@dataclass(frozen=True)
class SiteSpan:
    """What a site holds, known without reading its rows.

    ``channels`` are names; ``start`` and ``end`` (exclusive, datetime64[s], UTC) span all
    of them; ``rows`` counts readings of all channels, ``covered_s`` the seconds that they
    last; ``native_s`` is the most common spacing of its mains readings in seconds,
    ``finest_s`` the finest. None: all readings are of one spacing. ``legs``: stored channels
    whose sum is mains.
    """

    site: str
    channels: tuple[str, ...]
    start: np.datetime64
    end: np.datetime64
    rows: int
    native_s: int = 0
    finest_s: int | None = None
    covered_s: float | None = None
    legs: tuple[str, ...] = ()

    @property
    def coverage(self) -> float | None:
        """Share of the span that the readings of all channels cover; None where there is no
        spacing."""
        covered = self.rows * self.native_s if self.covered_s is None else self.covered_s
        if not covered:
            return None
        seconds = float((self.end - self.start) / np.timedelta64(1, "s"))
        return min(1.0, covered / (seconds * len(self.channels)))

    def fits(self, period_s: float) -> bool:
        """Whether some of mains is as fine as that."""
        return (self.native_s if self.finest_s is None else self.finest_s) <= period_s


class Readings(ABC):
    """A fixed set of readings, handed out a site at a time."""

    @abstractmethod
    def spans(self) -> tuple[SiteSpan, ...]:
        """What each site holds, sorted by site."""

    @abstractmethod
    def load(self, site: str, period_s: int, channels: Sequence[str] | None = None) -> SiteReadings:
        """One site resampled to ``period_s``; ``channels`` None means all it has.

        Energy is preserved: each interval is the mean power of the readings in it,
        weighted by the time each covers. Channels share one grid. A channel asked for
        that the site lacks is absent from the result. A site whose readings are coarser
        than ``period_s`` comes back with no channels.
        """

    def iterate(
        self, period_s: int, channels: Sequence[str] | None = None
    ) -> Iterator[SiteReadings]:
        """Every site that has something at ``period_s``, one at a time, sorted by site.

        The next two are loaded meanwhile, so ``load`` has to bear several threads.
        """
        sites = (span.site for span in self.spans())
        for loaded in map_ahead(lambda site: self.load(site, period_s, channels), sites, _AHEAD):
            if len(loaded):
                yield loaded
