"""The last line of a file whose values are the sums of all lines before it.

Exports end with one now and then, and where it has a timestamp that may be, it reads as one more
interval, of all the energy of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.parsed import Parsed, ParsedBlock
from smartwatts_ml.readings.report import Rejected

__all__ = ["without_sum_line"]

_FEW = 6
"""After so many lines with values other than 0 their exact sum hardly follows by chance."""
_MANY = 24
"""So many may be followed by a sum that was rounded."""
_EXACTLY = 1e-9
_ROUNDED = 5e-3


@dataclass(frozen=True, slots=True)
class _Sum:
    """Of a device's values: their ``total`` and how many ``counted``, as they are not 0."""

    total: float = 0.0
    counted: int = 0

    def less(self, other: _Sum) -> _Sum:
        return _Sum(self.total - other.total, self.counted - other.counted)

    def is_sum_of(self, before: _Sum) -> bool:
        """Whether one line has the sum of lines ``before`` that may have as many values each."""
        off = abs(self.total - before.total)
        lines = before.counted / max(self.counted, 1)
        nearly = _ROUNDED if lines >= _MANY else _EXACTLY
        return lines >= _FEW and off <= nearly * abs(before.total)


class _Sums:
    """Of each device by name, in few bytes: a file may have hundreds of thousands."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._totals = np.zeros(0)
        self._counts = np.zeros(0, np.int64)

    def add(self, rows: Parsed) -> None:
        places = [self._places.setdefault(name, len(self._places)) for name in rows.names]
        if (lack := len(self._places) - len(self._totals)) > 0:
            more = max(lack, len(self._totals))
            self._totals = np.pad(self._totals, (0, more))
            self._counts = np.pad(self._counts, (0, more))
        totals, counts = _totals(rows)
        np.add.at(self._totals, places, totals)
        np.add.at(self._counts, places, counts)

    def __getitem__(self, name: str) -> _Sum:
        place = self._places[name]
        return _Sum(float(self._totals[place]), int(self._counts[place]))


def without_sum_line(blocks: Iterable[ParsedBlock]) -> Iterator[ParsedBlock]:
    """The blocks of one header, the last line with readings being rejected where each of its
    devices has the sum of all that stands above it: six lines at least that are not 0."""
    sums = _Sums()
    held: list[ParsedBlock] = []
    for block in blocks:
        if len(block):  # what comes after the last reading is held as well
            yield from held
            held.clear()
            for rows in block.rows:
                sums.add(rows)
        held.append(block)
    if held:
        yield _judged(held[0], sums)
        yield from held[1:]


def _judged(block: ParsedBlock, sums: _Sums) -> ParsedBlock:
    """``sums``: of each device, this block's last line included."""
    rows = [part for part in block.rows if len(part)]
    if not rows or any(part.measure.quantity == "total" for part in rows):
        return block
    number = max(int(part.lines.max()) for part in rows)
    last: dict[str, _Sum] = {}
    for part in rows:
        last |= _sums(part.take(part.lines == number))
    if not all(own.is_sum_of(sums[name].less(own)) for name, own in last.items()):
        return block
    values = ", ".join(f"{name}: {own.total:g}" for name, own in last.items())
    return block.without_line(Rejected(number, "sum", values))


def _sums(rows: Parsed) -> dict[str, _Sum]:
    """By device."""
    totals, counts = _totals(rows)
    there = np.unique(rows.devices).tolist()
    return {rows.names[code]: _Sum(float(totals[code]), int(counts[code])) for code in there}


def _totals(rows: Parsed) -> tuple[np.ndarray, np.ndarray]:
    """Of each of its names: the sum of values, and how many are not 0; (names,) both."""
    totals = np.bincount(rows.devices, rows.values, len(rows.names))
    counts = np.bincount(rows.devices[rows.values != 0], minlength=len(rows.names))
    return totals, counts
