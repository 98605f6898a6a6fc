"""How a file writes its timestamps: found out from a sample of them, once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from smartwatts_ml.errors import BadInputError

__all__ = ["EPOCH_MS", "EPOCH_S", "ISO", "FileStamps", "find_stamps"]

ISO = "ISO 8601"
EPOCH_S = "seconds since 1970"
EPOCH_MS = "milliseconds since 1970"

IS_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d(:?\d\d(:?\d\d(\.\d+)?)?)?)?.{0,7}")
IS_ZONED = re.compile(r".*\d\d:\d\d.* ?(Z|UTC|[+-]\d\d(:?\d\d)?)")
IS_EPOCH_S = re.compile(r"\d{9,10}(\.\d+)?")
IS_EPOCH_MS = re.compile(r"\d{12,13}(\.\d+)?")
IS_COMPACT = re.compile(r"20\d\d[01]\d[0-3]\d([ T]?)[0-2]\d[0-5]\d([0-5]\d)?")
LOCAL = re.compile(
    r"(?P<a>\d{1,4})(?P<mark>[/.-])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{2}|\d{4})"
    r"(?P<gap>,? |T)(?P<time>\d{1,2}:\d\d)(?P<seconds>:\d\d)?(?P<half> ?[AaPp][Mm])?"
)


@dataclass(frozen=True)
class FileStamps:
    """``form``: ``ISO``, an epoch, or a format of strptime. ``zoned``: ISO stamps say
    their offset. ``sample``: one of them as the file writes it."""

    form: str
    zoned: bool = False
    sample: str = ""

    @property
    def is_epoch(self) -> bool:
        return self.form in (EPOCH_S, EPOCH_MS)


def find_stamps(texts: Sequence[str], name: str, given: str | None = None) -> FileStamps:
    """The form that most of a file's first timestamps have; ISO 8601 if none is known.

    Raises BadInputError where day and month cannot be told apart.

    >>> find_stamps(["31/01/2026 10:00"], "a.csv").form
    '%d/%m/%Y %H:%M'
    >>> find_stamps(["1767225600"], "a.csv").form
    'seconds since 1970'
    """
    filled = [text for text in texts if text]
    sample = filled[0] if filled else ""
    if given is not None:
        return FileStamps(given, sample=sample)
    for pattern, form in ((IS_ISO, ISO), (IS_EPOCH_S, EPOCH_S), (IS_EPOCH_MS, EPOCH_MS)):
        mine = [text for text in filled if pattern.fullmatch(text)]
        if 2 * len(mine) > len(filled):
            return FileStamps(form, bool(IS_ZONED.fullmatch(mine[0])), mine[0])
    compact = [match for text in filled if (match := IS_COMPACT.fullmatch(text))]
    if 2 * len(compact) > len(filled):
        gap, seconds = compact[0].groups()
        return FileStamps(f"%Y%m%d{gap}%H%M{'%S' if seconds else ''}", sample=compact[0][0])
    local = [match for text in filled if (match := LOCAL.fullmatch(text))]
    if 2 * len(local) > len(filled):
        return FileStamps(_local_form(local, name), sample=local[0][0])
    return FileStamps(ISO, sample=sample)


def _local_form(found: Sequence[re.Match[str]], name: str) -> str:
    """The format of local dates, by what all of them can be."""
    first = found[0]
    clock = "%I:%M" if first["half"] else "%H:%M"
    clock += ":%S" if first["seconds"] else ""
    if first["half"]:
        clock += " %p" if first["half"].startswith(" ") else "%p"
    tail = first["gap"] + clock
    mark = first["mark"]
    if len(first["a"]) == 4:
        return f"%Y{mark}%m{mark}%d{tail}"
    year = "%Y" if len(first["c"]) == 4 else "%y"
    return f"{_day_and_month(found, name).replace('-', mark)}{mark}{year}{tail}"


def _day_and_month(found: Sequence[re.Match[str]], name: str) -> str:
    """``%d-%m`` or ``%m-%d``: by a number beyond 12, or by which makes the smaller steps."""
    if found[0]["mark"] == "." or any(int(match["a"]) > 12 for match in found):
        return "%d-%m"
    if any(int(match["b"]) > 12 for match in found):
        return "%m-%d"
    dates = [(int(m["a"]), int(m["b"]), int(m["c"])) for m in found]
    changed = [(x, y) for x, y in itertools.pairwise(dates) if x != y]
    day_first = sum(_apart(x[::-1], y[::-1]) for x, y in changed)
    month_first = sum(_apart((x[2], x[0], x[1]), (y[2], y[0], y[1])) for x, y in changed)
    if day_first == month_first:
        raise BadInputError(
            f"{name}: {found[0][0]!r} may be of two dates: which is the day?",
            fix="say so with the source's stamp, e.g. stamp = '%d/%m/%Y %H:%M'",
        )
    return "%d-%m" if day_first < month_first else "%m-%d"


def _apart(x: tuple[int, ...], y: tuple[int, ...]) -> int:
    """Days between two (year, month, day)."""
    gap: timedelta = _day(y) - _day(x)
    return abs(gap.days)


def _day(date: tuple[int, ...]) -> datetime:
    year, month, day = date
    return datetime(2000 + year % 100, month, day)
