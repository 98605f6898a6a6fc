"""Lines of a text with separators, for formats that are no table as a whole."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from smartwatts_ml.readings.csv.blocks import BlockReader

__all__ = ["split_lines"]


def split_lines(blocks: BlockReader) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line; of a line whose quotes do not match, all of it as one."""
    for block in blocks:
        lines = block.data.decode("utf-8", "replace").split("\n")[: block.lines]
        for number, line in enumerate(lines, block.first):
            yield number, _fields(line)


def _fields(line: str) -> list[str]:
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return [line]
