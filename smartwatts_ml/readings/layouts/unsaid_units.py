"""Columns and registers that speak of energy, while nobody says their unit: W is none of energy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartwatts_ml.readings.layouts.file_columns import FileColumns
from smartwatts_ml.readings.layouts.mapping import (
    ValueColumn,
    number_of,
    rule_for,
    rule_of_register,
)
from smartwatts_ml.readings.layouts.names import speaks_of_energy
from smartwatts_ml.readings.units import scale_of
from smartwatts_ml.sources import Unit, toml_string

__all__ = ["check_units"]

_FALLS = 0.1
"""Share of the steps of a meter's total that go down, at most."""
_FEWEST = 3


def check_units(
    file: FileColumns, values: Sequence[ValueColumn], register: int | None, default: Unit
) -> None:
    """``register``: the column that tells channels apart; ``default``: the unit of values whose
    unit nobody says. Raises BadInputError where that is one of power, and a name says energy."""
    if scale_of(default).quantity != "power" or isinstance(file.said.unit, str):
        return
    units = file.said.unit or {}
    numbers = {v.name: list(file.sample[v.position]) for v in values if v.unit is None}
    if register is not None and numbers:
        numbers = _by_register(file, register, values[0].position)
    energy = {
        name: texts
        for name, texts in numbers.items()
        if speaks_of_energy(name) and rule_for(units, name) is None
    }
    if not energy:
        return
    totals = all(_rises(texts) for texts in energy.values())
    unit = "kWh-counter" if totals else "kWh"
    whole = register is None and len(energy) == len(values)
    others = ("Wh-counter", "kWh", "Wh") if totals else ("Wh", "kWh-counter", "Wh-counter")
    raise file.ask(
        f"nobody says the unit of {', '.join(energy)}: is it energy of an interval, or a meter's "
        "total?",
        *(_answer(list(energy), name, whole) for name in (unit, *others, "W")),
    )


def _answer(names: Sequence[str], unit: str, whole: bool) -> str:
    what = {"W": "  # it is power", "kWh": "  # of an interval", "Wh": "  # of an interval"}
    said = toml_string(unit)
    if not whole:
        said = f"{{{', '.join(f'{toml_string(name)} = {said}' for name in names)}}}"
    return f"unit = {said}{what.get(unit, '  # a meter counts on')}"


def _by_register(file: FileColumns, register: int, position: int) -> dict[str, list[str]]:
    """Texts of values of each register that is not left out."""
    texts: dict[str, list[str]] = {}
    for name, text in zip(file.sample[register], file.sample[position], strict=True):
        texts.setdefault(name, []).append(text)
    rules = file.said.channels
    return {
        name: values
        for name, values in texts.items()
        if (rule_of_register(name) if rule_for(rules, name) is None else rule_for(rules, name))
    }


def _rises(texts: Sequence[str]) -> bool:
    """Whether numbers hardly ever fall."""
    numbers = np.array([x for x in map(number_of, texts) if x is not None], np.float64)
    steps = np.diff(numbers)
    steps = steps[steps != 0]
    return len(steps) >= _FEWEST and float(np.mean(steps < 0)) <= _FALLS
