"""One line of JSON or CSV → its fields by name. Whoever wrote it may lie or be broken.

>>> fields_of_json(b'{"site": "home1", "answer": null}', needed=frozenset({"site"}))
{'site': 'home1'}
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

__all__ = [
    "LINE_BYTES",
    "RecordHeader",
    "UnfitError",
    "fields_of_csv",
    "fields_of_json",
    "header_of",
]

LINE_BYTES = 4096
"""Longer lines are no records."""
_MOST_FIELDS = 64
_SEPARATORS = ",;\t"
"""What spreadsheets of the world put between cells."""


class UnfitError(Exception):
    """A line that is no record; why, as a clause."""


def fields_of_json(
    line: bytes, needed: Collection[str], named: Collection[str] = ()
) -> dict[str, Any]:
    """What a line of JSON says; null is a field that is not there. ``named``: fields that have to
    be there all the same. Raises UnfitError."""
    try:
        value = json.loads(line, object_pairs_hook=_pairs, parse_constant=_constant)
    except UnicodeDecodeError:
        raise UnfitError("is no UTF-8") from None
    except (ValueError, RecursionError):
        raise UnfitError("is no JSON") from None
    if not isinstance(value, dict):
        raise UnfitError("is no JSON object")
    if unnamed := sorted(set(named) - value.keys()):
        raise UnfitError(f"has no {', '.join(unnamed)}")
    return _checked({name: item for name, item in value.items() if item is not None}, needed)


@dataclass(frozen=True)
class RecordHeader:
    """What a header of CSV calls its columns, and what stands between cells."""

    columns: tuple[str, ...]
    separator: str


def header_of(line: bytes, needed: Collection[str]) -> RecordHeader:
    """The header that a line is. Raises UnfitError."""
    separator = max(_SEPARATORS, key=lambda letter: line.count(letter.encode()))
    names = tuple(name.strip().lower() for name in _cells(line, separator))
    if len(names) != len(set(names)):
        raise UnfitError("has a column twice")
    if missing := sorted(set(needed) - set(names)):
        raise UnfitError(f"is a header without {', '.join(missing)}")
    return RecordHeader(names, separator)


def fields_of_csv(line: bytes, header: RecordHeader, needed: Collection[str]) -> dict[str, Any]:
    """What a row says under a header; an empty field is one that is not there. Raises
    UnfitError."""
    cells = _cells(line, header.separator)
    if len(cells) != len(header.columns):
        raise UnfitError(f"has {len(cells)} fields, its header {len(header.columns)}")
    there = {name: cell.strip() for name, cell in zip(header.columns, cells, strict=True)}
    return _checked({name: cell for name, cell in there.items() if cell}, needed)


def _checked(said: Mapping[str, Any], needed: Collection[str]) -> dict[str, Any]:
    if len(said) > _MOST_FIELDS:
        raise UnfitError(f"has more than {_MOST_FIELDS} fields")
    if missing := sorted(set(needed) - said.keys()):
        raise UnfitError(f"has no {', '.join(missing)}")
    return dict(said)


def _cells(line: bytes, separator: str) -> list[str]:
    try:
        rows = list(csv.reader([line.decode()], strict=True, delimiter=separator))
    except UnicodeDecodeError:
        raise UnfitError("is no UTF-8") from None
    except csv.Error:
        raise UnfitError("has quotes that do not match") from None
    return rows[0] if rows else []


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise UnfitError("has a field twice")
    return fields


def _constant(text: str) -> NoReturn:
    raise UnfitError(f"has {text}, which is no number")
