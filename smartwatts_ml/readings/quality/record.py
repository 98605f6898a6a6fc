"""What a site's quality is told by: a record for each device, and its days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from smartwatts_ml.readings.quality.days import Days
from smartwatts_ml.readings.quality.flags import SUSPECT, WORDS, Flag, names
from smartwatts_ml.readings.resample import HOUR_US, MICRO, DeviceReadings

__all__ = ["DeviceFinding", "DeviceQuality", "Gap", "SiteQuality", "covered", "site_quality"]

_GAPS_SHOWN = 5


@dataclass(frozen=True)
class DeviceFinding:
    """What one check found on one device: readings, the hours that they cover (of a gap:
    that are missing), and the first and the last of them (ISO 8601, UTC)."""

    flag: Flag
    readings: int
    hours: float
    first: str
    last: str

    @property
    def words(self) -> str:
        """For people to read.

        >>> DeviceFinding(Flag.GAP, 2, 62.0, "2026-01-31T10:00:00Z", "2026-02-09T07:00:00Z").words
        'long gap: 2, 62.0 h, 2026-01-31 to 2026-02-09'
        >>> DeviceFinding(Flag.FUSE, 1, 1 / 60, "2026-01-31T10:00Z", "2026-01-31T10:00Z").words
        'beyond the fuse: 1 min, 2026-01-31'
        """
        first, last = self.first[:10], self.last[:10]
        times = f"{self.readings:,}, " if self.flag is Flag.GAP else ""
        lasts = f"{self.hours:,.1f} h" if self.hours >= 1 else f"{self.hours * 60:.0f} min"
        when = first if first == last else f"{first} to {last}"
        return f"{WORDS[self.flag]}: {times}{lasts}, {when}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"flag": names(self.flag)[0], "hours": round(self.hours, 3)}


@dataclass(frozen=True)
class Gap:
    """A stretch without readings; ``start`` and ``end`` (exclusive) in ISO 8601, UTC."""

    start: str
    end: str
    hours: float


@dataclass(frozen=True)
class DeviceQuality:
    """One device. ``coverage`` is the share of its own span that readings cover, ``suspect``
    the share of readings that a check doubts (gaps aside), both 0..1. ``findings`` in the
    order of ``Flag``; ``gaps`` are the longest ones, longest first."""

    channel: str
    rows: int
    start: str
    end: str
    native_s: float
    coverage: float
    suspect: float
    findings: tuple[DeviceFinding, ...]
    gaps: tuple[Gap, ...]

    def to_json(self) -> dict[str, Any]:
        findings = [finding.to_json() for finding in self.findings]
        return asdict(self) | {"findings": findings}


@dataclass(frozen=True)
class SiteQuality:
    """One site. ``first_day`` is the local date of day 0. By day, shape (n_days,):
    ``coverage`` (float32, 0..1), the mean over its devices; ``doubted`` (float32, 0..1), the
    share of the day that doubted readings cover on the device that has most of them; and
    ``flags`` (uint16), the bits of ``Flag`` of all devices, a gap's on the day it begins."""

    site: str
    timezone: str
    devices: tuple[DeviceQuality, ...]
    first_day: np.datetime64
    coverage: np.ndarray
    doubted: np.ndarray
    flags: np.ndarray

    @property
    def rows(self) -> int:
        """Readings of all devices."""
        return sum(device.rows for device in self.devices)

    @property
    def suspect(self) -> float:
        """Share of all readings that a check doubts, 0..1."""
        doubted = sum(device.suspect * device.rows for device in self.devices)
        return doubted / self.rows if self.rows else 0.0

    @property
    def mean_coverage(self) -> float:
        """Share of the site's days that readings cover, 0..1."""
        return float(self.coverage.mean()) if len(self.coverage) else 0.0

    def date(self, day: int) -> np.datetime64:
        """Local date of a day, datetime64[D]."""
        return self.first_day + np.timedelta64(day, "D")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; flagged days by check."""
        flagged = {
            names(flag)[0]: [str(self.date(int(day))) for day in np.flatnonzero(self.flags & flag)]
            for flag in WORDS
            if np.any(self.flags & flag)
        }
        return {
            "site": self.site,
            "timezone": self.timezone,
            "rows": self.rows,
            "suspect": self.suspect,
            "devices": [device.to_json() for device in self.devices],
            "days": {
                "first": str(self.first_day),
                "coverage": [round(float(share), 3) for share in self.coverage],
                "flagged": flagged,
            },
        }


def site_quality(
    site: str,
    timezone: str,
    devices: Mapping[str, DeviceReadings],
    flags: Mapping[str, np.ndarray],
    days: Days,
) -> SiteQuality:
    """The record of a site from its devices and their flags."""
    by_day = np.zeros(len(days), np.uint16)
    length = np.diff(days.edges)
    doubted = np.zeros(len(days))
    shares = []
    for name, device in devices.items():
        seen = np.flatnonzero(flags[name])
        np.bitwise_or.at(by_day, days.index(device.stamps[seen]), flags[name][seen])
        shares.append(np.diff(covered(device, days.edges)) / length)
        at = np.flatnonzero(flags[name] & SUSPECT)
        time = (device.ends - device.stamps)[at]
        share = np.bincount(days.index(device.stamps[at]), time, minlength=len(days)) / length
        doubted = np.maximum(doubted, np.minimum(share, 1.0))
    return SiteQuality(
        site=site,
        timezone=timezone,
        devices=tuple(_device(name, device, flags[name]) for name, device in devices.items()),
        first_day=days.first,
        coverage=np.mean(shares, axis=0).astype(np.float32),
        doubted=doubted.astype(np.float32),
        flags=by_day,
    )


def covered(device: DeviceReadings, at: np.ndarray) -> np.ndarray:
    """µs that readings cover before each instant of ``at`` (µs); float64, same shape.

    >>> device = DeviceReadings(np.array([0, 10, 20, 90]), np.ones(4))
    >>> covered(device, np.array([0, 15, 50, 95, 200])).tolist()
    [0.0, 15.0, 30.0, 35.0, 40.0]
    """
    edges = np.stack([device.stamps, device.ends], axis=1).ravel()
    lengths = np.stack([np.zeros(len(device.stamps)), device.ends - device.stamps], axis=1)
    return np.interp(at, edges, np.cumsum(lengths.ravel()))


def _device(name: str, device: DeviceReadings, flags: np.ndarray) -> DeviceQuality:
    stamps, ends = device.stamps, device.ends
    hours = (ends - stamps) / HOUR_US
    missing = np.append((stamps[1:] - ends[:-1]) / HOUR_US, 0.0)
    findings = []
    for flag in WORDS:
        at = np.flatnonzero(flags & flag)
        if len(at):
            counted = missing if flag is Flag.GAP else hours
            first, last = _iso(stamps[at[0]]), _iso(stamps[at[-1]])
            findings.append(DeviceFinding(flag, len(at), float(counted[at].sum()), first, last))
    span = (ends[-1] - stamps[0]) / HOUR_US
    return DeviceQuality(
        channel=name,
        rows=len(stamps),
        start=_iso(stamps[0]),
        end=_iso(ends[-1]),
        native_s=device.native_us / MICRO,
        coverage=float(hours.sum() / span) if span else 0.0,
        suspect=float(np.mean((flags & SUSPECT) != 0)),
        findings=tuple(findings),
        gaps=_gaps(stamps, ends, missing),
    )


def _gaps(stamps: np.ndarray, ends: np.ndarray, missing: np.ndarray) -> tuple[Gap, ...]:
    longest = np.argsort(-missing, kind="stable")[:_GAPS_SHOWN]
    return tuple(
        Gap(_iso(ends[at]), _iso(stamps[at + 1]), round(float(missing[at]), 3))
        for at in longest.tolist()
        if missing[at] > 0
    )


def _iso(us: int) -> str:
    return f"{np.datetime64(int(us), 'us').astype('datetime64[s]')}Z"
