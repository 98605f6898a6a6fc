"""Which columns of one file hold values of power or energy, and in which unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import CONSUMPTION, TIMESTAMP
from smartwatts_ml.readings.layouts.day_columns import day_columns
from smartwatts_ml.readings.layouts.families import EACH_A_SITE, channels_of
from smartwatts_ml.readings.layouts.file_columns import FileColumns
from smartwatts_ml.readings.layouts.mapping import (
    ValueColumn,
    checked_unit,
    number_of,
    rule_of_column,
)
from smartwatts_ml.readings.layouts.names import VALUE, is_appliance, sense_of
from smartwatts_ml.readings.units import no_power, unit_in_name, unit_of
from smartwatts_ml.sources import UNITS, Unit, toml_string

__all__ = ["value_columns", "with_totals_told"]

_FEWEST_STEPS = 20
_MOST_ASKED = 3
_EITHER_WAY = 0.1
"""Energy of intervals goes up and down alike; a total does so with at most this share of its
steps, as where it is reset."""


def value_columns(
    file: FileColumns,
    roles: Sequence[str | None],
    taken: frozenset[int],
    dated: bool,
    apart: Sequence[int],
    register: bool,
) -> tuple[ValueColumn, ...]:
    """Columns of values, with channels and signs where there are several.

    ``taken``: columns that mean something else; ``dated``: stamps are dates without a time;
    ``apart``: columns that tell devices and registers apart; ``register``: channels are told
    by one of them.
    """
    said = file.said
    if said.consumption:
        columns = [(file.position(name), text) for name, text in said.consumption.items()]
        values = [
            ValueColumn(p, file.names[p], checked_unit(text) if text else _unit(file, p))
            for p, text in columns
        ]
    elif file.has(CONSUMPTION) and file.has(TIMESTAMP):
        position = file.position(CONSUMPTION)
        values = [ValueColumn(position, file.names[position], _unit(file, position))]
    else:
        whole = said.unit if isinstance(said.unit, str) and said.unit in UNITS else None
        ends = None if said.stamp_is is None else said.stamp_is == "end"
        days = day_columns(file.names, checked_unit(whole) if whole else None, ends)
        if days and (dated or file.layout):
            return days
        values = _by_name(file, roles, taken, register)
    values = _still_ones(
        file, [replace(value, unit=_total_or_not(file, value, apart)) for value in values]
    )
    if not values:
        raise _no_values(file, taken)
    return tuple(channels_of(file, values, register))


def with_totals_told(
    file: FileColumns, values: Sequence[ValueColumn], column: int, apart: Sequence[int]
) -> list[ValueColumn]:
    """Values whose unit is in a column, energy of intervals told from a meter's total there too."""
    units = {unit_of(text) for text in file.texts(column)} - {None}
    if len(units) != 1:
        return list(values)
    (stated,) = units
    of_unit = {
        value.position: _total_or_not(file, replace(value, unit=stated), apart)
        for value in values
        if value.unit is None and value.minutes is None
    }
    totals = {place: unit for place, unit in of_unit.items() if (unit or "").endswith("-counter")}
    return [replace(v, unit=totals.get(v.position, v.unit)) for v in values]


def _no_values(file: FileColumns, taken: frozenset[int]) -> BadInputError:
    """What to say where no name speaks of power: which columns have numbers."""
    problem = f"no column of consumption (columns: {', '.join(file.names)})"
    open_columns = [i for i in range(len(file.names)) if i not in taken and file.names[i]]
    numbers = [i for i in open_columns if file.contents[i] == "number"]
    likely = sorted(numbers, key=lambda i: bool(no_power(file.names[i])))[:_MOST_ASKED]
    if not likely:
        return BadInputError(f"{file.where}: {problem}", fix="no other column has numbers")
    answers = [
        f"consumption = {toml_string(file.names[i])}"
        + (f"  # though it seems to be {why}" if (why := no_power(file.names[i])) else "")
        for i in likely
    ]
    if len(likely) > 1:
        answers.append(EACH_A_SITE)
    return file.ask(problem, *answers)


