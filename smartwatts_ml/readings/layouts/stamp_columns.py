"""Which columns of one file say when: starts and ends of intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import TIMESTAMP
from smartwatts_ml.readings.layouts.file_columns import Content, FileColumns
from smartwatts_ml.readings.layouts.mapping import rule_for
from smartwatts_ml.readings.layouts.names import END, STAMP, plain_name
from smartwatts_ml.sources import toml_string
from smartwatts_ml.timezones import zone_named

__all__ = ["StampColumns", "stamp_columns"]

_MOST_HOURS = 25
_MOST_ASKED = 3
_PARTS = {
    "Y": ("year", "jahr", "année", "annee", "año", "ano", "anno", "jaar", "år", "rok"),
    "m": ("month", "monat", "mois", "mes", "mês", "mese", "maand", "måned", "månad"),
    "d": ("day", "tag", "jour", "día", "dia", "giorno", "dag"),
    "H": ("hour", "stunde", "heure", "hora", "ora", "uur", "time", "timme"),
    "M": ("minute", "min", "minuto"),
}
"""Names of columns that are parts of a date, by codes of strptime."""
_LEAST_PARTS = 3
_OF_OFFSETS = re.compile(
    r"(?:utc|gmt|tz|time ?zone|timezone|zeitzone|local|zone)?[ _-]*(?:offset|versatz)"
    r"(?:[ _-](?:utc|gmt|hours?|h|min|minutes?|s|sec|seconds?))?|tz|time[ _-]?zone|zeitzone|fuseau"
)
_OFFSET = re.compile(r"[+-]\d\d:?[0-5]\d|[+-]\d\d|Z|UTC")
_UTC = re.compile(r"(?<![a-z])(utc|gmt)(?![a-z])", re.IGNORECASE)
_MIDNIGHT = re.compile(r".*[ T]0?0[:.]00(?:[:.]00(?:\.0+)?)?")
_INSTANT = re.compile(r"\d{10,}(\.\d*)?|.*\d(Z|[+-]\d\d(:?\d\d)?)")


@dataclass(frozen=True)
class StampColumns:
    """``start`` and ``until``: one column, or date and time, by position. ``ends``: there are
    only ends, which ``start`` names. ``hours``: a column that numbers the hours of a day,
    and the first number. ``offset``: a column that says how far each is ahead of UTC; ``zone``: the
    timezone that such a column says of all."""

    start: tuple[int, ...]
    until: tuple[int, ...] = ()
    ends: bool = False
    hours: tuple[int, int] | None = None
    offset: int | None = None
    zone: str | None = None

    @property
    def stamp(self) -> tuple[int, ...]:
        """What makes up a timestamp."""
        return self.start if self.offset is None else (*self.start, self.offset)

    @property
    def of_line(self) -> tuple[int, ...]:
        """All that together say when a line begins."""
        return self.start if self.hours is None else (*self.start, self.hours[0])

    @property
    def taken(self) -> frozenset[int]:
        return frozenset((*self.of_line, *self.stamp, *self.until))


def stamp_columns(file: FileColumns, roles: Sequence[str | None]) -> StampColumns:
    """As said, or by the names of the columns, or by what stands in them."""
    return _with_offset(file, _without_offset(file, roles))


def _without_offset(file: FileColumns, roles: Sequence[str | None]) -> StampColumns:
    said = file.said
    until = tuple(map(file.position, said.until))
    in_utc = _in_utc(file, roles)
    if not said.timestamp and in_utc is not None:
        return StampColumns((in_utc,), until)
    if said.timestamp or file.has(TIMESTAMP):
        start = tuple(map(file.position, said.timestamp or (TIMESTAMP,)))
        return StampColumns(start, until)
    starts = _of_role(file, roles, STAMP)
    ends = until or _of_role(file, roles, END)
    if not starts and not ends:
        starts = _whole(file, range(len(file.names)))
    if not starts and ends:
        return StampColumns(ends, ends=True)
    if not starts:
        raise _no_stamps(file, roles)
    if [file.contents[i] for i in ends] == ["time"] and len(starts) == 2:
        ends = (starts[0], ends[0])
    elif ends and [file.contents[i] for i in ends] != [file.contents[i] for i in starts]:
        ends = ()
    return _with_hours(file, roles, StampColumns(starts, ends))


def _with_offset(file: FileColumns, columns: StampColumns) -> StampColumns:
    """With a column of offsets, where timestamps say none and nobody else does. Raises
    BadInputError where it has them in a form that is not read."""
    if file.said.timezone is not None or any(_is_utc(file, i) for i in columns.start):
        return columns
    if file.contents[columns.start[-1]] not in ("stamp", "time"):
        return columns
    for position, name in enumerate(file.names):
        if position in columns.taken or rule_for(file.said.channels, name) == "":
            continue
        texts = file.texts(position)
        if not texts or not _OF_OFFSETS.fullmatch(plain_name(name)):
            continue
        if all(map(_OFFSET.fullmatch, texts)):
            if columns.until:
                columns = replace(columns, until=(*columns.until, position))
            return replace(columns, offset=position)
        if len(texts) == 1 and zone_named(texts[0]):
            return replace(columns, zone=texts[0])
        raise file.ask(
            f"{name} ({', '.join(texts[:_MOST_ASKED])}) says how far timestamps are ahead of UTC, "
            "in a form that is not read: write it as +01:00, or",
            'timezone = "Europe/Berlin"  # by whose clock they are: its own',
            f'channels = {{{toml_string(name)} = ""}}  # it says nothing of them',
        )
    return columns


def _in_utc(file: FileColumns, roles: Sequence[str | None]) -> int | None:
    """A column of starts that is in UTC by its name, beside ours of a clock that nobody names."""
    if not file.has(TIMESTAMP) or file.said.timezone is not None:
        return None
    ours = file.position(TIMESTAMP)
    if _is_utc(file, ours) or file.contents[ours] != "stamp":
        return None
    others = (i for i, role in enumerate(roles) if role == STAMP and file.contents[i] == "stamp")
    return next((i for i in others if _UTC.search(file.names[i])), None)


def _no_stamps(file: FileColumns, roles: Sequence[str | None]) -> BadInputError:
    """What to say where no name speaks of time and no column holds any: which might."""
    problem = f"no header that names the timestamps (columns: {', '.join(file.names)})"
    filled = [i for i in range(len(file.names)) if file.names[i] and file.contents[i] != "empty"]
    parts = _parts_of_dates(file)
    if parts:
        form = " ".join(f"%{code}" for code in parts.values())
        listed = ", ".join(toml_string(file.names[i]) for i in parts)
        return file.ask(problem, f'timestamp = [{listed}]\nstamp = "{form}"')
    likely = sorted(filled, key=lambda i: (_unlikely(file, roles[i], i), i))[:_MOST_ASKED]
    if not likely:
        return BadInputError(f"{file.where}: {problem}", fix="no column holds anything")
    return file.ask(problem, *(f"timestamp = {toml_string(file.names[i])}" for i in likely))


def _parts_of_dates(file: FileColumns) -> dict[int, str]:
    """Columns of years, months, days, hours and minutes, with their codes of strptime."""
    parts: dict[int, str] = {}
    for code, words in _PARTS.items():
        places = (i for i, name in enumerate(file.names) if plain_name(name) in words)
        place = next((i for i in places if file.contents[i] == "number"), None)
        if place is None:
            return parts if len(parts) >= _LEAST_PARTS else {}
        parts[place] = code
    return parts


def _unlikely(file: FileColumns, role: str | None, position: int) -> int:
    """How little a column seems to say when: by its name, or by what stands in it."""
    if role in (STAMP, END):
        return 0
    return 1 if role is None and file.contents[position] == "text" else 2


def _of_role(file: FileColumns, roles: Sequence[str | None], role: str) -> tuple[int, ...]:
    """Columns of whole stamps, or of date and time, whose names speak of starts or ends."""
    positions = [i for i, name_role in enumerate(roles) if name_role == role]
    if file.is_empty:
        return tuple(positions[:1])
    return _whole(file, positions)


def _whole(file: FileColumns, positions: Sequence[int]) -> tuple[int, ...]:
    """One column of stamps, or a date and a time, or a date alone."""
    by_content: dict[Content, list[int]] = {}
    for position in positions:
        by_content.setdefault(file.contents[position], []).append(position)
    dates, times = by_content.get("date", []), by_content.get("time", [])
    ranges, stamps = by_content.get("range", []), by_content.get("stamp", [])
    if times and not dates and all(_is_midnight(file, i) for i in stamps):
        dates, stamps = stamps, []  # as spreadsheets write a date
    for whole in (stamps, ranges if not dates else []):
        if whole:
            return (max(whole, key=lambda i: (len(set(file.sample[i])), _is_utc(file, i), -i)),)
    if dates and (times or ranges):
        return dates[0], (times or ranges)[0]
    return tuple(dates[:1] or times[:1])


def _is_midnight(file: FileColumns, position: int) -> bool:
    return all(map(_MIDNIGHT.fullmatch, file.texts(position)))


def _is_utc(file: FileColumns, position: int) -> bool:
    """Whether its stamps are instants of themselves."""
    texts = file.texts(position)
    return bool(_UTC.search(file.names[position])) or bool(texts and _INSTANT.fullmatch(texts[0]))


def _with_hours(
    file: FileColumns, roles: Sequence[str | None], columns: StampColumns
) -> StampColumns:
    """A column that numbers the hours of a date."""
    if [file.contents[i] for i in columns.start] != ["date"]:
        return columns
    for position, role in enumerate(roles):
        texts = file.texts(position)
        if role in (STAMP, END) and texts and all(text.isdigit() for text in texts):
            hours = sorted(map(int, texts))
            if hours[0] in (0, 1) and len(hours) > 2 and hours[-1] <= _MOST_HOURS:
                return StampColumns(columns.start, hours=(position, hours[0]))
    return columns
