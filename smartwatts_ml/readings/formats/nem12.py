"""NEM12, the interval data of the Australian market: records 100 to 900, a line a day and channel.

AEMO, Meter Data File Format Specification NEM12 & NEM13. Its clock is Eastern Standard Time
(UTC+10), all year and in every state; E counts what is taken from the grid, B what is fed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import ClassVar

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.csv.blocks import BlockReader
from smartwatts_ml.readings.formats.rows import Row, RowTable
from smartwatts_ml.readings.formats.tables import Table, TableReader
from smartwatts_ml.readings.formats.text_lines import split_lines
from smartwatts_ml.readings.report import Rejected

__all__ = ["Nem12Reader"]

_COLUMNS = ("NMI", "NMI suffix", "UOM", "Interval date")
_DAY = 24 * 60
_LENGTHS = (5, 10, 15, 30, 60)
"""Minutes of an interval."""
_QUALITY = re.compile(r"[AEFNSV]\d*", re.IGNORECASE)
_OTHERS = ("100", "500", "900")
_KEPT_TEXT = 200


@dataclass
class _Day:
    """A 300 record, with the 200 record that it is below; ``missing``: intervals of quality N,
    from 1 on; ``qualified``: whether a 400 record follows it."""

    number: int
    meter: list[str]
    fields: list[str]
    missing: set[int] = field(default_factory=set)
    qualified: bool = False

    @property
    def minutes(self) -> int:
        """Of an interval; 0 where the meter's record does not say it."""
        text = self.meter[8].strip() if len(self.meter) > 8 else ""
        return next((minutes for minutes in _LENGTHS if text.lstrip("0") == str(minutes)), 0)

    def row(self) -> Row | Rejected:
        if not self.minutes:
            return self._rejected("no 200 record before it that says the length of its intervals")
        count = _DAY // self.minutes
        quality = "".join(self.fields[2 + count : 3 + count]).strip().upper()
        if not _QUALITY.fullmatch(quality):
            return self._rejected(f"not {count} values and their quality")
        if quality.startswith("V") and not self.qualified:
            return self._rejected("its quality varies, and no 400 record says how")
        values = [
            "" if i in self.missing else v for i, v in enumerate(self.fields[2 : 2 + count], 1)
        ]
        if quality.startswith("N"):
            values = [""] * count
        nmi, suffix, unit = (self.meter[place].strip() for place in (1, 4, 7))
        date = self.fields[1].strip()
        start = f"{date[:4]}-{date[4:6]}-{date[6:]}T00:00:00+10:00"
        return Row(self.number, [nmi, suffix, unit, start, *values])

    def _rejected(self, why: str) -> Rejected:
        return Rejected(self.number, why, ",".join(self.fields)[:_KEPT_TEXT])


class Nem12Reader(TableReader):
    """Its lines are records."""

    format: ClassVar[str] = "NEM12"

    def tables(self) -> Iterator[Table]:
        if b"NEM13" in self.content.start[:64].upper():
            raise BadInputError(
                f"{self.name} is a NEM13 file: totals of months", fix="ask for NEM12"
            )
        blocks = BlockReader(self.content)
        for minutes, days in groupby(self._days(split_lines(blocks)), key=self._minutes):
            times = range(0, _DAY, minutes or _LENGTHS[-1])
            names = [*_COLUMNS, *(f"{time // 60:02}:{time % 60:02}" for time in times)]
            rows = (day.row() if isinstance(day, _Day) else day for day in days)
            yield RowTable.begin(names, rows, self.name)
        self.lines = blocks.lines

    def _minutes(self, day: _Day | Rejected) -> int:
        """Of the intervals of a record; where it has none, of the one before it."""
        if isinstance(day, _Day) and day.minutes:
            self._before = day.minutes
        return self._before

    _before = 0

    def _days(self, lines: Iterator[tuple[int, list[str]]]) -> Iterator[_Day | Rejected]:
        meter: list[str] = []
        day: _Day | None = None
        for number, fields in chain(lines, [(0, ["900"])]):
            kind = fields[0].strip()
            if kind == "400" and day is not None:
                _qualify(day, fields)
            elif day is not None:
                yield day
                day = None
            if kind == "300":
                day = _Day(number, meter, fields)
            elif kind in (*_OTHERS, "200", "400"):
                self.header += number > 0
                meter = fields if kind == "200" else meter
            elif any(fields):
                yield Rejected(number, "no record of NEM12", ",".join(fields)[:_KEPT_TEXT])
            else:
                self.blank += 1


def _qualify(day: _Day, fields: list[str]) -> None:
    """What a 400 record says of intervals from one to another."""
    day.qualified = True
    first, last, quality = (text.strip() for text in (*fields[1:4], "", "", "")[:3])
    if quality.upper().startswith("N"):
        known = first.isdecimal() and last.isdecimal() and len(first) < 4 and len(last) < 4
        day.missing |= set(range(int(first), int(last) + 1) if known else range(1, _DAY))
