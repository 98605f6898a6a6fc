"""Some lines of a block, and their fields by column."""

from __future__ import annotations

import csv
from collections.abc import Sequence

__all__ = ["columns_of", "first_lines", "sampled_lines", "with_plain_spaces"]

_SAMPLE = 2_000
"""Lines, spread over the block, that tell what a file's columns hold."""
_FIRST = 1_000
_IN_A_ROW = 100
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", " "))


def with_plain_spaces(text: str) -> str:
    """With spaces in the place of those that do not break.

    >>> with_plain_spaces("1\\u00a0234")
    '1 234'
    """
    return text if text.isascii() else text.translate(_SPACES)


def first_lines(data: bytes) -> list[str]:
    """Lines that follow each other."""
    return [line.decode("utf-8", "replace") for line in data.split(b"\n", _FIRST)[:_FIRST]]


def sampled_lines(data: bytes) -> list[str]:
    """Lines in their order: some far apart, and some in a row, so that both files of many devices
    and of one show how time runs on."""
    if data.count(b"\n") <= _SAMPLE:
        return data.decode("utf-8", "replace").split("\n")[:-1]
    sample, end = [], 0
    for number, place in enumerate(range(0, len(data), len(data) // (_SAMPLE // 2))):
        start = data.rfind(b"\n", 0, place) + 1
        if start < end:
            continue
        for _ in range(_IN_A_ROW if number % _IN_A_ROW == 0 else 1):
            end = data.find(b"\n", start) + 1
            if not end:
                break
            sample.append(data[start : end - 1].decode("utf-8", "replace"))
            start = end
    return sample


def columns_of(lines: Sequence[str], separator: str, width: int) -> list[list[str]]:
    """The fields of lines that fit the header, by column."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for line in map(with_plain_spaces, lines):
        try:
            fields = (
                next(csv.reader([line], delimiter=separator, strict=True))
                if '"' in line
                else line.split(separator)
            )
        except csv.Error:
            continue
        if len(fields) >= width and not any(fields[width:]):
            for column, field in zip(columns, fields, strict=False):
                column.append(field.strip())
    return columns
