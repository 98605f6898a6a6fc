"""Wall-clock time of a site, for whole arrays at once.

People's habits follow the clock on the wall, so hour-of-week is local and moves with
daylight saving time; everything else in the system is UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

__all__ = ["HOURS_PER_WEEK", "hour_of_week", "local_days", "local_time", "mondays"]

HOURS_PER_WEEK = 168
_DAY_S = 86_400
_MONDAY = np.datetime64("1969-12-29", "h")  # the Monday before the epoch


@cache
def _zone(timezone: str) -> ZoneInfo:
    return ZoneInfo(timezone)


def _offset_s(epoch_s: int, zone: ZoneInfo) -> int:
    """Seconds that the wall clock is ahead of UTC at one instant."""
    offset = datetime.fromtimestamp(epoch_s, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _offsets_s(epochs: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """Offset of each instant (int64 s since the epoch), shape (n,).

    The offset is looked up at both ends of each UTC day; only a day on which it changes
    is looked up instant by instant, so a year costs hundreds of look-ups, not thousands.
    """
    days, day_of = np.unique(epochs // _DAY_S, return_inverse=True)
    edges = {int(day): _offset_s(int(day) * _DAY_S, zone) for day in np.union1d(days, days + 1)}
    first = np.array([edges[int(day)] for day in days], dtype=np.int64)
    last = np.array([edges[int(day) + 1] for day in days], dtype=np.int64)
    offsets = first[day_of]
    for at in np.flatnonzero((first != last)[day_of]):
        offsets[at] = _offset_s(int(epochs[at]), zone)
    return offsets


def local_time(times: np.ndarray, timezone: str) -> np.ndarray:
    """Wall-clock time of UTC instants, datetime64[s] in and out, same shape.

    >>> spring = np.array(["2026-03-29T00:59:59", "2026-03-29T01:00"], "datetime64[s]")
    >>> [str(time) for time in local_time(spring, "Europe/Paris")]
    ['2026-03-29T01:59:59', '2026-03-29T03:00:00']
    """
    epochs = np.asarray(times, "datetime64[s]").astype(np.int64)
    if epochs.size == 0:
        return epochs.astype("datetime64[s]")
    offsets = _offsets_s(epochs.ravel(), _zone(timezone)).reshape(epochs.shape)
    return (epochs + offsets).astype("datetime64[s]")


def hour_of_week(times: np.ndarray, timezone: str) -> np.ndarray:
    """Local hour of the week of UTC instants, int64 in 0..167, 0 = Monday 00:00.

    >>> hour_of_week(np.array(["2026-11-23", "2026-11-22T23:00"], "M8[s]"), "UTC")
    array([  0, 167])
    >>> hour_of_week(np.array(["2026-07-05T22:30"], "M8[s]"), "Europe/Paris")
    array([0])
    """
    hours = local_time(times, timezone).astype("datetime64[h]") - _MONDAY
    return hours.astype(np.int64) % HOURS_PER_WEEK


def local_days(times: np.ndarray, timezone: str) -> np.ndarray:
    """Local calendar day of UTC instants, datetime64[D], same shape."""
    return local_time(times, timezone).astype("datetime64[D]")


def mondays(days: np.ndarray) -> np.ndarray:
    """The Monday that begins each day's week, datetime64[D] in and out, same shape.

    >>> print(mondays(np.array(["2026-11-22", "2026-11-23", "1969-12-31"], "M8[D]")))
    ['2026-11-16' '2026-11-23' '1969-12-29']
    """
    return days - (days - _MONDAY.astype("datetime64[D]")) % np.timedelta64(7, "D")
