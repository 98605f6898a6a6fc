"""Content that is text → blocks of whole lines, and how many lines there are.

The count is made here, while the content goes by, and owes nothing to the parsers that it
checks. What trips a reader of CSV as a whole (byte order marks, other encodings, line ends) is
settled here; what is wrong with a line is left for the parsers to say.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.csv.encodings import Encoding, wide_encoding

__all__ = ["Block", "BlockReader"]

_MAX_LINE = 1 << 16
_LINE_FEED = 10
_COUNTED = 1 << 17
_UTF8_MARK = codecs.BOM_UTF8


@dataclass(frozen=True)
class Block:
    """Whole lines, each with its line feed. ``first`` is the 1-based number of the first."""

    data: bytes
    first: int
    lines: int


def _count_lines(data: bytes) -> int:
    letters = np.frombuffer(data, np.uint8)
    parts = range(0, len(letters), _COUNTED)  # which stay in the processor's cache
    return sum(int(np.count_nonzero(letters[p : p + _COUNTED] == _LINE_FEED)) for p in parts)


class BlockReader:
    """Reads a content once, in bounded memory, whatever its size.

    After the iteration: ``lines`` (physical lines), ``tail`` (the last one, if it has no end)
    and ``encoding`` for people.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self.lines = 0
        self.tail = ""
        self._wide = ""
        self._encoding = Encoding()
        self._ends_open = False

    @property
    def encoding(self) -> str:
        return self._wide or self._encoding.name

    def __iter__(self) -> Iterator[Block]:
        for whole in self._whole_lines():
            data = self._encoding.as_utf8(whole)
            if self._ends_open:
                self.tail = data[:-1].rpartition(b"\n")[2].decode("utf-8", "replace")
            lines = _count_lines(data)
            yield Block(data, self.lines + 1, lines)
            self.lines += lines

    def _whole_lines(self) -> Iterator[bytes]:
        """Blocks of whole lines that end in a line feed, as UTF-8 without a mark.

        Of a line beyond ``_MAX_LINE`` the middle is dropped.
        """
        carry = b""
        for data in self._line_feeds(self._utf8()):
            cut = data.rfind(b"\n") + 1
            if cut:
                yield b"".join((carry, memoryview(data)[:cut]))
                carry = data[cut : cut + _MAX_LINE]
            else:
                carry = (carry + data)[:_MAX_LINE]
        if carry:
            self._ends_open = True
            yield carry + b"\n"

    def _line_feeds(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Any line ending as a line feed."""
        held = b""
        for piece in pieces:
            if held or b"\r" in piece:
                piece = held + piece
                held = b"\r" if piece.endswith(b"\r") else b""
                piece = piece[: len(piece) - len(held)]
                piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            yield piece
        if held:
            yield b"\n"

    def _utf8(self) -> Iterator[bytes]:
        """The content as it goes by, recoded where its letters have two or four bytes."""
        pieces = self._content.pieces()
        wide = wide_encoding(self._content.start)
        if wide is not None:
            codec, self._wide = wide
            decoder = codecs.getincrementaldecoder(codec)("replace")
            for data in pieces:
                yield decoder.decode(data).encode()
            yield decoder.decode(b"", final=True).encode()
            return
        yield next(pieces, b"").removeprefix(_UTF8_MARK)
        yield from pieces
