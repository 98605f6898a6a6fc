"""Whether the sensors of a file write when their value changes, told by its first rows.

Then a value holds until the next row, however long that takes. A meter that is read at its own
pace repeats values, keeps a spacing, or, where it was off for long, is off several times in a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from smartwatts_ml.readings.clock import local_clock
from smartwatts_ml.readings.layouts.interpretation import Interpretation
from smartwatts_ml.readings.layouts.mapper import Cells, RowMapper

__all__ = ["with_held_values"]

_FEWEST = 60
"""Rows of a device that show it."""
_SECONDS = re.compile(r":\d\d:(\d\d)|(\d{1,2})\.?\d*$")
_MOST_SECONDS = 20
"""Seconds of the minute at which a device writes that has a spacing, of 3 s and more."""
_REPEATS = 0.02
"""Share of rows at most that repeat the value before."""
_UNEVEN = 10.0
"""Times that the longest gap, and nearly the longest, is the median and the shortest."""
_NEAR = 0.25
_ALIKE = 0.4
"""Share of gaps at most that are near to the median."""
_LONG = 5.0
_IN_A_ROW = 0.4
"""Share of long gaps at most that another one follows."""


def with_held_values(form: Interpretation, rows: Sequence[Sequence[str]]) -> Interpretation:
    """A file as it is understood, with held values where all of its devices show it. ``rows``: its
    columns, of lines that follow each other."""
    mapping = form.mapping
    said = mapping.said
    stated = said.held is not None or said.interval_s is not None or said.stamp_is == "end"
    if stated or mapping.layout or mapping.until or mapping.interval is not None or mapping.hours:
        return form
    if (
        len(mapping.stamp) > 1
        or mapping.by_time_of_day
        or not _at_any_second(rows[mapping.stamp[0]])
    ):
        return form
    devices = list(_devices(form, rows))
    if not devices or not all(_writes_on_change(*device) for device in devices):
        return form
    held = replace(mapping, said=said.model_copy(update={"held": True}))
    return replace(form, mapping=held, held_by_rows=True)


def _at_any_second(texts: Sequence[str]) -> bool:
    """Whether stamps are at more seconds of the minute than those of a spacing."""
    if len(texts) < _FEWEST:
        return False
    seconds = {match[0] for text in texts if (match := _SECONDS.search(text))}
    return len(seconds) > _MOST_SECONDS


def _devices(
    form: Interpretation, rows: Sequence[Sequence[str]]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stamps (µs) and values of each device with power that has enough of them."""
    fields = pa.array([*zip(*rows, strict=True)], pa.list_(pa.string()))
    table = pa.table({"number": np.arange(len(fields)), "fields": fields})
    for parsed in RowMapper(form, local_clock(form.timezone)).map(Cells(table)).rows:
        if parsed.measure.quantity != "power":
            continue
        for device in np.unique(parsed.devices):
            chosen = parsed.devices == device
            if np.count_nonzero(chosen) >= _FEWEST:
                yield parsed.stamps[chosen], parsed.values[chosen]


def _writes_on_change(stamps: np.ndarray, values: np.ndarray) -> bool:
    """
    >>> rng = np.random.default_rng(1)
    >>> gaps = rng.lognormal(3, 1.5, 200)
    >>> _writes_on_change(np.cumsum(gaps * 1e6).astype(np.int64), rng.random(200))
    True
    """
    order = np.argsort(stamps, kind="stable")
    stamps, values = stamps[order], values[order]
    gaps = np.diff(stamps).astype(np.float64)
    if np.mean(values[1:] == values[:-1]) > _REPEATS or np.mean(gaps <= 0) > _REPEATS:
        return False
    gaps = gaps[gaps > 0]
    median = np.median(gaps)
    short, long = np.quantile(gaps, [0.05, 0.95])
    if gaps.max() < _UNEVEN * median or long < _UNEVEN * short:
        return False
    if np.mean(np.abs(gaps - median) <= _NEAR * median) > _ALIKE:
        return False
    far = gaps > _LONG * median
    return bool(np.mean(far[1:][far[:-1]]) <= _IN_A_ROW) if far[:-1].any() else False
