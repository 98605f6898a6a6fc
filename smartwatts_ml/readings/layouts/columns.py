"""Which columns of one file hold what: from its layout, from what a user says, from its names
and from what stands in them.

What none of them tells is asked for, in one sentence with the lines to paste.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.columns import ANOMALY, CONSUMPTION, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.layouts.file_columns import FileColumns
from smartwatts_ml.readings.layouts.mapping import (
    ColumnMapping,
    ValueColumn,
    checked_unit,
    number_of,
)
from smartwatts_ml.readings.layouts.names import (
    DEVICE,
    FACTOR,
    INTERVAL,
    UNIT,
    channel_of,
    is_appliance,
    role_of,
    sense_of,
)
from smartwatts_ml.readings.layouts.preamble import zone_in
from smartwatts_ml.readings.layouts.registers import register_column
from smartwatts_ml.readings.layouts.stamp_columns import StampColumns, stamp_columns
from smartwatts_ml.readings.layouts.unsaid_units import check_units
from smartwatts_ml.readings.layouts.value_columns import value_columns, with_totals_told
from smartwatts_ml.readings.units import no_power, unit_of
from smartwatts_ml.sources import UNITS, Layout, Unit, toml_string

__all__ = ["map_columns"]

_BARE_ID = re.compile(r"[\w.@:+-]+(/[\w.@:+ -]+)?")
_PACKED = re.compile(r"\.(gz|zst|zstd)$", re.IGNORECASE)
_LENGTH = re.compile(r"PT?\d+[DHMS]|\d+ ?(?:s|sec|seconds?|m|min|minutes?|h|hours?)", re.IGNORECASE)
_MIDNIGHT = re.compile(r"[^T:]*(?:[ T]00:00(?::00)?(?:Z|[+-]\d\d:?\d\d)?)?")
_24_00 = re.compile(r"(?<![\d:.])24[:.]?00")
_0_00 = re.compile(r"(?<![\d:.])0?0[:.]00(?![:.]\d*[1-9])")
_UNIT_BEHIND = re.compile(r" ?[\[(][^\])]*[\])]$")
_MOST_COLUMNS = 4096
_SHOWN = 5
_MOST_RULES = 20
_OF_SITES = re.compile(r"site|home|house|customer|household|meter|ean|cups|mpan|nmi", re.IGNORECASE)


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
    stamps = stamp_columns(file, roles)
    device, devices, site = _device(file, roles, stamps)
    unit = _unit_column(file, roles)
    interval = _interval_column(file, roles)
    factor = _factor_column(file, roles)
    taken = stamps.taken | {p for p in (device, unit, interval, factor) if p is not None}
    register = None
    if not (file.has(CONSUMPTION) and file.has(TIMESTAMP)) or said.register_:
        register = register_column(file, roles, stamps.of_line, device, devices, taken)
    apart = [position for position in (device, register) if position is not None]
    values = value_columns(
        file,
        roles,
        taken | {*apart, *([] if devices is None else [devices])},
        stamps.hours is None and all(map(_MIDNIGHT.fullmatch, file.texts(stamps.start[-1]))),
        apart,
        register is not None,
    )
    if unit is not None:
        values = tuple(with_totals_told(file, values, unit, apart))
    else:
        check_units(file, values, register, default_unit)
    return ColumnMapping(
        names=file.names,
        layout=layout,
        stamp=stamps.stamp,
        values=tuple(_of_site(value, site) for value in values),
        until=stamps.until,
        interval=interval,
        device=device,
        site=site,
        register=register,
        unit=unit,
        factor=factor,
        hours=stamps.hours,
        anomaly=file.position(ANOMALY) if file.has(ANOMALY) else None,
        said=said.model_copy(update=_own_word(file, stamps, values)),
        default_unit=default_unit,
    )


def _of_site(value: ValueColumn, site: str) -> ValueColumn:
    """Named after its column, where the site is."""
    if "{column}" not in site:
        return value
    column = _UNIT_BEHIND.sub("", value.name).strip() or value.name
    return replace(value, site=site.replace("{column}", column))


def _own_word(
    file: FileColumns, stamps: StampColumns, values: Sequence[ValueColumn]
) -> dict[str, str | None]:
    """What header and stamps themselves say of clock and end, which wins over what is said."""
    word: dict[str, str | None] = {}
    if values[0].minutes is not None:
        word["stamp_is"] = None  # it is about the names of the columns
        return word
    totals = any((value.unit or "").endswith("-counter") for value in values)
    instants = totals or file.said.stamp_is is not None
    if stamps.ends or (not instants and _closes_days(file, stamps)):
        word["stamp_is"] = "end"
    for zone in (stamps.zone, *(zone_in(file.names[position]) for position in stamps.start)):
        if zone:
            word["timezone"] = zone
    return word


def _closes_days(file: FileColumns, stamps: StampColumns) -> bool:
    """Whether midnight is 24:00 of the day before, and never 0:00."""
    texts = file.sample[stamps.start[-1]]
    return any(map(_24_00.search, texts)) and not any(map(_0_00.search, texts))


def _device(
    file: FileColumns, roles: Sequence[str | None], stamps: StampColumns
) -> tuple[int | None, int | None, str]:
    """The column of devices, or else a column that could be and the site; positions."""
    stated = file.said.device
    if stated is not None and file.has(stated):
        return file.position(stated), None, ""
    by_name = next(
        (
            i
            for i, role in enumerate(roles)
            if role == DEVICE and i not in stamps.taken and _holds_ids(file, i)
        ),
        None,
    )
    if stated is None and file.has(DEVICE_ID):
        return file.position(DEVICE_ID), None, ""
    if stated is None:
        device = None if file.layout else by_name
        if device is not None:
            _check_sites(file, device)
        return device, None, _of_path("{home}", file) if device is None else ""
    if "{" in stated:
        return None, by_name, _of_path(stated, file)
    if _BARE_ID.fullmatch(stated):
        return None, by_name, stated
    raise BadInputError(
        f"{file.where}: no column {stated}", fix=f"the columns are {', '.join(file.names)}"
    )


def _check_sites(file: FileColumns, position: int) -> None:
    """Ask where devices are called after appliances or panels, so that they are parts of a home
    and no homes."""
    name, texts = file.names[position], file.texts(position)
    senses = {text: sense_of(text).flow for text in texts}
    parts = [t for t in texts if is_appliance(t) or senses[t] in ("production", "export")]
    if not parts or _OF_SITES.search(name) or any("/" in text for text in texts):
        return
    wholes = [t for t in texts if t not in parts]
    supply = next((t for t in wholes if senses[t] != "other"), next(iter(wholes), None))
    rules = ", ".join(
        f"{toml_string(t)} = {toml_string(MAINS if t == supply else channel_of(t))}"
        for t in texts[:_MOST_RULES]
        if t in (supply, *parts)
    )
    shown = ", ".join(texts[:_SHOWN]) + (", …" if len(texts) > _SHOWN else "")
    column = toml_string(name)
    raise file.ask(
        f"{name} names parts of a home, and no homes ({shown}): which is its supply?",
        f'device = "home1"\nregister = {column}\nchannels = {{{rules}}}',
        f"device = {column}  # each is a site with a supply of its own",
    )


def _holds_ids(file: FileColumns, position: int) -> bool:
    """Whether it may name devices: texts or whole numbers that come again."""
    texts = [text for text in file.sample[position] if text]
    distinct = file.texts(position)
    if not texts or file.contents[position] in ("time", "range"):
        return False
    whole = all(text.strip("'=\"").isdigit() for text in distinct)
    return (whole or file.contents[position] == "text") and 2 * len(distinct) <= len(texts) + 1


def _of_path(template: str, file: FileColumns) -> str:
    """The site that a file's folder or name says."""
    *folders, last = file.key.removeprefix("landing/").split("/")
    name = _PACKED.sub("", last).rpartition(".")[0] or last
    folder = folders[-1] if folders else name
    known = {"folder": folder, "name": name, "home": folder, "column": "{column}"}
    try:
        return template.format_map(known)
    except (KeyError, ValueError, IndexError) as error:
        raise BadInputError(
            f"{file.where}: device {template!r} names no part of the path",
            fix="{folder}, {name} and {column} are known",
        ) from error


def _unit_column(file: FileColumns, roles: Sequence[str | None]) -> int | None:
    stated = file.said.unit
    if isinstance(stated, str) and stated not in UNITS:
        if file.has(stated):
            return file.position(stated)
        checked_unit(stated)
    if isinstance(stated, str):
        return None
    for position, role in enumerate(roles):
        if role == UNIT and any(unit_of(t) or no_power(t) for t in file.texts(position)):
            return position
    return None


def _interval_column(file: FileColumns, roles: Sequence[str | None]) -> int | None:
    """As said; or one that is called so, of lengths with their unit."""
    if file.said.interval:
        return file.position(file.said.interval)
    for position, role in enumerate(roles):
        texts = file.texts(position)
        if role == INTERVAL and texts and all(map(_LENGTH.fullmatch, texts)):
            return position
    return None


def _factor_column(file: FileColumns, roles: Sequence[str | None]) -> int | None:
    if file.said.factor:
        return file.position(file.said.factor)
    for position, role in enumerate(roles):
        texts = file.texts(position)
        if role == FACTOR and texts and all(number_of(text) is not None for text in texts):
            return position
    return None
