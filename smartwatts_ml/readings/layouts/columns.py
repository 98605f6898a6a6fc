"""Which columns of one file hold what: from its layout, from what a user says, from its names.

What none of them tells is asked for, in one sentence with the lines to paste.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.columns import ANOMALY, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.layouts.file_columns import FileColumns
from smartwatts_ml.readings.layouts.mapping import ColumnMapping, checked_unit
from smartwatts_ml.readings.layouts.names import DEVICE, END, STAMP, UNIT, role_of
from smartwatts_ml.readings.layouts.value_columns import value_columns
from smartwatts_ml.readings.units import no_power, unit_of
from smartwatts_ml.sources import UNITS, Layout, Unit

__all__ = ["map_columns"]

_DATE = re.compile(r"\W*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\W*|\d{8}")
_TIME = re.compile(r"\d{1,2}[:.]\d\d([:.]\d\d(\.\d+)?)?( ?[AaPp]\.?[Mm]\.?)?")
_BARE_ID = re.compile(r"[\w.@:+-]+(/[\w.@:+ -]+)?")
_PACKED = re.compile(r"\.(gz|zst|zstd)$", re.IGNORECASE)
_MOST_COLUMNS = 4096


def map_columns(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    said: Layout,
    where: str,
    key: str,
    layout: str = "",
    default_unit: Unit = "W",
) -> ColumnMapping:
    """What each column of a file holds.

    ``names``: its header; ``sample``: some fields of each column; ``said``: what layout and
    source say together; ``where`` and ``key``: the file for people and for patterns. Raises
    BadInputError where something is named that is not there, or cannot be known.
    """
    if len(names) > _MOST_COLUMNS:
        raise BadInputError(f"{where}: more than {_MOST_COLUMNS} columns", fix="split the file")
    file = FileColumns(tuple(names), sample, where, key, layout, said)
    roles = [role_of(name) for name in names]
    stamp, until, ends = _stamps(file, roles)
    device, site = _device(file, roles)
    register = file.position(said.register_) if said.register_ else None
    unit = _unit_column(file, roles)
    taken = {*stamp, *until, device, register, unit}
    values = value_columns(file, roles, taken, unit)
    if any(value.channel for value in values) and not said.register_:
        register = None
    interval = file.position(said.interval) if said.interval else None
    anomaly = file.position(ANOMALY) if file.has(ANOMALY) else None
    own_word = {"stamp_is": "end"} if ends else {}
    if any(re.search(r"\b(utc|gmt)\b", names[i], re.IGNORECASE) for i in stamp):
        own_word["timezone"] = "UTC"
    merged = said.model_copy(update=own_word)
    return ColumnMapping(
        names=file.names,
        layout=layout,
        stamp=stamp,
        values=values,
        until=until,
        interval=interval,
        device=device,
        site=site,
        register=register,
        unit=unit,
        anomaly=anomaly,
        said=merged,
        default_unit=default_unit,
    )


def _stamps(
    file: FileColumns, roles: Sequence[str | None]
) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """Columns of stamps, of ends, and whether the stamps themselves are ends."""
    said = file.said
    if said.timestamp:
        stamp = tuple(map(file.position, said.timestamp))
        return stamp, tuple(map(file.position, said.until)), False
    if file.has(TIMESTAMP):
        return (file.position(TIMESTAMP),), tuple(map(file.position, said.until)), False
    starts = _stamp_columns(file, [i for i, role in enumerate(roles) if role == STAMP])
    ends = _stamp_columns(file, [i for i, role in enumerate(roles) if role == END])
    if said.until:
        ends = tuple(map(file.position, said.until))
    if not starts and ends:
        return ends, (), True
    if not starts:
        columns = ", ".join(file.names)
        raise file.ask(
            f"no header that names the timestamps (columns: {columns})",
            'timestamp = "…"  # a column, or two: ["date", "time"]',
            'consumption = {"…" = "kWh"}  # a column and its unit',
        )
    if len(ends) == 1 and file.share(ends[0], _TIME) and not file.share(ends[0], _DATE):
        dates = [i for i in starts if file.share(i, _DATE)]
        ends = (dates[0], ends[0]) if len(starts) == 2 and dates else ()
    return starts, ends, False


def _stamp_columns(file: FileColumns, candidates: Sequence[int]) -> tuple[int, ...]:
    """One column of whole stamps, or a date and a time."""
    dates = [i for i in candidates if file.share(i, _DATE)]
    times = [i for i in candidates if i not in dates and file.share(i, _TIME)]
    whole = [i for i in candidates if i not in dates and i not in times and _filled(file, i)]
    if whole:
        exact = [i for i in whole if any(c.isdigit() for c in "".join(file.sample[i][:3]))]
        return tuple((exact or whole)[:1])
    if dates and times:
        return dates[0], times[0]
    return tuple(dates[:1] or candidates[:1] if not _any_filled(file) else dates[:1])


def _filled(file: FileColumns, position: int) -> bool:
    return any(file.sample[position])


def _any_filled(file: FileColumns) -> bool:
    return any(any(column) for column in file.sample)


def _device(file: FileColumns, roles: Sequence[str | None]) -> tuple[int | None, str]:
    """The column of devices, and the site where there is none."""
    stated = file.said.device
    if stated is not None:
        if file.has(stated):
            return file.position(stated), ""
        if "{" in stated:
            return None, _of_path(stated, file)
        if _BARE_ID.fullmatch(stated):
            return None, stated
        raise BadInputError(
            f"{file.where}: no column {stated}", fix=f"the columns are {', '.join(file.names)}"
        )
    if file.has(DEVICE_ID):
        return file.position(DEVICE_ID), ""
    devices = [i for i, role in enumerate(roles) if role == DEVICE and _filled(file, i)]
    if devices and not file.layout:
        return devices[0], ""
    return None, _of_path("{home}", file)


def _of_path(template: str, file: FileColumns) -> str:
    """The site that a file's folder or name says."""
    *folders, last = file.key.removeprefix("landing/").split("/")
    name = _PACKED.sub("", last).rpartition(".")[0] or last
    folder = folders[-1] if folders else name
    known = {"folder": folder, "name": name, "home": folder}
    try:
        return template.format_map(known)
    except (KeyError, ValueError, IndexError) as error:
        raise BadInputError(
            f"{file.where}: device {template!r} names no part of the path",
            fix="{folder} and {name} are known",
        ) from error


def _unit_column(file: FileColumns, roles: Sequence[str | None]) -> int | None:
    stated = file.said.unit
    if isinstance(stated, str) and stated not in UNITS:
        if file.has(stated):
            return file.position(stated)
        checked_unit(stated)
    if isinstance(stated, str):
        return None
    units = [i for i, role in enumerate(roles) if role == UNIT]
    for position in units:
        if any(unit_of(text) or no_power(text) for text in file.sample[position]):
            return position
    return None
