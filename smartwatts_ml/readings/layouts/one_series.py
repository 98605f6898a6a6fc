"""Whether lines that are taken for one device are of one: told by its first rows.

Sensors that write to one file at moments of their own never share a timestamp. So no two of their
values contradict each other, but together they are nobody's power. A column whose texts take turns
gives them away, unless it is only an attribute of the readings of one meter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa

from smartwatts_ml.readings.clock import local_clock
from smartwatts_ml.readings.layouts.file_columns import ask, content_of
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import Cells, RowMapper
from smartwatts_ml.readings.layouts.mapping import rule_for
from smartwatts_ml.readings.layouts.names import (
    STAMP,
    is_appliance,
    is_of_the_row,
    names_a_thing,
    role_of,
    sense_of,
    speaks_of_values,
)
from smartwatts_ml.readings.layouts.registers import shown_some, which_is_mains
from smartwatts_ml.readings.layouts.vocabulary import words
from smartwatts_ml.sources import toml_string

__all__ = ["check_series"]

_FEWEST = 12
"""Rows of a device that show it."""
_FEWEST_EACH = 4
"""Rows that a text has on average."""
_MOST = 50
_NEAR = 0.1
_REGULAR = 0.8
"""Share of gaps near to the median of readings with a spacing."""
_CLEARER = 0.3
"""By so much more of the gaps are near to the median where each text is by itself."""
_TURNS = 0.5
"""Share of the changes of text that there would be by chance, of lines of several sensors."""
_DAY_US = 86_400_000_000
_ID_DIGITS = 3
_IS_ID = re.compile(r"(?!20\d\d)(?=.*\d.*\d)[\w./-]{3,}")
"""Of a meter, and no word and no date."""
_MOST_BLOCKS = 12
_YES_OR_NO = words("true false yes no y n t f on off 0 1 ja nein oui non si")


def check_series(
    form: Interpretation,
    rows: Sequence[Sequence[str]],
    where: str,
    key: str,
    sample: Sequence[Sequence[str]] = (),
) -> None:
    """``rows``: columns of a file, of lines that follow each other; ``sample``: of lines far apart;
    ``where`` and ``key``: the file for people and for patterns. Raises BadInputError, with what a
    source may say, where a column that means nothing tells several series of one device apart."""
    mapping = form.mapping
    if mapping.layout or mapping.by_time_of_day or mapping.hours or mapping.said.register_:
        return
    _check_blocks(form, sample or rows, where, key)
    candidates = list(_candidates(form, rows))
    if not candidates:
        return
    series = list(_series(form, rows))
    for position in candidates:
        texts, codes = np.unique(np.array(rows[position], object), return_inverse=True)
        named = _names_things(mapping.names[position], texts.tolist())
        by_id = named and min(map(len, texts)) >= _ID_DIGITS
        is_text = by_id or content_of(rows[position]) == "text"
        if any(_are_several(stamps, codes[lines], named, is_text) for stamps, lines in series):
            name = mapping.names[position]
            first_ones = [text for text in dict.fromkeys(rows[position]) if text]
            raise ask(
                where,
                key,
                mapping.said,
                f"lines take turns by {name} ({shown_some(first_ones)}), as those of several "
                "sensors do: which is mains?",
                *which_is_mains(name, first_ones),
                f'channels = {{{toml_string(name)} = ""}}  # all are of the same meter',
            )


def _check_blocks(
    form: Interpretation, sample: Sequence[Sequence[str]], where: str, key: str
) -> None:
    """Ask where lines of one meter come after those of another."""
    for position in _candidates(form, sample):
        name, texts = form.mapping.names[position], sample[position]
        if _are_ids_in_blocks(name, texts):
            first_ones = list(dict.fromkeys(texts))
            raise ask(
                where,
                key,
                form.mapping.said,
                f"{name} changes from {first_ones[0]} to {first_ones[1]}: are these meters of "
                "several homes, or of one that got another?",
                f"device = {toml_string(name)}  # each is a site",
                f'channels = {{{toml_string(name)} = ""}}  # all are of the same home',
            )


def _are_ids_in_blocks(name: str, texts: Sequence[str]) -> bool:
    """Whether a column has numbers of meters, one after the other has all of its lines.

    >>> _are_ids_in_blocks("x", ["1EMH01"] * 9 + ["1EMH02"] * 9)
    True
    >>> _are_ids_in_blocks("x", ["summer"] * 9 + ["winter"] * 9)
    False
    """
    blocks = [text for text, _ in groupby(texts)]
    in_blocks = len(set(blocks)) == len(blocks) <= _MOST_BLOCKS
    return in_blocks and role_of(name) != STAMP and all(map(_IS_ID.fullmatch, blocks))


def _candidates(form: Interpretation, rows: Sequence[Sequence[str]]) -> Iterator[int]:
    """Columns that mean nothing so far, of few texts that come again."""
    mapping = form.mapping
    for position, texts in enumerate(rows):
        name = mapping.names[position]
        if position in mapping.used or not name or rule_for(mapping.said.channels, name) == "":
            continue
        different = set(texts)
        if {text.casefold() for text in different} <= _YES_OR_NO:
            continue
        if not 2 <= len(different) <= _MOST or len(texts) < _FEWEST_EACH * len(different):
            continue
        whole = all(text.isdigit() for text in different) and not speaks_of_values(name)
        if (whole or content_of(texts) == "text") and not is_of_the_row(name):
            yield position


def _names_things(name: str, texts: Sequence[str]) -> bool:
    """Whether name or texts speak of sensors, phases, appliances or flows."""
    return names_a_thing(name) or any(
        is_appliance(text) or sense_of(text).phase or sense_of(text).flow not in ("other", "plain")
        for text in texts
    )


def _series(
    form: Interpretation, rows: Sequence[Sequence[str]]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stamps (µs, in their order) of each device, and at which places of ``rows`` they stand."""
    fields = pa.array([*zip(*rows, strict=True)], pa.list_(pa.string()))
    table = pa.table({"number": np.arange(len(fields)), "fields": fields})
    seen: set[str] = set()
    for parsed in RowMapper(form, local_clock(form.timezone)).map(Cells(table)).rows:
        for device in np.unique(parsed.devices).tolist():
            if (name := parsed.names[device]) in seen:
                continue
            seen.add(name)
            chosen = np.flatnonzero(parsed.devices == device)
            chosen = chosen[np.argsort(parsed.stamps[chosen], kind="stable")]
            yield parsed.stamps[chosen], parsed.lines[chosen]


