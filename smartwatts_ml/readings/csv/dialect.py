"""What a CSV file is: its header and separator, found out once, and what that is taken for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smartwatts_ml.readings.csv.headerless import (
    SEPARATORS,
    named_columns,
    refuse_headerless,
    split_fields,
)
from smartwatts_ml.readings.csv.sample import (
    columns_of,
    first_lines,
    sampled_lines,
    with_plain_spaces,
)
from smartwatts_ml.readings.layouts.interpretation import Interpretation, is_header
from smartwatts_ml.readings.layouts.names import VALUE, role_of
from smartwatts_ml.readings.units import no_power, unit_of
from smartwatts_ml.sources import Source

__all__ = ["Dialect", "Header", "find_header"]

_MOST_ABOVE = 200
"""Lines above the header."""
_BELOW = 5
"""Lines below a header, of which one should be of readings."""
_SEPARATOR_SAID = re.compile(r'"?sep=(\\t|[^"\w])"?', re.IGNORECASE)
_DATED = re.compile(
    r"(\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}[-/.]\d\d?[-/.]\d\d?)([ T]\d{1,2}[:.]\d\d.*)?"
)
"""What is no name of a column."""
_IS_VALUE = re.compile(r"[-+]?\d+[.,]\d+").fullmatch
_HAS_DIGIT = re.compile(r"\d(?<!m3)").search


@dataclass(frozen=True)
class Dialect:
    """``header``: 1-based number of the header's line."""

    header: int
    separator: str
    interpretation: Interpretation

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns, as the file has them."""
        return self.interpretation.mapping.names

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.names)


class Header(NamedTuple):
    """The lines that name the columns, by 1-based numbers: one, or two where units or the like
    stand below; ``sample``: some fields of each column, ``first``: those of the first lines;
    ``above``: lines above them."""

    line: int
    last: int
    separator: str
    names: tuple[str, ...]
    sample: Sequence[Sequence[str]]
    above: Sequence[str] = ()
    first: Sequence[Sequence[str]] = ()


class _HeaderLines(NamedTuple):
    """A header, by the offset of its last line and how many lines it has; of one that is not
    there, the offset before the first line."""

    offset: int
    rows: int
    separator: str
    names: tuple[str, ...]


def find_header(
    data: bytes, first_line: int, name: str, source: Source, key: str = ""
) -> Header | None:
    """The header of a file, from its first block of whole lines, or what its source says in the
    place of one; None if all are blank. ``key``: the path that sources are matched against.

    Raises BadInputError where there is none.

    >>> header = find_header(b"Device_ID;x;Timestamp;consumption\\n", 1, "a.csv", Source())
    >>> header.separator, header.names
    (';', ('Device_ID', 'x', 'Timestamp', 'consumption'))
    """
    lines = data.split(b"\n", source.skip + _MOST_ABOVE + 2 * _BELOW)[:-1]
    header = _find_header(lines, source, f"{name}, line {first_line + source.skip}")
    if header is None:
        refuse_headerless(data.split(b"\n"), first_line, name, source, key)
        return None
    offset, rows, separator, names = header
    start = sum(map(len, lines[: offset + 1])) + offset + 1
    columns = columns_of(sampled_lines(data[start:]), separator, len(names))
    first = columns_of(first_lines(data[start:]), separator, len(names))
    last = first_line + offset
    above = list(_texts(lines[: offset + 1 - rows]).values())
    return Header(last - max(rows, 1) + 1, last, separator, names, columns, above, first)


def _find_header(lines: Sequence[bytes], source: Source, where: str) -> _HeaderLines | None:
    """The first line that names columns of readings, and a line of units below it."""
    texts = _texts(lines)
    separators: Sequence[str] = SEPARATORS
    if texts and (said := _SEPARATOR_SAID.fullmatch(texts[min(texts)])):
        separators = (said[1].replace("\\t", "\t"),)
        del texts[min(texts)]
    if source.columns:
        return _named(texts, source, separators, where)
    if source.skip:
        return _skipped_to(lines, source, separators)
    doubtful = None
    for offset in texts:
        header = _of_line(offset, texts, separators, source)
        if header is not None and _fits(header, texts):
            return _with_second_row(_below_facts(header, texts, separators, source), texts)
        doubtful = doubtful or header
    return doubtful or _of_two_rows(texts, separators, source) or _without_time(texts, separators)


def _of_line(
    offset: int, texts: Mapping[int, str], separators: Sequence[str], source: Source
) -> _HeaderLines | None:
    headers = []
    for separator in separators:
        names = _split(texts[offset], separator)
        header = _HeaderLines(offset, 1, separator, names)
        dated = any(map(_DATED.fullmatch, names))
        if not dated and is_header(names, source, _rows_below(header, texts)):
            headers.append(header)
    return max(headers, key=lambda header: len(header.names), default=None)


def _named(
    texts: Mapping[int, str], source: Source, separators: Sequence[str], where: str
) -> _HeaderLines | None:
    """The columns that the source names, above the first line that it does not skip."""
    offset = next((offset for offset in texts if offset >= source.skip), None)
    if offset is None:
        return None
    separator, is_there = named_columns(texts[offset], separators, source, where)
    return _HeaderLines(offset - (not is_there), int(is_there), separator, source.columns)


def _skipped_to(
    lines: Sequence[bytes], source: Source, separators: Sequence[str]
) -> _HeaderLines | None:
    """The first line with text below those that the source says to skip."""
    for offset, line in enumerate(lines[source.skip :], source.skip):
        text = _text(line)
        if text:
            names = {separator: _split(text, separator) for separator in separators}
            separator = max(names, key=lambda separator: len(names[separator]))
            header = _HeaderLines(offset, 1, separator, names[separator])
            return _with_second_row(header, _texts(lines, offset))
    return None


def _texts(lines: Sequence[bytes], first: int = 0) -> dict[int, str]:
    """Lines with text, by their offset, as far as a header may stand below the start."""
    numbered = enumerate(lines[first : first + _MOST_ABOVE + _BELOW], first)
    return {offset: text for offset, line in numbered if (text := _text(line))}


def _text(line: bytes) -> str:
    """A line without a mark, or the sign of a comment, before it."""
    text = with_plain_spaces(line.decode("utf-8", "replace"))
    return text.strip("\ufeff").lstrip("# ").rstrip()


def _rows_below(header: _HeaderLines, texts: Mapping[int, str]) -> list[list[str]]:
    """Fields of the next lines."""
    below = (text for offset, text in texts.items() if offset > header.offset)
    return [split_fields(text, header.separator) for text in itertools.islice(below, _BELOW)]


def _fits(header: _HeaderLines, texts: Mapping[int, str]) -> bool:
    """Whether one of the next lines has as many fields, and a number; or there is none."""
    rows = _rows_below(header, texts)
    return not rows or any(
        len(row) >= len(header.names) >= len(_trimmed(row)) and any(map(_HAS_DIGIT, row))
        for row in rows
    )


def _below_facts(
    header: _HeaderLines, texts: Mapping[int, str], separators: Sequence[str], source: Source
) -> _HeaderLines:
    """A header further down, where the lines below the first one up to there are facts about the
    readings (the meter, the unit), and of another width than these."""
    near = itertools.islice((offset for offset in texts if offset > header.offset + 1), _BELOW - 1)
    for offset in near:
        later = _of_line(offset, texts, separators, source)
        if later is None or len(later.names) == len(header.names) or not _fits(later, texts):
            continue
        below = _HeaderLines(offset, 1, header.separator, header.names)
        if not any(len(_trimmed(row)) == len(header.names) for row in _rows_below(below, texts)):
            return later
    return header


def _with_second_row(header: _HeaderLines, texts: Mapping[int, str]) -> _HeaderLines:
    """With the units that the next line has, or what tells columns of one name apart."""
    offset = next((offset for offset in texts if offset > header.offset), None)
    if offset is None:
        return header
    fields = [field.strip("[]() ") for field in split_fields(texts[offset], header.separator)]
    if len(fields) < 2 or any(map(_HAS_DIGIT, fields)) or not any(fields):
        return header
    units = [field if unit_of(field) or no_power(field) else "" for field in fields]
    several = len(set(header.names)) < len(header.names)
    if not any(units) and not several:
        return header
    below = (f"[{unit}]" if unit else text for unit, text in zip(units, fields, strict=True))
    pairs = list(itertools.zip_longest(header.names, below, fillvalue=""))[: len(header.names)]
    names = [(n, text if several or not n or text.startswith("[") else "") for n, text in pairs]
    joined = tuple(f"{name} {text}".strip() for name, text in names)
    return _HeaderLines(offset, offset - header.offset + 1, header.separator, joined)


def _of_two_rows(
    texts: Mapping[int, str], separators: Sequence[str], source: Source
) -> _HeaderLines | None:
    """A header of which only two lines together name columns of readings; a name holds for the
    empty fields behind it."""
    for (above, first), (offset, second) in itertools.pairwise(texts.items()):
        for separator in separators:
            below = split_fields(second, separator)
            if any(map(_IS_VALUE, below)):
                continue
            groups = itertools.accumulate(split_fields(first, separator), _last_name)
            parts = itertools.zip_longest(groups, below, fillvalue="")
            names = _trimmed([f"{group} {name}".strip() for group, name in parts])
            header = _HeaderLines(offset, offset - above + 1, separator, names)
            dated = any(map(_DATED.fullmatch, names))
            if not dated and is_header(names, source) and _fits(header, texts):
                return header
    return None


def _without_time(texts: Mapping[int, str], separators: Sequence[str]) -> _HeaderLines | None:
    """A line that names power above lines with numbers, though none of its names or columns
    speaks of time: which of them does will be asked."""
    for offset, text in texts.items():
        for separator in separators:
            header = _HeaderLines(offset, 1, separator, _split(text, separator))
            speaks = len(header.names) > 1 and VALUE in map(role_of, header.names)
            if speaks and not any(map(_HAS_DIGIT, header.names)) and _fits(header, texts):
                return header
    return None


def _last_name(name: str, following: str) -> str:
    return following or name


def _split(text: str, separator: str) -> tuple[str, ...]:
    """Names of columns; a separator at the end names none."""
    return _trimmed(split_fields(text, separator))


def _trimmed(names: Sequence[str]) -> tuple[str, ...]:
    """Less empty names at the end."""
    size = max((place for place, name in enumerate(names, 1) if name), default=1)
    return tuple(names[:size])
