"""Thrift's compact protocol, read field by field: what nobody asks for costs no memory.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["LIST", "NUMBERS", "STRUCT", "Thrift"]

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY = range(9)
LIST, _SET, STRUCT, _UUID = 9, 10, 12, 13
NUMBERS = (_I16, _I32, _I64)
_FIXED = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8, _UUID: 16}
_MOST_ITEMS = 1 << 19
"""Of lists: whoever reads all of them makes something of each."""
_DEEPEST = 16


class Thrift:
    """Reads on at ``place``. Raises IndexError where the data end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._items = 0
        self._depth = 0
        self.place = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and kind of each field of a structure; whoever asks has to read or skip it."""
        field = 0
        while (header := self._byte()) != _STOP:
            step, kind = header >> 4, header & 15
            field = field + step if step else self.number()
            yield field, kind

    def items(self) -> Iterator[int]:
        """The kind of each item of a list, likewise."""
        header = self._byte()
        size, kind = header >> 4, header & 15
        if size == 15:
            size = self._varint()
        if kind not in NUMBERS:
            self._items += size
            if self._items > _MOST_ITEMS:
                raise ValueError(f"lists of more than {_MOST_ITEMS:,} items")
        for _ in range(size):
            yield kind

    def number(self) -> int:
        """A whole number."""
        coded = self._varint()
        return (coded >> 1) ^ -(coded & 1)

    def skip(self, kind: int) -> None:
        """Pass over a value."""
        if kind in _FIXED:
            self._pass(_FIXED[kind])
        elif kind in NUMBERS:
            self._varint()
        elif kind == _BINARY:
            self._pass(self._varint())
        else:
            self._depth += 1
            if self._depth > _DEEPEST:
                raise ValueError("structures too deep in each other")
            self._skip_inside(kind)
            self._depth -= 1

    def _skip_inside(self, kind: int) -> None:
        if kind in (LIST, _SET):
            for item in self.items():
                self._pass(1) if item in (_TRUE, _FALSE) else self.skip(item)
        elif kind == STRUCT:
            for _, of_field in self.fields():
                self.skip(of_field)
        else:
            raise ValueError(f"a value of kind {kind}")  # of a map too: there is none

    def _byte(self) -> int:
        byte = self._data[self.place]
        self.place += 1
        return byte

    def _pass(self, count: int) -> None:
        self.place += count
        if self.place > len(self._data):
            raise IndexError

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("a number that does not end")
