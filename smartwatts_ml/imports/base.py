"""What a format hands over: houses, each with channels whose counts add up.

A format finds the houses in a path and reads each as a stream of ``ChannelReadings``: some
readings of one channel, in the order of the source. All else (names, duplicates, resampling,
files) is the same for every format.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple, TypeVar

import numpy as np

from smartwatts_ml.errors import BadInputError, SmartwattsError
from smartwatts_ml.imports.labels import Labels, channel_names
from smartwatts_ml.readings.resample import MICRO

__all__ = [
    "ACTIVE",
    "APPARENT",
    "Channel",
    "ChannelReadings",
    "FORMATS",
    "FileAccount",
    "FindHouses",
    "House",
    "Options",
    "Report",
    "open_format",
    "packed_hint",
]

ACTIVE = "active"
APPARENT = "apparent"
_EXAMPLES = 5
FORMATS = {
    "refit": "smartwatts_ml.imports.refit:houses",
    "ukdale": "smartwatts_ml.imports.ukdale:houses",
    "redd": "smartwatts_ml.imports.redd:houses",
    "iawe": "smartwatts_ml.imports.iawe:houses",
    "eco": "smartwatts_ml.imports.eco:houses",
    "ideal": "smartwatts_ml.imports.ideal:houses",
    "enertalk": "smartwatts_ml.imports.enertalk:houses",
    "nilmtk-h5": "smartwatts_ml.imports.nilmtk_h5:houses",
}
"""Each format by name; its module is imported when it is asked for."""

_Place = TypeVar("_Place")
Report = Callable[[int], None]
"""Told how many bytes more of the source are done."""


@dataclass(frozen=True)
class Options:
    """``houses`` empty means all. ``period_s`` None keeps the source's own sampling."""

    houses: tuple[int, ...] = ()
    period_s: int | None = None
    drop_flagged: bool = False
    labels: Labels = field(default_factory=Labels)

    def wanted(self, houses: Mapping[int, _Place]) -> Iterator[tuple[int, _Place]]:
        """Those houses of a data set that are asked for, by number."""
        return (
            (number, houses[number])
            for number in sorted(houses)
            if not self.houses or number in self.houses
        )


@dataclass
class Channel:
    """One channel of a house, and what became of its readings.

    ``taken = used + duplicate + missing + flagged + unpaired + late``; ``written`` counts
    rows: fewer than ``used`` where legs are summed or readings are resampled. ``held``: the
    source writes when its value changes.
    """

    sources: tuple[str, ...]
    label: str
    power: str = ACTIVE
    held: bool = False
    name: str = ""
    taken: int = 0
    used: int = 0
    duplicate: int = 0
    missing: int = 0
    flagged: int = 0
    unpaired: int = 0
    late: int = 0
    written: int = 0
    first: int | None = None
    last: int | None = None

    def saw(self, stamps: np.ndarray) -> None:
        """Count rows written, with stamps int64 µs since the epoch, shape (n,), n > 0."""
        low, high = int(stamps.min()), int(stamps.max())
        self.written += len(stamps)
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    def to_json(self) -> dict[str, Any]:
        counts = ("taken", "used", "duplicate", "missing", "flagged", "unpaired", "late", "written")
        return {
            "sources": list(self.sources),
            "label": self.label,
            "channel": self.name,
            "power": self.power,
            **{name: getattr(self, name) for name in counts},
            "first": _instant(self.first),
            "last": _instant(self.last),
        }


def _instant(stamp_us: int | None) -> str | None:
    """ISO 8601 in UTC, to the second.

    >>> _instant(1_356_998_400_500_000)
    '2013-01-01T00:00:00Z'
    """
    return None if stamp_us is None else f"{np.datetime64(stamp_us // MICRO, 's')}Z"


@dataclass
class FileAccount:
    """``lines = header + blank + bad + used``; of HDF5, the rows of one table."""

    path: str
    lines: int = 0
    header: int = 0
    blank: int = 0
    bad: int = 0
    used: int = 0
    examples: list[str] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """Count a bad line; the first few are kept to be shown."""
        self.bad += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{self.path}:{line}: {reason}")

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


class ChannelReadings(NamedTuple):
    """Some readings of a channel: ``stamps`` int64 µs since the epoch, ``watts`` float64,
    NaN where missing; both of shape (n,)."""

    channel: Channel
    stamps: np.ndarray
    watts: np.ndarray


@dataclass
class House(ABC):
    """``size``: bytes to read. ``notes``: what a user should know about this house."""

    number: int
    site: str
    channels: list[Channel]
    size: int
    files: list[FileAccount] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = channel_names([channel.label for channel in self.channels])
        for channel, name in zip(self.channels, names, strict=True):
            channel.name = name

    @abstractmethod
    def read(self, options: Options, report: Report) -> Iterator[ChannelReadings]:
        """Stream the house; fills ``files`` and the channels' counts of what is kept out."""


FindHouses = Callable[[Path, Options], list[House]]
"""The wanted houses below a path, by number. Raises BadInputError where the layout is
another."""


def open_format(name: str) -> FindHouses:
    """How the format of that name finds houses. Raises SmartwattsError where a library for
    it is missing."""
    try:
        find: FindHouses = resolve_name(FORMATS[name])
    except ModuleNotFoundError as error:
        raise SmartwattsError(
            f"{error.name} is not installed", fix="pip install 'smartwatts-ml[nilmtk]'"
        ) from error
    return find


def packed_hint(path: Path) -> str:
    """A remark for errors: the folder holds an archive that wants unpacking."""
    if not path.exists():
        raise BadInputError(f"no file or folder {path}")
    inside = sorted(path.iterdir()) if path.is_dir() else []
    packed = [p.name for p in inside if p.suffix.lower() in (".7z", ".zip", ".tgz", ".gz", ".bz2")]
    return f"; unpack {packed[0]} first" if packed else ""
