"""Columns that each stand for one interval of a day: a line is a day."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from smartwatts_ml.readings.layouts.mapping import Counted, ValueColumn
from smartwatts_ml.sources import Unit

__all__ = ["day_columns", "is_day_header"]

_FEWEST = 20
_DAY = 24 * 60
_PER_DAY = (24, 48, 96, 144, 288)
_LONG_DAY = {count * 25 // 24: count for count in _PER_DAY}
_TIME_OF_DAY = re.compile(
    r"\D{0,12}?(\d{1,2})[:.h](\d\d)(?:[:.]00)?( ?[ap]\.?m\.?)?", re.IGNORECASE
)
_NUMBERED = re.compile(r"(\D*)0*(\d{1,3})(\D*)")


def is_day_header(names: Sequence[str]) -> bool:
    """Whether names are those of the intervals of a day."""
    return bool(_times(names) or _numbered(names))


def day_columns(
    names: Sequence[str], unit: Unit | None, ends: bool | None
) -> tuple[ValueColumn, ...]:
    """A column for each interval of a day; empty where there are none.

    ``ends``: whether names are the ends of intervals, if somebody says so. Times that begin
    with the first interval's end and close with midnight are.

    >>> columns = day_columns([f"{h}:00" for h in [*range(1, 24), 0]], "kWh", None)
    >>> columns[0].minutes, columns[-1].minutes
    (0, 1380)
    >>> for last in (24, 25):
    ...     columns = day_columns([f"H{h:02}" for h in range(1, last + 1)], "kWh", None)
    ...     print(columns[-1].minutes, columns[-1].counted)
    1380 maybe
    1440 on
    """
    minutes = _times(names)
    if minutes:
        starts = [minutes[i] for i in sorted(minutes)]
        step = min(b - a for a, b in itertools.pairwise(starts) if b > a)
        if ends is None:
            ends = starts[0] == step and starts[-1] in (0, _DAY)
        shift = step if ends else 0
        if ends:
            minutes = {i: m or _DAY for i, m in minutes.items()}
        minutes = {i: m - shift for i, m in minutes.items()}
        return tuple(ValueColumn(i, names[i], unit, minutes=minutes[i]) for i in sorted(minutes))
    minutes = _numbered(names)
    counted: Counted = "on" if len(minutes) in _LONG_DAY else "maybe"
    return tuple(
        ValueColumn(i, names[i], unit, minutes=minutes[i], counted=counted) for i in sorted(minutes)
    )


def _times(names: Sequence[str]) -> dict[int, int]:
    """Minutes of columns named by a time of day, or by a range of times (its start)."""
    minutes = {i: m for i, name in enumerate(names) if (m := _time_of_day(name)) is not None}
    return minutes if len(minutes) >= _FEWEST else {}


def _time_of_day(name: str) -> int | None:
    """
    >>> _time_of_day("0:30"), _time_of_day("23:45-00:00"), _time_of_day("24:00"), _time_of_day("12")
    (30, 1425, 1440, None)
    >>> _time_of_day("12:30 AM"), _time_of_day("1:00 pm")
    (30, 780)
    """
    match = _TIME_OF_DAY.fullmatch(re.split(r"\s*[-–]\s*", name.strip())[0])
    if match is None:
        return None
    hour = int(match[1])
    if match[3]:
        hour = hour % 12 + 12 * ("p" in match[3].lower())
    minutes = hour * 60 + int(match[2])
    return minutes if minutes <= _DAY else None


def _numbered(names: Sequence[str]) -> dict[int, int]:
    """Minutes of columns that are numbered from 0 or 1 to as many as a day has intervals, or one
    of 25 hours."""
    runs: dict[tuple[str, str], dict[int, int]] = {}
    for i, name in enumerate(names):
        match = _NUMBERED.fullmatch(name.strip())
        if match:
            runs.setdefault((match[1], match[3]), {})[int(match[2])] = i
    for run in runs.values():
        first, per_day = min(run), _LONG_DAY.get(len(run), len(run))
        if first in (0, 1) and per_day in _PER_DAY and max(run) - first == len(run) - 1:
            step = _DAY // per_day
            return {i: (number - first) * step for number, i in run.items()}
    return {}
