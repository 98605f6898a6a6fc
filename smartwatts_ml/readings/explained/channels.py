"""What there is of one channel: spacing, first and last reading, energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.resample import MICRO, DeviceReadings

__all__ = ["ChannelSummary", "Spacing", "in_words", "summarise_channel"]

_MOST_SPACINGS = 3
_W_US_A_KWH = 3.6e12
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class Spacing:
    """``share`` of all gaps between readings that are ``seconds`` long."""

    seconds: float
    share: float


@dataclass(frozen=True)
class ChannelSummary:
    """``first`` and ``last``: stamps of readings, ISO 8601 in UTC; powers in W."""

    site: str
    channel: str
    readings: int
    first: str
    first_w: float
    last: str
    last_w: float
    median_w: float
    kwh: float
    spacing: tuple[Spacing, ...]

    @property
    def device_id(self) -> str:
        return f"{self.site}/{self.channel}"


def summarise_channel(site: str, channel: str, device: DeviceReadings) -> ChannelSummary:
    """Of at least one reading."""
    values = device.values.astype(np.float64)
    lasting = device.ends - device.stamps
    return ChannelSummary(
        site=site,
        channel=channel,
        readings=len(values),
        first=_utc(device.stamps[0]),
        first_w=float(values[0]),
        last=_utc(device.stamps[-1]),
        last_w=float(values[-1]),
        median_w=float(np.median(values)),
        kwh=float(np.dot(values, lasting) / _W_US_A_KWH),
        spacing=_spacings(device.stamps),
    )


def _utc(stamp_us: int) -> str:
    return f"{np.datetime64(int(stamp_us), 'us').astype('M8[s]')}Z"


def _spacings(stamps: np.ndarray) -> tuple[Spacing, ...]:
    gaps, counts = np.unique(np.diff(stamps), return_counts=True)
    common = np.argsort(-counts, kind="stable")[:_MOST_SPACINGS]
    return tuple(
        Spacing(gaps[at] / MICRO, round(float(counts[at] / counts.sum()), 4)) for at in common
    )


def in_words(seconds: float) -> str:
    """
    >>> in_words(900), in_words(5400), in_words(0.5), in_words(86400)
    ('15 min', '90 min', '0.5 s', '1 d')
    """
    size, unit = next(
        ((size, unit) for size, unit in _UNITS if seconds >= size and seconds % size == 0),
        _UNITS[-1],
    )
    return f"{seconds / size:g} {unit}"
