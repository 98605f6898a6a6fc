"""What each column of a file means, or seems to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapping import ColumnMapping, ValueColumn, rule_for
from smartwatts_ml.readings.layouts.names import (
    DEVICE,
    END,
    FACTOR,
    INTERVAL,
    REGISTER,
    STAMP,
    UNIT,
    VALUE,
    role_of,
)
from smartwatts_ml.readings.units import no_power
from smartwatts_ml.sources import Unit

__all__ = ["ColumnMeaning", "guesses", "meanings", "unit_in_words"]

_SHOWN = 40
_SEEMS = {
    STAMP: "a timestamp",
    END: "the end of an interval",
    VALUE: "power or energy",
    DEVICE: "a site or a device",
    REGISTER: "a register",
    UNIT: "a unit",
    INTERVAL: "the length of an interval",
    FACTOR: "a factor of values",
}


@dataclass(frozen=True)
class ColumnMeaning:
    """``example``: one of its texts. ``used``: whether anything is read from it."""

    name: str
    meaning: str
    example: str
    used: bool = True


def meanings(form: Interpretation, sample: Sequence[Sequence[str]]) -> list[ColumnMeaning]:
    """All columns, in the order of the file; those of times of day as one."""
    mapping = form.mapping
    known = dict(_known(mapping))
    columns = []
    times = {value.position for value in mapping.values if mapping.by_time_of_day}
    for position, name in enumerate(mapping.names):
        example = _example(sample[position])
        if position in times:
            if position == mapping.values[0].position:
                columns.append(_times_of_day(mapping, example))
        elif position in known:
            columns.append(ColumnMeaning(name, known[position], example))
        else:
            columns.append(ColumnMeaning(name, _why_ignored(mapping, name), example, used=False))
    return columns


def guesses(names: Sequence[str], sample: Sequence[Sequence[str]]) -> list[ColumnMeaning]:
    """What the columns of a file that is not understood seem to be."""
    columns = []
    for position, name in enumerate(names):
        role, other = role_of(name), no_power(name)
        seems = f"seems to be {_SEEMS[role]}" if role else other or "not known"
        columns.append(ColumnMeaning(name, seems, _example(sample[position]), used=bool(role)))
    return columns


def _known(mapping: ColumnMapping) -> Iterator[tuple[int, str]]:
    ends = "end" if mapping.said.stamp_is == "end" else "start"
    yield from _whole(mapping.until, "end of the interval")
    yield from _whole(mapping.stamp, f"{ends} of the interval")
    singles = {
        mapping.interval: "length of the interval",
        mapping.device: "site, or site/channel",
        mapping.register: f"register{_rules(mapping.said.channels)}",
        mapping.unit: "unit of the values",
        mapping.factor: "values are multiplied by it",
        mapping.hours[0] if mapping.hours else None: "number of the hour of the day",
        mapping.anomaly: "label of abnormal hours",
    }
    yield from ((at, meaning) for at, meaning in singles.items() if at is not None)
    for value in mapping.values:
        yield value.position, _value(mapping, value)


def _whole(positions: Sequence[int], what: str) -> Iterator[tuple[int, str]]:
    parts = ("",) if len(positions) == 1 else (": date", ": time")
    yield from ((at, f"{what}{part}") for at, part in zip(positions, parts, strict=False))


def _rules(channels: Mapping[str, str]) -> str:
    """
    >>> _rules({"Offtake*": "+mains", "*": ""})
    ': Offtake* is +mains, all others are left out'
    """
    if not channels:
        return ", a channel each"
    shown = (
        f"{'all others are' if pattern == '*' else f'{pattern} is'} {rule or 'left out'}"
        for pattern, rule in channels.items()
    )
    return f": {', '.join(shown)}"


def _value(mapping: ColumnMapping, value: ValueColumn) -> str:
    sign = {1: "+", -1: "−"}.get(value.sign, "")
    channel = f"{sign}{value.channel}" if value.channel else "consumption"
    channel = f"{channel} of {value.site}" if value.site else channel
    return channel + _unit(mapping, value)


def _unit(mapping: ColumnMapping, value: ValueColumn) -> str:
    if mapping.unit is not None:
        return f", in the unit of column {mapping.names[mapping.unit]}"
    if isinstance(mapping.said.unit, dict):
        return ", in the unit that its source says"
    return f": {unit_in_words(value.unit or mapping.default_unit)}"


def unit_in_words(unit: Unit) -> str:
    """
    >>> unit_in_words("kW"), unit_in_words("kWh"), unit_in_words("Wh-counter")
    ('power in kW', 'energy of an interval in kWh', "a meter's total in Wh")
    """
    if unit.endswith("-counter"):
        return f"a meter's total in {unit.removesuffix('-counter')}"
    return f"energy of an interval in {unit}" if unit.endswith("h") else f"power in {unit}"


def _times_of_day(mapping: ColumnMapping, example: str) -> ColumnMeaning:
    first, *_, last = mapping.values
    name = f"{first.name} … {last.name} ({len(mapping.values)} columns)"
    unit = _unit(mapping, first)
    minutes = first.minutes or 0
    begins = f"{minutes // 60:02}:{minutes % 60:02}"
    return ColumnMeaning(name, f"consumption{unit}; the first begins at {begins}", example)


def _why_ignored(mapping: ColumnMapping, name: str) -> str:
    if not name:
        return "ignored: it has no name"
    if mapping.register is None and rule_for(mapping.said.channels, name) == "":
        return "left out, as its layout or source says"
    if other := no_power(name):
        return f"ignored: {other}"
    role = role_of(name)
    return f"ignored, though it seems to be {_SEEMS[role]}" if role else "ignored"


def _example(texts: Sequence[str]) -> str:
    return next((text for text in texts if text), "")[:_SHOWN]
