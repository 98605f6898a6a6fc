"""CSV text → rows in blocks: at full speed where a block is plainly good, else line by line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import ClassVar

from smartwatts_ml.errors import BadInputError, SmartwattsError
from smartwatts_ml.parallel import map_ahead
from smartwatts_ml.readings.clock import LocalClock, local_clock
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.csv.arrow_parser import parse_fast
from smartwatts_ml.readings.csv.blocks import Block, BlockReader
from smartwatts_ml.readings.csv.cut_line import CutLine
from smartwatts_ml.readings.csv.dialect import Dialect, Header, find_header
from smartwatts_ml.readings.csv.encodings import undecodable
from smartwatts_ml.readings.csv.lines import cells_of
from smartwatts_ml.readings.file_reader import FilePart, FileReader
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import RowMapper
from smartwatts_ml.readings.layouts.preamble import unit_of_no_power, word_of_preamble
from smartwatts_ml.readings.parsed import ParsedBlock
from smartwatts_ml.sources import Layout, Source

__all__ = ["CsvReader"]

_WORKERS = 2
_AHEAD = 3
"""Blocks that are being parsed while others are taken."""
_KEPT_TEXT = 200
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SMALL = 1 << 20
"""Bytes of a block that is judged line by line as a whole if one of its lines is flawed."""


class CsvReader(FileReader):
    """Lines of text with a header."""

    format: ClassVar[str] = "CSV"

    def __init__(self, content: Content, source: Source, defaults: Layout, key: str) -> None:
        super().__init__(content, source, defaults, key)
        self._blocks = BlockReader(content)
        self._header: Header | None = None
        self._cut = CutLine(self._blocks)

    def facts(self) -> dict[str, str]:
        facts = super().facts() | {"encoding": self._blocks.encoding}
        if self._header is not None:
            separator = self._header.separator
            facts["separator"] = _SEPARATORS.get(separator, separator)
            facts["header"] = _header_in_words(self._header, self.source)
        return facts

    def parts(self) -> Iterator[FilePart]:
        blocks = iter(self._blocks)
        for block in blocks:
            self._header = find_header(block.data, block.first, self.name, self.source, self.key)
            if self._header is None:
                self.blank += block.lines
                continue
            self.above = word_of_preamble(self._header.above)
            if unit := unit_of_no_power(self._header.above):
                raise BadInputError(
                    f"{self.name} is in {unit}, which is neither power nor energy",
                    fix="export power or energy",
                )
            dialect = Dialect(
                self._header.last, self._header.separator, self._interpreted(self._header)
            )
            below = self._below_header(block, dialect)
            yield FilePart(dialect.interpretation, self._parsed(chain([below], blocks), dialect))
        self.lines = self._blocks.lines

    def _interpreted(self, header: Header) -> Interpretation:
        """Raises BadInputError also where a meaning hangs on a name that is no text, unless the
        source says the columns."""
        where = f"{self.name}, line {header.line}"
        try:
            form = self.interpret(header.names, header.sample, where, first=header.first)
        except BadInputError as error:
            raise undecodable(where, header.names) or error from None
        unread = undecodable(where, (header.names[i] for i in sorted(form.mapping.used)))
        if unread is not None and not (self.source.timestamp and self.source.consumption):
            raise unread
        return form

    def _below_header(self, block: Block, dialect: Dialect) -> Block:
        above = dialect.header - block.first + 1
        blank = _blank_lines(block, above)
        self.blank += blank
        self.header = above - blank
        return _without_start(block, above)

    def _parsed(self, blocks: Iterator[Block], dialect: Dialect) -> Iterator[ParsedBlock]:
        parsing = _Parsing(self.name, dialect)
        for several in map_ahead(parsing.parse, self._filled(blocks), _WORKERS, _AHEAD):
            for parsed in several:
                yield self._cut.taken_off(
                    parsed, dialect.interpretation, dialect.separator, self.sample
                )

    def _filled(self, blocks: Iterator[Block]) -> Iterator[Block]:
        for block in blocks:
            if block.lines:
                if self._blocks.tail and self.content.packing == "none":
                    self._cut.number = block.first + block.lines - 1
                yield block


class _Parsing:
    """How the blocks of one file are parsed."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self._name = name
        self._dialect = dialect
        self._clock: LocalClock | None = local_clock(dialect.interpretation.timezone)

    def parse(self, block: Block) -> list[ParsedBlock]:
        """A block at full speed; where that fails, its small parts, one by one."""
        parsed = parse_fast(block, self._dialect, self._clock)
        if parsed is None and len(block.data) > _SMALL and block.lines > 1:
            return [piece for part in _parts(block) for piece in self.parse(part)]
        if parsed is None:
            mapper = RowMapper(self._dialect.interpretation, self._clock)
            parsed = mapper.map(cells_of(block, self._dialect.separator))
        if parsed.accounted != block.lines:
            raise SmartwattsError(
                f"{self._name}: {block.lines} lines from line {block.first} on, but "
                f"{parsed.accounted} scanned; nothing was taken"
            )
        return [parsed]


def _header_in_words(header: Header, source: Source) -> str:
    return "columns of its source" if source.columns else f"line {header.line}"


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
