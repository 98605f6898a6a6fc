"""Local calendar days, on the UTC clock of readings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.localtime import hour_of_week, local_days, local_time, wall_clock

__all__ = ["Days", "days_between"]

_DAY_S = 86_400


@dataclass(frozen=True)
class Days:
    """Consecutive local days: ``first`` is the date of day 0 (datetime64[D]), ``edges`` the
    UTC instants (int64 µs, shape (n_days + 1,)) at which they begin and the last one ends, by
    the clock of ``timezone``."""

    timezone: str
    first: np.datetime64
    edges: np.ndarray

    def __len__(self) -> int:
        return len(self.edges) - 1

    def index(self, stamps: np.ndarray) -> np.ndarray:
        """Day of each stamp (int64 µs), an index; same shape."""
        return np.searchsorted(self.edges, stamps, side="right") - 1

    def hours(self, stamps: np.ndarray) -> np.ndarray:
        """Local hour of the day of each stamp, 0 to 23, same shape."""
        return hour_of_week(local_time(stamps.astype("datetime64[us]"), self.timezone)) % 24

    def date(self, day: int) -> str:
        """ISO date of a day."""
        return str(self.first + np.timedelta64(int(day), "D"))


def days_between(timezone: str, first_us: int, last_us: int) -> Days:
    """The days of an IANA timezone that hold everything from ``first_us`` to ``last_us``.

    >>> days = days_between("Europe/Paris", 0, 86_400_000_000)
    >>> str(days.first), len(days), days.edges[:2] // 1_000_000
    ('1970-01-01', 2, array([-3600, 82800]))
    """
    instants = np.array([first_us, last_us]).astype("datetime64[us]")
    first, last = local_days(local_time(instants, timezone))
    count = int((last - first).astype(np.int64)) + 2
    edges = wall_clock(timezone).cells(first, _DAY_S, count).starts
    return Days(
        timezone, np.datetime64(first, "D"), edges.astype("datetime64[us]").astype(np.int64)
    )