def _are_several(stamps: np.ndarray, codes: np.ndarray, named: bool, is_text: bool) -> bool:
    """Whether readings at ``stamps`` (µs, sorted) are of several sensors, told apart by ``codes``;
    both int64, shape (n,). ``named``: what the codes stand for names things; ``is_text``: it is
    more than a short number.

    >>> minutes = np.arange(40) * 60_000_000
    >>> both = np.sort(np.concatenate([minutes, minutes + 7_000_000]))
    >>> turns = np.arange(80) % 2
    >>> _are_several(both, turns, False, False), _are_several(minutes, turns[:40], False, True)
    (True, True)
    >>> _are_several(minutes, np.arange(40) // 20, True, True)
    False
    """
    counts = np.unique(codes, return_counts=True)[1]
    if len(codes) < _FEWEST or len(counts) < 2 or len(codes) < _FEWEST_EACH * len(counts):
        return False
    if np.mean(np.diff(stamps) == 0) > _NEAR:
        return False  # at one stamp they contradict each other, which is seen elsewhere
    changes = float(np.mean(codes[1:] != codes[:-1]))
    by_chance = 1 - float(np.sum((counts / len(codes)) ** 2))
    if changes < _TURNS * by_chance:
        return False
    together = _regularity(stamps)
    if together >= _REGULAR:
        turn, gap = len(counts), float(np.median(np.diff(stamps)))
        in_turn = changes == 1 and np.array_equal(codes[turn:], codes[:-turn])
        return bool(is_text and in_turn and turn * gap < _DAY_US)
    each = [_regularity(stamps[codes == code]) for code in np.unique(codes)]
    apart = float(np.average(each, weights=counts))
    return apart >= max(_REGULAR, together + _CLEARER) or (named and is_text)


def _regularity(stamps: np.ndarray) -> float:
    """Share of gaps that are near to the median."""
    gaps = np.diff(stamps)
    if not len(gaps):
        return 0.0
    median = np.median(gaps)
    return float(np.mean(np.abs(gaps - median) <= _NEAR * median))
