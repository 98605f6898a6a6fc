"""A file's header and some of its fields, and how to speak of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.layouts.names import bare_name, plain_name
from smartwatts_ml.sources import Layout, Source, literal_pattern, toml_string

__all__ = ["MISSING", "Content", "FileColumns", "ask", "content_of"]

MISSING = frozenset(
    {"", "?", "-", "--", "null", "none", "na", "n/a", "#n/a", "nan", "unavailable", "unknown"}
    | {"missing", "no data", "nodata", "\\n"}
)
_DATE = (
    r"(?:\d{1,4}[-/.] ?\d{1,2}[-/.] ?\d{1,4}\.?|20\d\d[01]\d[0-3]\d"
    r"|\d{1,2}[-/. ~][^\W\d]{3,9}\.?[-/. ~]\d{2,4})"
)
_TIME = r"(?:\d{1,2}[:h]\d\d(?:[:.]\d\d(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?)"
_DOTTED = r"(?:[01]\d|2[0-4])\.[0-5]\d(?:\.[0-5]\d)?"
_ZONE = r"(?: ?(?:Z|[A-Z]{2,4}|[+-]\d\d(?::?\d\d)?))?"
_STAMP = rf"(?:{_DATE}[ T,]+(?:{_TIME}|{_DOTTED}){_ZONE}|{_DATE}[ T]\d\d{_ZONE})"
_COMPACT = r"20\d\d[01]\d[0-3]\d[ T]?[0-2]\d[0-5]\d(?:[0-5]\d)?"
_EPOCH = r"[1-4]\d{9}(?:\d{3}){0,3}(?:\.\d*)?"
_MARKS = (" - ", " – ", " — ", " to ", " bis ", " tot ", " til ", " a ", " à ", "/", "–", "-")
"""What stands between the start and the end of a range."""
_ENOUGH = 200
"""Texts, far apart, that show what stands in a column."""
Content = Literal["stamp", "date", "time", "range", "number", "text", "empty"]
"""What stands in a column: whole stamps or epochs, dates, times of day, ranges of stamps or
times, numbers, other text."""
_PATTERNS: tuple[tuple[Content, str], ...] = (
    ("date", _DATE),
    ("time", _TIME + _ZONE),
    ("stamp", f"{_STAMP}|{_COMPACT}|{_EPOCH}"),
    ("number", r"[-+]?(?:\d[\d.,  '’]*|[.,]\d+)(?:[eE][-+]?\d+)?"),
)
_FORMS = tuple((content, re.compile(pattern)) for content, pattern in _PATTERNS)
_TIMES = re.compile(_DOTTED)
_HALF = re.compile(f"{_STAMP}|{_TIME}{_ZONE}|{_COMPACT}")


def content_of(texts: Sequence[str]) -> Content:
    """What most texts of a column are.

    >>> content_of(["2026-01-01", "2026-01-02"]), content_of(["0:15", "24:00"])
    ('date', 'time')
    >>> content_of(["01.05.2026 06:00"]), content_of(["1767225600"]), content_of(["1,5", "?"])
    ('stamp', 'stamp', 'number')
    """
    filled = [text for text in texts if text.casefold() not in MISSING]
    if not filled:
        return "empty"
    filled = filled[:: len(filled) // _ENOUGH + 1]
    if any(text.startswith("0") for text in filled) and all(map(_TIMES.fullmatch, filled)):
        return "time"  # 00.15, which no number begins with
    for content, pattern in _FORMS:
        if 2 * sum(pattern.fullmatch(text) is not None for text in filled) > len(filled):
            return content
    return "range" if _range_mark(filled) else "text"


def _range_mark(texts: Sequence[str]) -> str:
    """What stands between start and end in most texts of a column; empty where they are no
    ranges.

    >>> _range_mark(["00:00-00:15", "00:15-00:30"]), _range_mark(["2026-01-01 00:00 - 00:15"])
    ('-', ' - ')
    """
    for mark in _MARKS:
        halves = [text.split(mark) for text in texts if mark in text]
        if 2 * len(halves) <= len(texts):
            continue
        ranges = sum(len(h) == 2 and all(_HALF.fullmatch(x.strip()) for x in h) for h in halves)
        if texts and 2 * ranges > len(texts):
            return mark
    return ""


@dataclass(frozen=True)
class FileColumns:
    """A file's header and some of its fields, and how to speak of it. ``sample``: some fields
    of each column, those of a line at the same place."""

    names: tuple[str, ...]
    sample: Sequence[Sequence[str]]
    where: str
    key: str
    layout: str
    said: Layout = field(default_factory=Layout)

    @cached_property
    def contents(self) -> tuple[Content, ...]:
        """What stands in each column."""
        return tuple(content_of(texts) for texts in self.sample)

    @property
    def is_empty(self) -> bool:
        """Whether no field is known."""
        return all(content == "empty" for content in self.contents)

    def position(self, column: str) -> int:
        places = self._places(column)
        if len(places) == 1:
            return places[0]
        problem = f"no column {column}" if not places else f"column {column} is there twice"
        raise BadInputError(
            f"{self.where}: {problem}",
            fix=f"the columns are {', '.join(self.names)}" if not places else "rename one of them",
        )

    def has(self, column: str) -> bool:
        return bool(self._places(column))

    def _places(self, column: str) -> list[int]:
        """Columns of that name, or of that name with a unit behind it, or of that pattern."""
        plain = plain_name(column)
        places = [i for i, name in enumerate(self.names) if plain_name(name) == plain]
        places = places or [i for i, name in enumerate(self.names) if bare_name(name) == plain]
        if places or "*" not in plain:
            return places
        return [i for i, name in enumerate(self.names) if fnmatchcase(plain_name(name), plain)]

    def texts(self, position: int) -> list[str]:
        """Distinct texts of a column, in the order of their lines."""
        return list(dict.fromkeys(text for text in self.sample[position] if text))

    def ask(self, problem: str, *answers: str) -> BadInputError:
        """What cannot be known, with what a source may say of it."""
        return ask(self.where, self.key, self.said, problem, *answers)


def ask(where: str, key: str, said: Layout, problem: str, *answers: str) -> BadInputError:
    """What cannot be known of a file, with the lines to paste into smartwatts.toml: those of the
    first answer, and others as comments. ``said``: its source, or what that says."""
    first, *others = answers
    lines = [first, *(f"# or: {other}".replace("\n", "\n#     ") for other in others)]
    if isinstance(said, Source) and "match" in said.model_fields_set:
        where_to = f"add to the source {toml_string(said.match)} in smartwatts.toml:"
        head = []
    else:
        where_to = "say so in smartwatts.toml:"
        match = literal_pattern(key.removeprefix("landing/"))
        head = ["[[smartwatts.sources]]", f"match = {toml_string(match)}"]
    return BadInputError(
        f"{where}: {problem}", fix="\n".join([where_to, *head, *lines]), settle=answers
    )
