"""Folders ``house_<n>`` with ``labels.dat`` and ``channel_<k>.dat``: REDD, and UK-DALE
after it. A line of a channel is ``unix_seconds watts``, UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports.base import (
    Channel,
    ChannelReadings,
    FileAccount,
    House,
    Options,
    Report,
    packed_hint,
)
from smartwatts_ml.imports.labels import UNUSED, channel_name
from smartwatts_ml.imports.streams import Distinct, summed
from smartwatts_ml.imports.text import TextLayout, number_blocks
from smartwatts_ml.readings.resample import MICRO

__all__ = ["DatFile", "DatHouse", "find_houses", "labelled"]

_FOLDER = re.compile(r"house_?(\d+)", re.IGNORECASE)
_LABEL = re.compile(r"(\d+)\s+(\S.*)")
_TWO_COLUMNS = TextLayout(("stamp", "watts"), ("stamp", "watts"))


@dataclass(frozen=True)
class DatFile:
    path: Path
    layout: TextLayout = _TWO_COLUMNS

    def read(self, account: FileAccount, report: Report) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for rows in number_blocks(self.path, self.layout, account, report):
            yield np.round(rows[:, 0] * MICRO).astype(np.int64), rows[:, 1]


@dataclass(kw_only=True)
class DatHouse(House):
    """``sources``: the file of each source of the channels."""

    sources: dict[str, DatFile]

    def read(self, options: Options, report: Report) -> Iterator[ChannelReadings]:
        for channel in self.channels:
            legs = [self._leg(channel, source, report) for source in channel.sources]
            for stamps, watts in summed(legs, channel):
                yield ChannelReadings(channel, stamps, watts)

    def _leg(
        self, channel: Channel, source: str, report: Report
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        file = self.sources[source]
        account = FileAccount(str(file.path))
        self.files.append(account)
        return Distinct(channel).all(file.read(account, report))


def find_houses(
    path: Path, options: Options, title: str, make: Callable[[int, Path, Options], House]
) -> list[House]:
    """The wanted houses below a path, or the one that the path is itself."""
    hint = packed_hint(path)
    folders = [path, *sorted(path.glob("house*")), *sorted(path.glob("*/house*"))]
    by_number: dict[int, Path] = {}
    for folder in folders:
        match = _FOLDER.fullmatch(folder.resolve().name)
        if match and folder.is_dir():
            by_number.setdefault(int(match[1]), folder)
    if not by_number:
        raise BadInputError(
            f"{path} holds no house of {title}{hint}",
            fix="give the folder that has house_1, house_2, … in it",
        )
    return [make(number, folder, options) for number, folder in options.wanted(by_number)]


def labelled(number: int, folder: Path, options: Options) -> tuple[dict[str, str], list[str]]:
    """Label of each ``channel_<k>`` that has a file, and notes on those left out."""
    published = _labels(folder)
    files = {p.stem: p for p in folder.glob("channel_*.dat") if p.stem[8:].isdigit()}
    if not files:
        raise BadInputError(
            f"{folder} holds no channel_<k>.dat{packed_hint(folder)}",
            fix="download this house again",
        )
    labels, notes = {}, []
    for source in sorted(published.keys() | files.keys(), key=lambda name: int(name[8:])):
        if source not in files:
            notes.append(f"{source} ({published[source]}) has no file")
            continue
        label = options.labels.label(number, source, published.get(source, "unknown"))
        if channel_name(label) == UNUSED:
            notes.append(f"{source} is not used")
        else:
            labels[source] = label
    return labels, notes


def _labels(folder: Path) -> dict[str, str]:
    path = folder / "labels.dat"
    if not path.is_file():
        raise BadInputError(
            f"{folder} has no labels.dat", fix="it says what each channel_<k>.dat is: add it"
        )
    labels = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        match = _LABEL.fullmatch(line.strip())
        if match:
            labels[f"channel_{int(match[1])}"] = match[2]
        elif line.strip():
            raise BadInputError(
                f"{path}:{number}: {line.strip()[:40]!r} is no label",
                fix="a line looks like: 5 refrigerator",
            )
    return labels
