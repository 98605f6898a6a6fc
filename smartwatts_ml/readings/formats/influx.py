"""InfluxDB's CSV: sets of tables, each below annotations and a header of its own.

https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.csv.blocks import BlockReader
from smartwatts_ml.readings.formats.rows import Row, RowTable
from smartwatts_ml.readings.formats.tables import Table, TableReader
from smartwatts_ml.readings.formats.text_lines import split_lines
from smartwatts_ml.readings.report import Rejected
from smartwatts_ml.readings.units import no_power, scale_of, unit_in_name, unit_of
from smartwatts_ml.sources import Layout

__all__ = ["InfluxReader"]

_TIME, _VALUE, _FIELD, _MEASUREMENT = "_time", "_value", "_field", "_measurement"
_SERIES, _UNIT = "_series", "_unit"
_OF_THE_QUERY = frozenset({"", "result", "table", "_start", "_stop"})
_OF_THE_UNIT = ("unit", "unit_of_measurement")
_HOME_ASSISTANT = frozenset({"domain", "entity_id"})
_ENERGY = re.compile(r"energy|kwh|\bwh\b", re.IGNORECASE)
_KEPT_TEXT = 200


@dataclass(frozen=True)
class _Header:
    """Of a set of tables. ``groups``: whether a column tells tables apart, if that is said."""

    line: int
    names: Sequence[str]
    groups: Sequence[bool]
    defaults: Sequence[str]

    @property
    def is_long(self) -> bool:
        return {_TIME, _VALUE} <= set(self.names)

    @property
    def kept(self) -> list[int]:
        return [i for i, name in enumerate(self.names) if name not in _OF_THE_QUERY]

    def row(self, number: int, fields: Sequence[str]) -> Row | Rejected:
        if len(fields) != len(self.names):
            return Rejected(number, "width", ",".join(fields)[:_KEPT_TEXT])
        cells = [text or default for text, default in zip(fields, self.defaults, strict=True)]
        kept = [cells[i] for i in self.kept]
        if not self.is_long:
            return Row(number, kept)
        named = dict(zip(self.names, cells, strict=True))
        return Row(number, [*kept, self._series(named), _unit(named)])

    def _series(self, named: dict[str, str]) -> str:
        """What tells a series from others: the entity of Home Assistant, or tags and field."""
        if named.keys() >= _HOME_ASSISTANT:
            return named["entity_id"]
        apart = {_TIME, _VALUE, _FIELD, _MEASUREMENT, *_OF_THE_QUERY, *_OF_THE_UNIT}
        tags = [
            named[name]
            for name, group in zip(self.names, self.groups, strict=True)
            if group and name not in apart and named[name]
        ]
        field_name = named.get(_FIELD, "")
        shown = "" if field_name.casefold() == "value" else field_name
        parts = [*(tags or [named.get(_MEASUREMENT, "")]), shown]
        return ".".join(part for part in parts if part)


def _unit(named: dict[str, str]) -> str:
    """Home Assistant's measurement is the unit, and energy a running total; else tags, field or
    measurement may say it."""
    if named.keys() >= _HOME_ASSISTANT:
        text = named.get(_MEASUREMENT, "")
        unit = unit_of(text)
        return f"{unit}-counter" if unit and scale_of(unit).quantity == "energy" else text
    tagged = next((named[name] for name in _OF_THE_UNIT if named.get(name)), None)
    texts = [named.get(_FIELD, ""), named.get(_MEASUREMENT, "")]
    unit = unit_of(tagged) if tagged else next(filter(None, map(unit_in_name, texts)), None)
    if unit is not None:
        energy = scale_of(unit).quantity == "energy"
        return f"{unit} (of an interval, or in total?)" if energy else unit
    if tagged:
        return tagged
    other = next((text for text in texts if no_power(text)), None)
    energy = any(map(_ENERGY.search, texts))
    return other or ("energy of no unit" if energy else "W")


class InfluxReader(TableReader):
    """Its lines are lines."""

    format: ClassVar[str] = "InfluxDB CSV"

    def tables(self) -> Iterator[Table]:
        blocks = BlockReader(self.content)
        lines = _Lines(split_lines(blocks), self)
        while (header := lines.next_header()) is not None:
            names = [header.names[i] for i in header.kept]
            if "error" in names and _TIME not in names:
                raise BadInputError(
                    f"{self.name}, line {header.line}: InfluxDB says an error, not readings",
                    fix="mend the query and export again",
                )
            names += [_SERIES, _UNIT] if header.is_long else []
            where = f"{self.name}, line {header.line}"
            own = Layout(timestamp=(_TIME,)) if _TIME in names else None
            yield RowTable.begin(names, lines.rows(header), where, own)
        self.lines = blocks.lines


@dataclass
class _Lines:
    """Lines of a file, with the one that a table ended at."""

    lines: Iterator[tuple[int, list[str]]]
    reader: InfluxReader
    held: list[tuple[int, list[str]]] = field(default_factory=list)

    def _next(self) -> tuple[int, list[str]] | None:
        return self.held.pop() if self.held else next(self.lines, None)

    def next_header(self) -> _Header | None:
        """What stands above the next table; None at the end."""
        said: dict[str, list[str]] = {}
        while (line := self._next()) is not None:
            number, fields = line
            if not any(fields):
                self.reader.blank += 1
                continue
            self.reader.header += 1
            mark = fields[0].strip().lower()
            if mark.startswith("#"):
                said[mark] = fields[1:]
                continue
            names = [name.strip() for name in fields]
            groups = [text.strip().lower() == "true" for text in said.get("#group", [])]
            defaults = said.get("#default", [])
            width = len(names)
            return _Header(
                number,
                names,
                [False, *groups, *[True] * width][:width] if groups else [True] * width,
                ["", *defaults, *[""] * width][:width],
            )
        return None

    def rows(self, header: _Header) -> Iterator[Row | Rejected]:
        """Those below a header, up to the next annotation or header."""
        while (line := self._next()) is not None:
            number, fields = line
            if not any(fields):
                self.reader.blank += 1
            elif fields[0].startswith("#") or fields[1:3] == ["result", "table"]:
                self.held.append(line)
                return
            else:
                yield header.row(number, fields)
