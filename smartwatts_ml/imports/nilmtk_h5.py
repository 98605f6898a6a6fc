"""NILMTK's HDF5 files: tables ``/building<n>/elec/meter<k>/table`` that pandas wrote with
PyTables, and NILM Metadata as attributes of the root and of each building.

What is which follows NILMTK: site meters that are not disabled add up to mains, and the
meters of one appliance add up, at the stamps that all have. Active power is taken where a
meter has it, apparent power otherwise.

Attributes are pickles, which PyTables runs as they come. A data set is a stranger's file,
so they are read with h5py, and a pickle may hold plain values alone.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import h5py
import hdf5plugin  # noqa: F401, makes HDF5 read blosc
import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports.base import (
    ACTIVE,
    APPARENT,
    ChannelReadings,
    FileAccount,
    House,
    Options,
    Report,
)
from smartwatts_ml.imports.labels import UNUSED, channel_name
from smartwatts_ml.imports.sources import legs_channel
from smartwatts_ml.imports.streams import Distinct, summed
from smartwatts_ml.readings.base import MAINS

__all__ = ["houses"]

_BUILDING = re.compile(r"building(\d+)")
_ROWS = 500_000
_LARGEST_NAME = 3
"""More appliances than this on one meter are not all named."""


@dataclass(frozen=True)
class _Meter:
    """Where the power of a meter is: ``field`` of its table, ``column`` in that field."""

    table: str
    field: str
    column: int
    power: str
    unit: str  # of the index: s, ms, us or ns

    def stamps(self, index: np.ndarray) -> np.ndarray:
        """int64 µs since the epoch."""
        return index.astype(f"datetime64[{self.unit}]").astype("datetime64[us]").astype(np.int64)


@dataclass(kw_only=True)
class _H5House(House):
    path: Path
    meters: dict[str, _Meter]

    def read(self, options: Options, report: Report) -> Iterator[ChannelReadings]:
        with _opened(self.path) as file:
            for channel in self.channels:
                legs = [
                    Distinct(channel).all(self._leg(file, source, report))
                    for source in channel.sources
                ]
                for stamps, watts in summed(legs, channel):
                    yield ChannelReadings(channel, stamps, watts)

    def _leg(
        self, file: h5py.File, source: str, report: Report
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        meter = self.meters[source]
        table = file[meter.table]
        account = FileAccount(f"{self.path}:{meter.table}", lines=len(table), used=len(table))
        self.files.append(account)
        for first in range(0, len(table), _ROWS):
            try:
                rows = table[first : first + _ROWS]
            except OSError as error:
                raise BadInputError(
                    f"{self.path}: {meter.table} cannot be read from row {first} on: {error}",
                    fix="the file is damaged: download it again",
                ) from error
            watts = rows[meter.field].reshape(len(rows), -1)[:, meter.column]
            report(rows.nbytes)
            yield meter.stamps(rows["index"]), watts.astype(np.float64)


def houses(path: Path, options: Options) -> list[House]:
    """The wanted houses of NILMTK below a path."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise BadInputError(f"{path} {what}", fix="give NILMTK's .h5 file")
    with _opened(path) as file:
        name = _attribute(file, path).get("name") or path.stem
        buildings = {int(m[1]): file[key] for key in file if (m := _BUILDING.fullmatch(key))}
        if not buildings:
            raise BadInputError(
                f"{path} has no /building<n>", fix="it is no file of NILMTK: choose another"
            )
        prefix = re.sub(r"[^a-z0-9]", "", str(name).lower())
        return [
            _house(number, prefix, path, building, options)
            for number, building in options.wanted(buildings)
        ]


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise BadInputError(
            f"{path} is no HDF5 file, or only a part of one",
            fix="NILMTK's files end in .h5; download it again",
        ) from error


def _house(
    number: int, prefix: str, path: Path, building: h5py.Group, options: Options
) -> _H5House:
    metadata = _attribute(building, path)
    if "elec_meters" not in metadata:
        raise BadInputError(
            f"{path}: {building.name} has no metadata of its meters",
            fix="write it with NILMTK's converter, or its convert_yaml_to_hdf5",
        )
    notes: list[str] = []
    meters = _meters(path, building, metadata["elec_meters"], notes)
    options.labels.check(number, tuple(meters))
    channels = []
    for (label, _), sources in _grouped(metadata, meters, number, options).items():
        powers = {meters[source].power for source in sources}
        power = powers.pop() if len(powers) == 1 else "mixed"
        absent = [m for m in _partners(metadata, sources[0]) if f"elec/{m}/table" not in building]
        channels.append(legs_channel(channel_name(label), sources, absent, label, power, notes))
    tables = {meters[source].table for channel in channels for source in channel.sources}
    size = sum(building.file[t].size * building.file[t].dtype.itemsize for t in tables)
    site = f"{prefix}_house{number}"
    return _H5House(number, site, channels, size, notes=notes, path=path, meters=meters)


