"""Energy of a hole that a meter's total tells, though not when it was used."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.readings.resample import HOUR_US, DeviceReadings

__all__ = ["spread"]


def spread(device: DeviceReadings, hours: float = 1.0) -> np.ndarray:
    """Bool, shape (n,): a mean that lasts for over so many hours more than the readings around
    it do, since some are missing in between.

    >>> hour = 3_600_000_000
    >>> stamps = np.array([0, 1, 2, 3, 21, 22]) * hour
    >>> lengths = np.array([1, 1, 1, 18, 1, 1]) * hour
    >>> np.flatnonzero(spread(DeviceReadings(stamps, np.ones(6), None, lengths))).tolist()
    [3]
    """
    more = device.ends - device.stamps - device.spacing
    return np.asarray((device.spacing > 0) & (more > hours * HOUR_US))
