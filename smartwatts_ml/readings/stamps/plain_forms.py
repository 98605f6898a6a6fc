"""Timestamps that are ISO 8601 or numbers, and texts that are no point in time."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from smartwatts_ml.errors import BadInputError

__all__ = [
    "EPOCHS",
    "EPOCH_MS",
    "EPOCH_S",
    "ISO",
    "SERIAL",
    "are_ends",
    "is_iso",
    "plain_form",
    "refuse_unusable",
]

ISO = "ISO 8601"
EPOCH_S = "seconds since 1970"
EPOCH_MS = "milliseconds since 1970"
_EPOCH_US = "microseconds since 1970"
_EPOCH_NS = "nanoseconds since 1970"
EPOCHS = {EPOCH_S: 1e6, EPOCH_MS: 1e3, _EPOCH_US: 1.0, _EPOCH_NS: 1e-3}
"""Microseconds of one unit of an epoch."""
SERIAL = "days since 1899-12-30"
"""As spreadsheets count, on the file's clock."""

_IS_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([ T]\d\d(:\d\d(:\d\d(\.\d+)?)?)?( ?(Z|UTC|[+-]\d\d(:?[0-5]\d)?))?)?", re.ASCII
)
_IS_HOUR = re.compile(r"20\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-4])", re.ASCII)
# From 2000 to 2100, so that 202612311405 is a date and not an instant of 1976.
_NUMBERS = (
    (re.compile(r"(9\d{8}|[1-4]\d{9})(\.\d*)?", re.ASCII), EPOCH_S),
    (re.compile(r"(9\d{11}|[1-4]\d{12})(\.\d*)?", re.ASCII), EPOCH_MS),
    (re.compile(r"(9\d{14}|[1-4]\d{15})(\.\d*)?", re.ASCII), _EPOCH_US),
    (re.compile(r"(9\d{17}|[1-4]\d{18})(\.\d*)?", re.ASCII), _EPOCH_NS),
)
_SERIAL = re.compile(r"(3[6-9]|[4-6]\d|7[0-2])\d{3}([.,]\d+)?", re.ASCII)
_FEWEST_DECIMALS = 5
"""Of a serial number that has to tell seconds."""
_DAY_S = 86_400
_CLOCKS_APART = re.compile(r".*[ T](\d{1,2}:\d\d)(?::00)?-(\d\d:\d\d)", re.ASCII)
_MINUTES_OF_OFFSETS = frozenset({"00", "30", "45"})
_UNUSABLE = (
    (re.compile(r"\d{4}-?W\d\d(-?\d)?.*"), "a week of a year"),
    (re.compile(r"\d{4}-\d{3}(T.*)?"), "a day of a year"),
    (re.compile(r"\d{4}[-/](0[1-9]|1[0-2])|(0?[1-9]|1[0-2])[-/]\d{4}"), "a month as a whole"),
    (re.compile(r"\d[.,]\d+[eE]\+?\d+"), "a number that a spreadsheet has rounded"),
    (re.compile(r"#+"), "a cell of a spreadsheet that was too narrow"),
)


def _most(filled: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    """The first of the texts of a pattern, if most are."""
    matching = [text for text in filled if pattern.fullmatch(text)]
    return matching[0] if 2 * len(matching) > len(filled) else None


def refuse_unusable(filled: Sequence[str], name: str) -> None:
    for pattern, what in _UNUSABLE:
        text = _most(filled, pattern)
        if text is not None:
            raise BadInputError(
                f"{name}: {text!r} is {what}, and no date and time",
                fix="export the readings with a date and a time each, e.g. 2026-05-01 00:15",
            )


def is_iso(text: str) -> bool:
    return _IS_ISO.fullmatch(text) is not None


def plain_form(filled: Sequence[str], name: str) -> tuple[str, str, bool] | None:
    """ISO 8601 or a kind of numbers, with an example, and whether no text is another one; None
    where it is neither."""
    iso = _most(filled, _IS_ISO)
    if iso is not None:
        return ISO, iso, all(map(is_iso, filled))
    if filled and all(map(_IS_HOUR.fullmatch, filled)):
        return "%Y%m%d%H", filled[0], True
    for pattern, form in _NUMBERS:
        text = _most(filled, pattern)
        if text is not None:
            return form, text, True
    if filled and all(map(_SERIAL.fullmatch, filled)):
        if _are_serial(filled):
            return SERIAL, filled[0], True
        raise BadInputError(
            f"{name}: {filled[0]!r} may be a spreadsheet's number of a day, or something else",
            fix=f"if it is one, say so with the source's stamp = '{SERIAL}'",
        )
    return None


def are_ends(filled: Sequence[str], name: str) -> bool:
    """Whether 00:00-00:15 is a time and its end, and not a time and its offset: an offset
    stays, an end moves on."""
    apart = (text for text in filled if text.count(":") > 1 and "-" in text[-6:])
    pairs = [(m[1], m[2]) for text in apart if (m := _CLOCKS_APART.fullmatch(text))]
    if 2 * len(pairs) <= len(filled):
        return False
    ends = {end for _, end in pairs}
    if len(ends) > 2 or not {end[-2:] for end in ends} <= _MINUTES_OF_OFFSETS:
        return True
    if len({start for start, _ in pairs}) == 1:
        raise BadInputError(
            f"{name}: {filled[0]!r} may have an offset or an end",
            fix="say so with the source's stamp = '%Y-%m-%d %H:%M%z' or "
            "stamp = '%Y-%m-%d %H:%M-%H:%M'",
        )
    return False


def _are_serial(filled: Sequence[str]) -> bool:
    """Whether they are serial numbers of a spreadsheet beyond doubt: of whole seconds, and
    most of them an equal part of a day apart, of at most an hour."""
    if len(filled) < 3:
        return False
    seconds = []
    for text in filled:
        number = float(text.replace(",", ".")) * _DAY_S
        decimals = len(re.split("[.,]", text)[-1]) if "." in text or "," in text else 0
        if decimals < _FEWEST_DECIMALS and abs(number - round(number)) > 1e-3:
            return False
        seconds.append(round(number))
    steps = [abs(b - a) for a, b in itertools.pairwise(seconds) if a != b]
    usual = max(set(steps), key=steps.count, default=0)
    return 0 < usual <= 3600 and _DAY_S % usual == 0 and 2 * steps.count(usual) > len(steps)
