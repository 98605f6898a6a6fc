"""Forms of timestamps, written as for strptime, as patterns that both Python and SQL match.

A form may be a range, ``%d/%m/%Y %H:%M - %H:%M``: what comes after the first code that is
there twice is its end, which has the date of its start unless it has one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from smartwatts_ml.readings.stamps.words import month_numbers

__all__ = ["SPACES", "Grammar", "grammar_of", "split_form"]

SPACES = " \u00a0\u202f"
"""Newer programs write one of the others before AM and PM."""
_WORD = r"[^\s\d.,/:+-]+"
_PATTERNS = {
    "Y": r"(\d{4})",
    "y": r"(\d\d)",
    "m": r"(\d{1,2})",
    "d": r"(\d{1,2})",
    "b": rf"({_WORD})",
    "a": rf"({_WORD})",
    "H": r"(\d{1,2})",
    "I": r"(0?[1-9]|1[0-2])",
    "M": r"(\d\d)",
    "S": r"(\d\d)(?:[.,](\d{1,9}))?",
    "f": r"(\d{1,9})",
    "p": r"([AaPp]\.? ?[Mm]?\.?)",
    "z": r"([Zz]|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d\d)?)",
    "Z": r"([A-Za-z]{1,5})",
}
_TWO_DIGITS = r"(\d\d)"
_DATE = frozenset("Yymdb")
_NUMBERS = frozenset("YymdHIMS")
_CODE = re.compile(r"%(-?)([a-zA-Z%])|([^%]+|%.?)", re.DOTALL)


def split_form(form: str, *, padded: bool = True) -> list[tuple[str, str]]:
    """Codes and texts of a form, in order; one of the two is empty. Not ``padded``: with the
    sign of those without leading zeros.

    >>> split_form("%d/%-m %H")
    [('d', ''), ('', '/'), ('m', ''), ('', ' '), ('H', '')]
    """
    return [
        (("" if padded else m[1] or "") + (m[2] or ""), m[3] or "") for m in _CODE.finditer(form)
    ]


@dataclass(frozen=True)
class Grammar:
    """``pattern``: of a whole text. ``places``: the group of each code in it, from 1 on; that
    of a fraction of ``S`` is ``f``. ``sides``: 2 for a range. ``compact``: how long all texts
    are, where no mark keeps codes apart."""

    form: str
    pattern: str
    places: dict[str, int]
    sides: int
    own_date: bool
    compact: int | None

    def match(self, text: str) -> re.Match[str] | None:
        return _compiled(self.pattern).fullmatch(text)

    def instant(self, text: str) -> datetime | None:
        """What the clock shows, without heed to zones; None where no calendar has that."""
        match = self.match(text)
        if match is None:
            return None
        part = {code: match[place] or "0" for code, place in self.places.items()}
        month = part.get("m") or month_numbers().get(part.get("b", "").casefold(), 0)
        year = int(part["Y"]) if "Y" in part else 2000 + int(part.get("y", 0))
        hour = int(part.get("H") or part.get("I") or 0)
        if "I" in part:
            hour = hour % 12 + 12 * (part.get("p", "a")[:1].lower() == "p")
        try:
            day = datetime(year, int(month), int(part.get("d", 0)))
        except ValueError:
            return None
        minute, second = int(part.get("M", 0)), int(part.get("S", 0))
        return day + timedelta(hours=hour, minutes=minute, seconds=second)


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


@lru_cache(256)
def grammar_of(form: str, end: bool = False) -> Grammar | None:
    """The grammar of a form, of its end where it is a range; None where it has codes that only
    strptime knows."""
    pieces = split_form(form)
    codes = [code for code, _ in pieces if code]
    if not codes or not set(codes) <= set(_PATTERNS):
        return None
    second = _second_side(codes)
    own_date = bool(_DATE & set(codes[second:]))
    chosen = _chosen(codes, second, end)
    picked = {codes[place] for place in chosen}
    if "I" in picked and "p" not in picked:
        return None
    pattern, places, at, groups = "", {}, 0, 0
    for i, (code, text) in enumerate(pieces):
        if not code:
            pattern += _literal(text, pieces, i)
            continue
        beside = _touches(pieces, i)
        part = _TWO_DIGITS if beside and code in "mdHI" else _PATTERNS[code]
        if at in chosen:
            groups += 1
            places[code] = groups
            if code == "S":
                groups += 1
                places["f"] = groups
        else:
            part = re.sub(r"\((?!\?)", "(?:", part)
        pattern += part
        at += 1
    sides = 2 if second < len(codes) else 1
    return Grammar(form, pattern, places, sides, own_date, _length(pieces))


def _second_side(codes: Sequence[str]) -> int:
    """The place of the first code of a range's end; behind all codes where it is none."""
    for place, code in enumerate(codes):
        if code in codes[:place]:
            return place
    return len(codes)


def _chosen(codes: Sequence[str], second: int, end: bool) -> set[int]:
    """Places of the codes that make up the start, or the end, of a range."""
    if not end:
        zone = [place for place, code in enumerate(codes) if code in "zZ"][-1:]
        return set(range(second)) | ({*zone} if not {"z", "Z"} & set(codes[:second]) else set())
    ends = set(codes[second:])
    date_there = bool(_DATE & ends)
    borrowed = {
        place
        for place, code in enumerate(codes[:second])
        if code not in ends and not (date_there and code in _DATE)
        and not (code in "SfHIMp" and {"H", "I"} & ends)
    }  # fmt: skip
    return borrowed | set(range(second, len(codes)))


def _literal(text: str, pieces: Sequence[tuple[str, str]], place: int) -> str:
    """A text between codes. Spaces may be several; one before AM, and the point of a shortened
    word, may be missing."""
    half = place + 1 < len(pieces) and pieces[place + 1][0] == "p"
    word = place > 0 and pieces[place - 1][0] in {"a", "b"}
    pattern = ""
    if word and text.startswith("."):
        pattern, text = r"\.?", text[1:]
    for part in re.findall(rf"[{SPACES}]+|[^{SPACES}]+", text):
        if part.strip(SPACES):
            pattern += re.escape(part)
        else:
            pattern += f"[{SPACES}]{'*' if half else '+'}"
    return pattern


def _touches(pieces: Sequence[tuple[str, str]], place: int) -> bool:
    """Whether a code of numbers stands beside another one without a mark between them."""
    if pieces[place][0] not in _NUMBERS:
        return False
    around = (pieces[i][0] for i in (place - 1, place + 1) if 0 <= i < len(pieces))
    return not _NUMBERS.isdisjoint(around)


def _length(pieces: Sequence[tuple[str, str]]) -> int | None:
    if not any(_touches(pieces, i) for i in range(len(pieces))):
        return None
    sizes = {"Y": 4} | dict.fromkeys("ymdHIMS", 2)
    if any(code and code not in sizes for code, _ in pieces):
        return None
    return sum(sizes[code] if code else len(text) for code, text in pieces)
