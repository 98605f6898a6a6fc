"""All checks over one site's devices; memory is bounded by the site."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smartwatts_ml.readings.base import MAINS, NO_POWER
from smartwatts_ml.readings.quality import levels
from smartwatts_ml.readings.quality.balance import over_mains
from smartwatts_ml.readings.quality.clocks import beat_shifts, change_hours, lost_hours
from smartwatts_ml.readings.quality.days import Days, days_between
from smartwatts_ml.readings.quality.flags import Flag
from smartwatts_ml.readings.quality.record import SiteQuality, site_quality
from smartwatts_ml.readings.quality.spread import spread
from smartwatts_ml.readings.quality.stuck import stuck
from smartwatts_ml.readings.quality.units import unit_changed
from smartwatts_ml.readings.resample import HOUR_US, DeviceReadings
from smartwatts_ml.settings import QualitySettings

__all__ = ["assess", "flag_devices"]


def assess(
    site: str, devices: Mapping[str, DeviceReadings], timezone: str, limits: QualitySettings
) -> SiteQuality:
    """What the checks say of one site."""
    days = _days(devices, timezone)
    flags = _flag(site, devices, timezone, days, limits)
    return site_quality(site, timezone, devices, flags, days)


def flag_devices(
    site: str, devices: Mapping[str, DeviceReadings], timezone: str, limits: QualitySettings
) -> dict[str, np.ndarray]:
    """Flags of every reading by channel: bits of ``Flag``, uint16 of the device's shape."""
    return _flag(site, devices, timezone, _days(devices, timezone), limits)


def _days(devices: Mapping[str, DeviceReadings], timezone: str) -> Days:
    first = min(int(device.stamps[0]) for device in devices.values())
    last = max(int(device.ends[-1]) - 1 for device in devices.values())
    return days_between(timezone, first, max(first, last))


def _flag(
    site: str,
    devices: Mapping[str, DeviceReadings],
    timezone: str,
    days: Days,
    limits: QualitySettings,
) -> dict[str, np.ndarray]:
    speaks_for_site = devices.get(MAINS) or max(devices.values(), key=lambda d: d.values.max())
    limit = limits.site_fuse_watts.get(site) or levels.fuse_limit(
        speaks_for_site.values, limits.fuse_watts
    )
    changes = change_hours(timezone, int(days.edges[0]), int(days.edges[-1]))
    flags = {}
    exporting = False
    for name, device in devices.items():
        checked = _device_checks(device, name == MAINS, limit, changes, days, limits)
        checked[Flag.NEGATIVE], feeds_in = _negative(name, device, days, limits)
        exporting |= feeds_in
        if name == MAINS:
            checked |= _mains_checks(device, feeds_in, limits)
        flags[name] = np.zeros(len(device.stamps), np.uint16)
        for flag, where in checked.items():
            flags[name][where] |= np.uint16(flag)
    if not exporting:
        for name, over in over_mains(devices, limits).items():
            flags[name][over] |= np.uint16(Flag.BALANCE)
    return flags


def _device_checks(
    device: DeviceReadings,
    is_mains: bool,
    limit_w: float,
    changes: np.ndarray,
    days: Days,
    limits: QualitySettings,
) -> dict[Flag, np.ndarray]:
    """The checks that one device alone can answer, bool of its shape each."""
    stamps, ends, values, native = device.stamps, device.ends, device.values, device.native_us
    missing_us = stamps[1:] - ends[:-1]
    return {
        Flag.FUSE: np.abs(values) > limit_w,
        Flag.STUCK: stuck(stamps, ends, values, limits.stuck_hours, always_varies=is_mains),
        Flag.CLOCK: beat_shifts(stamps, native) | lost_hours(stamps, device.spacing, changes),
        Flag.UNIT: unit_changed(values, days.index(stamps), native, limits.unit_days),
        Flag.GAP: np.append(missing_us > limits.gap_hours * HOUR_US, False),
        Flag.SPREAD: spread(device, limits.gap_hours),
    }


def _mains_checks(
    mains: DeviceReadings, feeds_in: bool, limits: QualitySettings
) -> dict[Flag, np.ndarray]:
    """What holds of a whole home only. Where it feeds in, mains passes through zero, so that
    one reading may happen to be there."""
    fewest = 2 if feeds_in else 1
    stamps, ends, values = mains.stamps, mains.ends, mains.values
    return {
        Flag.ZERO: levels.zeros(stamps, ends, values, limits.zero_hours, fewest),
        Flag.CLIPPED: levels.clipped(values),
        Flag.LOW: levels.low(values, limits.lowest_watts),
    }


def _negative(
    name: str, device: DeviceReadings, days: Days, limits: QualitySettings
) -> tuple[np.ndarray, bool]:
    """Readings that are negative and may not be; and whether mains is net of feed-in."""
    below = device.values < -limits.negative_watts
    none = np.zeros(len(below), bool)
    if name in NO_POWER:
        return none, False
    if name in limits.negative_channels:
        return none, True
    if name != MAINS or limits.negative_mains == "flag":
        return below, False
    if limits.negative_mains == "allow":
        return none, bool(below.any())
    day = days.index(device.stamps)
    hour = days.hours(device.stamps)
    if levels.feeds_in(below, day, hour):
        return below & ~levels.bright(hour), True
    return below, False
