"""Measures that have a value at every hour, or every day, and what they have been before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import ABSENT, delay, doubling
from smartwatts_ml.kinds.anomaly.normalisation import RECENT_DAYS
from smartwatts_ml.kinds.base import Tensor

__all__ = ["Measure", "Rows", "by_day", "earlier", "least_over", "means_over"]


@dataclass(frozen=True)
class Measure:
    """``now``, shape (windows, n), and what each of the n has been in the ``past``, (windows, n,
    times), ``valid`` alike. ``floors``: the least spread that counts, in the measure's unit."""

    now: Tensor
    past: Tensor
    valid: Tensor
    floors: tuple[float, ...]


@dataclass(frozen=True)
class Rows:
    """Measures at every hour, (windows, n, hours), ``valid`` alike; of each of the n the days
    that it spans, and its least spread that counts."""

    values: Tensor
    valid: Tensor
    spans: tuple[int, ...]
    floors: tuple[float, ...]


def by_day(rows: Sequence[Rows]) -> Measure:
    values = ops.concatenate([part.values for part in rows], axis=1)
    valid = ops.concatenate([part.valid for part in rows], axis=1)
    shape = (-1, values.shape[1], values.shape[2] // 24, 24)
    daily = ops.max(ops.reshape(values - ABSENT * (1.0 - valid), shape), axis=-1)
    spans = tuple(days for part in rows for days in part.spans)
    return Measure(
        now=values[:, :, -1] * valid[:, :, -1],
        past=daily,
        valid=ops.cast(daily > -ABSENT / 2, "float32") * earlier(spans, daily.shape[2]),
        floors=tuple(floor for part in rows for floor in part.floors),
    )


def earlier(spans: Sequence[int], n_days: int) -> np.ndarray:
    """1 for days of the past that a measure over so many days may be compared with, shape (n,
    days)."""
    covered = np.maximum(np.array(spans), RECENT_DAYS)[:, None]
    return (np.arange(n_days) < n_days - covered).astype(np.float32)


def means_over(values: Tensor, present: Tensor, lengths: Sequence[int]) -> Rows:
    """Means over so many hours, shape (windows, n, hours) each; valid where half of the hours
    are present."""
    n = values.shape[1]
    sums = ops.concatenate([values, present], axis=1)
    three = sums + delay(sums, 1, 0.0) + delay(sums, 2, 0.0)
    six, _, day, two = doubling(three, (3, 6, 12, 24), ops.add, 0.0)
    week = two + delay(two, 48, 0.0) + delay(two, 96, 0.0) + delay(day, 144, 0.0)
    spans = {3: three, 6: six, 24: day, 48: two, 168: week}
    half = {length: np.float32(max(length / 2, 1.0)) for length in lengths}
    counts = {length: spans[length][:, n:] for length in lengths}
    return Rows(
        ops.concatenate(
            [spans[k][:, :n] / ops.maximum(counts[k], half[k]) for k in lengths], axis=1
        ),
        ops.concatenate(
            [ops.repeat(ops.cast(counts[k] >= half[k], "float32"), n, axis=1) for k in lengths],
            axis=1,
        ),
        spans=tuple(-(-length // 24) for length in lengths for _ in range(n)),
        floors=(0.2,) * (n * len(lengths)),
    )


def least_over(values: Tensor, present: Tensor) -> Rows:
    """The least over 3, 12 and 24 h; valid where all was present."""
    n = values.shape[1]
    missing = ops.concatenate([-values, 1.0 - present], axis=1)
    three = ops.maximum(ops.maximum(missing, delay(missing, 1, 1.0)), delay(missing, 2, 1.0))
    _, twelve, day = doubling(three, (3, 6, 12), ops.maximum, 1.0)
    spans = (three, twelve, day)
    valid = [ops.repeat(1.0 - span[:, n:], n, axis=1) for span in spans]
    return Rows(
        ops.concatenate([-span[:, :n] for span in spans], axis=1),
        ops.concatenate(valid, axis=1),
        spans=(1,) * (3 * n),
        floors=(0.1,) * (3 * n),
    )
