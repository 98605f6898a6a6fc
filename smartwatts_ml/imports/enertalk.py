"""ENERTALK: 22 Korean homes, 15 readings a second (Shin et al., Sci Data 6:193, 2019).

``00/20161101/00_total.parquet.gzip`` is a day of the mains of home 00, ``01_fridge…`` of an
appliance: Parquet with the columns timestamp (Unix, ms) and active_power (W).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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

__all__ = ["houses"]

_FILE = re.compile(
    r"(?:.*/)?(?P<house>\d\d)/(?P<day>\d{8})/(?P<source>(?P<channel>\d\d)_(?P<what>[\w-]+))"
    r"\.parquet(\.gzip)?"
)
_STAMP, _POWER = "timestamp", "active_power"
_MILLI = 1000
_TOTAL = "00"


@dataclass(frozen=True)
class _ParquetFile(SourceFile):
    def read(self, account: FileAccount, report: Report) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(columns=[_STAMP, _POWER]):
                    stamps = pc.cast(batch[_STAMP], pa.int64()).to_numpy(zero_copy_only=False)
                    account.lines += len(stamps)
                    account.used += len(stamps)
                    watts = pc.cast(batch[_POWER], pa.float64()).to_numpy(zero_copy_only=False)
                    yield stamps * _MILLI, watts
        except (pa.ArrowException, KeyError, OSError) as error:
            raise BadInputError(
                f"{self.path} is no day of ENERTALK: {error}", fix="copy it again, whole"
            ) from error
        report(self.path.stat().st_size)


def houses(path: Path, options: Options) -> list[House]:
    """The wanted homes of ENERTALK below a path."""
    hint = packed_hint(path)
    by_number: dict[int, dict[str, list[SourceFile]]] = defaultdict(lambda: defaultdict(list))
    for file in sorted(path.rglob("*_*.parquet*")):
        if match := _FILE.fullmatch(file.absolute().as_posix()):
            by_number[int(match["house"])][match["source"]].append(_ParquetFile(file))
    if not by_number:
        raise BadInputError(
            f"{path} holds no home of ENERTALK{hint}",
            fix="give the folder that has 00/20161101/00_total.parquet.gzip in it",
        )
    return [_house(n, sources, options) for n, sources in options.wanted(by_number)]


def _house(number: int, sources: dict[str, list[SourceFile]], options: Options) -> House:
    options.labels.check(number, tuple(sources))
    channels, notes = [], []
    for source in sorted(sources):
        channel, _, what = source.partition("_")
        label = options.labels.label(number, source, MAINS if channel == _TOTAL else what)
        if channel_name(label) == UNUSED:
            notes.append(f"{source} is not used")
        else:
            channels.append(Channel((source,), label))
    used = {name: sources[name] for channel in channels for name in channel.sources}
    site = f"enertalk_house{number:02}"
    return FilesHouse(number, site, channels, size_of(used), notes=notes, sources=used)
