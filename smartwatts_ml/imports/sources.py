"""Houses whose channels are files of their own, each with one series or more of them in turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smartwatts_ml.imports.base import Channel, ChannelReadings, FileAccount, House, Options, Report
from smartwatts_ml.imports.streams import Distinct, summed
from smartwatts_ml.imports.text import TextLayout, number_blocks
from smartwatts_ml.readings.resample import MICRO

__all__ = ["FilesHouse", "SourceFile", "TextFile", "legs_channel", "size_of"]


@dataclass(frozen=True)
class SourceFile(ABC):
    path: Path

    @abstractmethod
    def read(self, account: FileAccount, report: Report) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Stamps int64 µs since the epoch and watts float64, NaN where missing; both of shape
        (n,). Fills ``account``."""


@dataclass(frozen=True)
class TextFile(SourceFile):
    """``layout`` wants two columns: the stamp and the power."""

    layout: TextLayout

    def read(self, account: FileAccount, report: Report) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for rows in number_blocks(self.path, self.layout, account, report):
            yield np.round(rows[:, 0] * MICRO).astype(np.int64), rows[:, 1]


@dataclass(kw_only=True)
class FilesHouse(House):
    """``sources``: the files of each source of the channels, in the order of time."""

    sources: Mapping[str, Sequence[SourceFile]]

    def read(self, options: Options, report: Report) -> Iterator[ChannelReadings]:
        for channel in self.channels:
            legs = [
                Distinct(channel).all(self._readings(source, report)) for source in channel.sources
            ]
            for stamps, watts in summed(legs, channel):
                yield ChannelReadings(channel, stamps, watts)

    def _readings(self, source: str, report: Report) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for file in self.sources[source]:
            account = FileAccount(str(file.path))
            self.files.append(account)
            yield from file.read(account, report)


def size_of(sources: Mapping[str, Sequence[SourceFile]]) -> int:
    """Bytes of all files."""
    return sum(file.path.stat().st_size for files in sources.values() for file in files)


def legs_channel(
    name: str, legs: Sequence[str], absent: Sequence[str], label: str, power: str, notes: list[str]
) -> Channel:
    """The sum of legs; where some are not there it is called what it is, ``mains_1_of_2``
    if the second is missing."""
    if absent:
        every = sorted([*legs, *absent])
        present = [place for place, leg in enumerate(every, 1) if leg in legs]
        label = f"{name}_{'_'.join(map(str, present))}_of_{len(every)}"
        notes.append(
            f"{' and '.join(absent)} of {name} {'are' if len(absent) > 1 else 'is'} not there: "
            f"{' and '.join(legs)} alone {'are' if len(legs) > 1 else 'is'} no {name}, but {label}"
        )
    elif len(legs) > 1:
        notes.append(f"{name} is the sum of {' and '.join(legs)}")
    return Channel(tuple(legs), label, power)
