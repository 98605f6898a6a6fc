"""How a file writes its timestamps: found out from a sample of them, once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.stamps.grammar import Grammar, grammar_of, split_form
from smartwatts_ml.readings.stamps.orders import DateColumn, order_of
from smartwatts_ml.readings.stamps.shapes import Shape, shapes_of
from smartwatts_ml.readings.stamps.words import DOUBTFUL_ZONES, language_of, zone_minutes

__all__ = ["EPOCHS", "EPOCH_MS", "EPOCH_S", "FileStamps", "ISO", "SERIAL", "find_stamps"]

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
_IS_ZONED = re.compile(r".*\d\d:\d\d.* ?(Z|UTC|[+-]\d\d(:?\d\d)?)")
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
_ALMOST = 0.99
_TRIES = 20
"""Texts of a sample that are looked into for a form that most of it has."""


@dataclass(frozen=True)
class FileStamps:
    """``form``: ``ISO``, an epoch, ``SERIAL``, or a format of strptime, that of a range where
    one text has start and end. ``zoned``: they say their offset. ``end``: it is the end of the
    range that is meant. ``sample``: one of them as the file writes it. ``language``: of months.
    ``zones``: what words of zones are ahead of UTC, in minutes."""

    form: str
    zoned: bool = False
    sample: str = ""
    end: bool = False
    language: str = "English"
    zones: tuple[tuple[str, int], ...] = ()

    @property
    def is_epoch(self) -> bool:
        return self.form in EPOCHS

    @property
    def grammar(self) -> Grammar | None:
        """None where the form is not made of codes that are known here."""
        return None if self.form in {ISO, SERIAL, *EPOCHS} else grammar_of(self.form, self.end)

    @property
    def is_range(self) -> bool:
        grammar = self.grammar
        return grammar is not None and grammar.sides == 2

    @property
    def other_order(self) -> str | None:
        """The form with day and month the other way round; None where that is no question."""
        codes = "".join(code for code, _ in split_form(self.form) if code in "Yymd")
        if self.form in {ISO, SERIAL, *EPOCHS} or codes[:2] not in {"dm", "md"} or "." in self.form:
            return None
        swapped = {"d": "m", "m": "d"}
        return re.sub("%(-?)([dm])", lambda m: f"%{m[1]}{swapped[m[2]]}", self.form)


def find_stamps(
    texts: Sequence[str],
    name: str,
    form_of_source: str | None = None,
    *,
    beside: Sequence[Sequence[str]] = (),
    like: FileStamps | None = None,
    timezone: str = "UTC",
) -> FileStamps:
    """The form that most of a file's first timestamps have; ISO 8601 if none is known.

    ``beside``: other columns of the same rows, whose dates tell day and month as well;
    ``like``: how the file's other timestamps are written. Raises BadInputError where day,
    month and year cannot be told apart, or where it is no point in time.

    >>> find_stamps(["31/01/2026 10:00"], "a.csv").form
    '%d/%m/%Y %H:%M'
    >>> find_stamps(["1767225600"], "a.csv").form
    'seconds since 1970'
    """
    filled = [text for text in texts if text]
    sample = filled[0] if filled else ""
    zones = tuple(zone_minutes(timezone).items())
    if form_of_source is not None:
        zoned = bool({"z", "Z"} & {code for code, _ in split_form(form_of_source)})
        stamps = FileStamps(form_of_source, zoned, sample, zones=zones)
        return replace(stamps, language=_language(stamps, filled))
    _refuse_unusable(filled, name)
    ends = _are_ends(filled, name)
    plain = None if ends else _plain_form(filled, name)
    if plain is not None:
        return plain
    shape = _usual_shape(filled, ends)
    if shape is None:
        return FileStamps(ISO, sample=sample)
    column = DateColumn(shape, texts)
    order = order_of(column)
    if order is None:
        order = order_of(column, _columns(beside))
    if order is None and like is not None:
        order = next((o for o in shape if o == _order_in(like.form)), None)
    sample = next(text for text in filled if _is_of(shape, text))
    if order is None:
        raise _ambiguous(shape, filled, name)
    form = _without_zeros(shape[order], filled)
    stamps = FileStamps(form, "%z" in form or "%Z" in form, sample, zones=zones)
    if "%Z" in form:
        _check_words(stamps, filled, name)
    return replace(stamps, language=_language(stamps, filled))


def _most(filled: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    """The first of the texts of a pattern, if most are."""
    matching = [text for text in filled if pattern.fullmatch(text)]
    return matching[0] if 2 * len(matching) > len(filled) else None


def _refuse_unusable(filled: Sequence[str], name: str) -> None:
    for pattern, what in _UNUSABLE:
        text = _most(filled, pattern)
        if text is not None:
            raise BadInputError(
                f"{name}: {text!r} is {what}, and no date and time",
                fix="export the readings with a date and a time each, e.g. 2026-05-01 00:15",
            )


def _plain_form(filled: Sequence[str], name: str) -> FileStamps | None:
    """ISO 8601 and numbers."""
    iso = _most(filled, _IS_ISO)
    if iso is not None:
        return FileStamps(ISO, bool(_IS_ZONED.fullmatch(iso)), iso)
    if filled and all(map(_IS_HOUR.fullmatch, filled)):
        return FileStamps("%Y%m%d%H", sample=filled[0])
    for pattern, form in _NUMBERS:
        text = _most(filled, pattern)
        if text is not None:
            return FileStamps(form, sample=text)
    if filled and all(map(_SERIAL.fullmatch, filled)):
        if _are_serial(filled):
            return FileStamps(SERIAL, sample=filled[0])
        raise BadInputError(
            f"{name}: {filled[0]!r} may be a spreadsheet's number of a day, or something else",
            fix=f"if it is one, say so with the source's stamp = '{SERIAL}'",
        )
    return None


def _are_ends(filled: Sequence[str], name: str) -> bool:
    """Whether 00:00-00:15 is a time and its end, and not a time and its offset: an offset
    stays, an end moves on."""
    pairs = [(m[1], m[2]) for text in filled if (m := _CLOCKS_APART.fullmatch(text))]
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


def _is_of(shape: Shape, text: str) -> bool:
    grammars = map(grammar_of, shape.values())
    return any(grammar is not None and grammar.match(text) for grammar in grammars)


def _usual_shape(filled: Sequence[str], ranges: bool = False) -> Shape | None:
    """The shape that most of the texts have; ``ranges``: one without an offset."""
    tried: list[Shape] = []
    for text in filled[:: len(filled) // _TRIES + 1]:
        shapes = [shape for shape in shapes_of(text) if shape not in tried]
        if ranges:
            shapes = [shape for shape in shapes if not any("%z" in f for f in shape.values())]
        tried += shapes
        counts = [sum(_is_of(shape, other) for other in filled) for shape in shapes]
        most = max(counts, default=0)
        if 2 * most > len(filled):
            return next(s for s, n in zip(shapes, counts, strict=True) if n >= _ALMOST * most)
    return None


def _columns(beside: Iterable[Sequence[str]]) -> list[DateColumn]:
    columns = []
    for texts in beside:
        shape = _usual_shape([text for text in texts if text])
        if shape is not None and len(shape) > 1:
            columns.append(DateColumn(shape, texts))
    return columns


def _order_in(form: str) -> str:
    """The order of a form.

    >>> _order_in("%m/%d/%Y %H:%M")
    'mdy'
    """
    return "".join(code.lower() for code, _ in split_form(form) if code and code in "Yymd")[:3]


def _ambiguous(shape: Shape, filled: Sequence[str], name: str) -> BadInputError:
    """With an example of which the orders make different dates, or else of dates that
    contradict each other."""
    forms = " or ".join(f"stamp = '{form}'" for form in shape.values())
    fix = f"say so with the source's {forms}"
    for text in filled:
        dates = {f"{x:%d %B %Y}" for x in _instants(shape, text) if x is not None}
        if len(dates) > 1:
            may_be = " or ".join(sorted(dates))
            return BadInputError(f"{name}: {text!r} may be {may_be}: which is the day?", fix=fix)
    texts = ", ".join(repr(text) for text in dict.fromkeys(filled[:: len(filled) // 3 + 1]))
    return BadInputError(f"{name}: which is the day in {texts}?", fix=fix)


def _instants(shape: Shape, text: str) -> list[datetime | None]:
    grammars = map(grammar_of, shape.values())
    return [grammar.instant(text) for grammar in grammars if grammar is not None]


def _without_zeros(form: str, filled: Sequence[str]) -> str:
    """With ``%-d`` where days are written without a zero, and so on."""
    grammar = grammar_of(form)
    assert grammar is not None
    matches = [m for text in filled if (m := grammar.match(text))]
    for code, place in grammar.places.items():
        if code in "dmHI" and any(len(match[place]) == 1 for match in matches):
            form = form.replace(f"%{code}", f"%-{code}")
    return form


def _words_of(stamps: FileStamps, code: str, filled: Sequence[str]) -> set[str]:
    grammar = stamps.grammar
    if grammar is None or code not in grammar.places:
        return set()
    matches = (m for text in filled if (m := grammar.match(text)))
    return {match[grammar.places[code]] for match in matches}


def _language(stamps: FileStamps, filled: Sequence[str]) -> str:
    return language_of(_words_of(stamps, "b", filled))


def _check_words(stamps: FileStamps, filled: Sequence[str], name: str) -> None:
    known = dict(stamps.zones)
    for word in sorted(_words_of(stamps, "Z", filled)):
        if word in DOUBTFUL_ZONES and word not in known:
            raise BadInputError(
                f"{name}: {word} is the time of several countries",
                fix="say which with the source's timezone, e.g. timezone = 'America/New_York'",
            )
        if word not in known:
            raise BadInputError(
                f"{name}: {word!r} is no zone that is known here",
                fix="say which with the source's timezone, e.g. timezone = 'Europe/Paris'",
            )
