"""How a file writes its timestamps: found out from a sample of them, once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from smartwatts_ml.errors import BadInputError

__all__ = ["EPOCHS", "EPOCH_MS", "EPOCH_S", "FileStamps", "ISO", "find_stamps"]

ISO = "ISO 8601"
EPOCH_S = "seconds since 1970"
EPOCH_MS = "milliseconds since 1970"
_EPOCH_US = "microseconds since 1970"
_EPOCH_NS = "nanoseconds since 1970"
EPOCHS = {EPOCH_S: 1e6, EPOCH_MS: 1e3, _EPOCH_US: 1.0, _EPOCH_NS: 1e-3}
"""Microseconds of one unit of an epoch."""

_IS_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d(:?\d\d(:?\d\d(\.\d+)?)?)?)?.{0,7}")
_IS_ZONED = re.compile(r".*\d\d:\d\d.* ?(Z|UTC|[+-]\d\d(:?\d\d)?)")
# From 2000 to 2100, so that 202612311405 is a date and not an instant of 1976.
_IS_EPOCH_S = re.compile(r"(9\d{8}|[1-4]\d{9})(\.\d*)?", re.ASCII)
_IS_EPOCH_MS = re.compile(r"(9\d{11}|[1-4]\d{12})(\.\d*)?", re.ASCII)
_IS_EPOCH_US = re.compile(r"9\d{14}|[1-4]\d{15}", re.ASCII)
_IS_EPOCH_NS = re.compile(r"9\d{17}|[1-4]\d{18}", re.ASCII)
_IS_COMPACT = re.compile(r"20\d\d[01]\d[0-3]\d([ T]?)[0-2]\d[0-5]\d([0-5]\d)?", re.ASCII)
_LOCAL = re.compile(
    r"(?P<a>\d{1,4})(?P<mark>[/.-])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{4}|\d{1,2})"
    r"((?P<gap>,? |T)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?P<seconds>:\d\d)?"
    r"(?P<half> ?[AaPp][Mm])?)?",
    re.ASCII,
)
_HALF_A_DAY = timedelta(hours=12)
_STRAY = 100
"""A date is a slip, and says nothing of the form, where so many others say the contrary."""


@dataclass(frozen=True)
class FileStamps:
    """``form``: ``ISO``, an epoch, or a format of strptime. ``zoned``: ISO stamps say
    their offset. ``sample``: one of them as the file writes it."""

    form: str
    zoned: bool = False
    sample: str = ""

    @property
    def is_epoch(self) -> bool:
        return self.form in EPOCHS


def find_stamps(texts: Sequence[str], name: str, form_of_source: str | None = None) -> FileStamps:
    """The form that most of a file's first timestamps have; ISO 8601 if none is known.

    Raises BadInputError where day and month cannot be told apart.

    >>> find_stamps(["31/01/2026 10:00"], "a.csv").form
    '%d/%m/%Y %H:%M'
    >>> find_stamps(["1767225600"], "a.csv").form
    'seconds since 1970'
    """
    filled = [text for text in texts if text]
    sample = filled[0] if filled else ""
    if form_of_source is not None:
        return FileStamps(form_of_source, "%z" in form_of_source or "%Z" in form_of_source, sample)
    for pattern, form in (
        (_IS_ISO, ISO),
        (_IS_EPOCH_S, EPOCH_S),
        (_IS_EPOCH_MS, EPOCH_MS),
        (_IS_EPOCH_US, _EPOCH_US),
        (_IS_EPOCH_NS, _EPOCH_NS),
    ):
        matching = [text for text in filled if pattern.fullmatch(text)]
        if 2 * len(matching) > len(filled):
            return FileStamps(form, bool(_IS_ZONED.fullmatch(matching[0])), matching[0])
    compact = [match for text in filled if (match := _IS_COMPACT.fullmatch(text))]
    if 2 * len(compact) > len(filled):
        gap, seconds = compact[0].groups()
        return FileStamps(f"%Y%m%d{gap}%H%M{'%S' if seconds else ''}", sample=compact[0][0])
    local = [match for text in filled if (match := _LOCAL.fullmatch(text))]
    if 2 * len(local) > len(filled):
        return FileStamps(_local_form(local, name), sample=local[0][0])
    return FileStamps(ISO, sample=sample)


def _local_form(matches: Sequence[re.Match[str]], name: str) -> str:
    """The format of local dates, by what all of them can be."""
    first = matches[0]
    tail = ""
    if first["hour"]:
        half = first["half"] or ""
        clock = "%I:%M" if half else "%H:%M"
        clock += ":%S" if first["seconds"] else ""
        tail = first["gap"] + clock + re.sub("[AaPp][Mm]", "%p", half)
    mark = first["mark"]
    if len(first["a"]) == 4:
        return f"%Y{mark}%m{mark}%d{tail}"
    year = "%Y" if len(first["c"]) == 4 else "%y"
    return f"{_day_and_month(matches, name).replace('-', mark)}{mark}{year}{tail}"


def _day_and_month(matches: Sequence[re.Match[str]], name: str) -> str:
    """``%d-%m`` or ``%m-%d``: by numbers beyond 12, or by which of the two leads over
    midnight."""
    if matches[0]["mark"] == ".":
        return "%d-%m"
    day_first = sum(int(match["a"]) > 12 >= int(match["b"]) for match in matches)
    month_first = sum(int(match["b"]) > 12 >= int(match["a"]) for match in matches)
    if not day_first and not month_first:
        day_first, month_first = _over_midnight(matches)
    if min(day_first, month_first) * _STRAY >= max(day_first, month_first):
        raise BadInputError(
            f"{name}: {matches[0][0]!r} may be of two dates: which is the day?",
            fix="say so with the source's stamp, e.g. stamp = '%d/%m/%Y %H:%M'",
        )
    return "%d-%m" if day_first > month_first else "%m-%d"


def _over_midnight(matches: Sequence[re.Match[str]]) -> tuple[int, int]:
    """How often the date changes within half a day, if its first number is the day, and if
    its second is. Dates further apart tell nothing: is it one a day, or one a month?"""
    counts = []
    for day, month in ("ab", "ba"):
        instants = [_instant(match, day, month) for match in matches]
        counts.append(
            sum(
                x is not None
                and y is not None
                and x.date() != y.date()
                and abs(x - y) < _HALF_A_DAY
                for x, y in itertools.pairwise(instants)
            )
        )
    return counts[0], counts[1]


def _instant(match: re.Match[str], day: str, month: str) -> datetime | None:
    """None where no calendar has that day."""
    try:
        date = datetime(2000 + int(match["c"]) % 100, int(match[month]), int(match[day]))
    except ValueError:
        return None
    hours = int(match["hour"] or 0)
    if match["half"]:
        hours = hours % 12 + 12 * ("p" in match["half"].lower())
    return date + timedelta(hours=hours, minutes=int(match["minute"] or 0))
