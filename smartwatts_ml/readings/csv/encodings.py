"""Which encoding text is in: told by its first bytes, or by the first that are not ASCII.

What cannot be told becomes the replacement sign, which rejects its line, or the file where a
column is called so: no name is read as another one.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from smartwatts_ml.errors import BadInputError

__all__ = ["Encoding", "start_as_utf8", "undecodable", "wide_encoding"]

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_START = 4096
_FEWEST = 16
_MOSTLY = 0.9
"""A share of letters of UTF-16 whose one byte is zero: digits, marks and most names."""
_LETTERS = (
    bytes((0x8A, 0x8C, 0x8E, 0x9A, 0x9C, 0x9E))
    + bytes(range(0xC0, 0xD7))
    + bytes(range(0xD8, 0xF7))
    + bytes(range(0xF8, 0xFF))
)
_SIGNS = bytes((0x80, 0x92, 0x96, 0xA0, 0xA3, 0xA7, 0xB0, 0xB2, 0xB3, 0xB4, 0xB5, 0xB7, 0xBD, 0xD7))
"""€ ’ – £ § ° ² ³ µ and the like, in Windows-1252."""
_HIGH = re.compile(rb"[\x80-\xff]")
_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_UTF8_LETTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_NUMBER = re.compile(rb"(?:^|[;,\t|])[\"' ]*[-+]?\d[\d.,:/ TZ-]*[\"' ]*(?:[;,\t|]|$)")
_MOST_ABOVE = 200
"""Lines that may stand above the readings."""
_REPLACEMENT = "\ufffd"
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
"""What stands in no text."""
_KEPT_TEXT = 80


def undecodable(where: str, texts: Iterable[str]) -> BadInputError | None:
    """What to say of names of columns, or lines in their place, of which some are no text; None
    where all are."""
    text = next((text for text in texts if _REPLACEMENT in text), None)
    if text is None:
        return None
    if _CONTROL.search(text):
        return BadInputError(
            f"{where}: no header, and this is no text: {text[:_KEPT_TEXT]!r}",
            fix="ask for the readings as CSV",
        )
    return BadInputError(
        f"{where}: names of columns are in an encoding that nothing tells: {text[:_KEPT_TEXT]!r}",
        fix="save the file as UTF-8, or name its columns: `skip` and `columns` of its source",
    )


def wide_encoding(start: bytes) -> tuple[str, str] | None:
    """The codec of text of two or four bytes a letter, by its first bytes, and its name for
    people; None where it is neither.

    >>> wide_encoding("timestamp,consumption".encode("utf-16-le"))
    ('utf-16-le', 'UTF-16 without a mark')
    """
    for mark, codec, name in _MARKS:
        if start.startswith(mark):
            return codec, name
    letters = len(start[:_START]) // 2
    lows, highs = start[: 2 * letters : 2], start[1 : 2 * letters : 2]
    if letters >= _FEWEST:
        for zeros, others, codec in ((highs, lows, "utf-16-le"), (lows, highs, "utf-16-be")):
            if zeros.count(0) >= _MOSTLY * letters and not others.count(0):
                return codec, "UTF-16 without a mark"
    return None


def start_as_utf8(start: bytes) -> bytes:
    """The first bytes of a content, recoded where they are text of two or four bytes a letter."""
    wide = wide_encoding(start)
    return start if wide is None else start.decode(wide[0], "replace").encode()


class Encoding:
    """That of text of one byte a letter, or UTF-8: open until a byte tells it, then for good."""

    def __init__(self) -> None:
        self._legacy: bool | None = None

    @property
    def name(self) -> str:
        return "Windows-1252" if self._legacy else "UTF-8"

    def as_utf8(self, lines: bytes) -> bytes:
        """Whole lines as UTF-8. Bytes that are no text stay, or become the replacement sign."""
        if lines.isascii():
            return lines
        if self._legacy is None:
            self._legacy = _told(lines)
        return _recoded(lines) if self._legacy else lines


def _told(lines: bytes) -> bool | None:
    """Whether lines are Windows-1252; None where nothing tells."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        pass
    else:
        return False
    if _UTF8_LETTER.search(lines):
        return False
    if set(_HIGH.findall(lines)) <= {bytes((byte,)) for byte in _LETTERS + _SIGNS}:
        words = Counter(_WORD.findall(lines))
        latin = sum(_plain_letters(word) * count for word, count in words.items())
        high = sum(_high_letters(word) * count for word, count in words.items())
        # A damaged byte is there once; a name comes again, or is that of a column.
        if high <= latin and (max(words.values()) > 1 or any(_titles(lines))):
            return True
    return None


def _plain_letters(word: bytes) -> int:
    return sum(byte < 0x80 for byte in word)


def _high_letters(word: bytes) -> int:
    return sum(byte in _LETTERS for byte in word)


def _titles(lines: bytes) -> Iterator[bytes]:
    """Of the first lines those that hold no number, but bytes that are not ASCII."""
    for line in lines.split(b"\n", _MOST_ABOVE)[:_MOST_ABOVE]:
        if not line.isascii() and not _NUMBER.search(line):
            yield line


def _recoded(lines: bytes) -> bytes:
    """From Windows-1252. Where a line has letters of UTF-8 all the same, nobody knows."""
    doubtful = _UTF8_LETTER.sub(b"\x81", lines)  # which stands for nothing there
    return doubtful.decode("cp1252", "replace").encode()