def _by_name(
    file: FileColumns, roles: Sequence[str | None], taken: frozenset[int], register: bool
) -> list[ValueColumn]:
    """Columns of numbers whose names speak of power or energy; or, where somebody says which
    of them is mains, all that do not speak of something else."""
    rules = [None if register else rule_of_column(file.said.channels, n) for n in file.names]
    stated = list(map(bool, rules))
    may_be = [
        i
        for i, name in enumerate(file.names)
        if i not in taken and rules[i] != ""
        if stated[i] or (_holds_numbers(file, i, roles[i]) and not no_power(name))
    ]
    with_unit = any(unit_in_name(file.names[i]) for i in may_be)
    by_column = "{column}" in (file.said.device or "")
    mains_stated = by_column or any(stated[i] for i in may_be)

    def is_power(i: int) -> bool:
        name = file.names[i]
        if with_unit:
            return bool(unit_in_name(name)) or sense_of(name).flow not in ("other", "plain")
        return mains_stated or roles[i] == VALUE or is_appliance(name)

    chosen = [i for i in may_be if stated[i] or is_power(i)]
    return [ValueColumn(i, file.names[i], _unit(file, i)) for i in chosen]


def _holds_numbers(file: FileColumns, position: int, role: str | None) -> bool:
    """Whether it has numbers, or nothing, under a name of values."""
    if file.contents[position] == "empty":
        return role == VALUE
    filled = [text for text in file.sample[position] if text]
    numbers = sum(number_of(text) is not None for text in filled)
    return 2 * numbers > len(filled)


def _unit(file: FileColumns, position: int) -> Unit | None:
    stated = file.said.unit
    if isinstance(stated, str) and stated in UNITS:
        return checked_unit(stated)
    return unit_in_name(file.names[position])


def _still_ones(file: FileColumns, values: Sequence[ValueColumn]) -> list[ValueColumn]:
    """With what stands still as a total, where another column of energy is one: of a register
    that counts nothing as yet, no step tells."""
    if file.layout or not any((value.unit or "").endswith("-counter") for value in values):
        return list(values)

    def is_still(value: ValueColumn) -> bool:
        numbers = {number_of(text) for text in file.sample[value.position]} - {None}
        return len(numbers) == 1 and numbers != {0.0}

    return [
        replace(value, unit=checked_unit(f"{value.unit}-counter"))
        if (value.unit or "").endswith("h") and is_still(value)
        else value
        for value in values
    ]


def _total_or_not(file: FileColumns, value: ValueColumn, apart: Sequence[int]) -> Unit | None:
    """The unit, with energy of intervals told from a meter's total by how it goes up and down.

    A total that goes either way, of a meter that is net, has to be called so by its name.
    """
    unit = value.unit
    if unit is None or not unit.removesuffix("-counter").endswith("h") or file.layout:
        return unit
    if isinstance(file.said.unit, str) or file.said.consumption.get(value.name):
        return unit
    energy = unit.removesuffix("-counter")
    series: dict[tuple[str, ...], list[float]] = {}
    for line, text in enumerate(file.sample[value.position]):
        number = number_of(text)
        if number is not None:
            key = tuple(file.sample[position][line] for position in apart)
            series.setdefault(key, []).append(number)
    steps = np.concatenate([np.diff(numbers) for numbers in series.values()] or [np.zeros(0)])
    steps = steps[steps != 0]
    if len(steps) < _FEWEST_STEPS:
        return unit
    rising = float(np.mean(steps > 0))
    if not _EITHER_WAY < rising < 1 - _EITHER_WAY:
        return f"{energy}-counter"  # type: ignore[return-value]
    lowest = min(abs(number) for numbers in series.values() for number in numbers)
    near_zero = lowest <= np.abs(steps).max()
    return energy if near_zero else unit  # type: ignore[return-value]
