"""ECO: six Swiss homes, a file a day and meter, a line a second (Beckel et al., BuildSys 2014).

``01_sm_csv/01/2012-06-01.csv`` has the smart meter's active power of all phases in its first of
16 columns, ``01_plugs_csv/01/04/2012-06-01.csv`` that of plug 4 of home 1 in its only one; -1 is
missing. No line has a stamp: its place says the second of the day.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports.base import (
    Channel,
    FileAccount,
    House,
    Options,
    Report,
    packed_hint,
)
from smartwatts_ml.imports.labels import UNUSED, channel_name
from smartwatts_ml.imports.sources import FilesHouse, SourceFile, size_of
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.resample import MICRO

__all__ = ["houses"]

_FILE = re.compile(
    r"(?:.*/)?(?P<house>\d\d)_(?P<box>sm|plugs?)_csv/(?:.*/)?(?P<plug>\d\d)/"
    r"(?P<day>\d{4}-\d\d-\d\d)\.csv"
)
_NUMBER = re.compile(rb"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_DAY_S = 86_400
_LARGEST = 64 << 20
_METER = "meter"
_LABELS = {
    1: "fridge, hair dryer, coffee machine, kettle, washing machine, computer, freezer",
    2: "tablet, dishwasher, air exhaust, fridge, entertainment, freezer, kettle, lamp, laptops, "
    "stove, television, stereo",
    3: "tablet, freezer, coffee machine, computer, fridge, kettle, entertainment",
    4: "fridge, kitchen appliances, lamp, stereo and laptop, freezer, tablet, entertainment, "
    "microwave",
    5: "tablet, coffee machine, fountain, microwave, fridge, entertainment, computer, kettle",
    6: "lamp, laptop, router, coffee machine, entertainment, fridge, kettle",
}
"""Of plugs 1, 2, … of each home."""


@dataclass(frozen=True)
class _DayFile(SourceFile):
    """The power of each second of a day, in the first column."""

    day: np.datetime64

    def read(self, account: FileAccount, report: Report) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if self.path.stat().st_size > _LARGEST:
            raise BadInputError(f"{self.path} is no day of ECO", fix="look at it")
        data = self.path.read_bytes()
        report(len(data))
        lines = data.splitlines()
        account.lines = len(lines)
        if len(lines) != _DAY_S:
            account.reject(len(lines), f"{len(lines)} lines, not {_DAY_S}: no line says its second")
            account.bad = len(lines)
            return
        watts = np.array([self._watts(line, at, account) for at, line in enumerate(lines, 1)])
        account.used = _DAY_S - account.bad
        seconds = self.day.astype("M8[s]").astype(np.int64) + np.arange(_DAY_S)
        good = ~np.isnan(watts)
        yield seconds[good] * MICRO, np.where(watts == -1, np.nan, watts)[good]

    def _watts(self, line: bytes, number: int, account: FileAccount) -> float:
        cell = line.partition(b",")[0]
        if _NUMBER.fullmatch(cell):
            return float(cell)
        account.reject(number, f"{cell[:40].decode('utf-8', 'replace')!r} is not a number")
        return float("nan")


def houses(path: Path, options: Options) -> list[House]:
    """The wanted homes of ECO below a path."""
    hint = packed_hint(path)
    by_number: dict[int, dict[str, list[SourceFile]]] = defaultdict(lambda: defaultdict(list))
    for file in sorted(path.rglob("*.csv")):
        if match := _FILE.fullmatch(file.absolute().as_posix()):
            source = _METER if match["box"] == "sm" else f"plug{int(match['plug'])}"
            day = np.datetime64(match["day"], "D")
            by_number[int(match["house"])][source].append(_DayFile(file, day))
    if not by_number:
        raise BadInputError(
            f"{path} holds no home of ECO{hint}",
            fix="unpack 01_sm_csv.zip and 01_plugs_csv.zip into folders of their names",
        )
    return [_house(n, sources, options) for n, sources in options.wanted(by_number)]


def _house(number: int, sources: dict[str, list[SourceFile]], options: Options) -> House:
    options.labels.check(number, tuple(sources))
    names = _LABELS.get(number, "").split(", ")
    published = {_METER: MAINS} | {f"plug{k}": name for k, name in enumerate(names, 1)}
    notes = ["ECO does not say its clock: its days are taken as days of UTC, as NILMTK does"]
    channels = []
    for source in sorted(sources, key=lambda name: (name != _METER, len(name), name)):
        label = options.labels.label(number, source, published.get(source, "unknown"))
        if channel_name(label) == UNUSED:
            notes.append(f"{source} is not used")
        else:
            channels.append(Channel((source,), label))
    used = {name: sources[name] for channel in channels for name in channel.sources}
    return FilesHouse(
        number, f"eco_house{number}", channels, size_of(used), notes=notes, sources=used
    )
