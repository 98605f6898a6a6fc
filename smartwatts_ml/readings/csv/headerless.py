"""Lines of readings without a header: what their columns may be called."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import CONSUMPTION, CSV_COLUMNS, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.csv.encodings import undecodable
from smartwatts_ml.readings.layouts.file_columns import ask, content_of
from smartwatts_ml.readings.units import unit_of
from smartwatts_ml.sources import Source, toml_string

__all__ = ["SEPARATORS", "named_columns", "refuse_headerless", "split_fields"]

SEPARATORS = (",", ";", "\t", "|")

_LEAST_WIDTH = 2
_WHEN = frozenset({"stamp", "date", "range"})
_BLANK = b" \t\r\xef\xbb\xbf"
_SHOWN = 5
_LOOKED_AT = 100
"""Lines without a header that tell what it may be."""
_MOST_ABOVE = 20
"""Lines above the readings."""


class _Guess(NamedTuple):
    """``separator`` and columns of texts."""

    separator: str
    columns: Sequence[Sequence[str]]


def split_fields(text: str, separator: str) -> list[str]:
    """Fields of a line, without spaces around them."""
    try:
        fields = next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        fields = text.split(separator)
    return [field.strip() for field in fields]


def named_columns(
    text: str, separators: Sequence[str], source: Source, where: str
) -> tuple[str, bool]:
    """The separator of a file whose source names its columns, by its first line; and whether that
    line is a header all the same. Raises BadInputError where it has more fields than that."""
    width = len(source.columns)
    rows = {separator: split_fields(text, separator) for separator in separators}
    separator = min(separators, key=lambda s: (abs(len(rows[s]) - width), -len(rows[s])))
    fields = rows[separator]
    if len(fields) < width or any(fields[width:]):
        raise BadInputError(
            f"{where}: its source names {width} columns, but there are {len(fields)} fields: "
            f"{text[:80]!r}",
            fix="name each of the columns, in their order",
        )
    names = [name.casefold() for name in source.columns]
    return separator, [field.casefold() for field in fields[:width]] == names


def refuse_headerless(
    lines: Sequence[bytes], first_line: int, name: str, source: Source, key: str
) -> None:
    """Raise BadInputError with what there is to say of lines without a header; nothing where all
    are blank. ``name`` and ``key``: the file for people and for patterns."""
    filled = ((offset, line) for offset, line in enumerate(lines) if line.strip(_BLANK))
    offset, first = next(filled, (0, b""))
    text = first.decode("utf-8", "replace").strip("\ufeff").strip()
    if not text:
        return
    where = f"{name}, line {first_line + offset}"
    stated = [*source.timestamp, *source.consumption]
    if not stated:
        below = {
            i: line.decode("utf-8", "replace") for i, line in itertools.islice(filled, _LOOKED_AT)
        }
        texts = {i: line.strip() for i, line in {offset: text, **below}.items()}
        unread = undecodable(where, itertools.islice(texts.values(), _SHOWN))
        if unread is not None:
            raise unread
        question = _question_of_names(texts, where, key, source)
        if question is not None:
            raise question
    problem = f"no line names the columns {', '.join(stated)}" if stated else "no header"
    raise BadInputError(
        f"{where}: {problem}: {text[:80]!r}",
        fix=f"the first line names the columns, e.g. {','.join(CSV_COLUMNS)}; "
        f"`smartwatts ingest --explain` shows what is understood",
    )


def _question_of_names(
    texts: Mapping[int, str], where: str, key: str, source: Source
) -> BadInputError | None:
    """What to ask of lines of readings without a header; None where they are no such. ``texts``:
    lines that are not blank, by their offset."""
    offsets = list(texts)
    for place, offset in enumerate(offsets[:_MOST_ABOVE]):
        below = [texts[i] for i in offsets[place:]]
        guess = max((_guess(below, s) for s in SEPARATORS), key=lambda g: len(g.columns))
        contents = [content_of(column[:1]) for column in guess.columns]
        if _WHEN & set(contents) and "number" in contents:
            names = ", ".join(map(toml_string, _names(guess.columns)))
            skip = f"skip = {offset}\n" if place else ""
            problem = f"no header: {texts[offsets[0]][:80]!r}"
            return ask(where, key, source, problem, f"{skip}columns = [{names}]")
    return None


def _guess(texts: Sequence[str], separator: str) -> _Guess:
    """The columns of lines that are as wide as the first one."""
    rows = [split_fields(text, separator) for text in texts]
    width = len(rows[0])
    if width < _LEAST_WIDTH:
        return _Guess(separator, ())
    same = [row for row in rows if len(row) == width]
    return _Guess(separator, [list(column) for column in zip(*same, strict=True)])


def _names(columns: Sequence[Sequence[str]]) -> list[str]:
    """A name for each column, by what stands in it."""
    contents = [content_of(column) for column in columns]
    apart = "date" in contents and "time" in contents
    values = [i for i, content in enumerate(contents) if content == "number"]
    first = next(i for i, content in enumerate(contents) if content in _WHEN)
    ids = [i for i in values if i < first and _repeats(columns[i]) and len(values) > 1]
    value = next((i for i in values if i not in ids), values[0])
    names: list[str] = []
    for i, (column, content) in enumerate(zip(columns, contents, strict=True)):
        name = f"column_{i + 1}"
        if content in ("stamp", "range") or (content == "date" and not apart):
            name = TIMESTAMP
        elif apart and content in ("date", "time"):
            name = content
        elif i == value:
            name = CONSUMPTION
        elif content == "text" and all(map(unit_of, column)):
            name = "unit"
        elif i in ids or (content == "text" and _repeats(column)):
            name = DEVICE_ID
        names.append(f"column_{i + 1}" if name in names else name)
    return names


def _repeats(column: Sequence[str]) -> bool:
    """Whether few whole numbers or texts come again and again, as ids do."""
    whole = all(text.isdigit() for text in column) or content_of(column) == "text"
    return whole and 2 * len(set(column)) <= len(column) + 1
