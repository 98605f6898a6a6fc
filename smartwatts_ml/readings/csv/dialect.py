"""What a CSV file is: its header and separator, found out once, and what that is taken for."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import CSV_COLUMNS
from smartwatts_ml.readings.layouts.interpretation import Interpretation, is_header
from smartwatts_ml.readings.units import unit_of
from smartwatts_ml.sources import Source

__all__ = ["Dialect", "Header", "find_header"]

_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE = 2_000
"""Lines, spread over the block, that tell what a file's columns hold."""
_MOST_ABOVE = 200
"""Lines above the header."""
_BELOW = 8
"""Lines below a header that show whether it is one."""


@dataclass(frozen=True)
class Dialect:
    """``header``: 1-based number of the header's line."""

    header: int
    separator: str
    interpretation: Interpretation

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns, as the file has them."""
        return self.interpretation.mapping.names

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.names)


class Header(NamedTuple):
    """The line that names the columns, by its 1-based number; ``sample``: some fields of each
    column; ``above``: lines above it."""

    line: int
    separator: str
    names: tuple[str, ...]
    sample: Sequence[Sequence[str]]
    above: Sequence[str] = ()


class _Candidate(NamedTuple):
    """A line that may be the header, split; ``rows``: fields of some lines below that fit."""

    offset: int
    separator: str
    names: tuple[str, ...]
    rows: Sequence[Sequence[str]]


def find_header(data: bytes, first_line: int, name: str, source: Source) -> Header | None:
    """The header of a file, from its first block of whole lines; None if all are blank.

    Raises BadInputError where there is none.

    >>> header = find_header(b"Device_ID;x;Timestamp;consumption\\n", 1, "a.csv", Source())
    >>> header.separator, header.names
    (';', ('Device_ID', 'x', 'Timestamp', 'consumption'))
    """
    lines = data.split(b"\n")
    header = _find_header(lines, source)
    if header is None:
        _refuse(lines, first_line, name, source)
        return None
    offset, names = header.offset, header.names
    if header.rows and _are_units(header.rows[0]):
        offset, names = _with_units(lines, header)
    below = lines[offset + 1 :]
    sample = [b.decode("utf-8", "replace") for b in below[:: len(below) // _SAMPLE + 1]]
    fields = zip(*_fitting(sample, header.separator, len(names)), strict=True)
    columns = [list(column) for column in fields] or [[] for _ in names]
    above = [text for _, text in _filled(lines[: header.offset])]
    return Header(first_line + offset, header.separator, names, columns, above)


def _find_header(lines: Sequence[bytes], source: Source) -> _Candidate | None:
    """The first line that names columns of readings and that lines below fit, or else the
    first that names some."""
    if source.skip:
        splits = next(_candidates(lines, source.skip), ())
        return max(splits, key=lambda c: len(c.names), default=None)
    first: _Candidate | None = None
    for splits in _candidates(lines[: _MOST_ABOVE + 1]):
        known = [c for c in splits if is_header(c.names, source, c.rows)]
        fitting = [c for c in known if c.rows]
        if fitting:
            return max(fitting, key=lambda c: len(c.names))
        if known and first is None:
            first = max(known, key=lambda c: len(c.names))
    return first


def _candidates(lines: Sequence[bytes], skip: int = 0) -> Iterator[Sequence[_Candidate]]:
    """Each line with text as a header, split by each separator."""
    for offset, text in _filled(lines[skip:], skip):
        few = itertools.islice(_filled(lines[offset + 1 :]), _BELOW)
        below = [line for _, line in few]
        splits = []
        for separator in _SEPARATORS:
            names = _split(text, separator)
            rows = _fitting(below, separator, len(names))
            enough = 2 * len(rows) > len(below)
            splits.append(_Candidate(offset, separator, names, rows if enough else ()))
        yield splits


def _filled(lines: Sequence[bytes], first: int = 0) -> Iterator[tuple[int, str]]:
    for offset, line in enumerate(lines, first):
        text = line.decode("utf-8", "replace").strip("\ufeff")
        if text.strip():
            yield offset, text


def _refuse(lines: Sequence[bytes], first_line: int, name: str, source: Source) -> None:
    """Raise what there is to say of lines without a header; nothing where all are blank."""
    for offset, text in _filled(lines):
        stated = [*source.timestamp, *source.consumption]
        problem = f"no line names the columns {', '.join(stated)}" if stated else "no header"
        raise BadInputError(
            f"{name}, line {first_line + offset}: {problem}: {text.strip()[:80]!r}",
            fix=f"the first line names the columns, e.g. {','.join(CSV_COLUMNS)}; "
            f"`smartwatts ingest --explain` shows what is understood",
        )


def _are_units(fields: Sequence[str]) -> bool:
    """Whether a line below the header has units in place of readings."""
    digits = any(character.isdigit() for field in fields for character in field)
    return not digits and any(unit_of(field.strip("[]()")) for field in fields)


def _with_units(lines: Sequence[bytes], header: _Candidate) -> tuple[int, tuple[str, ...]]:
    """The offset of a line of units, and names with their units."""
    offset, _ = next(_filled(lines[header.offset + 1 :], header.offset + 1))
    units = [field.strip("[]()") for field in header.rows[0]]
    return offset, tuple(
        f"{name} [{unit}]" if unit_of(unit) else name
        for name, unit in zip(header.names, units, strict=True)
    )


def _fields(line: str, separator: str) -> list[str]:
    try:
        split = next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        split = line.split(separator)
    return [field.strip() for field in split]


def _split(text: str, separator: str) -> tuple[str, ...]:
    """Names of columns; a separator at the end names none."""
    names = _fields(text, separator)
    while len(names) > 1 and not names[-1]:
        names.pop()
    return tuple(names)


def _fitting(lines: Sequence[str], separator: str, width: int) -> list[list[str]]:
    """The fields of lines that fit a header of so many columns."""
    split = (_fields(line, separator) for line in lines)
    return [fields[:width] for fields in split if len(fields) >= width and not any(fields[width:])]
