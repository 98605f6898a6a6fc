"""Rows of cells, one after the other → a table: for formats whose reader makes each row itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import pyarrow as pa

from smartwatts_ml.readings.formats.tables import Batch, Table
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import Cells
from smartwatts_ml.readings.report import Rejected
from smartwatts_ml.sources import Layout

__all__ = ["Number", "Row", "RowTable", "plain_text"]

_SAMPLE = 2_000
_CELLS = 200_000
"""Cells of a batch."""
_LONGEST_TEXT = 1 << 10
_FORBIDDEN = str.maketrans({chr(c): "�" for c in (*range(32), *range(0xD800, 0xE000))})
"""Control characters, and halves of characters, which JSON can spell."""


class Number(str):
    """A number that the file holds as one, and not as text: its decimal mark is a dot."""

    __slots__ = ()


class Row(NamedTuple):
    """``number``: where it is in the file, for people."""

    number: int
    cells: Sequence[str]


@dataclass
class RowTable(Table):
    """``first`` and ``rest``: its rows, and what there is that cannot be one."""

    first: Sequence[Row | Rejected]
    rest: Iterator[Row | Rejected]

    @classmethod
    def begin(
        cls,
        names: Sequence[str],
        rows: Iterable[Row | Rejected],
        where: str,
        own: Layout | None = None,
        part: str = "",
    ) -> RowTable:
        """Look at the first of the rows; those that are not as wide as the names say nothing."""
        rows = iter(rows)
        first = list(islice(rows, max(1, min(_SAMPLE, _CELLS // len(names)))))
        fitting = [
            [_settled(cell) for cell in row.cells]
            for row in first
            if isinstance(row, Row) and len(row.cells) == len(names)
        ]
        sample = [list(column) for column in zip(*fitting, strict=True)] or [[] for _ in names]
        written = [
            ["" if isinstance(cell, Number) else cell for cell in column] for column in sample
        ]
        plain = [*map(plain_text, names)]
        return cls(plain, where, sample, written, first, rows, own=own or Layout(), part=part)

    def first_batch(self, interpretation: Interpretation) -> Batch:
        """The rows that the sample is of."""
        return _batch(self.first, interpretation)

    def batches(self, interpretation: Interpretation) -> Iterator[Batch]:
        size = max(1, _CELLS // len(self.names))
        rows = chain(self.first, self.rest)
        while taken := list(islice(rows, size)):
            yield _batch(taken, interpretation)


def _batch(taken: Sequence[Row | Rejected], interpretation: Interpretation) -> Batch:
    decimal = interpretation.numbers.decimal
    rows = [row for row in taken if isinstance(row, Row)]
    fields = [[_written(cell, decimal) for cell in row.cells] for row in rows]
    table = pa.table(
        {
            "number": pa.array([row.number for row in rows], pa.int64()),
            "fields": pa.array(fields, pa.list_(pa.string())),
        }
    )
    return Batch(Cells(table), [row for row in taken if isinstance(row, Rejected)])


def _written(cell: str, decimal: str) -> str:
    if isinstance(cell, Number):
        return cell.replace(".", decimal) if decimal != "." else cell
    return _settled(cell)


def _settled(cell: str) -> str:
    """Without what no text of a reading has, and nothing where it is too long for any."""
    if isinstance(cell, Number):
        return cell
    if len(cell) > _LONGEST_TEXT:
        return ""
    return plain_text(cell.strip())


def plain_text(text: str) -> str:
    """With the replacement sign for what no text of a reading has.

    >>> plain_text("a\\tb\\ud800")
    'a�b�'
    """
    return text.translate(_FORBIDDEN)
