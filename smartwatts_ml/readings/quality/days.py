"""Local calendar days, on the UTC clock of readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from smartwatts_ml.readings.clock import find_zone
from smartwatts_ml.readings.resample import HOUR_US, MICRO

__all__ = ["Days", "days_between"]


@dataclass(frozen=True)
class Days:
    """Consecutive local days: ``first`` is the date of day 0 (datetime64[D]), ``edges`` the
    UTC instants (int64 µs, shape (n_days + 1,)) at which they begin and the last one ends."""

    first: np.datetime64
    edges: np.ndarray

    def __len__(self) -> int:
        return len(self.edges) - 1

    def index(self, stamps: np.ndarray) -> np.ndarray:
        """Day of each stamp (int64 µs), an index; same shape."""
        return np.searchsorted(self.edges, stamps, side="right") - 1

    def hours(self, stamps: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Whole hours since the day began, same shape (off by one after a clock change)."""
        return np.asarray((stamps - self.edges[day]) // HOUR_US)

    def date(self, day: int) -> str:
        """ISO date of a day."""
        return str(self.first + np.timedelta64(int(day), "D"))


def days_between(timezone: str, first_us: int, last_us: int) -> Days:
    """The days of an IANA timezone that hold everything from ``first_us`` to ``last_us``.

    >>> days = days_between("Europe/Paris", 0, 86_400 * MICRO)
    >>> str(days.first), len(days), days.edges[:2] // MICRO
    ('1970-01-01', 2, array([-3600, 82800]))
    """
    zone = find_zone(timezone)
    first = datetime.fromtimestamp(first_us // MICRO, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(last_us // MICRO, UTC).astimezone(zone).date()
    edges = [
        int(datetime.combine(first + timedelta(days=day), time(), zone).timestamp()) * MICRO
        for day in range((last - first).days + 2)
    ]
    return Days(np.datetime64(first, "D"), np.array(edges, np.int64))
