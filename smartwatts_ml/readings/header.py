"""The header line of a CSV file: which column is where."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import ANOMALY, CSV_COLUMNS

__all__ = ["Header", "read_header"]

SEPARATORS = (",", ";", "\t")
FIX = f"the first line names the columns: {','.join(CSV_COLUMNS)}"


@dataclass(frozen=True)
class Header:
    """``line``: 1-based number of the header's line. ``positions``: 0-based, by column
    name, ``anomaly`` only where the file has it. ``width``: number of columns."""

    line: int
    separator: str
    positions: dict[str, int]
    width: int


def read_header(body: str, name: str, lines_before: int) -> Header | None:
    """The header in the first line of ``body`` that is not blank; None if all are.

    Order and case of the columns are free, other columns are ignored.

    >>> header = read_header("Device_ID;x;Timestamp;consumption\\n", "a.csv", 0)
    >>> header.separator, header.positions["timestamp"], header.width
    (';', 2, 4)
    """
    for offset, text in enumerate(body.split("\n")):
        if text.strip():
            return _parse(text, name, lines_before + offset + 1)
    return None


def _parse(text: str, name: str, line: int) -> Header:
    candidates = [(_names(text, separator), separator) for separator in SEPARATORS]
    names, separator = max(candidates, key=lambda c: len(set(CSV_COLUMNS) & set(c[0])))
    missing = [column for column in CSV_COLUMNS if column not in names]
    if len(missing) == len(CSV_COLUMNS):
        raise BadInputError(f"{name}, line {line}: no header", fix=FIX)
    if missing:
        listed = ", ".join(missing)
        raise BadInputError(f"{name}, line {line}: no column {listed}", fix=FIX)
    wanted = [column for column in (*CSV_COLUMNS, ANOMALY) if column in names]
    for column in wanted:
        if names.count(column) > 1:
            raise BadInputError(
                f"{name}, line {line}: column {column} is there twice", fix="rename one of them"
            )
    return Header(line, separator, {column: names.index(column) for column in wanted}, len(names))


def _names(text: str, separator: str) -> list[str]:
    try:
        fields = next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        fields = text.split(separator)
    return [field.strip().lower() for field in fields]