def _meters(
    path: Path, building: h5py.Group, described: Mapping[int, Any], notes: list[str]
) -> dict[str, _Meter]:
    """The meters that can be used, by name; notes tell of the others."""
    meters = {}
    for number in sorted(described):
        name = f"meter{number}"
        table = building.get(f"elec/{name}/table")
        if described[number].get("disabled"):
            notes.append(f"{name} is disabled in the data set")
        elif table is None:
            notes.append(f"{name} has no table")
        elif (meter := _power(path, table)) is None:
            notes.append(f"{name} measures no power")
        else:
            meters[name] = meter
    return meters


def _power(path: Path, table: h5py.Dataset) -> _Meter | None:
    """Active power of a table, or apparent power; None where it has neither."""
    unit = re.search(r"\[(s|ms|us|ns)\]", _text(table.attrs.get("index_kind", b"")))
    for power in (ACTIVE, APPARENT):
        for name in table.dtype.names or ():
            kind = table.attrs.get(f"{name}_kind")
            columns = _unpickle(kind, path) if name.startswith("values_block") else None
            for column, what in enumerate(columns or ()):
                if tuple(map(str, what)) == ("power", power):
                    return _Meter(table.name, name, column, power, unit[1] if unit else "ns")
    return None


def _grouped(
    metadata: Mapping[str, Any], meters: Mapping[str, _Meter], number: int, options: Options
) -> dict[tuple[str, str], list[str]]:
    """Meters that add up, by label (with the first of them, since labels repeat)."""
    described = metadata["elec_meters"]
    groups: dict[tuple[str, str], list[str]] = {}
    owned: dict[str, list[dict[str, Any]]] = {}
    for appliance in metadata.get("appliances", ()):
        for meter in appliance.get("meters", ()):
            owned.setdefault(f"meter{meter}", []).append(appliance)
    for name in meters:
        site_meter = described[int(name.removeprefix("meter"))].get("site_meter")
        own = owned.get(name, [])
        label = options.labels.label(number, name, MAINS if site_meter else _label(own) or name)
        if channel_name(label) == UNUSED:
            continue
        alone = not own or len(own) > 1
        first = "" if channel_name(label) == MAINS else name if alone else _first(own[0], meters)
        groups.setdefault((label, first), []).append(name)
    return groups


def _partners(metadata: Mapping[str, Any], source: str) -> list[str]:
    """All meters that add up with one: those of the supply, or those of its appliance."""
    described, number = metadata["elec_meters"], int(source.removeprefix("meter"))
    supply = [m for m in described if described[m].get("site_meter")]
    if number in supply:
        return [f"meter{m}" for m in supply if not described[m].get("disabled")]
    own = [a for a in metadata.get("appliances", ()) if number in a.get("meters", ())]
    return [f"meter{m}" for m in own[0]["meters"]] if len(own) == 1 else []


def _first(appliance: Mapping[str, Any], meters: Mapping[str, _Meter]) -> str:
    return next(f"meter{m}" for m in appliance["meters"] if f"meter{m}" in meters)


def _label(appliances: list[dict[str, Any]]) -> str:
    """Name of what a meter feeds; the dominant appliance stands for all where one is."""
    dominant = [a for a in appliances if a.get("dominant_appliance")]
    types = list(dict.fromkeys(str(a["type"]) for a in dominant[:1] or appliances))
    shown = types[:_LARGEST_NAME] + (["others"] if len(types) > _LARGEST_NAME else [])
    return " and ".join(shown)


class _PlainValues(pickle.Unpickler):
    """Numbers, text, dates and containers of them; anything else is refused."""

    ALLOWED: ClassVar[set[tuple[str, str]]] = {
        ("_codecs", "encode"),
        ("collections", "OrderedDict"),
        ("datetime", "date"),
        ("datetime", "datetime"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it would run {module}.{name}")


def _attribute(group: h5py.Group, path: Path) -> dict[str, Any]:
    """NILM Metadata of a group; empty where it has none."""
    value = group.attrs.get("metadata")
    return dict(_unpickle(value, path)) if value is not None else {}


def _unpickle(value: Any, path: Path) -> Any:
    try:
        return _PlainValues(io.BytesIO(bytes(value)), encoding="latin1").load()
    except (pickle.UnpicklingError, ValueError, TypeError, EOFError, IndexError) as error:
        raise BadInputError(
            f"{path}: metadata that cannot be read: {error}",
            fix="take the file from the data set's own site",
        ) from error


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
