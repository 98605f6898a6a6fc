"""JSON text of any length → the values in it, one after the other, in bounded memory."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.content import Content
from smartwatts_ml.readings.csv.encodings import wide_encoding
from smartwatts_ml.readings.formats.rows import Number

__all__ = ["JsonText", "decode_json"]

_LARGEST_VALUE = 1 << 23
_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)
_ROW = re.compile(r"\s*\[\s*(\S)")
_SPACE = " \t\r\n"


def decode_json(text: str) -> Any:
    """A value; numbers stay the text that they are. Raises ValueError where it is none."""
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("too many values inside of each other") from error


class JsonText:
    """``line``: the 1-based number of the line that is read."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._pieces = content.pieces()
        codec, _ = wide_encoding(content.start) or ("utf-8-sig", "")
        self._decoder = codecs.getincrementaldecoder(codec)("replace")
        self._text = ""
        self._at = 0
        self._ended = False
        self._ends_line = False
        self.line = 1

    @property
    def lines(self) -> int:
        """Of all that was read."""
        return self.line - self._ends_line

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._pass(self._at + 1)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        """The next character, which has to be one of those."""
        character = self.peek()
        if not character or character not in expected:
            raise self.broken(f"{character or 'nothing'!r} where one of {expected!r} has to be")
        self._pass(self._at + 1)

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise self.broken("too many values inside of each other") from error
            except ValueError as error:
                if len(self._text) - self._at > _LARGEST_VALUE:
                    raise self.broken("a value of more than 8 MiB") from error
                if not self._more():
                    raise self.broken(str(error).partition(":")[0]) from error
                continue
            if end < len(self._text) or not self._more():
                self._pass(end)
                return value

    def row(self) -> list[Any] | None:
        """The next value, an array of numbers and texts, whole; None, and nothing is taken, where
        it holds other values first."""
        while not (start := _ROW.match(self._text, self._at)) and self._more():
            pass
        if start is None or start[1] in "[{":
            return None
        value = self.value()
        return value if isinstance(value, list) else None

    def broken(self, why: str) -> BadInputError:
        """What to say of text that is no JSON here."""
        return BadInputError(
            f"{self._content.name}, line {self.line}: no JSON: {why}", fix="copy it again, whole"
        )

    def _pass(self, end: int) -> None:
        self.line += self._text.count("\n", self._at, end)
        self._ends_line = self._text[end - 1] == "\n"
        self._at = end

    def _more(self) -> bool:
        """Whether there was more to read."""
        if self._ended:
            return False
        piece = next(self._pieces, b"")
        self._ended = not piece
        more = self._decoder.decode(piece, final=self._ended)
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more)
