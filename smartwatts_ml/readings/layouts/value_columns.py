"""Which columns of one file hold values, and which channel each of them is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.columns import CONSUMPTION
from smartwatts_ml.readings.layouts.file_columns import FileColumns
from smartwatts_ml.readings.layouts.mapping import ValueColumn, checked_unit, rule_for
from smartwatts_ml.readings.layouts.names import (
    VALUE,
    channel_of,
    direction_of,
    mains_names,
    time_of_day,
)
from smartwatts_ml.readings.units import no_power, unit_in_name
from smartwatts_ml.sources import UNITS, Unit, toml_string

__all__ = ["value_columns"]

_NUMBER = re.compile(r"[-+]?[\d.,  '’]*\d([eE][-+]?\d+)?")
_FEWEST_TIMES = 20
_RISING = 20
"""Values that have to rise, to show that a column of energy is a meter's total."""


def value_columns(
    file: FileColumns, roles: Sequence[str | None], taken: set[int | None], unit: int | None
) -> tuple[ValueColumn, ...]:
    """Columns of values, with channels and signs where there are several."""
    said = file.said
    if said.consumption:
        columns = [(file.position(name), text) for name, text in said.consumption.items()]
        values = [
            ValueColumn(p, file.names[p], checked_unit(text) if text else _unit_said(file, p))
            for p, text in columns
        ]
    elif file.has(CONSUMPTION):
        position = file.position(CONSUMPTION)
        values = [ValueColumn(position, file.names[position], _unit_said(file, position))]
    else:
        times = _times_of_day(file)
        if times:
            return times
        values = [
            ValueColumn(i, name, _unit_said(file, i))
            for i, name in enumerate(file.names)
            if i not in taken and _may_hold_values(file, i, roles[i])
        ]
    values = [replace(value, unit=_total_or_not(file, value)) for value in values]
    if not values:
        raise file.ask(
            f"no column of consumption (columns: {', '.join(file.names)})",
            'consumption = {"…" = "kWh"}  # a column and its unit',
        )
    return tuple(_channels(file, values, unit))


def _may_hold_values(file: FileColumns, position: int, role: str | None) -> bool:
    name = file.names[position]
    if rule_for(file.said.channels, name):
        return True
    if role != VALUE or not file.share(position, _NUMBER):
        return False
    return no_power(name) is None


def _unit_said(file: FileColumns, position: int) -> Unit | None:
    stated = file.said.unit
    if isinstance(stated, str) and stated in UNITS:
        return checked_unit(stated)
    return unit_in_name(file.names[position])


def _total_or_not(file: FileColumns, value: ValueColumn) -> Unit | None:
    """The unit, with energy told from a meter's total by whether it ever falls."""
    unit = value.unit
    if unit is None or not unit.removesuffix("-counter").endswith("h") or file.layout:
        return unit
    if isinstance(file.said.unit, str) or file.said.consumption.get(value.name):
        return unit
    energy = unit.removesuffix("-counter")
    total = _rises(file.sample[value.position])
    if total is None:
        return unit
    return f"{energy}-counter" if total else energy  # type: ignore[return-value]


def _rises(texts: Sequence[str]) -> bool | None:
    """Whether numbers never fall, or never rise; None where there are too few to say."""
    numbers = []
    for text in texts:
        try:
            numbers.append(float(text.replace(",", ".")))
        except ValueError:
            continue
    if len(numbers) < _RISING or len(set(numbers)) < _RISING // 2:
        return None
    pairs = list(itertools.pairwise(numbers))
    return all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)


def _times_of_day(file: FileColumns) -> tuple[ValueColumn, ...]:
    """A column for each interval of a day. One that begins with the first interval's end and
    closes with midnight names ends."""
    minutes = {i: m for i, name in enumerate(file.names) if (m := time_of_day(name)) is not None}
    if len(minutes) < _FEWEST_TIMES:
        return ()
    positions = sorted(minutes)
    starts = [minutes[i] for i in positions]
    step = min(b - a for a, b in itertools.pairwise(starts) if b > a)
    first, last = starts[0], starts[-1]
    ends = file.said.stamp_is == "end" or (
        file.said.stamp_is is None and first == step and last in (0, 24 * 60)
    )
    shift = step if ends else 0
    unit = _unit_said(file, positions[0])
    return tuple(
        ValueColumn(
            i,
            file.names[i],
            unit,
            minutes=((minutes[i] or (24 * 60 if ends else 0)) - shift),
        )
        for i in positions
    )


def _channels(
    file: FileColumns, values: Sequence[ValueColumn], unit: int | None
) -> Sequence[ValueColumn]:
    """Each column's channel: as said, or by its name where there are several columns."""
    said = file.said
    named: list[ValueColumn] = []
    open_values: list[ValueColumn] = []
    for value in values:
        rule = rule_for(said.channels, value.name) if not said.register_ else None
        if rule is None:
            open_values.append(value)
        elif rule:
            sign = {"+": 1, "-": -1}.get(rule[0], 0)
            named.append(replace(value, channel=rule.lstrip("+-"), sign=sign))
    if len(values) == 1 and not named and (said.register_ or not said.channels):
        return values
    if not open_values:
        return _sorted(named)
    if any(value.channel == MAINS for value in named):
        return _sorted([*named, *(_by_name(value) for value in open_values)])
    directed = [v for v in open_values if direction_of(v.name)]
    candidates = mains_names([v.name for v in open_values if not direction_of(v.name)])
    if len(candidates) == 1:
        mains = candidates[0]
        return _sorted(
            [
                *named,
                *(
                    replace(v, channel=MAINS) if v.name == mains else _by_name(v)
                    for v in open_values
                    if not direction_of(v.name)
                ),
            ]
        )
    if not candidates and {direction_of(v.name) for v in directed} == {1, -1}:
        parts = [replace(v, channel=MAINS, sign=direction_of(v.name)) for v in directed]
        others = [_by_name(v) for v in open_values if not direction_of(v.name)]
        return _sorted([*named, *parts, *others])
    columns = ", ".join(value.name for value in open_values)
    shown = candidates[0] if candidates else open_values[0].name
    raise file.ask(
        f"which of the columns is mains? ({columns})",
        f'channels = {{{toml_string(shown)} = "mains"}}',
    )


def _by_name(value: ValueColumn) -> ValueColumn:
    return replace(value, channel=channel_of(value.name) or f"column_{value.position + 1}")


def _sorted(values: Sequence[ValueColumn]) -> Sequence[ValueColumn]:
    return sorted(values, key=lambda value: value.position)
