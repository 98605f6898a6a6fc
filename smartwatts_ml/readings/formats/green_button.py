"""Green Button: ESPI in an Atom feed, as utilities of North America send it.

NAESB REQ.21 (ESPI). Stamps are seconds since 1970 in UTC, whatever LocalTimeParameters say;
each ReadingType has a unit, a power of ten and a direction of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.formats.espi_feed import Entry, parse_feed
from smartwatts_ml.readings.formats.rows import Number, Row, RowTable
from smartwatts_ml.readings.formats.tables import Table, TableReader
from smartwatts_ml.readings.layouts.file_columns import ask
from smartwatts_ml.readings.report import Rejected

__all__ = ["GreenButtonReader"]

_COLUMNS = ("usage point", "register", "unit", "start", "duration", "value")
_LONGEST_NUMBER = 40
"""Digits."""
_MOST_ENTRIES = 200_000
_UNITS = {"38": "W", "72": "Wh", "61": "VA", "63": "var", "71": "VAh", "73": "varh", "29": "V"}
_UNITS |= {"5": "A", "42": "m3", "119": "gas ft3", "169": "therm", "132": "BTU", "31": "J"}
_ELECTRICITY = ("", "0", "1", "2")
"""Commodities."""
_TOTALS = ("1", "2", "3")
"""Accumulation behaviours of a meter's running total."""
_AS_IT_IS = ("", "0", "4", "6", "12", "14")
"""Those of an interval, or of the moment."""
_DIRECTIONS = {"": "forward", "0": "forward", "1": "forward", "19": "reverse", "4": "net"}
_NOT_MEASURED = {"12": "a forecast, not measured", "15": "adjusted to the weather, not measured"}


@dataclass(frozen=True)
class _Meter:
    """What the readings of one meter reading are."""

    point: str
    direction: str
    unit: str
    power_of_ten: int
    length: int


@dataclass
class _Feed:
    """All entries but the readings, by their addresses."""

    types: dict[str, Entry] = field(default_factory=dict)
    meters: dict[str, Entry] = field(default_factory=dict)
    points: dict[str, Entry] = field(default_factory=dict)
    lines: int = 0
    readings: int = 0

    def add(self, entry: Entry) -> None:
        kinds = {"ReadingType": self.types, "MeterReading": self.meters, "UsagePoint": self.points}
        if entry.kind in kinds:
            kinds[entry.kind][entry.own or f"#{entry.line}"] = entry

    def __len__(self) -> int:
        return len(self.types) + len(self.meters) + len(self.points)

    def meter(self, block: Entry) -> _Meter | str:
        """What a block's readings are, or why that cannot be known."""
        address = block.up.removesuffix("/IntervalBlock")
        reading = self.meters.get(address) or self._only(self.meters)
        related = reading.related if reading else []
        kind = next((self.types[a] for a in related if a in self.types), None)
        kind = kind or self._only(self.types)
        if kind is None:
            return "no ReadingType says what it is"
        values = kind.values
        power = values.get("powerOfTenMultiplier", "0") or "0"
        if not power.removeprefix("-").isdecimal() or not -12 <= int(power) <= 12:
            return f"power of ten {power!r}"
        direction = values.get("flowDirection", "")
        point = (reading.own if reading else address).partition("/MeterReading")[0]
        return _Meter(
            point=point.rpartition("/")[2] or "1",
            direction=_DIRECTIONS.get(direction, f"direction {direction}"),
            unit=self._unit(values, point),
            power_of_ten=int(power),
            length=_number(values.get("intervalLength", "")),
        )

    def _unit(self, values: Mapping[str, str], point: str) -> str:
        service = self.points[point].values.get("kind", "0") if point in self.points else "0"
        if values.get("commodity", "") not in _ELECTRICITY or service not in ("", "0"):
            return "gas" if service in ("", "0", "1") else "water"
        unit = values.get("uom", "")
        behaviour = values.get("accumulationBehaviour", "")
        if behaviour in _TOTALS:
            return f"{_UNITS.get(unit, f'uom {unit}')}-counter"
        shown = _UNITS.get(unit, f"uom {unit}")
        return shown if behaviour in _AS_IT_IS else f"{shown}, accumulation {behaviour}"

    @staticmethod
    def _only(entries: Mapping[str, Entry]) -> Entry | None:
        return next(iter(entries.values())) if len(entries) == 1 else None


