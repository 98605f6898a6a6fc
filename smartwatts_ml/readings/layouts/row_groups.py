"""Good values of judged lines → rows, those of one measure together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.readings.layouts.mapping import ColumnMapping, Meaning, ValueColumn
from smartwatts_ml.readings.parsed import FOLD, Parsed

__all__ = ["JudgedLines", "by_measure", "in_line_order", "same_line_parts"]

_HOUR_S = 3600.0


@dataclass(frozen=True)
class JudgedLines:
    """What the casts of a block gave, each array of shape (n,), in the order of its lines.

    ``stamps`` µs, UTC or on the file's clock (``local``); ``seconds`` of each row's interval
    where the file says it, else NaN; ``untold``: where it should say it and does not.
    """

    numbers: np.ndarray
    stamps: np.ndarray
    local: np.ndarray
    good: np.ndarray
    labels: np.ndarray
    seconds: np.ndarray
    folds: np.ndarray
    untold: np.ndarray


def same_line_parts(
    values: Sequence[ValueColumn],
) -> list[list[tuple[int, ValueColumn]]]:
    """Columns, with those that are parts of one channel together."""
    groups: dict[object, list[tuple[int, ValueColumn]]] = {}
    for i, value in enumerate(values):
        key = value.channel if value.sign else i
        groups.setdefault(key, []).append((i, value))
    return list(groups.values())


def by_measure(
    meanings: Sequence[Meaning | str],
    combos: np.ndarray,
    good: np.ndarray,
    stamps: np.ndarray,
    folds: np.ndarray,
    values: np.ndarray,
    lines: JudgedLines,
    column: ValueColumn,
    mapping: ColumnMapping,
) -> list[Parsed]:
    """Good rows, apart by what their numbers are."""
    names = list(dict.fromkeys(m.device for m in meanings if isinstance(m, Meaning)))
    place_of = {name: place for place, name in enumerate(names)}
    devices = np.array(
        [place_of[m.device] if isinstance(m, Meaning) else 0 for m in meanings], np.int32
    )[combos]
    measures = list(dict.fromkeys(m.measure for m in meanings if isinstance(m, Meaning)))
    which = np.array(
        [measures.index(m.measure) if isinstance(m, Meaning) else -1 for m in meanings]
    )[combos]
    seconds = lines.seconds
    if column.minutes is not None:
        seconds = np.full(len(stamps), _step_s(mapping.values))
    unknown = np.isnan(seconds)
    parsed = []
    for place, measure in enumerate(measures):
        of_measure = good & (which == place)
        for rows in map(np.flatnonzero, (of_measure & ~unknown, of_measure & unknown)):
            if not len(rows):
                continue
            at, numbers, of_rows, lasting = stamps[rows], values[rows], measure, None
            if not unknown[rows[0]]:
                lasting = seconds[rows]
                micros = np.rint(lasting * 1e6).astype(np.int64)
                of_rows = replace(of_rows, interval_s=None)
                if measure.ends:
                    at, of_rows = at - micros, replace(of_rows, ends=False)
                if measure.quantity == "energy":
                    numbers = numbers * (_HOUR_S / lasting)
                    of_rows = replace(of_rows, quantity="power")
                if measure.late:
                    at, of_rows = at + micros, replace(of_rows, late=False)
                if measure.quantity == "total":  # it is of an instant
                    lasting = None
            labels = lines.labels[rows] | (folds[rows] * np.uint8(FOLD))
            parsed.append(
                Parsed(
                    measure=of_rows,
                    stamps=at,
                    values=numbers,
                    devices=devices[rows],
                    names=names,
                    labels=labels.astype(np.uint8),
                    lines=lines.numbers[rows],
                    seconds=lasting,
                )
            )
    return parsed


def _step_s(values: Sequence[ValueColumn]) -> float:
    minutes = sorted({value.minutes for value in values if value.minutes is not None})
    return 60.0 * min(b - a for a, b in itertools.pairwise(minutes))


def in_line_order(rows: Sequence[Parsed]) -> Parsed:
    """Rows of columns of a day, line by line."""
    names = list(dict.fromkeys(name for part in rows for name in part.names))
    place_of = {name: place for place, name in enumerate(names)}
    lines = np.concatenate([part.lines for part in rows])
    order = np.argsort(lines, kind="stable")
    devices = [
        np.array([place_of[name] for name in part.names], np.int32)[part.devices] for part in rows
    ]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in rows])[order]

    return Parsed(
        measure=rows[0].measure,
        stamps=joined("stamps"),
        values=joined("values"),
        devices=np.concatenate(devices)[order],
        names=names,
        labels=joined("labels"),
        lines=lines[order],
        seconds=joined("seconds"),
    )
