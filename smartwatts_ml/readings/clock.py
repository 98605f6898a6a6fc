"""Wall-clock stamps of a timezone → UTC, gaps and folds of daylight saving time told apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from smartwatts_ml.errors import UsageError

__all__ = ["Stretch", "find_zone", "is_utc", "stretches", "to_utc"]

DAY = timedelta(days=1)
ZERO = timedelta(0)


@dataclass(frozen=True)
class Stretch:
    """Local time from ``start`` (naive) on, until the next stretch.

    ``offset``: what local time is ahead of UTC; None in a gap, where no clock shows such
    a time. ``second``: the offset of the second occurrence, in a fold.
    """

    start: datetime
    offset: timedelta | None
    second: timedelta | None = None


def find_zone(name: str) -> ZoneInfo:
    """The IANA timezone of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"no timezone {name!r}", fix="use a name like Europe/Paris") from error


def is_utc(name: str) -> bool:
    """Whether local time is UTC at all times."""
    return find_zone(name).key in {"UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT", "UCT"}


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or ZERO


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second at which the offset is that of ``high`` and no longer of ``low``."""
    before = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def stretches(name: str, first: datetime, last: datetime) -> tuple[Stretch, ...]:
    """How local time runs from ``first`` to ``last`` (both naive local), in order.

    >>> for part in stretches("Europe/Paris", datetime(2026, 3, 1), datetime(2026, 11, 1)):
    ...     print(part.start, part.offset, part.second)
    2026-02-26 01:00:00 1:00:00 None
    2026-03-29 02:00:00 None None
    2026-03-29 03:00:00 2:00:00 None
    2026-10-25 02:00:00 2:00:00 1:00:00
    2026-10-25 03:00:00 1:00:00 None
    """
    zone = find_zone(name)
    at = first.replace(tzinfo=UTC) - 3 * DAY
    end = last.replace(tzinfo=UTC) + 3 * DAY
    offset = _offset(zone, at)
    found = [Stretch((at + offset).replace(tzinfo=None), offset)]
    while at < end:
        after = _offset(zone, at + DAY)
        if after != offset:
            change = _change(zone, at, at + DAY).replace(tzinfo=None)
            if after > offset:
                found.append(Stretch(change + offset, None))
                found.append(Stretch(change + after, after))
            else:
                found.append(Stretch(change + after, offset, after))
                found.append(Stretch(change + offset, after))
            offset = after
        at += DAY
    return tuple(found)


def to_utc(local: datetime, name: str) -> datetime:
    """A naive local time as naive UTC, the first occurrence of two; UsageError in a gap.

    >>> to_utc(datetime(2026, 7, 1), "Europe/Paris")
    datetime.datetime(2026, 6, 30, 22, 0)
    """
    zone = find_zone(name)
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        raise UsageError(f"{local} does not exist in {name}", fix="the clock jumps over it")
    return instant.replace(tzinfo=None)
