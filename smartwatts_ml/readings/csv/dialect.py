"""What a CSV file is: separator, decimal mark, columns and timestamps, found out once."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import ANOMALY, CONSUMPTION, CSV_COLUMNS, TIMESTAMP
from smartwatts_ml.readings.stamps.forms import FileStamps, find_stamps
from smartwatts_ml.settings import Source

__all__ = ["Dialect", "find_dialect"]

_SEPARATORS = (",", ";", "\t", "|")
_FIX = f"the first line names the columns: {','.join(CSV_COLUMNS)}"
_SAMPLE = 2_000
"""Lines, spread over the block, that tell a file's decimal mark and form of timestamps."""


@dataclass(frozen=True)
class Dialect:
    """``header``: 1-based number of the header's line. ``names``: of all columns, as the
    file has them. ``positions``: 0-based, by column name, ``anomaly`` only where the file
    has it. ``decimal``: ``.`` or ``,``."""

    header: int
    separator: str
    decimal: str
    names: tuple[str, ...]
    positions: dict[str, int]
    stamps: FileStamps

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.names)

    def is_last(self, column: str) -> bool:
        """Whether lines end with that column."""
        return self.positions.get(column) == self.width - 1

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are kept out."""
        return tuple(n for i, n in enumerate(self.names) if i not in self.positions.values())


def find_dialect(data: bytes, first_line: int, name: str, source: Source) -> Dialect | None:
    """The dialect of a file, from its first block of whole lines; None if all are blank.

    Order and case of the columns are free, others are kept out. Raises BadInputError
    where there is no usable header.

    >>> found = find_dialect(b"Device_ID;x;Timestamp;consumption\\n", 1, "a.csv", Source())
    >>> found.separator, found.positions["timestamp"], found.ignored
    (';', 2, ('x',))
    """
    lines = data.split(b"\n")
    for offset, line in enumerate(lines):
        text = line.decode("utf-8", "replace")
        if text.strip():
            number = first_line + offset
            separator, names = _columns(text, name, number)
            positions = _positions(names, name, number)
            below = lines[offset + 1 :]
            sample = [b.decode("utf-8", "replace") for b in below[:: len(below) // _SAMPLE + 1]]
            wanted = (positions[TIMESTAMP], positions[CONSUMPTION])
            stamps, values = _fields(sample, separator, len(names), wanted)
            return Dialect(
                number,
                separator,
                _decimal(values, separator),
                names,
                positions,
                find_stamps(stamps, name, source.stamp),
            )
    return None


def _columns(text: str, name: str, line: int) -> tuple[str, tuple[str, ...]]:
    """Separator and column names of the header."""
    candidates = [(separator, _split(text, separator)) for separator in _SEPARATORS]
    separator, names = max(candidates, key=lambda c: len(set(CSV_COLUMNS) & set(c[1])))
    missing = [column for column in CSV_COLUMNS if column not in names]
    if len(missing) == len(CSV_COLUMNS):
        raise BadInputError(f"{name}, line {line}: no header", fix=_FIX)
    if missing:
        raise BadInputError(f"{name}, line {line}: no column {', '.join(missing)}", fix=_FIX)
    return separator, tuple(names)


def _positions(names: Sequence[str], name: str, line: int) -> dict[str, int]:
    wanted = [column for column in (*CSV_COLUMNS, ANOMALY) if column in names]
    for column in wanted:
        if names.count(column) > 1:
            raise BadInputError(
                f"{name}, line {line}: column {column} is there twice", fix="rename one of them"
            )
    return {column: names.index(column) for column in wanted}


def _split(text: str, separator: str) -> list[str]:
    try:
        fields = next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        fields = text.split(separator)
    return [field.strip().lower() for field in fields]


def _fields(
    lines: Sequence[str], separator: str, width: int, wanted: Sequence[int]
) -> list[list[str]]:
    """Some columns of the lines that have as many fields as the header."""
    columns: list[list[str]] = [[] for _ in wanted]
    for line in lines:
        try:
            fields = (
                next(csv.reader([line], delimiter=separator, strict=True))
                if '"' in line
                else line.split(separator)
            )
        except csv.Error:
            continue
        if len(fields) == width:
            for column, place in zip(columns, wanted, strict=True):
                column.append(fields[place].strip())
    return columns


def _decimal(values: Sequence[str], separator: str) -> str:
    """The mark that more of the values have; where commas separate, a comma needs quotes."""
    marks = Counter(mark for value in values for mark in ".," if mark in value)
    if separator == "," or marks["."] or marks[","]:
        return "," if marks[","] > marks["."] else "."
    return "."
