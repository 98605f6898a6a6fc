"""What one text of a timestamp may be of: its form, in each order of day, month and year."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from smartwatts_ml.readings.stamps.grammar import SPACES
from smartwatts_ml.readings.stamps.words import month_numbers

__all__ = ["Shape", "shapes_of"]

Shape = Mapping[str, str]
"""Forms by order: ``dmy``, ``mdy``, ``ymd``; by ``""`` where there is one alone."""

_NUMBERS = re.compile(r"(\d{1,4})([/.-] ?)\d{1,2}(\2)(\d{4}|\d{1,2})(?!\d)(\.?)")
_COMPACT = re.compile(r"(20\d\d)([01]\d)([0-3]\d)(?=\D|$|\d{4})")
_WORDED = tuple(
    re.compile(pattern + r"(?!\d)")
    for pattern in (
        r"(?P<d>\d{1,2})(?P<one>\.? ?[-/ ]?)(?P<b>[^\W\d_]{3,10})(?P<two>\.?,? ?[-/ ]?)"
        r"(?P<y>\d{4}|\d\d)",
        r"(?P<b>[^\W\d_]{3,10})(?P<one>\.? )(?P<d>\d{1,2})(?P<two>,? )(?P<y>\d{4})",
        r"(?P<y>\d{4})(?P<one>[-/ ])(?P<b>[^\W\d_]{3,10})(?P<two>[-/ ])(?P<d>\d{1,2})",
    )
)
_WEEKDAY = re.compile(r"([^\W\d_]{2,12})(\.?,? +)(?=.*\d)")
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?P<mark>[:.h])\d\d(?P<second>(?P=mark)\d\d(?:[.,]\d{1,9})?)?"
    r"(?:(?P<gap> ?)(?P<half>[AaPp]\.? ?[Mm]\.?|[AaPp]))?(?!:?\d|[A-Ya-y])"
)
_COMPACT_CLOCK = re.compile(r"[0-2]\d[0-5]\d(?P<second>[0-5]\d)?(?!\d)")
_GAP = re.compile(r" 00:00(?::00(?:\.0+)?)? (?=\d)|, ?| at | - | |T|_|:|-|")
_ZONE = re.compile(
    r" ?(?:(?P<offset>(?:UTC|GMT)?[+-]\d{1,2}(?::?\d\d)?|[Zz])|(?P<word>[A-Z]{2,5})"
    r"|(?P<clock>Uhr|uhr|h|hrs))"
)
_BETWEEN = re.compile(r" ?(?:-+>?|–|—|/|>|~) ?| (?:to|bis|til|till|tot|a|à|au) ")
_MOST = 60
"""Letters that a timestamp may have."""


def shapes_of(text: str) -> Iterator[Shape]:
    """What a text may be of, the likeliest first.

    >>> next(shapes_of("1/12/2026 3:15 PM"))["mdy"]
    '%m/%d/%Y %I:%M %p'
    >>> [shape[""] for shape in shapes_of("2026-01-01 00:00 - 01:00")]
    ['%Y-%m-%d %H:%M - %H:%M']
    """
    if len(text) > _MOST:
        return
    for space in SPACES[1:]:
        text = text.replace(space, " ")
    yield from (shape for shape, rest in _stamps(text) if not rest)
    for shape, rest in _stamps(text):
        mark = _BETWEEN.match(rest)
        if mark is None or not any("%M" in form for form in shape.values()):
            continue
        yield from _ranges(shape, mark[0], rest[mark.end() :])


def _ranges(shape: Shape, mark: str, text: str) -> Iterator[Shape]:
    for form, rest in _clocks(text):
        if not rest:
            yield {order: start + mark + form for order, start in shape.items()}
    for ends, rest in _stamps(text):
        if not rest and ends.keys() == shape.keys():
            yield {order: shape[order] + mark + ends[order] for order in shape}


def _stamps(text: str) -> Iterator[tuple[Shape, str]]:
    """Stamps that a text begins with, and what follows them."""
    for shape, rest in _dates(text):
        gap = _GAP.match(rest)
        assert gap is not None
        compact = shape.get("", "").endswith("%Y%m%d")
        for clock, after in _clocks(rest[gap.end() :], compact or gap[0] == "T"):
            if gap[0] or compact:
                yield from _with_zone(_added(shape, gap[0] + clock), after)
        yield shape, rest
    for clock, rest in _clocks(text):
        gap = re.match(" |, ?", rest)
        if gap:
            for shape, after in _dates(rest[gap.end() :]):
                yield from _with_zone({o: clock + gap[0] + f for o, f in shape.items()}, after)


def _with_zone(shape: Shape, text: str) -> Iterator[tuple[Shape, str]]:
    zone = _ZONE.match(text)
    if zone is not None:
        space = " " * text.startswith(" ")
        code = "%z" if zone["offset"] else "%Z" if zone["word"] else zone["clock"]
        yield _added(shape, space + code), text[zone.end() :]
    yield shape, text


def _added(shape: Shape, end: str) -> Shape:
    return {order: form + end for order, form in shape.items()}


def _dates(text: str) -> Iterator[tuple[Shape, str]]:
    """Dates that a text begins with."""
    yield from _plain_dates(text)
    weekday = _WEEKDAY.match(text)
    if weekday is not None and weekday[1].casefold() not in {"am", "pm"}:
        for shape, rest in _plain_dates(text[weekday.end() :]):
            yield {order: "%a" + weekday[2] + form for order, form in shape.items()}, rest


def _plain_dates(text: str) -> Iterator[tuple[Shape, str]]:
    compact = _COMPACT.match(text)
    if compact is not None:
        yield {"": "%Y%m%d"}, text[compact.end() :]
    numbers = _NUMBERS.match(text)
    if numbers is not None:
        orders = _orders(*numbers.group(1, 2, 4))
        if orders:
            yield _added(orders, numbers[5]), text[numbers.end() :]
    for pattern in _WORDED:
        match = pattern.match(text)
        if match is not None and match["b"].casefold() in month_numbers():
            yield {"": _worded(match)}, text[match.end() :]


def _worded(match: re.Match[str]) -> str:
    year = "%Y" if len(match["y"]) == 4 else "%y"
    codes = {"d": "%d", "b": "%b", "y": year}
    return "".join(codes.get(name, text) for name, text in match.groupdict().items())


def _orders(a: str, mark: str, c: str) -> Shape:
    if len(a) == 4:
        return {"": f"%Y{mark}%m{mark}%d"}
    year = "%Y" if len(c) == 4 else "%y"
    orders = {}
    if len(a) < 3 and len(c) != 1:
        orders["dmy"] = f"%d{mark}%m{mark}{year}"
        if mark.strip() != ".":  # nobody's month comes before such a point
            orders["mdy"] = f"%m{mark}%d{mark}{year}"
    if len(a) == 2 and len(c) < 3:
        orders["ymd"] = f"%y{mark}%m{mark}%d"
    return orders


def _clocks(text: str, compact: bool = False) -> Iterator[tuple[str, str]]:
    """Times of day that a text begins with."""
    clock = _CLOCK.match(text)
    if clock is not None:
        mark, half = clock["mark"], clock["half"]
        form = f"{mark}%M" + (f"{mark}%S" if clock["second"] else "")
        form += clock["gap"] + "%p" if half else ""
        for hour in ("%I", "%H") if half else ("%H",):
            yield hour + form, text[clock.end() :]
    digits = _COMPACT_CLOCK.match(text) if compact else None
    if digits is not None:
        yield "%H%M" + ("%S" if digits["second"] else ""), text[digits.end() :]
