"""A file as it lies there → blocks of whole lines, its digest and its count of lines.

The count is made here, while the content goes by, and owes nothing to the parsers that it
checks. What trips a reader of CSV as a whole (packing, byte order marks, other encodings,
line ends) is settled here; what is wrong with a line is left for the parsers to say.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from smartwatts_ml.errors import BadInputError

__all__ = ["Block", "BlockReader"]

_BLOCK = 1 << 22
_MAX_LINE = 1 << 16
_LINE_FEED = 10
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_UTF8_MARK = codecs.BOM_UTF8
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Block:
    """Whole lines, each with its line feed. ``first`` is the 1-based number of the first."""

    data: bytes
    first: int
    lines: int


def _count_lines(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _LINE_FEED))


class BlockReader:
    """Reads a file once, in bounded memory, whatever its size.

    After the iteration: ``digest`` (SHA-256 of the content, unpacked, so that ``a.csv`` and
    ``a.csv.gz`` are the same), ``lines`` (physical lines), ``tail`` (the last one, if it
    has no end), ``packing`` and ``encoding`` for people.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self.name = name
        self.lines = 0
        self.tail = ""
        self.packing = "none"
        self.encoding = "UTF-8"
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Block]:
        """Raises BadInputError where the file cannot be read as a whole: of 0 bytes, cut
        short, damaged, changed while it was read."""
        before = self._path.stat()
        if before.st_size == 0:
            raise BadInputError(f"{self.name} is empty (0 bytes)", fix="wait until it is written")
        try:
            with self._path.open("rb", buffering=0) as raw:
                for data in self._whole_lines(self._unpacked(raw, before.st_size)):
                    lines = _count_lines(data)
                    yield Block(data, self.lines + 1, lines)
                    self.lines += lines
        except (EOFError, zlib.error, gzip.BadGzipFile, pa.ArrowException) as error:
            raise self._damaged(error) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise self._damaged(error) from error  # Arrow's way to say so
        after = self._path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise BadInputError(f"{self.name} changed while it was read", fix="try again later")

    def _damaged(self, error: Exception) -> BadInputError:
        return BadInputError(
            f"{self.name} is cut short or damaged: {error}", fix="copy it again, whole"
        )

    def _unpacked(self, raw: io.FileIO, size: int) -> IO[bytes]:
        """The content, told by its first bytes and not by the name."""
        magic = raw.read(4)
        raw.seek(0)
        if magic == _ZIP_MAGIC:
            raise BadInputError(f"{self.name} is a ZIP archive", fix="unpack it, or use gzip")
        start: Any = _Start(raw, size)
        if magic.startswith(_GZIP_MAGIC):
            self.packing = "gzip"
            return gzip.GzipFile(fileobj=start)  # type: ignore[return-value]
        if magic.startswith(_ZSTD_MAGIC):
            self.packing = "zstd"
            return pa.CompressedInputStream(pa.PythonFile(start, mode="r"), "zstd")
        return start  # type: ignore[no-any-return]

    def _whole_lines(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Blocks of whole lines that end in a line feed, as UTF-8 without a mark.

        Of a line beyond ``_MAX_LINE`` the middle is dropped.
        """
        carry = b""
        for data in self._line_feeds(self._utf8(stream)):
            cut = data.rfind(b"\n") + 1
            if cut:
                yield b"".join((carry, memoryview(data)[:cut]))
                carry = data[cut : cut + _MAX_LINE]
            else:
                carry = (carry + data)[:_MAX_LINE]
        if carry:
            self.tail = carry.decode("utf-8", "replace")
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

    def _utf8(self, stream: IO[bytes]) -> Iterator[bytes]:
        """The content as it goes by, recoded where it is UTF-16."""
        data = self._next(stream)
        if data.startswith(_UTF16_MARKS):
            self.encoding = "UTF-16"
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
            while data:
                yield decoder.decode(data).encode()
                data = self._next(stream)
            yield decoder.decode(b"", final=True).encode()
            return
        yield data.removeprefix(_UTF8_MARK)
        while data := self._next(stream):
            yield data

    def _next(self, stream: IO[bytes]) -> bytes:
        data = stream.read(_BLOCK)
        self._hash.update(data)
        return data


class _Start(io.RawIOBase):
    """The first ``size`` bytes of a file: one that grows as it is read still ends."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data
