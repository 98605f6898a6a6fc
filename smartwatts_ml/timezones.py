"""IANA timezones by their names, and what their clocks are called: nothing else opens them."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from smartwatts_ml.errors import UsageError

__all__ = ["find_zone", "is_place", "is_utc", "word_at", "words_of", "zone_named"]

_UTC = {"UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich", "GMT0", "GMT+0", "GMT-0"}
_OFFSETS = {"EST", "MST", "HST"}
_OF_THIS_MACHINE = {"localtime", "posixrules", "Factory"}
"""Another clock, or none, on another machine."""
_OTHER_TREES = ("posix/", "right/")
"""Copies of all zones that some systems have besides; the second ones count leap seconds."""


def find_zone(name: str) -> ZoneInfo:
    """The IANA timezone of that name, the same on every machine. Raises UsageError."""
    zone = zone_named(name)
    if zone is None:
        raise UsageError(f"no timezone {name!r}", fix=_instead(name))
    return zone


def zone_named(name: str) -> ZoneInfo | None:
    """Likewise; None where there is none of that name."""
    if name in _OF_THIS_MACHINE or name.startswith(_OTHER_TREES):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _instead(name: str) -> str:
    """What to write: the name that was meant, where one is near."""
    names = {known.casefold(): known for known in available_timezones() - _OF_THIS_MACHINE}
    if not names:
        return "this machine knows no timezones: pip install tzdata"
    plain = name.casefold().strip().replace(" ", "_")
    for tree in _OTHER_TREES:
        plain = plain.removeprefix(tree)
    near = difflib.get_close_matches(plain, names, 1, cutoff=0.8)
    return f"did you mean {names[near[0]]}?" if near else "use a name like Europe/Paris"


def is_utc(name: str) -> bool:
    """Whether local time is UTC at all times."""
    return find_zone(name).key.removeprefix("Etc/") in _UTC


def is_place(name: str) -> bool:
    """Whether people live by it somewhere: UTC and fixed offsets are how machines write time.

    >>> [is_place(name) for name in ("Europe/Berlin", "Etc/GMT-10", "UTC", "EST")]
    [True, False, False, False]
    """
    is_offset = name.startswith("Etc/") or name in _OFFSETS
    return not (is_offset or is_utc(name))


def word_at(name: str, epoch_s: int) -> str:
    """What people call a zone's clock at an instant, s since the epoch; empty if nothing.

    >>> word_at("Europe/Berlin", 0), word_at("Europe/Berlin", 1_782_000_000)
    ('CET', 'CEST')
    """
    return datetime.fromtimestamp(epoch_s, find_zone(name)).tzname() or ""


@cache
def words_of(name: str) -> dict[str, int]:
    """What people call a zone's clock in winter and in summer, and the minutes that it is ahead of
    UTC then; without clocks that only have a number.

    >>> words_of("America/New_York"), words_of("Africa/Casablanca")
    ({'EST': -300, 'EDT': -240}, {})
    """
    words = {}
    for month in (1, 7):
        local = datetime(2026, month, 1, tzinfo=UTC).astimezone(find_zone(name))
        offset, word = local.utcoffset(), local.tzname()
        if offset is not None and word is not None and word.isalpha():
            words[word] = round(offset.total_seconds() / 60)
    return words
