"""Measures of hours and of days, and where the newest stand among what they have been before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import ABSENT, compress, quantiles
from smartwatts_ml.kinds.base import Tensor

__all__ = ["Measures", "MeasureRows", "by_day", "of_days", "standing"]


@dataclass(frozen=True)
class MeasureRows:
    """Measures at every hour or day, (windows, n, times), ``valid`` alike or (windows, 1, times);
    of each of the n the days that it spans, and its least spread that counts, in its unit."""

    values: Tensor
    valid: Tensor
    spans: tuple[int, ...]
    floors: tuple[float, ...]

    @staticmethod
    def join(parts: Sequence[MeasureRows]) -> MeasureRows:
        return MeasureRows(
            ops.concatenate([part.values for part in parts], axis=1),
            ops.concatenate([part.valid + ops.zeros_like(part.values) for part in parts], axis=1),
            tuple(days for part in parts for days in part.spans),
            tuple(floor for part in parts for floor in part.floors),
        )


@dataclass(frozen=True)
class Measures:
    """``now``, shape (windows, n), and what each of the n has been in the ``past``, (windows, n,
    times), 1 in ``valid`` where it may be compared with that. ``floors``: the least spread that
    counts, in the measure's unit."""

    now: Tensor
    past: Tensor
    valid: Tensor
    floors: tuple[float, ...]

    def __getitem__(self, part: slice) -> Measures:
        """Some of the n."""
        return Measures(
            self.now[:, part], self.past[:, part], self.valid[:, part], self.floors[part]
        )

    @staticmethod
    def join(parts: Sequence[Measures]) -> Measures:
        return Measures(
            ops.concatenate([part.now for part in parts], axis=1),
            ops.concatenate([part.past for part in parts], axis=1),
            ops.concatenate([part.valid for part in parts], axis=1),
            tuple(floor for part in parts for floor in part.floors),
        )

    def before(self, days: int) -> Measures:
        """Not compared with the newest ``days``."""
        n_days = self.past.shape[2]
        valid = self.valid * (np.arange(n_days) < n_days - days).astype(np.float32)
        return Measures(self.now, self.past, valid, self.floors)


def by_day(
    rows: MeasureRows, scale: Callable[[Tensor], Tensor] | None = None
) -> tuple[Measures, Measures]:
    """The newest hour against the highest of each day, and the other way up against the lowest,
    without as many of the newest days as the measure spans. ``scale``, which rises, is applied
    last: there are fewer days than hours."""
    absent = ABSENT * (1.0 - rows.valid)
    shape = (-1, len(rows.spans), rows.values.shape[2] // 24, 24)
    top = ops.max(ops.reshape(rows.values - absent, shape), axis=-1)
    bottom = ops.min(ops.reshape(rows.values + absent, shape), axis=-1)
    known = ops.cast(top > -ABSENT / 2, "float32")
    now = rows.values[:, :, -1]
    if scale is not None:
        now, top, bottom = scale(now), scale(top), scale(bottom)
    return _both_ways(now * rows.valid[:, :, -1], top, bottom, known, rows)


def of_days(rows: MeasureRows) -> tuple[Measures, Measures]:
    """The newest day against each, and the other way up, alike."""
    valid = rows.valid + ops.zeros_like(rows.values)
    return _both_ways(rows.values[:, :, -1], rows.values, rows.values, valid, rows)


def _both_ways(
    now: Tensor, top: Tensor, bottom: Tensor, valid: Tensor, rows: MeasureRows
) -> tuple[Measures, Measures]:
    n_days = top.shape[2]
    earlier = np.arange(n_days) < n_days - np.array(rows.spans)[:, None]
    valid = valid * earlier.astype(np.float32)
    return Measures(now, top, valid, rows.floors), Measures(-now, -bottom, valid, rows.floors)


def standing(measure: Measures) -> Tensor:
    """Where ``now`` stands among the past, shape (windows, 4, n): itself, against the median, and
    beyond the 90 % quantile and the highest in units of their spread."""
    marks = quantiles(measure.past, measure.valid, (0.5, 0.9, 1.0))
    middle, upper, high = marks[..., 0], marks[..., 1], marks[..., 2]
    floors = np.array(measure.floors, np.float32)
    columns = [
        measure.now,
        measure.now - middle,
        (measure.now - upper) / (ops.abs(upper - middle) + floors),
        (measure.now - high) / (ops.abs(high - middle) + floors),
    ]
    return compress(ops.stack(columns, axis=1))
