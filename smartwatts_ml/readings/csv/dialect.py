"""What a CSV file is: its header and separator, found out once, and what that is taken for."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import CSV_COLUMNS
from smartwatts_ml.readings.layouts.interpretation import Interpretation, is_header
from smartwatts_ml.sources import Source

__all__ = ["Dialect", "Header", "find_header"]

_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE = 2_000
"""Lines, spread over the block, that tell what a file's columns hold."""
_MOST_ABOVE = 200
"""Lines above the header."""


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
    column."""

    line: int
    separator: str
    names: tuple[str, ...]
    sample: Sequence[Sequence[str]]


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
    offset, separator, names = header
    below = lines[offset + 1 :]
    sample = [b.decode("utf-8", "replace") for b in below[:: len(below) // _SAMPLE + 1]]
    columns = _columns(sample, separator, len(names))
    return Header(first_line + offset, separator, names, columns)


def _find_header(lines: Sequence[bytes], source: Source) -> tuple[int, str, tuple[str, ...]] | None:
    """Offset, separator and names of the first line that names columns of readings."""
    if source.skip:
        candidates = _candidates(lines[source.skip :])
        for offset, text in candidates:
            separator, names = max(
                ((s, _split(text, s)) for s in _SEPARATORS), key=lambda c: len(c[1])
            )
            return offset + source.skip, separator, names
    for offset, text in _candidates(lines[: _MOST_ABOVE + 1]):
        fitting = [
            (separator, names)
            for separator in _SEPARATORS
            if is_header(names := _split(text, separator), source)
        ]
        if fitting:
            separator, names = max(fitting, key=lambda c: len(c[1]))
            return offset, separator, names
    return None


def _candidates(lines: Sequence[bytes]) -> Iterator[tuple[int, str]]:
    for offset, line in enumerate(lines):
        text = line.decode("utf-8", "replace").strip("\ufeff")
        if text.strip():
            yield offset, text


def _refuse(lines: Sequence[bytes], first_line: int, name: str, source: Source) -> None:
    """Raise what there is to say of lines without a header; nothing where all are blank."""
    for offset, text in _candidates(lines):
        stated = [*source.timestamp, *source.consumption]
        problem = f"no line names the columns {', '.join(stated)}" if stated else "no header"
        raise BadInputError(
            f"{name}, line {first_line + offset}: {problem}: {text.strip()[:80]!r}",
            fix=f"the first line names the columns, e.g. {','.join(CSV_COLUMNS)}; "
            f"`smartwatts ingest --explain` shows what is understood",
        )


def _split(text: str, separator: str) -> tuple[str, ...]:
    """Names of columns; a separator at the end names none."""
    try:
        fields = next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        fields = text.split(separator)
    names = [field.strip() for field in fields]
    while len(names) > 1 and not names[-1]:
        names.pop()
    return tuple(names)


def _columns(lines: Sequence[str], separator: str, width: int) -> list[list[str]]:
    """The fields of lines that fit the header, by column."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for line in lines:
        try:
            fields = (
                next(csv.reader([line], delimiter=separator, strict=True))
                if '"' in line
                else line.split(separator)
            )
        except csv.Error:
            continue
        if len(fields) >= width and not any(fields[width:]):
            for column, field in zip(columns, fields, strict=False):
                column.append(field.strip())
    return columns
