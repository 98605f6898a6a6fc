"""Lines as they lie in a file → lines that split at one mark, quotes and spaces settled."""

from __future__ import annotations

import csv
import re

import numpy as np
import pyarrow as pa

from smartwatts_ml.readings.csv.blocks import Block
from smartwatts_ml.readings.csv.sample import with_plain_spaces
from smartwatts_ml.readings.layouts.mapper import FIELD, OPEN, Cells

__all__ = ["cells_of"]

_QUOTE = '"'
_MARK = "\ufeff"
"""In the middle of a file, where files were joined that each began with it."""
_FORBIDDEN = re.compile(f"[\x00\x01{OPEN}{FIELD}]")


def cells_of(block: Block, separator: str) -> Cells:
    """A block's lines, to be split."""
    lines = _settled_lines(block, separator)
    numbers = np.arange(block.first, block.first + len(lines))
    return Cells(pa.table({"number": numbers, "line": lines}), separator)


def _settled_lines(block: Block, separator: str) -> list[str]:
    """Its lines without spaces around fields and with quotes resolved.

    Bytes that are no text become the replacement character, so the line stays countable
    and is judged by its fields.
    """
    text = with_plain_spaces(_FORBIDDEN.sub("\ufffd", block.data.decode("utf-8", "replace")))
    if _MARK in text:
        text = re.sub(f"^{_MARK}", "", text, flags=re.MULTILINE)
    if _QUOTE not in text:
        return _trim(text, separator).split("\n")[:-1]
    return [
        _unquote(line, separator) if _QUOTE in line else _trim(line, separator)
        for line in text.split("\n")[:-1]
    ]


def _trim(text: str, separator: str) -> str:
    """Without spaces (and tabs, where they do not separate) at either end of each field.

    >>> _trim(" a b, c\\n,\\td\\n", ",")
    'a b,c\\n,d\\n'
    """
    space = " \t" if "\t" in text and separator != "\t" else " "
    ends = (separator, "\n")
    touching = (pair for s in space for e in ends for pair in (s + e, e + s))
    if text[:1] in space or text[-1:] in space or any(pair in text for pair in touching):
        mark = re.escape(separator)
        text = re.sub(f"[{space}]+(?=[{mark}\n])", "", text)
        text = re.sub(f"(?<=[{mark}\n])[{space}]+", "", text)
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
    if len(fields) == 1:  # not blank, even where there is nothing within the quotes
        return line
    return FIELD.join(field.strip(" \t") for field in fields)
