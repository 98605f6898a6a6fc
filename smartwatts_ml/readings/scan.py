"""A file → its rows in blocks, and an account of each of its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from smartwatts_ml.errors import BadInputError, SmartwattsError
from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.clock import LocalClock, is_utc
from smartwatts_ml.readings.csv.arrow_parser import parse_fast
from smartwatts_ml.readings.csv.blocks import Block, BlockReader
from smartwatts_ml.readings.csv.dialect import Dialect, find_dialect
from smartwatts_ml.readings.csv.lines import cells_of
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import RowMapper
from smartwatts_ml.readings.parsed import NO_LABEL, ParsedBlock
from smartwatts_ml.readings.report import FileReport, Rejected
from smartwatts_ml.sources import DEFAULTS, Layout, Source

__all__ = ["FileScan", "local_clock"]

_WORKERS = 2
_AHEAD = 3
"""Blocks that are being parsed while others are taken."""
_KEPT_TEXT = 200
_SMALL = 1 << 20
"""Bytes of a block that is judged line by line as a whole if one of its lines is flawed."""


@cache
def local_clock(timezone: str) -> LocalClock | None:
    """The clock of naive stamps; None where it is UTC."""
    return None if is_utc(timezone) else LocalClock(timezone)


class FileScan:
    """Iterate it once for the rows; what it says of lines holds after that.

    ``name`` is the file for people, ``key`` (if it is another) the path that sources are
    matched against; ``defaults`` holds where neither the source nor the file itself says it.
    Raises BadInputError where the file cannot be read as a whole, and SmartwattsError if a
    line got lost, which would be our mistake.
    """

    def __init__(
        self, path: Path, name: str, source: Source, defaults: Layout = DEFAULTS, key: str = ""
    ) -> None:
        self.name = name
        self.key = key or name
        self.source = source
        self.dialect: Dialect | None = None
        self.header = 1
        self.blank = 0
        self.missing = 0
        self.read = 0
        self.values = 0
        self.rejected: Counter[str] = Counter()
        self.rejected_values = 0
        self._defaults = defaults
        self._cut_line: int | None = None
        self._names: set[str] = set()
        self._reader = BlockReader(path, name)

    @property
    def digest(self) -> str:
        return self._reader.digest

    @property
    def lines(self) -> int:
        return self._reader.lines

    @property
    def packing(self) -> str:
        return self._reader.packing

    @property
    def encoding(self) -> str:
        return self._reader.encoding

    @property
    def interpretation(self) -> Interpretation:
        """What the file is taken for, once its first rows were seen."""
        assert self.dialect is not None
        return self.dialect.interpretation

    @property
    def clock(self) -> LocalClock | None:
        """That of naive stamps; None where it is UTC."""
        return local_clock(self.interpretation.timezone)

    def report(self) -> FileReport:
        """Where each line went, before duplicates are told from accepted rows."""
        return FileReport(
            key=self.name,
            lines=self.lines,
            header=self.header,
            blank=self.blank,
            missing=self.missing,
            read=self.read,
            values=self.values,
            accepted=self.values,
            rejected_lines=self.rejected.total() - self.rejected_values,
            rejected_values=self.rejected_values,
            reasons=dict(sorted(self.rejected.items())),
            digest=self.digest,
            stamps=self.interpretation.stamps,
        )

    def __iter__(self) -> Iterator[ParsedBlock]:
        for blocks in map_ahead(self._parse, self._data_blocks(), _WORKERS, _AHEAD):
            for parsed in blocks:
                yield self._counted(parsed)
        if self.dialect is None:
            raise BadInputError(
                f"{self.name} has no line with text in it", fix="add a header and readings"
            )
        if not self.report().adds_up:
            raise SmartwattsError(f"{self.name}: lines got lost; nothing was taken")

    def _data_blocks(self) -> Iterator[Block]:
        """Blocks of lines below the header."""
        for block in self._reader:
            if self.dialect is None:
                self.dialect = find_dialect(
                    block.data, block.first, self.name, self.source, self._defaults, self.key
                )
                if self.dialect is None:
                    self.blank += block.lines
                    continue
                above = self.dialect.header - block.first
                blank = _blank_lines(block, above)
                self.blank += blank
                self.header += above - blank
                block = _without_start(block, above + 1)
            if block.lines:
                if self._reader.tail and self.packing == "none":
                    self._cut_line = block.first + block.lines - 1
                yield block

    def _parse(self, block: Block) -> list[ParsedBlock]:
        """A block at full speed; where that fails, its small parts, one by one."""
        assert self.dialect is not None
        parsed = parse_fast(block, self.dialect, self.clock)
        if parsed is None and len(block.data) > _SMALL and block.lines > 1:
            return [piece for part in _parts(block) for piece in self._parse(part)]
        if parsed is None:
            mapper = RowMapper(self.interpretation, self.clock)
            parsed = mapper.map(cells_of(block, self.dialect.separator))
        if parsed.accounted != block.lines:
            raise SmartwattsError(
                f"{self.name}: {block.lines} lines from line {block.first} on, but "
                f"{parsed.accounted} scanned; nothing was taken"
            )
        return [parsed]

    def _counted(self, parsed: ParsedBlock) -> ParsedBlock:
        if self._cut_line is not None and parsed.last_line == self._cut_line:
            parsed = self._without_cut_line(parsed)
        self.read += parsed.read
        self.values += len(parsed)
        self.blank += parsed.blank
        self.missing += parsed.missing
        self.rejected.update(row.fault for row in parsed.rejected)
        self.rejected_values += sum(row.of_value for row in parsed.rejected)
        self._names.update(name for rows in parsed.rows for name in rows.names)
        return parsed

    def _without_cut_line(self, parsed: ParsedBlock) -> ParsedBlock:
        """Less the last line, where it may lack some of its characters."""
        assert self._cut_line is not None
        if not self._looks_cut(parsed):
            return parsed
        return parsed.without_line(Rejected(self._cut_line, "cut", self._reader.tail[:_KEPT_TEXT]))

    def _looks_cut(self, parsed: ParsedBlock) -> bool:
        """A packed file has a checksum that says so, a plain one has to be guessed at, on the
        safe side: by what its last column holds."""
        mapping = self.interpretation.mapping
        last = len(mapping.names) - 1
        if any(row.line == self._cut_line for row in parsed.rejected):
            return False
        if last in mapping.stamp or last in mapping.until:
            return self._shortened_stamp()
        if last == mapping.device:
            return self._shortened_device(parsed)
        if last == mapping.anomaly:
            rows = parsed.rows[-1]
            return bool(rows.labels[-1] & 3 == NO_LABEL)
        return any(value.position == last for value in mapping.values)

    def _shortened_stamp(self) -> bool:
        """Whether it, or the run of digits that it ends with, is shorter than usual."""
        assert self.dialect is not None
        last = self._reader.tail.rpartition(self.dialect.separator)[2].strip(' \t"')
        mapping = self.interpretation.mapping
        ends = len(mapping.names) - 1 in mapping.until and self.interpretation.until
        usual = (ends or self.interpretation.stamps).sample
        if len(mapping.until if ends else mapping.stamp) > 1:
            usual = usual.rpartition(" ")[2]
        return len(last) < len(usual) or len(_last_digits(last)) < len(_last_digits(usual))

    def _shortened_device(self, parsed: ParsedBlock) -> bool:
        """Whether it is the start of another device's name, or one that is nowhere else."""
        rows = parsed.rows[-1]
        device = rows.names[rows.devices[-1]]
        others = self._names | {rows.names[code] for code in np.unique(rows.devices[:-1])}
        start = device.removesuffix(f"/{MAINS}")
        return device not in others or any(n != device and n.startswith(start) for n in others)


def _last_digits(text: str) -> str:
    """
    >>> _last_digits("31/12/2026 14:05:1")
    '1'
    """
    return text[len(text.rstrip("0123456789")) :]


def _blank_lines(block: Block, lines: int) -> int:
    """How many of the first lines are blank."""
    return sum(not line.strip() for line in block.data.split(b"\n", lines)[:lines])


def _without_start(block: Block, lines: int) -> Block:
    at = 0
    for _ in range(lines):
        at = block.data.index(b"\n", at) + 1
    return Block(block.data[at:], block.first + lines, block.lines - lines)


def _parts(block: Block) -> Iterator[Block]:
    """Whole lines in parts of at most ``_SMALL`` bytes, but for a longer line."""
    start, first = 0, block.first
    while start < len(block.data):
        end = block.data.rfind(b"\n", start, start + _SMALL) + 1
        if not end:
            end = block.data.index(b"\n", start) + 1
        lines = block.data.count(b"\n", start, end)
        yield Block(block.data[start:end], first, lines)
        start, first = end, first + lines
