"""What the columns of one file hold, and what a number in them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Literal

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS, SOLAR
from smartwatts_ml.readings.layouts.file_columns import MISSING
from smartwatts_ml.readings.layouts.names import (
    bare_name,
    channel_of,
    plain_name,
    says_quality,
    sense_of,
)
from smartwatts_ml.readings.parsed import Measure, part_name
from smartwatts_ml.readings.units import no_power, scale_of, unit_in_name, unit_of
from smartwatts_ml.sources import UNITS, Layout, Unit

__all__ = [
    "ColumnMapping",
    "Counted",
    "Meaning",
    "ValueColumn",
    "checked_unit",
    "number_of",
    "rule_for",
    "rule_of_column",
    "rule_of_register",
]

Counted = Literal["not", "on", "maybe"]


@dataclass(frozen=True)
class ValueColumn:
    """A column of values. ``channel`` None: the device or the register says it. ``sign`` 0:
    it is the channel, not a part of it. ``minutes``: time of day that the column stands for, or
    since midnight where they are ``counted`` "on" over changes of the clock, as columns up to 25
    are; those up to 24 "maybe". ``site``: where each column is of another."""

    position: int
    name: str
    unit: Unit | None = None
    channel: str | None = None
    sign: int = 0
    minutes: int | None = None
    counted: Counted = "not"
    site: str = ""


@dataclass(frozen=True)
class Meaning:
    """What numbers of one device and register are: times ``factor`` they are of ``measure``."""

    device: str
    measure: Measure
    factor: float


_MOST_MEANINGS = 100_000


@dataclass(frozen=True)
class ColumnMapping:
    """Positions are 0-based. ``layout``: its name, empty where names alone told. ``stamp`` and
    ``until``: one column, or date and time; ``hours``: a column that numbers the hours of a
    day, and the first number. ``site``: where no column says it. ``factor``: a column by which
    values are to be multiplied."""

    names: tuple[str, ...]
    layout: str
    stamp: tuple[int, ...]
    values: tuple[ValueColumn, ...]
    until: tuple[int, ...] = ()
    interval: int | None = None
    device: int | None = None
    site: str = ""
    register: int | None = None
    unit: int | None = None
    factor: int | None = None
    hours: tuple[int, int] | None = None
    anomaly: int | None = None
    said: Layout = field(default_factory=Layout)
    default_unit: Unit = "W"

    @property
    def by_time_of_day(self) -> bool:
        """Whether a line is a day, with a column for each interval."""
        return self.values[0].minutes is not None

    @cached_property
    def is_plain(self) -> bool:
        """Whether each line is one stamp, one value and one device, and no more."""
        return (
            len(self.stamp) == len(self.values) == 1
            and not self.until
            and not self.by_time_of_day
            and self.device is not None
            and self.register is self.unit is self.interval is self.factor is self.hours is None
            and not self.quality
            and not self.values[0].channel
            and not self.said.channels
            and not isinstance(self.said.unit, dict)
        )

    @cached_property
    def quality(self) -> tuple[int, ...]:
        """Positions of columns that may say of a line that its numbers are no readings."""
        names = enumerate(self.names)
        return tuple(i for i, name in names if i not in self.used and says_quality(name))

    @cached_property
    def used(self) -> frozenset[int]:
        """Positions of all columns that mean something."""
        hours = None if self.hours is None else self.hours[0]
        single = (
            self.interval, self.device, self.register, self.unit, self.factor, hours, self.anomaly,
        )  # fmt: skip
        values = (value.position for value in self.values)
        return frozenset(p for p in (*self.stamp, *self.until, *single, *values) if p is not None)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are kept out."""
        return tuple(name for i, name in enumerate(self.names) if i not in self.used)

    @cached_property
    def missing(self) -> frozenset[str]:
        """Texts, in lower case, that stand for no value."""
        return MISSING | {text.strip().casefold() for text in self.said.missing}

    def meaning(
        self, value: ValueColumn, device: str, register: str = "", unit: str = "", factor: str = ""
    ) -> Meaning | str:
        """What a column's numbers are on lines with these texts, or why they are left out."""
        key = (value.position, device, register, unit, factor)
        meaning = self._meanings.get(key)
        if meaning is None:
            if len(self._meanings) >= _MOST_MEANINGS:
                self._meanings.clear()
            meaning = self._meanings[key] = self._find_meaning(value, *key[1:])
        return meaning

    @cached_property
    def _meanings(self) -> dict[tuple[int, str, str, str, str], Meaning | str]:
        """Those that were looked up before: blocks of a file say the same again and again."""
        return {}

    def _find_meaning(
        self, value: ValueColumn, device: str, register: str, unit: str, factor: str
    ) -> Meaning | str:
        site, _, channel = _clean_id(device or value.site or self.site).partition("/")
        if not site:
            return "device_empty"
        rule = value.channel
        if self.register is not None:
            rule = rule_for(self.said.channels, register)
            if rule is None:
                rule = rule_of_register(register)
            if not rule:
                why = no_power(register) or no_power(unit)
                return why or f"register {register!r} is left out"
        sign = value.sign
        if rule is not None:
            sign = sign or {"+": 1, "-": -1}.get(rule[:1], 0)
            channel = rule.lstrip("+-")
        said = self._unit(value, register, unit)
        if said is None:
            return no_power(unit) or f"unit {unit!r} is neither power nor energy"
        scale = scale_of(said)
        times = number_of(factor) if factor else 1.0
        if times is None:
            return f"factor {factor!r} is no number"
        name = f"{site}/{channel or MAINS}"
        if sign and self.register is not None:
            name = part_name(name, sign, register)
        total, ends = scale.quantity == "total", self.said.stamp_is == "end"
        late = total and not ends and self.said.totals_at == "end"
        measure = Measure(
            scale.quantity,
            interval_s=self.said.interval_s if late or not total else None,
            ends=ends and not total,
            late=late,
            held=bool(self.said.held) and scale.quantity == "power",
        )
        return Meaning(name, measure, scale.factor * times)

    def _unit(self, value: ValueColumn, register: str, unit: str) -> Unit | None:
        """The unit that was said for the register, in the column of units, for the column."""
        if isinstance(self.said.unit, dict):
            by_register = rule_for(self.said.unit, register) if register else None
            text = by_register or rule_for(self.said.unit, value.name)
            if text:
                return checked_unit(text)
        if self.unit is not None:
            stated = checked_unit(unit) if unit in UNITS else unit_of(unit)
            total = (value.unit or "").endswith("-counter") and (stated or "").endswith("h")
            return checked_unit(f"{stated}-counter") if total else stated
        of_register = unit_in_name(register) if register and value.unit is None else None
        return value.unit or of_register or self.default_unit


