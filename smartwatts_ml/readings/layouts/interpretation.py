"""What a file is taken for: columns, stamps and numbers, found out once from its first rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median

from smartwatts_ml.readings.columns import CSV_COLUMNS
from smartwatts_ml.readings.layouts.catalog import layout_named, recognise
from smartwatts_ml.readings.layouts.columns import map_columns
from smartwatts_ml.readings.layouts.day_columns import is_day_header
from smartwatts_ml.readings.layouts.file_columns import FileColumns, content_of
from smartwatts_ml.readings.layouts.mapping import ColumnMapping, checked_unit, number_of
from smartwatts_ml.readings.layouts.names import END, STAMP, VALUE, bare_name, plain_name, role_of
from smartwatts_ml.readings.layouts.number_form import NumberForm, find_numbers
from smartwatts_ml.readings.stamps.forms import ISO, FileStamps, find_stamps
from smartwatts_ml.readings.units import scale_of
from smartwatts_ml.sources import DEFAULTS, Layout, Source, toml_string

__all__ = ["Interpretation", "interpret", "is_header"]

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SECONDS = re.compile(r"\d\d:\d\d:\d\d")
_DAYS = 5.0
"""So many times as much energy as is usual is in no first interval of a day."""


@dataclass(frozen=True)
class Interpretation:
    """``until``: how ends are written, None where there are none. ``held_by_rows``: values hold
    until the next, as nobody says but the rows show. ``above``: what the file says of unit and
    timezone above its header."""

    mapping: ColumnMapping
    stamps: FileStamps
    until: FileStamps | None
    numbers: NumberForm
    timezone: str
    held_by_rows: bool = False
    above: frozenset[str] = frozenset()

    @property
    def stamps_of_column(self) -> FileStamps | None:
        """How whole timestamps are written; None where each is of two columns, or of a column
        and the name of another."""
        one_column = len(self.mapping.stamp) == 1 and not self.mapping.by_time_of_day
        return self.stamps if one_column else None

    @cached_property
    def unsaid(self) -> frozenset[str]:
        """Fields of a source that neither the file nor what is said of it tells: ``unit``,
        ``timezone``."""
        mapping, stamps = self.mapping, self.stamps
        unit = mapping.unit is not None or isinstance(mapping.said.unit, dict)
        known = {
            "unit": unit or all(value.unit for value in mapping.values),
            "timezone": stamps.is_epoch or stamps.zoned or mapping.said.timezone is not None,
        }
        return frozenset(name for name, is_known in known.items() if not is_known) - self.above

    @property
    def until_borrows(self) -> bool:
        """Whether the date of an end is that of its start."""
        if self.until is None:
            return False
        grammar = self.until.grammar
        if grammar is not None and grammar.sides == 2:
            return not grammar.own_date
        return bool(set(self.mapping.until) & set(self.mapping.stamp))


def is_header(names: Sequence[str], source: Source, rows: Sequence[Sequence[str]] = ()) -> bool:
    """Whether a line names columns of readings: those of a layout, those that the source names,
    some that speak of time and of consumption, or any above ``rows`` of stamps and numbers."""
    plain = {spelling for name in names for spelling in (plain_name(name), bare_name(name))}
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
    width = len(names)
    whole = [row[:width] for row in rows if len(row) >= width and not any(row[width:])]
    contents = [content_of(column) for column in zip(*whole, strict=True)]
    return bool({"stamp", "date"} & set(contents)) and "number" in contents


def interpret(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    source: Source,
    where: str,
    key: str,
    defaults: Layout = DEFAULTS,
    own: Layout | None = None,
    written: Sequence[Sequence[str]] | None = None,
) -> Interpretation:
    """What a file is taken for. ``sample``: some fields of each of its columns; ``written``: the
    same, but for numbers that the file holds as such and not as text, which are empty there;
    ``own``: what its format says of columns.

    Raises BadInputError where it cannot be known, with what to say.
    """
    known = layout_named(source.layout) if source.layout else recognise(names)
    said: Layout = source.over(known) if known else source
    said = said.over(own) if own else said
    assert isinstance(defaults.unit, str)
    assert defaults.timezone is not None
    mapping = map_columns(
        names, sample, said, where, key, known.name if known else "", checked_unit(defaults.unit)
    )
    timezone = mapping.said.timezone or defaults.timezone
    stamps, until = _stamp_forms(mapping, sample, where, said.stamp, timezone)
    if until is not None and not mapping.until:
        mapping = replace(mapping, until=mapping.stamp)
    values = [
        [t for t in (written or sample)[value.position] if t.casefold() not in mapping.missing]
        for value in mapping.values
    ]
    numbers = find_numbers(values, where, said.decimal)
    _check_dates(
        FileColumns(tuple(names), sample, where, key, mapping.layout, said), mapping, stamps
    )
    return Interpretation(mapping, stamps, until, numbers, timezone)


def _check_dates(file: FileColumns, mapping: ColumnMapping, stamps: FileStamps) -> None:
    """Ask where a few timestamps of energy are dates without a time, and have much more of it than
    others: days, among hours."""
    unit = mapping.values[0].unit or mapping.default_unit
    if stamps.form != ISO or file.said.stamp or len(mapping.stamp) != 1 or mapping.by_time_of_day:
        return
    if scale_of(unit).quantity != "energy":
        return
    energy: dict[bool, list[float]] = {True: [], False: []}
    sample = file.sample
    for text, value in zip(
        sample[mapping.stamp[0]], sample[mapping.values[0].position], strict=True
    ):
        if (number := number_of(value)) is not None:
            energy[_DATE.fullmatch(text) is not None].append(number)
    dates, times = energy[True], energy[False]
    if len(dates) < len(times) and dates and median(dates) > _DAYS * abs(median(times)):
        date = next(text for text in sample[mapping.stamp[0]] if _DATE.fullmatch(text))
        seconds = ":%S" if _SECONDS.search(stamps.sample) else ""
        form = f"%Y-%m-%d{stamps.sample[10:11]}%H:%M{seconds}{'%z' if stamps.zoned else ''}"
        raise file.ask(
            f"{date!r} is a date without a time, where others have one, and has much more energy: "
            "is it that of a day?",
            f"stamp = {toml_string(form)}  # of days, which are left out then",
            f"stamp = {toml_string(ISO)}  # it is of the first interval after midnight",
        )


def _stamp_forms(
    mapping: ColumnMapping,
    sample: Sequence[Sequence[str]],
    where: str,
    said: str | None,
    timezone: str,
) -> tuple[FileStamps, FileStamps | None]:
    """How starts and ends are written; what one column tells of day and month holds for all."""
    starts, ends = _joined(sample, mapping.stamp), _joined(sample, mapping.until)
    others = [column for i, column in enumerate(sample) if i not in mapping.used]
    stamps = find_stamps(starts, where, said, beside=[ends, *others], timezone=timezone)
    if stamps.is_range:
        return stamps, replace(stamps, end=True)
    if not mapping.until:
        return stamps, None
    said = said if mapping.said.until else None
    return stamps, find_stamps(ends, where, said, beside=[starts], like=stamps, timezone=timezone)


def _joined(sample: Sequence[Sequence[str]], positions: Sequence[int]) -> list[str]:
    columns = [sample[position] for position in positions]
    return [" ".join(texts).strip() for texts in zip(*columns, strict=True)]
