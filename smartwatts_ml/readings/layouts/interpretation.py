"""What a file is taken for: columns, stamps and numbers, found out once from its first rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smartwatts_ml.readings.columns import CSV_COLUMNS
from smartwatts_ml.readings.layouts.catalog import layout_named, recognise
from smartwatts_ml.readings.layouts.columns import map_columns
from smartwatts_ml.readings.layouts.day_columns import is_day_header
from smartwatts_ml.readings.layouts.file_columns import content_of
from smartwatts_ml.readings.layouts.mapping import ColumnMapping, checked_unit
from smartwatts_ml.readings.layouts.names import END, STAMP, VALUE, plain_name, role_of
from smartwatts_ml.readings.layouts.number_form import NumberForm, find_numbers
from smartwatts_ml.readings.layouts.preamble import word_of_preamble
from smartwatts_ml.readings.stamps.forms import FileStamps, find_stamps
from smartwatts_ml.sources import DEFAULTS, Layout, Source

__all__ = ["Interpretation", "interpret", "is_header"]


@dataclass(frozen=True)
class Interpretation:
    """``until``: how ends are written, None where there are none."""

    mapping: ColumnMapping
    stamps: FileStamps
    until: FileStamps | None
    numbers: NumberForm
    timezone: str


def is_header(names: Sequence[str], source: Source, rows: Sequence[Sequence[str]] = ()) -> bool:
    """Whether a line names columns of readings: those of a layout, those that the source names,
    some that speak of time and of consumption, or any above ``rows`` of stamps and numbers."""
    plain = {plain_name(name) for name in names}
    stated = [*source.timestamp, *source.consumption]
    if stated:
        return {plain_name(name) for name in stated} <= plain
    if recognise(names) or plain & set(CSV_COLUMNS[1:]) or set(CSV_COLUMNS[:1]) <= plain:
        return True
    if len(names) < 2:
        return False
    if is_day_header(names):
        return True
    roles = [role_of(name) for name in names]
    if {STAMP, END} & set(roles) and VALUE in roles:
        return True
    if not rows or {content_of([name]) for name in names} - {"text", "empty"}:
        return False
    contents = [content_of(column) for column in zip(*rows, strict=True)]
    return bool({"stamp", "date"} & set(contents)) and "number" in contents


def interpret(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    source: Source,
    where: str,
    key: str,
    defaults: Layout = DEFAULTS,
    above: Sequence[str] = (),
) -> Interpretation:
    """What a file is taken for. ``sample``: some fields of each of its columns; ``above``: lines
    above its header.

    Raises BadInputError where it cannot be known, with what to say.
    """
    known = layout_named(source.layout) if source.layout else recognise(names)
    said: Layout = source.over(known) if known else source
    defaults = word_of_preamble(above).over(defaults)
    assert isinstance(defaults.unit, str)
    assert defaults.timezone is not None
    mapping = map_columns(
        names, sample, said, where, key, known.name if known else "", checked_unit(defaults.unit)
    )
    stamps = find_stamps(_texts(sample, mapping, mapping.stamp, 0), where, said.stamp)
    until = None
    if mapping.until:
        form = said.stamp if said.until or mapping.ranges else None
        until = find_stamps(_texts(sample, mapping, mapping.until, 1), where, form)
    values = [
        text
        for value in mapping.values
        for text in sample[value.position]
        if text.casefold() not in mapping.missing
    ]
    numbers = find_numbers(values, where, said.decimal)
    timezone = mapping.said.timezone or defaults.timezone
    return Interpretation(mapping, stamps, until, numbers, timezone)


def _texts(
    sample: Sequence[Sequence[str]], mapping: ColumnMapping, positions: Sequence[int], half: int
) -> list[str]:
    """Stamps as they stand in one column or two; of a range its start (0) or end (1)."""
    columns = []
    for position in positions:
        texts = sample[position]
        if position in mapping.ranges:
            texts = [_half(text, mapping.ranges[position], half) for text in texts]
        columns.append(texts)
    return [" ".join(texts).strip() for texts in zip(*columns, strict=True)]


def _half(text: str, mark: str, half: int) -> str:
    parts = text.split(mark)
    return parts[half].strip() if len(parts) == 2 else ""
