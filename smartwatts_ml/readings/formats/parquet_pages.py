"""What the pages of a Parquet file take in memory, told by its footer and by their own headers,
before Arrow makes room for what these say.

Both are structures of Thrift's compact protocol, as in
https://parquet.apache.org/docs/file-format/ and its parquet.thrift.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from smartwatts_ml.readings.formats.thrift import LIST, NUMBERS, STRUCT, Thrift

__all__ = ["PageFacts", "page_facts"]

_LARGEST_FOOTER = 1 << 24
_LARGEST_HEADER = 1 << 20
_USUAL_HEADER = 1 << 10
_MOST_CHUNKS = 1 << 16
_MOST_PAGES = 1 << 20
_TRAILER = 8
# Numbers of fields in parquet.thrift.
_GROUPS, _COLUMNS, _META_DATA = 4, 1, 3
_OF_CHUNK = {5: "values", 7: "size", 9: "data", 11: "dictionary"}
_UNPACKED, _PACKED = 2, 3
_VALUES = 1
_ENCODING_OF = {5: 2, 8: 4}
"""Where a data page of the first and of the second form says how it is encoded."""
_DELTA_BYTE_ARRAY = 7
"""A text may be the one before it and some letters more."""


@dataclass(frozen=True)
class PageFacts:
    """``at_once``: bytes of the largest pages of all columns of a group, packed and unpacked.
    ``row_bytes``: of the longest rows, those of all columns together."""

    at_once: int
    row_bytes: float


@dataclass
class _Chunk:
    """The pages of one column in one group."""

    values: int = 0
    size: int = 0
    data: int = 0
    dictionary: int = 0

    @property
    def start(self) -> int:
        return self.dictionary if 0 < self.dictionary < self.data else self.data


def page_facts(file: BinaryIO, size: int) -> PageFacts:
    """Raises ValueError or IndexError where a file of so many bytes is not as it should be."""
    at_once, row_bytes, pages = 0, 0.0, 0
    for chunks in _groups(_footer(file, size)):
        of_group, of_row = 0, 0.0
        for chunk in chunks:
            dictionary, data, longest = 0, 0, 0.0
            for page in _pages(file, chunk, size):
                pages += 1
                if pages > _MOST_PAGES:
                    raise ValueError(f"more than {_MOST_PAGES:,} pages")
                if page.values:
                    data = max(data, page.unpacked + page.packed)
                else:
                    dictionary = max(dictionary, page.unpacked + page.packed)
                longest = max(longest, page.row_bytes)
            of_group += dictionary + data
            of_row += longest
        at_once, row_bytes = max(at_once, of_group), max(row_bytes, of_row)
    return PageFacts(at_once, row_bytes)


def _footer(file: BinaryIO, size: int) -> bytes:
    file.seek(max(size - _TRAILER, 0))
    trailer = file.read(_TRAILER)
    if len(trailer) < _TRAILER or trailer[4:] != b"PAR1":
        raise ValueError("no footer at its end")
    (length,) = struct.unpack("<I", trailer[:4])
    if length > min(size - _TRAILER, _LARGEST_FOOTER):
        raise ValueError(f"a footer of {length:,} bytes")
    file.seek(size - _TRAILER - length)
    return file.read(length)


def _groups(footer: bytes) -> Iterator[list[_Chunk]]:
    """The chunks of each group of rows."""
    thrift = Thrift(footer)
    chunks = 0
    for field, kind in thrift.fields():
        if field != _GROUPS or kind != LIST:
            thrift.skip(kind)
            continue
        for of_group in thrift.items():
            if of_group != STRUCT:
                raise ValueError("groups that are none")
            group = _chunks(thrift)
            chunks += len(group)
            if chunks > _MOST_CHUNKS:
                raise ValueError(f"more than {_MOST_CHUNKS:,} chunks of columns")
            yield group


def _chunks(thrift: Thrift) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    for field, kind in thrift.fields():
        if field != _COLUMNS or kind != LIST:
            thrift.skip(kind)
            continue
        for _ in thrift.items():
            chunks.append(_chunk(thrift))
            if len(chunks) > _MOST_CHUNKS:
                raise ValueError(f"more than {_MOST_CHUNKS:,} chunks of columns")
    return chunks


def _chunk(thrift: Thrift) -> _Chunk:
    chunk = _Chunk()
    for field, kind in thrift.fields():
        if field != _META_DATA or kind != STRUCT:
            thrift.skip(kind)
            continue
        for number, of_number in thrift.fields():
            if number in _OF_CHUNK and of_number in NUMBERS:
                setattr(chunk, _OF_CHUNK[number], thrift.number())
            else:
                thrift.skip(of_number)
    return chunk


@dataclass
class _Page:
    """Bytes as it is unpacked and packed, and its values (0: it is a dictionary). ``header``:
    bytes before it."""

    unpacked: int = 0
    packed: int = 0
    values: int = 0
    encoding: int = 0
    header: int = 0

    @property
    def row_bytes(self) -> float:
        """Of the longest value that it may have."""
        if self.encoding == _DELTA_BYTE_ARRAY:
            return self.unpacked
        return self.unpacked / self.values if self.values else 0.0


def _pages(file: BinaryIO, chunk: _Chunk, size: int) -> Iterator[_Page]:
    place, end = chunk.start, chunk.start + chunk.size
    if place < 0 or chunk.size < 0 or end > size:
        raise ValueError("pages that are not in the file")
    seen = 0
    while place < end and seen < chunk.values:
        page = _page(file, place)
        place += page.header + page.packed
        if min(page.unpacked, page.packed, page.values) < 0 or place > size:
            raise ValueError(f"a page of {page.unpacked:,} bytes, {page.packed:,} packed")
        seen += page.values
        yield page


def _page(file: BinaryIO, place: int) -> _Page:
    for most in (_USUAL_HEADER, _LARGEST_HEADER):
        file.seek(place)
        data = file.read(most)
        with suppress(IndexError):  # it is longer
            return _parsed_page(Thrift(data))
    raise ValueError("the header of a page that does not end")


def _parsed_page(thrift: Thrift) -> _Page:
    page = _Page()
    for field, kind in thrift.fields():
        if field == _UNPACKED and kind in NUMBERS:
            page.unpacked = thrift.number()
        elif field == _PACKED and kind in NUMBERS:
            page.packed = thrift.number()
        elif field in _ENCODING_OF and kind == STRUCT:
            page.values, page.encoding = _of_data(thrift, _ENCODING_OF[field])
        else:
            thrift.skip(kind)
    page.header = thrift.place
    return page


def _of_data(thrift: Thrift, encoding: int) -> tuple[int, int]:
    """Number of values, and their encoding."""
    numbers = {_VALUES: 0, encoding: 0}
    for field, kind in thrift.fields():
        if field in numbers and kind in NUMBERS:
            numbers[field] = thrift.number()
        else:
            thrift.skip(kind)
    return numbers[_VALUES], numbers[encoding]
