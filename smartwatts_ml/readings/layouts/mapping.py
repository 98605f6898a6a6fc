"""What the columns of one file hold, and what a number in them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.layouts.names import bare_name, channel_of, plain_name
from smartwatts_ml.readings.parsed import Measure, part_name
from smartwatts_ml.readings.units import no_power, scale_of, unit_of
from smartwatts_ml.sources import UNITS, Layout, Unit

__all__ = ["MISSING", "ColumnMapping", "Meaning", "ValueColumn", "checked_unit", "rule_for"]


@dataclass(frozen=True)
class ValueColumn:
    """A column of values. ``channel`` None: the device or the register says it. ``sign`` 0:
    it is the channel, not a part of it. ``minutes``: time of day that the column stands for."""

    position: int
    name: str
    unit: Unit | None = None
    channel: str | None = None
    sign: int = 0
    minutes: int | None = None


@dataclass(frozen=True)
class Meaning:
    """What numbers of one device and register are: times ``factor`` they are of ``measure``."""

    device: str
    measure: Measure
    factor: float


@dataclass(frozen=True)
class ColumnMapping:
    """Positions are 0-based. ``layout``: its name, empty where names alone told. ``stamp`` and
    ``until``: one column, or date and time. ``site``: where no column says it."""

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
    anomaly: int | None = None
    said: Layout = field(default_factory=Layout)
    default_unit: Unit = "W"

    @property
    def by_time_of_day(self) -> bool:
        """Whether a line is a day, with a column for each interval."""
        return self.values[0].minutes is not None

    @property
    def is_plain(self) -> bool:
        """Whether each line is one stamp, one value and one device, and no more."""
        return (
            len(self.stamp) == len(self.values) == 1
            and not self.until
            and not self.by_time_of_day
            and self.device is not None
            and self.register is self.unit is self.interval is None
            and not self.values[0].channel
            and not self.said.channels
            and not isinstance(self.said.unit, dict)
        )

    @property
    def used(self) -> frozenset[int]:
        """Positions of all columns that mean something."""
        single = (self.interval, self.device, self.register, self.unit, self.anomaly)
        values = (value.position for value in self.values)
        return frozenset(p for p in (*self.stamp, *self.until, *single, *values) if p is not None)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are kept out."""
        return tuple(name for i, name in enumerate(self.names) if i not in self.used)

    @property
    def missing(self) -> frozenset[str]:
        """Texts, in lower case, that stand for no value."""
        return MISSING | {text.strip().casefold() for text in self.said.missing}

    def meaning(self, value: ValueColumn, device: str, register: str, unit: str) -> Meaning | str:
        """What a column's numbers are on lines with these texts, or why they are left out."""
        site, _, channel = _clean_id(device or self.site).partition("/")
        if not site:
            return "device_empty"
        rule = value.channel
        if self.register is not None:
            rule = rule_for(self.said.channels, register)
            if rule is None:
                rule = channel_of(register) if register else MAINS
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
        name = f"{site}/{channel or MAINS}"
        if sign and self.register is not None:
            name = part_name(name, sign, register)
        measure = Measure(
            scale.quantity,
            interval_s=self.said.interval_s if scale.quantity == "energy" else None,
            ends=self.said.stamp_is == "end",
            held=bool(self.said.held) and scale.quantity == "power",
        )
        return Meaning(name, measure, scale.factor)

    def _unit(self, value: ValueColumn, register: str, unit: str) -> Unit | None:
        """The unit that was said for the register, in the column of units, for the column."""
        if isinstance(self.said.unit, dict):
            by_register = rule_for(self.said.unit, register) if register else None
            text = by_register or rule_for(self.said.unit, value.name)
            if text:
                return checked_unit(text)
        if self.unit is not None:
            return checked_unit(unit) if unit in UNITS else unit_of(unit)
        return value.unit or self.default_unit


MISSING = frozenset(
    {"", "?", "-", "--", "null", "none", "na", "n/a", "#n/a", "nan", "unavailable", "unknown"}
    | {"missing", "no data", "nodata", "\\n"}
)


def _clean_id(text: str) -> str:
    """An id without what spreadsheets wrap around it.

    >>> _clean_id('="5499"'), _clean_id("'1099"), _clean_id("home1/kettle")
    ('5499', '1099', 'home1/kettle')
    """
    text = text.strip(" \t")
    if text.startswith("="):
        text = text[1:].strip('"')
    return text.strip("'").strip() if text.startswith("'") else text


def checked_unit(text: str) -> Unit:
    for unit in UNITS:
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


def rule_for(rules: Mapping[str, str], text: str) -> str | None:
    """What a table says of a name: to the letter, or else by the first pattern with a ``*``."""
    return _rule_of(tuple(rules.items()), text)
