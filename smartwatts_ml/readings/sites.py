"""What readings from files and from the table have in common."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.readings.base import COARSER, MAINS, Readings, SiteReadings, SiteSpan
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.legs import add_up, is_leg, legs_of_mains
from smartwatts_ml.readings.quality.assess import assess
from smartwatts_ml.readings.quality.record import SiteQuality
from smartwatts_ml.readings.resample import MICRO, DeviceReadings, to_grid
from smartwatts_ml.readings.spacing import PATIENCE, native_interval
from smartwatts_ml.settings import Settings

__all__ = ["DeviceSpan", "StoredReadings", "site_spans", "summarise"]


_RARE = 0.02
"""So few gaps of another length do not show that the spacing changed."""
_FINE = 0.05
"""Share of the finest readings of a device that may be fine by mistake."""


@dataclass(frozen=True, slots=True)
class DeviceSpan:
    """What there is of one device, known without reading its rows: ``first`` and ``last``
    stamp (µs since the epoch), the most common spacing, ``native``, and the finest one (µs, 0
    for one row), and how long its rows last, ``covered`` (µs)."""

    site: str
    channel: str
    rows: int
    first: int
    last: int
    native: int
    finest: int
    covered: int

    @property
    def coverage(self) -> float | None:
        """Share of the span that rows cover; None where there is no spacing."""
        if not self.covered:
            return None
        return min(1.0, self.covered / (self.last + self.native - self.first))

    @classmethod
    def regular(
        cls, site: str, channel: str, rows: int, first: int, last: int, native: int
    ) -> DeviceSpan:
        """Of rows that are all of one spacing."""
        return cls(site, channel, rows, first, last, native, native, rows * native)


def summarise(
    site: str,
    channel: str,
    stamps: np.ndarray,
    seconds: np.ndarray | None = None,
    held: np.ndarray | None = None,
) -> DeviceSpan:
    """``stamps`` int64 µs, sorted, shape (n,), n > 0; the others as of ``DeviceRows``."""
    native = native_interval(stamps)
    span = DeviceSpan.regular(site, channel, len(stamps), int(stamps[0]), int(stamps[-1]), native)
    if len(stamps) < 2:
        return span
    if seconds is None:
        gaps = np.diff(stamps)
        near = gaps <= PATIENCE * native
        if np.count_nonzero(near & (gaps >= native / PATIENCE)) >= (1 - _RARE) * len(gaps):
            lone = len(stamps) - int(np.count_nonzero(near))
            return replace(span, covered=int(gaps[near].sum()) + native * lone)
    distinct = np.append(True, stamps[1:] > stamps[:-1])
    columns = (None if c is None else c[distinct] for c in (seconds, held))
    device = DeviceRows(stamps[distinct], stamps[distinct], None, None, None, *columns).readings()
    if not len(device.stamps):
        return span
    finest = np.quantile(device.spacing, _FINE, method="lower")
    return replace(span, finest=int(finest), covered=int((device.ends - device.stamps).sum()))


class StoredReadings(Readings):
    """Readings of which one site's devices can be fetched at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spans: tuple[SiteSpan, ...] | None = None
        self._by_site: dict[str, SiteSpan] | None = None

    @abstractmethod
    def _find_spans(self) -> tuple[SiteSpan, ...]:
        """Computed once."""

    @abstractmethod
    def _devices(self, site: str, channels: Sequence[str]) -> dict[str, DeviceReadings]:
        """One site's devices by channel; those that have no reading are absent."""

    def spans(self) -> tuple[SiteSpan, ...]:
        if self._spans is None:
            self._spans = self._find_spans()
        return self._spans

    def timezone(self, site: str) -> str:
        """IANA timezone by whose clock a site lives: as the settings say, if nobody else does."""
        return self._settings.site_timezones.get(site, self._settings.timezone)

    def _span(self, site: str) -> SiteSpan:
        if self._by_site is None:
            self._by_site = {span.site: span for span in self.spans()}
        if site not in self._by_site:
            raise NotFoundError(f"no readings of site {site!r}")
        return self._by_site[site]

    def _with_mains(self, span: SiteSpan, channels: Sequence[str]) -> dict[str, DeviceReadings]:
        """One site's devices by channel, mains being the sum of its legs where it has some."""
        if MAINS not in channels or not span.legs:
            return self._devices(span.site, channels)
        stored = [name for name in channels if name != MAINS]
        return add_up(self._devices(span.site, [*stored, *span.legs]), span.legs)

    def read_devices(self, site: str) -> dict[str, DeviceReadings]:
        """One site's readings as they are, by channel."""
        span = self._span(site)
        return self._with_mains(span, span.channels)

    def quality(self, site: str) -> SiteQuality:
        """How plausible and how complete one site's readings are, as they arrived."""
        return assess(site, self.read_devices(site), self.timezone(site), self._settings.quality)

    def load(
        self,
        site: str,
        period_s: int,
        channels: Sequence[str] | None = None,
        *,
        local: bool = False,
    ) -> SiteReadings:
        span = self._span(site)
        wanted = [name for name in span.channels if channels is None or name in channels]
        devices = self._with_mains(span, wanted) if span.fits(period_s * COARSER) else {}
        timezone = self.timezone(site)
        start, values, labels = to_grid(devices, period_s, wall_clock(timezone) if local else None)
        return SiteReadings(
            site=site,
            start=np.datetime64(start, "s"),
            period_s=period_s,
            channels=values,
            anomaly=labels.get(MAINS),
            timezone=timezone,
            local=local,
        )


def _with_mains_span(devices: Sequence[DeviceSpan]) -> tuple[list[DeviceSpan], tuple[str, ...]]:
    """A site's devices, mains in place of its legs; and the legs."""
    legs = legs_of_mains(device.channel for device in devices)
    measured = any(device.channel == MAINS for device in devices)
    of_mains = [device for device in devices if device.channel in legs]
    others = [d for d in devices if d not in of_mains and not (measured and is_leg(d.channel))]
    if not of_mains:
        return others, ()
    fewest = min(of_mains, key=lambda device: device.rows)
    first, last = max(leg.first for leg in of_mains), min(leg.last for leg in of_mains)
    mains = replace(fewest, channel=MAINS, first=first, last=last)
    return sorted([*others, mains], key=lambda device: device.channel), legs


def site_spans(devices: Iterable[DeviceSpan]) -> tuple[SiteSpan, ...]:
    """Sites from their devices. Mains speaks for a site, or its first channel by name where
    it has none: its spacings are the site's."""
    spans = []
    for site, group in itertools.groupby(
        sorted(devices, key=lambda device: (device.site, device.channel)),
        key=lambda device: device.site,
    ):
        of_site, legs = _with_mains_span(list(group))
        speaking = min(of_site, key=lambda d: (d.channel != MAINS, d.channel))
        last_us = max(device.last for device in of_site) + speaking.native
        spans.append(
            SiteSpan(
                site=site,
                channels=tuple(device.channel for device in of_site),
                start=np.datetime64(min(device.first for device in of_site) // MICRO, "s"),
                end=np.datetime64(-(-last_us // MICRO), "s"),
                rows=sum(device.rows for device in of_site),
                native_s=round(speaking.native / MICRO),
                finest_s=round(speaking.finest / MICRO),
                covered_s=sum(device.covered for device in of_site) / MICRO,
                legs=legs,
            )
        )
    return tuple(spans)