class GreenButtonReader(TableReader):
    """Its lines are readings, and those lines on which no reading begins."""

    format: ClassVar[str] = "Green Button XML"

    def tables(self) -> Iterator[Table]:
        feed, blocks = self._looked_through()
        meters = [feed.meter(block) for block in blocks.values()]
        finest = self._finest([m for m in meters if isinstance(m, _Meter)])
        self.lines, self.header = feed.lines + feed.readings, feed.lines
        rows = self._rows(feed, finest)
        yield RowTable.begin(_COLUMNS, rows, self.name)

    def _looked_through(self) -> tuple[_Feed, dict[str, Entry]]:
        """What the feed says beside its readings, and a block of each meter reading."""
        feed, starts, last = _Feed(), 0, 0
        blocks: dict[str, Entry] = {}
        for entry in parse_feed(self.content):
            feed.add(entry)
            if entry.kind == "IntervalBlock":
                blocks.setdefault(entry.up, entry)
            elif entry.kind == "IntervalReading":
                feed.readings += 1
                starts += entry.line != last
                last = entry.line
            if len(feed) + len(blocks) > _MOST_ENTRIES:
                raise BadInputError(
                    f"{self.name} has more than {_MOST_ENTRIES} entries", fix="split the feed"
                )
        if not feed.readings:
            raise BadInputError(
                f"{self.name} has no IntervalReading", fix="ask for the interval data"
            )
        feed.lines = max(0, self._physical_lines() - starts)
        return feed, blocks

    def _physical_lines(self) -> int:
        lines, data = 0, b""
        for data in self.content.pieces():
            lines += data.count(b"\n")
        return lines + (not data.endswith(b"\n"))

    def _finest(self, meters: list[_Meter]) -> dict[tuple[str, str], int]:
        """The shortest intervals of each point and direction: others repeat them, as totals.

        Raises BadInputError where several points count the same and nobody says whose they are.
        """
        counted = [m for m in meters if m.unit.removesuffix("-counter") in ("W", "Wh")]
        lengths: dict[tuple[str, str], int] = {}
        for meter in counted:
            key = meter.point, meter.direction
            lengths[key] = min(lengths.get(key, meter.length), meter.length)
        directions = [direction for _, direction in lengths]
        if self.source.device is None and len(set(directions)) < len(directions):
            points = sorted({point for point, _ in lengths})
            raise ask(
                self.name,
                self.key,
                self.source,
                f"it has several meters ({', '.join(points)}): whose are they?",
                'device = "home1"  # of one home, added up',
                'device = "usage point"  # a home each',
            )
        return lengths

    def _rows(self, feed: _Feed, finest: Mapping[tuple[str, str], int]) -> Iterator[Row | Rejected]:
        meter: _Meter | str = "it is in no IntervalBlock"
        for entry in parse_feed(self.content):
            if entry.kind == "IntervalBlock":
                meter = feed.meter(entry)
            elif entry.kind == "IntervalReading":
                yield _row(entry, meter, finest)


def _row(
    entry: Entry, meter: _Meter | str, finest: Mapping[tuple[str, str], int]
) -> Row | Rejected:
    values = entry.values
    shown = values.get("value", "")
    if isinstance(meter, str):
        return Rejected(entry.line, meter, shown)
    if meter.length > finest.get((meter.point, meter.direction), meter.length):
        return Rejected(entry.line, "a total of intervals that the feed has one by one", shown)
    if values.get("quality") in _NOT_MEASURED:
        return Rejected(entry.line, _NOT_MEASURED[values["quality"]], shown)
    register = f"{meter.point} {meter.direction}"
    return Row(
        entry.line,
        [
            meter.point,
            register,
            meter.unit,
            values.get("start", ""),
            values.get("duration", "") or str(meter.length or ""),
            _scaled(shown, meter.power_of_ten),
        ],
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def _scaled(text: str, power_of_ten: int) -> str:
    """A number times a power of ten, to the digit; as it is where it is none, or so far from 1
    that no power of ten makes it a reading.

    >>> _scaled("272800", -3), _scaled("12", 3), _scaled("", 0), _scaled("1E+9999999", -3)
    ('272.800', '12000', '', '1E+9999999')
    """
    try:
        number = Decimal(text[:_LONGEST_NUMBER])
    except InvalidOperation:
        return text
    if not number.is_finite() or max(abs(number.adjusted()), len(text)) >= _LONGEST_NUMBER:
        return text
    return Number(format(number.scaleb(power_of_ten), "f"))