def rule_of_register(text: str) -> str:
    """The channel of a register where nobody says it, by its name; empty for what is no use.

    >>> rule_of_register("Offtake Night"), rule_of_register("2.8.0"), rule_of_register("fridge")
    ('+mains', '-mains', 'fridge')
    """
    if not text:
        return MAINS
    sense = sense_of(text)
    if no_power(text):
        return ""
    if sense.flow == "production":
        return SOLAR
    if sense.flow in ("import", "export"):
        return "-mains" if sense.flow == "export" else "+mains"
    if sense.flow == "other":
        return channel_of(text)
    return "+mains" if sense.is_part else MAINS


def _clean_id(text: str) -> str:
    """An id without what spreadsheets wrap around it.

    >>> _clean_id('="5499"'), _clean_id("'1099"), _clean_id("home1/kettle")
    ('5499', '1099', 'home1/kettle')
    """
    text = text.strip(" \t")
    if text.startswith("="):
        text = text[1:].strip('"')
    return text.strip("'").strip() if text.startswith("'") else text


def number_of(text: str) -> float | None:
    """A number in whatever form, near enough to compare columns; None where it is none."""
    plain = text.replace(" ", "").replace("'", "").replace("’", "")
    if "," in plain:
        plain = plain.replace(".", "").replace(",", ".") if plain.count(",") == 1 else ""
    try:
        return float(plain)
    except ValueError:
        return None


def checked_unit(text: str) -> Unit:
    if text.strip() == "mW":
        return "mW"
    for unit in UNITS[1:]:
        if unit.casefold() == text.strip().casefold():
            return unit
    unit_spelled = unit_of(text)
    if unit_spelled is None:
        raise BadInputError(f"{text!r} is no unit", fix=f"use one of {', '.join(UNITS)}")
    return unit_spelled


@lru_cache(4096)
def _rule_of(rules: tuple[tuple[str, str], ...], text: str) -> str | None:
    plain = plain_name(text)
    for spelling in (plain, bare_name(text)):
        for pattern, rule in rules:
            if plain_name(pattern) == spelling:
                return rule
    for pattern, rule in rules:
        if "*" in pattern and fnmatchcase(plain, plain_name(pattern)):
            return rule
    return None


def rule_of_column(rules: Mapping[str, str], name: str) -> str | None:
    """What a table says of a column: a bare ``*`` does not name one."""
    return rule_for({pattern: rule for pattern, rule in rules.items() if pattern != "*"}, name)


def rule_for(rules: Mapping[str, str], text: str) -> str | None:
    """What a table says of a name: to the letter, or else by the first pattern with a ``*``."""
    return _rule_of(tuple(rules.items()), text)
