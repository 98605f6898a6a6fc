"""A file as it lies there → a clean copy of its physical lines, its digest and its count.

DuckDB scans the copy, never the original: so a file that somebody still writes to is
read once and consistently, and everything that trips a CSV reader (byte order marks,
other encodings, NUL bytes, lone carriage returns, quotes) is settled in one place, with
a count of lines that owes nothing to the reader it checks.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.header import Header, read_header

__all__ = ["FIELD", "OPEN", "RECORD", "CleanCopy", "copy_lines"]

FIELD = "\x1f"
"""Between the fields of a line that had quotes."""
OPEN = "\x1e"
"""Before a line on which a quote stays open."""
RECORD = "\x01"
"""A character that is in no line: what DuckDB is told to split columns at."""
QUOTE = '"'

BLOCK = 1 << 18
MAX_LINE = 1 << 16
REPLACEMENT = "�"
FORBIDDEN = str.maketrans(dict.fromkeys(("\x00", RECORD, OPEN, FIELD), REPLACEMENT))
GZIP_MAGIC = b"\x1f\x8b"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class CleanCopy:
    """``digest``: SHA-256 of the content, unpacked, so that ``a.csv`` and ``a.csv.gz`` are
    the same. ``lines``: physical lines, the header's and blank ones too. ``size``: bytes
    of the content, unpacked."""

    path: Path
    digest: str
    lines: int
    size: int
    header: Header


@dataclass
class _Tally:
    """What has gone by so far."""

    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    size: int = 0
    lines: int = 0

    def update(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)


def copy_lines(source: Path, target: Path, name: str) -> CleanCopy:
    """Copy ``source`` (CSV or CSV.gz) to ``target``; ``name`` is what messages call it.

    Raises BadInputError where the file cannot be read as a whole: empty, cut short,
    changed while it was read, without a usable header.
    """
    before = source.stat()
    if before.st_size == 0:
        raise BadInputError(f"{name} is empty (0 bytes)", fix="wait until it is written")
    tally = _Tally()
    header = None
    try:
        with source.open("rb") as raw, target.open("w", encoding="utf-8", newline="") as clean:
            for body in _bodies(_unpacked(raw, before.st_size), tally):
                header = header or read_header(body, name, tally.lines)
                tally.lines += body.count("\n")
                clean.write(_settle(body, header.separator if header else ","))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInputError(
            f"{name} is cut short or damaged: {error}", fix="copy it again, whole"
        ) from error
    after = source.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadInputError(f"{name} changed while it was read", fix="try again later")
    if header is None:
        raise BadInputError(f"{name} has no line with text in it", fix="add a header and readings")
    return CleanCopy(target, tally.digest.hexdigest(), tally.lines, tally.size, header)


class _Start(io.RawIOBase):
    """The first ``size`` bytes of a file: one that grows as it is read still ends."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


def _unpacked(raw: BinaryIO, size: int) -> IO[bytes]:
    """The content, told by its first bytes and not by the name."""
    start = io.BufferedReader(_Start(raw, size), BLOCK)
    packed = start.peek(2).startswith(GZIP_MAGIC)
    return gzip.GzipFile(fileobj=start) if packed else start  # type: ignore[return-value]


def _bodies(stream: IO[bytes], tally: _Tally) -> Iterator[str]:
    """Text in blocks of whole lines that end in a line feed.

    Bytes that are no text become the replacement character, so the line stays countable
    and is judged by its fields. Of a line beyond ``MAX_LINE`` the middle is dropped.
    """
    decoder: io.IncrementalNewlineDecoder | None = None
    carry = ""
    while True:
        data = stream.read(BLOCK)
        tally.update(data)
        if decoder is None:
            decoder = _decoder(data)
        text = carry + decoder.decode(data, final=not data)
        cut = text.rfind("\n") + 1
        if cut:
            yield text[:cut]
        carry = text[cut:][:MAX_LINE]
        if not data:
            break
    if carry:
        yield carry + "\n"


def _decoder(start: bytes) -> io.IncrementalNewlineDecoder:
    """UTF-8 with or without a byte order mark, or UTF-16 with one; any line ending."""
    encoding = "utf-16" if start.startswith(UTF16_MARKS) else "utf-8-sig"
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return io.IncrementalNewlineDecoder(decoder, translate=True)


def _settle(body: str, separator: str) -> str:
    """The block without characters that mean something to the scan, without spaces around
    fields, and with quotes resolved."""
    if any(mark in body for mark in ("\x00", RECORD, OPEN, FIELD)):
        body = body.translate(FORBIDDEN)
    if QUOTE not in body:
        return _trim(body, separator)
    return "\n".join(
        _unquote(line, separator) if QUOTE in line else _trim(line, separator)
        for line in body.split("\n")
    )


def _trim(text: str, separator: str) -> str:
    """Without spaces (and tabs, where they do not separate) at either end of each field.

    >>> _trim(" a b, c\\n,\\td\\n", ",")
    'a b,c\\n,d\\n'
    """
    space = " \t" if "\t" in text and separator != "\t" else " "
    ends = (separator, "\n")
    touching = (pair for s in space for e in ends for pair in (s + e, e + s))
    if text[:1] in space or text[-1:] in space or any(pair in text for pair in touching):
        text = re.sub(f"[{space}]+(?=[{separator}\n])", "", text)
        text = re.sub(f"(?<=[{separator}\n])[{space}]+", "", text)
        return text.strip(space)
    return text


def _unquote(line: str, separator: str) -> str:
    """Fields of one quoted line, joined by ``FIELD``; marked where quotes do not match.

    >>> _unquote('"2026-01-01 00:00","15,a', ",")[0] == OPEN
    True
    >>> _unquote('"2026-01-01 00:00","1,5",a', ",").split(FIELD)
    ['2026-01-01 00:00', '1,5', 'a']
    """
    try:
        fields = next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return OPEN + line
    return FIELD.join(field.strip(" \t") for field in fields)
