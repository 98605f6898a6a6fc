"""Folders ``house_<n>`` with ``labels.dat`` and ``channel_<k>.dat``: REDD, and UK-DALE
after it. A line of a channel is ``unix_seconds watts``, UTC. Names in any case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports.base import House, Options, packed_hint
from smartwatts_ml.imports.labels import UNUSED, channel_name
from smartwatts_ml.imports.text import TextLayout

__all__ = ["DAT_LAYOUT", "Labelled", "find_houses", "labelled"]

_FOLDER = re.compile(r"house_?(\d+)", re.IGNORECASE)
_CHANNEL = re.compile(r"(channel_\d+)\.dat")
_LABEL = re.compile(r"(\d+)\s+(\S.*)")
_DEEPEST = 3
"""Folders between the path and a house, at most."""
DAT_LAYOUT = TextLayout(("stamp", "watts"), ("stamp", "watts"))


@dataclass
class Labelled:
    """Label of each ``channel_<k>`` that has a file, by its name; of those that are ``absent``;
    all ``files`` by name in lower case; ``notes`` on channels that are left out."""

    labels: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_houses(
    path: Path, options: Options, title: str, make: Callable[[int, Path, Options], House]
) -> list[House]:
    """The wanted houses below a path, or the one that the path is itself. Raises BadInputError
    where a house is there twice."""
    hint = packed_hint(path)
    by_number: dict[int, list[Path]] = {}
    for folder in _folders(path, _DEEPEST):
        if match := _FOLDER.fullmatch(folder.resolve().name):
            by_number.setdefault(int(match[1]), []).append(folder)
    if not by_number:
        raise BadInputError(
            f"{path} holds no house of {title}{hint}",
            fix="give the folder that has house_1, house_2, … in it",
        )
    return [make(n, _only(n, folders), options) for n, folders in options.wanted(by_number)]


def _folders(path: Path, deepest: int) -> Iterator[Path]:
    """A folder and those below it, but not those in a house."""
    if not path.is_dir():
        return
    yield path
    if deepest >= 0 and not _FOLDER.fullmatch(path.resolve().name):
        for below in sorted(path.iterdir()):
            yield from _folders(below, deepest - 1)


def _only(number: int, folders: list[Path]) -> Path:
    """The folder of a house with channels in it, as REDD's waveforms have houses, too."""
    full = [folder for folder in folders if any(map(_CHANNEL.fullmatch, _files(folder)))]
    if len(full) > 1:
        raise BadInputError(
            f"house {number} is there {len(full)} times: {', '.join(map(str, full))}",
            fix="give one of the data sets",
        )
    return (full or folders)[0]


def _files(folder: Path) -> dict[str, Path]:
    return {file.name.lower(): file for file in folder.iterdir()}


def labelled(number: int, folder: Path, options: Options) -> Labelled:
    """What the channels of a house are called, by ``labels.dat`` or by the user."""
    house = Labelled(files=_files(folder))
    published = _labels(folder, house.files)
    there = {match[1] for name in house.files if (match := _CHANNEL.fullmatch(name))}
    if not there:
        raise BadInputError(
            f"{folder} holds no channel_<k>.dat{packed_hint(folder)}",
            fix="download this house again",
        )
    for source in sorted(published.keys() | there, key=lambda name: int(name[8:])):
        label = options.labels.label(number, source, published.get(source, "unknown"))
        if source not in there:
            house.notes.append(f"{source} ({published[source]}) has no file")
            house.absent[source] = label
        elif channel_name(label) == UNUSED:
            house.notes.append(f"{source} is not used")
        else:
            house.labels[source] = label
    return house


def _labels(folder: Path, files: Mapping[str, Path]) -> dict[str, str]:
    path = files.get("labels.dat")
    if path is None or not path.is_file():
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
