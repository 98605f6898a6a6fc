"""A remote object as a file that can be read in places."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO

__all__ = ["open_ranges"]

_AHEAD = 1 << 20
"""Bytes that are fetched at once: a request costs more than they do."""


def open_ranges(fetch: Callable[[int, int], bytes], size: int) -> BinaryIO:
    """A file of ``size`` bytes; ``fetch(first, last)`` gets bytes, both ends included.

    >>> text = b"0123456789"
    >>> with open_ranges(lambda first, last: text[first : last + 1], len(text)) as file:
    ...     file.seek(-3, 2), file.read()
    (7, b'789')
    """
    return io.BufferedReader(_Ranges(fetch, size), _AHEAD)


class _Ranges(io.RawIOBase):
    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self._size - self._at)
        if count <= 0:
            return 0
        data = self._fetch(self._at, self._at + count - 1)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
