"""What the rest of the system sees of readings: sites, each on one regular grid.

A ``Readings`` is a fixed set (a snapshot of the table, or a list of files). It hands
out one site at a time, so memory is bounded by the largest site, not by the fleet.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from smartwatts_ml.localtime import WallCells, WallClock, local_time, wall_clock
from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.readings.labels import Label

__all__ = [
    "COARSER",
    "MAINS",
    "NOT_DRAWN",
    "NO_POWER",
    "Readings",
    "SiteReadings",
    "SOLAR",
    "SiteSpan",
    "TEMPERATURE",
    "coarser_mains",
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
COARSER = 1.1
"""A grid may be finer than the spacing of readings by this factor, no more."""
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

    Its cells are intervals of real time or, where ``local`` says so, of the site's wall clock:
    then a cell that this skips has no readings, and one that it repeats the mean of both times.
    ``start`` is that of cell 0 (datetime64[s], UTC or what the wall clock shows) and a multiple
    of the period. Each array of ``channels`` is float32 of shape (n,), mean W over the
    cell, NaN where no reading covers at least half of it. ``anomaly`` is uint8 of
    shape (n,), the label of mains where the source has one. Only cells from
    ``score_from`` (UTC) on may be scored (``None``: all); earlier ones are context.
    """

    site: str
    start: np.datetime64
    period_s: int
    channels: dict[str, np.ndarray]
    anomaly: np.ndarray | None = None
    timezone: str = "UTC"
    score_from: np.datetime64 | None = None
    local: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.channels.values()))) if self.channels else 0

    @property
    def clock(self) -> WallClock:
        """The one that the grid is of."""
        return wall_clock(self.timezone if self.local else "UTC")

    @cached_property
    def cells(self) -> WallCells:
        """Which real time each cell is."""
        return self.cells_until(len(self))

    def cells_until(self, count: int) -> WallCells:
        """The first ``count`` cells of the grid, beyond the readings too."""
        return self.clock.cells(self.start, self.period_s, count)

    @property
    def end(self) -> np.datetime64:
        """UTC end of the last cell (exclusive)."""
        if not self.local:
            return self.start + np.timedelta64(len(self) * self.period_s, "s")
        last = self.cells_until(max(len(self), 1))
        return np.datetime64(last.ends[-1] if len(self) else last.starts[0])

    @property
    def times(self) -> np.ndarray:
        """UTC start of each cell, of the first of two, datetime64[s], shape (n,)."""
        if self.local:
            return self.cells.starts
        return self.start + np.arange(len(self)) * np.timedelta64(self.period_s, "s")

    @property
    def wall(self) -> np.ndarray:
        """What the site's clock shows at the start of each cell, datetime64[s], shape (n,)."""
        return self.cells.wall if self.local else local_time(self.times, self.timezone)

    @property
    def score_index(self) -> int:
        """Index of the first cell that may be scored."""
        return 0 if self.score_from is None else self.index(self.score_from)

    def index(self, time: np.datetime64) -> int:
        """Index of the first cell that starts at or after a UTC instant, for the last time if
        it comes twice, within 0..n."""
        first = self.clock.first_cell(self.start, self.period_s, time)
        return min(max(first, 0), len(self))

    def between(self, start: np.datetime64 | None, end: np.datetime64 | None) -> SiteReadings:
        """The cells that start in [start, end), UTC instants."""
        a = 0 if start is None else self.index(start)
        b = len(self) if end is None else self.index(end)
        return self.part(a, b)

    def part(self, first: int, last: int) -> SiteReadings:
        """The cells from ``first`` up to ``last`` (exclusive)."""
        return replace(
            self,
            start=self.start + np.timedelta64(first * self.period_s, "s"),
            channels={name: values[first:last] for name, values in self.channels.items()},
            anomaly=None if self.anomaly is None else self.anomaly[first:last],
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


def coarser_mains(spans: Iterable[SiteSpan], period_s: float) -> str:
    """Of which sites mains is coarser than that, as a clause; empty where it is of none.

    >>> midnight, noon = np.datetime64("2026-01-01", "s"), np.datetime64("2026-01-01T12", "s")
    >>> coarser_mains([SiteSpan("home1", ("mains",), midnight, noon, 24, 1800)], 60)
    'mains of home1 comes every 1800 s'
    """
    coarser = [s for s in spans if MAINS in s.channels and not s.fits(period_s * COARSER)]
    if not coarser:
        return ""
    finest = min(s.native_s if s.finest_s is None else s.finest_s for s in coarser)
    more = f" and {len(coarser) - 1} more sites" if len(coarser) > 1 else ""
    return f"mains of {coarser[0].site}{more} comes every {finest} s{' or rarer' if more else ''}"


class Readings(ABC):
    """A fixed set of readings, handed out a site at a time."""

    @abstractmethod
    def spans(self) -> tuple[SiteSpan, ...]:
        """What each site holds, sorted by site."""

    def timezone(self, site: str) -> str:
        """IANA timezone by whose clock a site lives; UTC where readings know of no other."""
        del site
        return "UTC"

    def labels(self) -> tuple[Label, ...]:
        """What people said of sites, in a fixed order. Such a site may be none of ``spans``, as one
        that has no sub-meters is for NILM; it can be loaded like the others."""
        return ()

    @abstractmethod
    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        """One site resampled to ``period_s``; ``channels`` None means all it has.

        The grid is one of real time, or of the site's wall clock if it has to be ``local``.
        Energy is preserved: each cell is the mean power of the readings in it,
        weighted by the time each covers. Channels share one grid. A channel asked for
        that the site lacks is absent from the result. A site whose readings are coarser
        than ``period_s`` comes back with no channels.
        """

    def iterate(
        self, period_s: int, channels: Sequence[str] | None = None, *, local: bool = False
    ) -> Iterator[SiteReadings]:
        """Every site that has something at ``period_s``, one at a time, sorted by site.

        The next two are loaded meanwhile, so ``load`` has to bear several threads.
        """
        sites = (span.site for span in self.spans())

        def load(site: str) -> SiteReadings:
            return self.load(site, period_s, channels, local=local)

        for loaded in map_ahead(load, sites, _AHEAD):
            if len(loaded):
                yield loaded
