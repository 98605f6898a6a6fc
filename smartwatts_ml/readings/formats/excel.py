"""Excel (.xlsx): the sheet with the readings, below whatever stands above them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain, islice
from typing import ClassVar

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.clock import local_clock
from smartwatts_ml.readings.formats.rows import Row, RowTable
from smartwatts_ml.readings.formats.tables import Table, TableReader
from smartwatts_ml.readings.formats.workbook import UNSAVED, Worksheet, open_workbook
from smartwatts_ml.readings.layouts.file_columns import ask
from smartwatts_ml.readings.layouts.interpretation import is_header
from smartwatts_ml.readings.layouts.mapper import RowMapper
from smartwatts_ml.readings.layouts.names import END, STAMP, role_of
from smartwatts_ml.sources import toml_string

__all__ = ["ExcelReader"]

_MOST_ABOVE = 200
"""Rows above the header."""
_FEWEST_DIGITS = 3
"""Of a date, or of a time."""
_DAY_US = 86_400_000_000
_IS_DATE = re.compile(r"\d{4}-\d\d-\d\d( .*)?")
_IS_WRITTEN_DATE = re.compile(r"\d{1,2}([/.-])\d{1,2}\1\d{2,4}\b.*")


_Rows = Iterator[tuple[int, list[str]]]


class ExcelReader(TableReader):
    """Its lines are the rows of all sheets."""

    format: ClassVar[str] = "Excel"
    _titles: Sequence[str] = ()

    def facts(self) -> dict[str, str]:
        return super().facts() | {"sheet": ", ".join(self._titles)}

    def tables(self) -> Iterator[Table]:
        if self.content.packing != "none":
            raise BadInputError(
                f"{self.name} is a workbook inside of a packed file",
                fix="unpack it: .xlsx is packed by itself",
            )
        self.content.read_through()
        with open_workbook(self.content) as sheets:
            chosen = self._chosen(sheets)
            self._titles = list(chosen)
            yield from chosen.values()
        self.content.check_unchanged()

    def _chosen(self, sheets: Sequence[Worksheet]) -> dict[str, RowTable]:
        """Sheets with readings, by their titles; all rows of the others are counted."""
        stated = self.source.sheet
        tables: dict[str, RowTable] = {}
        others: list[str] = []
        for sheet in sheets:
            rows = self._counted(sheet.rows)
            wanted = stated is None or fnmatchcase(sheet.title, stated)
            table, shown = self._table(sheet.title, rows) if wanted else (None, "")
            if table is None:
                self.header += sum(1 for _ in rows)
                others.append(f"{sheet.title} {shown}".strip())
            else:
                tables[sheet.title] = table
        if not tables:
            raise BadInputError(
                f"{self.name}: no sheet has a header of readings: {', '.join(others)}",
                fix="name the columns: `smartwatts ingest --explain` shows what is understood",
            )
        return tables if stated or len(tables) == 1 else self._that_fit(tables)

    def _counted(self, rows: _Rows) -> _Rows:
        """Rows with something in them."""
        last = 0
        for number, cells in rows:
            self.lines += number - last
            self.blank += number - last - bool(cells)
            last = number
            if cells:
                yield number, cells

    def _table(self, title: str, rows: _Rows) -> tuple[RowTable | None, str]:
        """What is below a sheet's header, or the first row of a sheet without one."""
        above = list(islice(rows, _MOST_ABOVE))
        place = self._header_among(above)
        if place is None:
            self.header += len(above)
            return None, f"({' | '.join(filter(None, above[0][1]))[:80]})" if above else ""
        self.header += place + 1
        number, names = above[place] if place >= 0 else (above[0][0], [])
        names = list(self.source.columns) or names
        width = len(names)
        below = (
            Row(n, (cells + [""] * width)[:width]) for n, cells in chain(above[place + 1 :], rows)
        )
        where = f"{self.name}, sheet {title!r}, row {number}"
        table = RowTable.begin(names, below, where, part=f"sheet {title!r}")
        _check_dates(table)
        _check_formulas(table)
        return table, ""

    def _header_among(self, rows: Sequence[tuple[int, list[str]]]) -> int | None:
        """The first row that names columns of readings, if it can be with stamps below it."""
        if self.source.columns:
            below = (i for i, row in enumerate(rows) if row[0] > self.source.skip)
            first = next(below, None)
            return None if first is None else first - 1
        if self.source.skip:
            return next((i for i, row in enumerate(rows) if row[0] > self.source.skip), None)
        headers = [i for i, (_, cells) in enumerate(rows) if is_header(cells, self.source)]
        fitting = (
            i for i in headers if i + 1 < len(rows) and _is_above(rows[i][1], rows[i + 1][1])
        )
        return next(fitting, headers[0] if headers else None)

    def _that_fit(self, tables: dict[str, RowTable]) -> dict[str, RowTable]:
        """Of several sheets those with the readings: the finest ones, if their columns are the
        same and no stamp is in two of them. Raises BadInputError where that does not tell."""
        stamps = {title: self._first_stamps(table) for title, table in tables.items()}
        finest = [t for t, times in stamps.items() if len(times) and not _is_daily(times)]
        chosen = finest or [title for title, times in stamps.items() if len(times)] or list(tables)
        times = np.concatenate([stamps[title] for title in chosen])
        alike = len({tuple(tables[title].names) for title in chosen}) == 1
        if len(chosen) > 1 and not (alike and len(np.unique(times)) == len(times)):
            raise ask(
                self.name,
                self.key,
                self.source,
                f"which of the sheets has the readings? ({', '.join(chosen)})",
                f'sheet = {toml_string(chosen[0])}  # or "*" for all of them',
            )
        for title in tables.keys() - set(chosen):
            self.header += sum(1 for _ in chain(tables[title].first, tables[title].rest))
        return {title: tables[title] for title in chosen}

    def _first_stamps(self, table: RowTable) -> np.ndarray:
        """Distinct stamps (µs, UTC) of the first rows, sorted; none where there is no reading."""
        try:
            form = self.understood(table)
        except BadInputError:
            return np.zeros(0, np.int64)
        parsed = RowMapper(form, local_clock(form.timezone)).map(table.first_batch(form).cells)
        return np.unique(np.concatenate([np.zeros(0, np.int64), *(p.stamps for p in parsed.rows)]))


