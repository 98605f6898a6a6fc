"""The last line of a file that lacks its end, which may lack some of its characters.

A packed file has a checksum that says so, a plain one has to be guessed at, on the safe side: by
what its last column holds. Once the file has grown, its lines are read anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.csv.blocks import BlockReader
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapping import ValueColumn
from smartwatts_ml.readings.parsed import NO_LABEL, Parsed, ParsedBlock, split_part
from smartwatts_ml.readings.report import Rejected

__all__ = ["CutLine"]

_KEPT_TEXT = 200
_FEWEST = 2
"""Values that show with how many decimals all are written."""


class CutLine:
    """``number``: of the line, once it is known that there is one."""

    def __init__(self, blocks: BlockReader) -> None:
        self.number: int | None = None
        self._blocks = blocks
        self._names: set[str] = set()

    def taken_off(
        self,
        parsed: ParsedBlock,
        form: Interpretation,
        separator: str,
        sample: Sequence[Sequence[str]],
    ) -> ParsedBlock:
        """A block, without that line, or its last value, where it is there and looks cut.

        ``sample``: some fields of each column.
        """
        number = self.number
        if number is not None and parsed.last_line == number:
            last = self._blocks.tail.rpartition(separator)[2].strip(' \t"')
            parsed = _Ending(parsed, number, last, form, sample[-1]).taken_off(
                self._blocks.tail[:_KEPT_TEXT], self._names
            )
        self._names.update(name for rows in parsed.rows for name in rows.names)
        return parsed


class _Ending:
    """The last line of a block. ``last``: its last field; ``others``: of the same column."""

    def __init__(
        self,
        parsed: ParsedBlock,
        number: int,
        last: str,
        form: Interpretation,
        others: Sequence[str],
    ) -> None:
        self._parsed = parsed
        self._number = number
        self._last = last
        self._form = form
        self._mapping = form.mapping
        self._others = set(others[:-1] if others and others[-1] == last else others)

    def taken_off(self, text: str, names: set[str]) -> ParsedBlock:
        parsed, number = self._parsed, self._number
        if any(row.line == number and not row.of_value for row in parsed.rejected):
            return parsed
        value = next((v for v in self._mapping.values if v.position == self._place), None)
        if value is not None:
            return parsed if self._is_whole_value() else self._without(value, text)
        looks_cut = self._looks_cut(names)
        return parsed.without_line(Rejected(number, "cut", text)) if looks_cut else parsed

    @property
    def _place(self) -> int:
        return len(self._mapping.names) - 1

    def _looks_cut(self, names: set[str]) -> bool:
        mapping, last = self._mapping, self._place
        if last in mapping.stamp or last in mapping.until:
            return self._is_shortened_stamp()
        if last == mapping.device:
            return self._is_shortened_device(names)
        if last in (mapping.register, mapping.unit, mapping.interval):
            start = any(text != self._last and text.startswith(self._last) for text in self._others)
            return start or self._last not in self._others
        if last == mapping.anomaly:
            rows = self._parsed.rows[-1]
            return bool(rows.labels[-1] & 3 == NO_LABEL)
        return False

    def _is_whole_value(self) -> bool:
        """Whether all values have the same decimals, and the last one, too."""
        mark = self._form.numbers.decimal
        filled = [text for text in self._others if any(c.isdigit() for c in text)]
        decimals = {len(text.partition(mark)[2]) for text in filled}
        usual = max(decimals, default=0)
        return (
            len(filled) >= _FEWEST
            and len(decimals) == 1
            and usual > 0
            and len(self._last.partition(mark)[2]) == usual
        )

    def _without(self, value: ValueColumn, text: str) -> ParsedBlock:
        """Less the last value; the line as a whole is rejected if it has no other."""
        chosen = [self._of_value(rows, value) for rows in self._parsed.rows]
        if not any(places.any() for places in chosen):
            return self._parsed
        on_line = sum(np.count_nonzero(rows.lines == self._number) for rows in self._parsed.rows)
        if on_line == sum(map(np.count_nonzero, chosen)):
            return self._parsed.without_line(Rejected(self._number, "cut", text))
        rejected = Rejected(self._number, "cut", self._last, of_value=True)
        return self._parsed.without_rows(chosen, rejected)

    def _of_value(self, rows: Parsed, value: ValueColumn) -> np.ndarray:
        """Which rows are of the last field; bool, shape (n,)."""
        on_line = rows.lines == self._number
        if not on_line.any():
            return np.asarray(on_line)
        if self._mapping.by_time_of_day:
            return np.asarray(on_line & (rows.stamps == rows.stamps[on_line].max()))
        if value.channel is None:
            return np.asarray(on_line)
        channels = [split_part(name)[0].partition("/")[2] for name in rows.names]
        of_channel = np.array([channel == value.channel for channel in channels])
        return np.asarray(on_line & of_channel[rows.devices])

    def _is_shortened_stamp(self) -> bool:
        """Whether it, or the run of digits or letters that it ends with, is shorter than usual."""
        form, mapping = self._form, self._mapping
        ends = self._place in mapping.until and form.until
        stamps = ends or form.stamps
        usual = stamps.sample
        if len(mapping.until if ends else mapping.stamp) > 1:
            usual = usual.rpartition(" ")[2]
        varies = "%-" in stamps.form
        return (not varies and len(self._last) < len(usual)) or len(_tail(self._last)) < len(
            _tail(usual)
        )

    def _is_shortened_device(self, names: set[str]) -> bool:
        """Whether it is the start of another device's name, or one that is nowhere else."""
        rows = self._parsed.rows[-1]
        device = rows.names[rows.devices[-1]]
        others = names | {rows.names[code] for code in np.unique(rows.devices[:-1])}
        start = device.removesuffix(f"/{MAINS}")
        return device not in others or any(n != device and n.startswith(start) for n in others)


def _tail(text: str) -> str:
    """The run of digits or letters that a text ends with.

    >>> _tail("31/12/2026 14:05:1"), _tail("1/2/2026 3:15 PM")
    ('1', 'PM')
    """
    match = re.search(r"(\d+|[^\W\d_]+|)$", text)
    return match[0] if match else ""
