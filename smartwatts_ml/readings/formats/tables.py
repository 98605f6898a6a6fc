"""Formats that hold tables of cells → rows, by the same understanding of columns as CSV."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.readings.clock import local_clock
from smartwatts_ml.readings.file_reader import FilePart, FileReader
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import Cells, RowMapper
from smartwatts_ml.readings.parsed import ParsedBlock
from smartwatts_ml.readings.report import Rejected
from smartwatts_ml.sources import Layout

__all__ = ["Batch", "Table", "TableReader"]

_WORKERS = 2
_AHEAD = 2
"""Batches that are being mapped while others are taken."""


class Batch(NamedTuple):
    """Rows in the order of the file, and what the format itself cannot make a row of."""

    cells: Cells
    rejected: Sequence[Rejected] = ()


@dataclass
class Table(ABC):
    """Rows below one header. ``where`` is for people, as is ``part``, that of the file which has
    line numbers of its own; ``own``: what the format says of columns;
    ``sample``: some texts of each column; ``written``: the same, but for numbers that the file
    holds as such and not as text, which are empty there."""

    names: Sequence[str]
    where: str
    sample: Sequence[Sequence[str]]
    written: Sequence[Sequence[str]]
    own: Layout = field(default_factory=Layout, kw_only=True)
    part: str = field(default="", kw_only=True)

    @abstractmethod
    def batches(self, interpretation: Interpretation) -> Iterator[Batch]:
        """All rows, once."""


class TableReader(FileReader):
    """A format whose rows are cells."""

    @abstractmethod
    def tables(self) -> Iterator[Table]:
        """Each is read to its end before the next. Raises BadInputError as ``parts`` does."""

    def parts(self) -> Iterator[FilePart]:
        for table in self.tables():
            interpretation = self.understood(table)
            yield FilePart(interpretation, self._mapped(table, interpretation), table.part)

    def understood(self, table: Table) -> Interpretation:
        """What its columns are taken for."""
        return self.interpret(table.names, table.sample, table.where, table.own, table.written)

    def _mapped(self, table: Table, interpretation: Interpretation) -> Iterator[ParsedBlock]:
        mapper = RowMapper(interpretation, local_clock(interpretation.timezone))

        def mapped(batch: Batch) -> ParsedBlock:
            parsed = mapper.map(batch.cells) if len(batch.cells) else ParsedBlock([], read=0)
            if parsed.accounted != len(batch.cells):
                raise SmartwattsError(f"{self.name}: rows got lost; nothing was taken")
            return parsed.with_rejected(batch.rejected)

        return map_ahead(mapped, table.batches(interpretation), _WORKERS, _AHEAD)