def _is_above(names: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether columns that are named after time have some digits."""
    stamps = [
        cell for name, cell in zip(names, cells, strict=False) if role_of(name) in (STAMP, END)
    ]
    return not stamps or any(sum(map(str.isdigit, cell)) >= _FEWEST_DIGITS for cell in stamps)


def _is_daily(stamps: np.ndarray) -> bool:
    """Whether there is one a day, or a month."""
    return len(stamps) > 1 and bool(np.median(np.diff(stamps)) >= _DAY_US)


def _check_dates(table: RowTable) -> None:
    """Excel makes dates of those texts that are some in its own country: 2/1 of 1/2, while 13/2
    stays text."""
    for name, texts in zip(table.names, table.sample, strict=True):
        dates = next(filter(_IS_DATE.fullmatch, texts), None)
        written = next(filter(_IS_WRITTEN_DATE.fullmatch, texts), None)
        if dates and written:
            raise BadInputError(
                f"{table.where}: in column {name} some dates are text ({written}) and some are "
                f"not ({dates}): Excel may have taken days for months",
                fix="send the file as it was before Excel opened it",
            )


def _check_formulas(table: RowTable) -> None:
    """A column of formulas that no program has calculated has no values, whatever Excel shows."""
    for name, texts in zip(table.names, table.sample, strict=True):
        filled = [text for text in texts if text]
        if 2 * filled.count(UNSAVED) > len(filled):
            raise BadInputError(
                f"{table.where}: column {name} has formulas whose values were never saved",
                fix="open the workbook in Excel or LibreOffice and save it, so that they are",
            )
