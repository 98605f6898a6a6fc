"""Numbers from big text files, a block at a time, with every line accounted for.

A block without a fault is parsed by Arrow. One with a fault is looked at line by line, so
that a bad line costs that line alone and is named.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.imports.base import FileAccount, Report

__all__ = ["TextLayout", "number_blocks"]

_BLOCK = 8 << 20
_EARLIEST, _LATEST = 631_152_000, 4_102_444_800
"""1990 and 2100: a stamp outside is damage, or milliseconds."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
_MISSING = ("", "nan", "NaN", "NULL", r"\N")
_SHOWN = 40


@dataclass(frozen=True)
class TextLayout:
    """``columns`` of a line, in order; ``wanted``: those to read, the stamp first: Unix seconds,
    or a date and a time of UTC where ``dated``."""

    columns: tuple[str, ...]
    wanted: tuple[str, ...]
    separator: str = " "
    header_lines: int = 0
    dated: bool = False


def number_blocks(
    path: Path, layout: TextLayout, account: FileAccount, report: Report
) -> Iterator[np.ndarray]:
    """Rows of the wanted columns, float64, shape (n, n_wanted), NaN where missing.

    Column 0 is seconds since the epoch. ``account`` counts lines; ``report`` bytes. The file
    may be packed (.gz).
    """
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for _ in range(layout.header_lines):
            report(len(file.readline()))
            account.lines += 1
            account.header += 1
        rest = b""
        while chunk := file.read(_BLOCK):
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield _numbers(rest + chunk[:cut], layout, account)
            rest = chunk[cut:] if cut else rest + chunk
            report(len(chunk))
            if len(rest) > _BLOCK:
                raise BadInputError(
                    f"{path}:{account.lines + 1}: a line without an end",
                    fix="it is no text file: look at it, or download it again",
                )
        if rest:
            yield _numbers(rest, layout, account)


def _numbers(block: bytes, layout: TextLayout, account: FileAccount) -> np.ndarray:
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    rows = _fast(block, layout)
    if rows is None or len(rows) > lines:
        return _careful(block, layout, account)
    account.lines += lines
    account.used += len(rows)
    account.blank += lines - len(rows)
    return rows


def _fast(block: bytes, layout: TextLayout) -> np.ndarray | None:
    """The block as Arrow reads it; None where it holds anything out of the ordinary."""
    if block.count(b"\r") != block.count(b"\r\n"):
        return None
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            pyarrow.csv.ReadOptions(column_names=layout.columns, block_size=len(block) + 1),
            pyarrow.csv.ParseOptions(delimiter=layout.separator, quote_char=False),
            pyarrow.csv.ConvertOptions(
                include_columns=layout.wanted,
                column_types={
                    **dict.fromkeys(layout.wanted, pa.float64()),
                    **({layout.wanted[0]: pa.timestamp("s")} if layout.dated else {}),
                },
                null_values=_MISSING,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table[0].null_count:
        return None
    stamps = table[0].to_numpy().astype(np.float64)
    rows = np.column_stack([stamps, *(table[name].to_numpy() for name in layout.wanted[1:])])
    return rows if np.all((stamps >= _EARLIEST) & (stamps < _LATEST)) else None


def _careful(block: bytes, layout: TextLayout, account: FileAccount) -> np.ndarray:
    """Line by line: bad lines are counted with their reason and kept out."""
    rows = []
    places = [layout.columns.index(name) for name in layout.wanted]
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, raw in enumerate(lines, account.lines + 1):
        text = raw.decode("utf-8", "replace").rstrip("\r")
        if not text.strip():
            account.blank += 1
            continue
        cells = text.split() if layout.separator == " " else text.split(layout.separator)
        if reason := _fault(cells, layout, places):
            account.reject(number, reason)
        else:
            stamp, *values = (cells[place] for place in places)
            rows.append([_seconds(stamp, layout), *map(_number, values)])
    account.lines += len(lines)
    account.used += len(rows)
    return np.array(rows, np.float64).reshape(len(rows), len(places))


def _fault(cells: Sequence[str], layout: TextLayout, places: Sequence[int]) -> str | None:
    if len(cells) != len(layout.columns):
        shown = layout.separator.join(cells)[:_SHOWN]
        return f"{len(cells)} columns instead of {len(layout.columns)}: {shown!r}"
    for place in places[1:]:
        cell = cells[place].strip()
        if cell not in _MISSING and not _NUMBER.fullmatch(cell):
            return f"{layout.columns[place]} {cell[:_SHOWN]!r} is not a number"
    stamp = cells[places[0]].strip()
    if _EARLIEST <= _seconds(stamp, layout) < _LATEST:
        return None
    form = "a date and a time" if layout.dated else "in seconds since 1970"
    return f"stamp {stamp[:_SHOWN]!r} is not {form}"


def _seconds(stamp: str, layout: TextLayout) -> float:
    """Seconds since the epoch; NaN where it is no stamp."""
    stamp = stamp.strip()
    try:
        if layout.dated and _STAMP.fullmatch(stamp):
            return float(np.datetime64(stamp, "s").astype(np.int64))
        return float(stamp) if not layout.dated and _NUMBER.fullmatch(stamp) else float("nan")
    except ValueError:
        return float("nan")


def _number(cell: str) -> float:
    return float("nan") if cell.strip() in _MISSING else float(cell)
