"""REFIT: one CSV file a house, mains and nine appliances side by side, active power, 8 s.

``CLEAN_House<N>.csv`` has a header and a last column Issues (1: the appliances add up to
more than the mains); the raw ``House_<N>.csv`` may come without a header. The column Unix
is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from smartwatts_ml.imports.refit_labels import CHANGED, LABELS, SOLAR
from smartwatts_ml.imports.streams import Distinct
from smartwatts_ml.imports.text import TextLayout, number_blocks
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.resample import MICRO

__all__ = ["houses"]

_FILE = re.compile(r"(?P<clean>CLEAN_)?(RAW_)?House_?(?P<house>\d+)\.csv", re.IGNORECASE)
_TIME, _UNIX, _AGGREGATE, _ISSUES = "Time", "Unix", "Aggregate", "Issues"
_APPLIANCES = tuple(f"Appliance{number}" for number in range(1, 10))
_COLUMNS = (_TIME, _UNIX, _AGGREGATE, *_APPLIANCES)
_UNLABELLED = ("Unknown",) * 9


@dataclass(kw_only=True)
class _RefitHouse(House):
    path: Path
    layout: TextLayout

    def read(self, options: Options, report: Report) -> Iterator[ChannelReadings]:
        account = FileAccount(str(self.path))
        self.files.append(account)
        flagged = 0
        distinct = [Distinct(channel) for channel in self.channels]
        for rows in number_blocks(self.path, self.layout, account, report):
            stamps = np.round(rows[:, 0] * MICRO).astype(np.int64)
            issues = self._issues(rows)
            flagged += int(issues.sum())
            for column, channel in enumerate(self.channels, 1):
                unreliable = options.drop_flagged and channel.name == MAINS
                keep = ~issues if unreliable else np.full(len(rows), True)
                channel.taken += len(rows)
                channel.flagged += int(len(rows) - keep.sum())
                watts = rows[keep, column]
                yield ChannelReadings(channel, *distinct[column - 1].take(stamps[keep], watts))
        for channel, held in zip(self.channels, distinct, strict=True):
            yield ChannelReadings(channel, *held.rest())
        if flagged:
            done = "left out" if options.drop_flagged else "kept; --drop-flagged leaves them out"
            self.notes.append(
                f"{flagged:,} mains readings are below the sum of the appliances (Issues = 1): "
                f"{done}"
            )

    def _issues(self, rows: np.ndarray) -> np.ndarray:
        if self.layout.wanted[-1] != _ISSUES:
            return np.full(len(rows), False)
        return rows[:, -1] == 1


def houses(path: Path, options: Options) -> list[House]:
    """The wanted houses of REFIT below a path."""
    hint = packed_hint(path)
    files = {path} if path.is_file() else set(path.rglob("*.csv"))
    by_number: dict[int, Path] = {}
    for file in sorted(files):
        match = _FILE.fullmatch(file.name)
        if match and (int(match["house"]) not in by_number or match["clean"]):
            by_number[int(match["house"])] = file
    if not by_number:
        raise BadInputError(
            f"{path} holds no file of REFIT{hint}",
            fix="they are named CLEAN_House<N>.csv or House_<N>.csv",
        )
    return [_house(number, file, options) for number, file in options.wanted(by_number)]


def _house(number: int, path: Path, options: Options) -> _RefitHouse:
    columns, header_lines = _columns(path)
    labels = dict(zip(_APPLIANCES, LABELS.get(number, _UNLABELLED), strict=True))
    sources = {_AGGREGATE: _AGGREGATE, **labels}
    options.labels.check(number, tuple(sources))
    channels, notes = [], []
    for source, published in sources.items():
        label = options.labels.label(number, source, published)
        if channel_name(label) == UNUSED:
            notes.append(f"{source} is not used")
        else:
            channels.append(Channel((source,), label))
    notes += ["mains is affected by solar panels"] if number in SOLAR else []
    notes += [CHANGED[number]] if number in CHANGED else []
    if number not in LABELS:
        notes.append("REFIT names no appliances for this house; name them with --labels")
    wanted = (_UNIX, *(channel.sources[0] for channel in channels))
    if _ISSUES in columns:
        wanted += (_ISSUES,)
    layout = TextLayout(columns, wanted, ",", header_lines)
    size = path.stat().st_size
    return _RefitHouse(
        number, f"refit_house{number}", channels, size, notes=notes, path=path, layout=layout
    )


def _columns(path: Path) -> tuple[tuple[str, ...], int]:
    """Names of the columns, and how many header lines there are."""
    with path.open("rb") as file:
        first = file.readline(1000).decode("utf-8-sig", "replace")
    cells = tuple(cell.strip().strip('"') for cell in first.strip().split(","))
    if set(_COLUMNS) - {_TIME} <= set(cells) and len(set(cells)) == len(cells):
        return cells, 1
    if len(cells) == len(_COLUMNS) and re.match(r"\d{4}-\d\d-\d\d", cells[0]):
        return _COLUMNS, 0
    raise BadInputError(
        f"{path}:1: not a file of REFIT, it starts with {first.strip()[:60]!r}",
        fix=f"its columns are {','.join(_COLUMNS[:4])},…,{_APPLIANCES[-1]}",
    )
