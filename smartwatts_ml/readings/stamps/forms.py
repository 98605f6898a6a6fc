"""How a file writes its timestamps: found out from a sample of them, once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.stamps.grammar import Grammar, grammar_of, split_form
from smartwatts_ml.readings.stamps.orders import DateColumn, order_of
from smartwatts_ml.readings.stamps.plain_forms import (
    EPOCH_MS,
    EPOCH_S,
    EPOCHS,
    ISO,
    SERIAL,
    are_ends,
    is_iso,
    plain_form,
    refuse_unusable,
)
from smartwatts_ml.readings.stamps.shapes import Shape, shapes_of
from smartwatts_ml.readings.stamps.words import DOUBTFUL_ZONES, language_of, zone_minutes

__all__ = ["EPOCHS", "EPOCH_MS", "EPOCH_S", "FileStamps", "ISO", "SERIAL", "find_stamps"]

_IS_ZONED = re.compile(r".*\d\d:\d\d.* ?(Z|UTC|[+-]\d\d(:?\d\d)?)")
_OFFSETS = "write what it is ahead of UTC in its place, such as +02:00"
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
    ends = are_ends(filled, name)
    plain = None if ends else plain_form(filled, name)
    if plain is not None:
        form, sample, all_of_it = plain
        shape = None if all_of_it else _better_shape(filled)
        if shape is None:
            return FileStamps(form, form == ISO and bool(_IS_ZONED.fullmatch(sample)), sample)
    else:
        refuse_unusable(filled, name)
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


def _better_shape(filled: Sequence[str]) -> Shape | None:
    """A shape that more of the texts have than are ISO 8601: with hours of one digit."""
    shape = _usual_shape(filled)
    iso = sum(map(is_iso, filled))
    return shape if shape and sum(_is_of(shape, text) for text in filled) > iso else None


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
    for word in sorted(_words_of(stamps, "Z", filled) - known.keys()):
        zones = DOUBTFUL_ZONES.get(word)
        if zones is None:
            raise BadInputError(f"{name}: {word!r} is no zone that is known here", fix=_OFFSETS)
        answers = tuple(f'timezone = "{zone}"' for zone in zones)
        raise BadInputError(
            f"{name}: {word} is the time of several countries",
            fix=f"say which in its source: {' or '.join(answers)}" if answers else _OFFSETS,
            settle=answers,
        )
