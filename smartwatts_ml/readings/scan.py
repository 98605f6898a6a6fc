"""A CSV file → its rows in blocks, and an account of each of its lines."""

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
from smartwatts_ml.readings.columns import ANOMALY, CONSUMPTION, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.csv.arrow_parser import parse_fast
from smartwatts_ml.readings.csv.blocks import Block, BlockReader
from smartwatts_ml.readings.csv.dialect import Dialect, find_dialect
from smartwatts_ml.readings.csv.sql_parser import parse_carefully
from smartwatts_ml.readings.parsed import NO_LABEL, FileSource, Parsed
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.settings import Source

__all__ = ["FileScan", "local_clock"]

_WORKERS = 2
_AHEAD = 3
"""Blocks that are being parsed while others are taken."""
_SMALL = 1 << 20
"""Bytes of a block that is judged line by line as a whole if one of its lines is flawed."""


@cache
def local_clock(timezone: str) -> LocalClock | None:
    """The clock of naive stamps; None where it is UTC."""
    return None if is_utc(timezone) else LocalClock(timezone)


class FileScan:
    """Iterate it once for the rows; what it says of lines holds after that.

    ``source`` has its unit and timezone. Raises BadInputError where the file cannot be
    read as a whole, and SmartwattsError if a line got lost, which would be our mistake.
    """

    def __init__(self, path: Path, name: str, source: Source) -> None:
        self.name = name
        self.source = source
        self.dialect: Dialect | None = None
        self.blank = 0
        self.rows = 0
        self.rejected: Counter[str] = Counter()
        self._last: Parsed | None = None
        self._names: set[str] = set()
        self._reader = BlockReader(path, name)
        self._clock = local_clock(source.timezone or "UTC")

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
    def unterminated(self) -> bool:
        """Whether the last line has no end."""
        return bool(self._reader.tail)

    @property
    def file_source(self) -> FileSource:
        """What settling its rows needs to know."""
        return FileSource(self.source, self._clock)

    def report(self) -> FileReport:
        """Where each line went, before duplicates are told from accepted rows."""
        assert self.dialect is not None
        return FileReport(
            key=self.name,
            lines=self.lines,
            header=1,
            blank=self.blank,
            accepted=self.rows,
            rejected=self.rejected.total(),
            reasons=dict(sorted(self.rejected.items())),
            digest=self.digest,
            stamps=self.dialect.stamps,
        )

    def __iter__(self) -> Iterator[Parsed]:
        for parts in map_ahead(self._parse, self._data_blocks(), _WORKERS, _AHEAD):
            yield from self._counted(parts)
        if self.dialect is None:
            raise BadInputError(
                f"{self.name} has no line with text in it", fix="add a header and readings"
            )
        if 1 + self.blank + self.rows + self.rejected.total() != self.lines:
            raise SmartwattsError(f"{self.name}: lines got lost; nothing was taken")
        if self.unterminated and self.packing == "none" and self._looks_cut(self.dialect):
            raise BadInputError(
                f"{self.name}, line {self.lines} looks cut off: it has no end",
                fix="copy the file again, whole; if it is whole, end it with a line feed",
            )

    def _looks_cut(self, dialect: Dialect) -> bool:
        """Whether the unterminated last line may lack some of its characters: a packed file
        has a checksum that says so, a plain one has to be guessed at, on the safe side."""
        if self._last is None:
            return False
        if not len(self._last) or self._last.lines[-1] != self.lines:
            rejected = self._last.rejected
            return bool(rejected) and rejected[-1].line == self.lines
        if dialect.is_last(TIMESTAMP):
            return self._shortened_stamp(dialect)
        if dialect.is_last(DEVICE_ID):
            return self._shortened_device(self._last)
        if dialect.is_last(ANOMALY):
            return bool(self._last.labels[-1] == NO_LABEL)
        return dialect.is_last(CONSUMPTION)

    def _shortened_stamp(self, dialect: Dialect) -> bool:
        """Whether it, or the run of digits that it ends with, is shorter than usual."""
        last = self._reader.tail.rpartition(dialect.separator)[2].strip(' \t"')
        usual = dialect.stamps.sample
        return len(last) < len(usual) or len(_last_digits(last)) < len(_last_digits(usual))

    def _shortened_device(self, last: Parsed) -> bool:
        """Whether it is the start of another device's name, or one that is nowhere else."""
        device = last.names[last.devices[-1]]
        others = self._names | {last.names[code] for code in np.unique(last.devices[:-1])}
        start = device.removesuffix(f"/{MAINS}")
        return device not in others or any(n != device and n.startswith(start) for n in others)

    def _data_blocks(self) -> Iterator[Block]:
        """Blocks of lines below the header."""
        for block in self._reader:
            if self.dialect is None:
                self.dialect = find_dialect(block.data, block.first, self.name, self.source)
                if self.dialect is None:
                    self.blank += block.lines
                    continue
                above = self.dialect.header - block.first
                self.blank += above
                block = _without_start(block, above + 1)
            if block.lines:
                yield block

    def _parse(self, block: Block) -> list[Parsed]:
        """A block at full speed; where that fails, its small parts, one by one."""
        assert self.dialect is not None
        scale = self.source.scale
        parsed = parse_fast(block, self.dialect, self._clock, scale)
        if parsed is None and len(block.data) > _SMALL and block.lines > 1:
            return [piece for part in _parts(block) for piece in self._parse(part)]
        if parsed is None:
            parsed = parse_carefully(block, self.dialect, self._clock, scale)
        if parsed.accounted != block.lines:
            raise SmartwattsError(
                f"{self.name}: {block.lines} lines from line {block.first} on, but "
                f"{parsed.accounted} scanned; nothing was taken"
            )
        return [parsed]

    def _counted(self, parts: list[Parsed]) -> Iterator[Parsed]:
        for parsed in parts:
            self.rows += len(parsed)
            self.blank += parsed.blank
            self.rejected.update(row.fault for row in parsed.rejected)
            if self._last is not None:
                self._names.update(self._last.names)
            self._last = parsed
            yield parsed


def _last_digits(text: str) -> str:
    """
    >>> _last_digits("31/12/2026 14:05:1")
    '1'
    """
    return text[len(text.rstrip("0123456789")) :]


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
