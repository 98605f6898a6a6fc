"""Measures that have one value a day."""

from __future__ import annotations

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import delay, doubling, log_power, quantiles
from smartwatts_ml.kinds.anomaly.measures import MeasureRows, Measures, of_days
from smartwatts_ml.kinds.anomaly.normalisation import RECENT_DAYS, NormalisedWindows
from smartwatts_ml.kinds.anomaly.sides import Sides
from smartwatts_ml.kinds.base import Tensor

__all__ = ["TWO_DAYS", "day_measures"]

TWO_DAYS = 2
"""Which of those that never fall is the lowest quantile of the upper side over two days."""

_FULL_DAY = 18.0  # hours that make a day count
_LAGS = np.r_[0, 4:21]  # hours that a day may be rotated by


def day_measures(window: NormalisedWindows, sides: Sides) -> tuple[Measures, Measures]:
    """Those that never fall, then those of the inner readings, both ways up: low quantiles of
    power over a day to a week, what is always on; and how far a day is from the usual one, as it
    is and rotated."""
    n_days = window.days.shape[1]
    days = ops.reshape(sides.power, (-1, 3, n_days, 24))
    present = ops.reshape(sides.present, (-1, n_days, 24))
    full = ops.expand_dims(ops.cast(ops.sum(present, axis=-1) >= _FULL_DAY, "float32"), 1)
    base_up, base_down = of_days(_base(log_power(days), ops.expand_dims(present, 1), full))
    shape = of_days(_shape(window, days[:, 2], present, full))
    rising = Measures.join([base_up[0::3], base_down[1::3]])
    free = Measures.join([base_up[2::3], base_down[2::3], *shape])
    return rising.before(RECENT_DAYS), free


def _base(levels: Tensor, present: Tensor, full: Tensor) -> MeasureRows:
    """The 8 % and the 25 % quantile over 1, 2, 4 and 7 days, of each of the readings in turn."""
    n_days = levels.shape[2]
    each = quantiles(levels, present + ops.zeros_like(levels), (0.08, 0.25))
    day = ops.reshape(ops.transpose(each, (0, 3, 1, 2)), (-1, 6, n_days))
    two, four = doubling(day, (1, 2), ops.add, 0.0)
    week = four + delay(two, 4, 0.0) + delay(day, 6, 0.0)
    values = ops.concatenate([day, two / 2, four / 4, week / 7], axis=1)
    spans = tuple(days for days in (1, 2, 4, 7) for _ in range(6))
    return MeasureRows(values, full, spans, floors=(0.05,) * len(spans))


def _shape(window: NormalisedWindows, days: Tensor, present: Tensor, full: Tensor) -> MeasureRows:
    """Mean distance of each day to the usual day, and how much nearer it is to the usual day
    rotated by 4 to 20 hours, over one and two days; mean distance to what is usual at its hours."""
    usual = window.expected[:, -1]
    rotated = ops.take(usual, (_LAGS[:, None] + np.arange(24)) % 24, axis=1)
    apart = ops.abs(ops.expand_dims(days, 2) - ops.expand_dims(rotated, 1))
    apart = ops.mean(ops.minimum(apart, 5.0) * ops.expand_dims(present, 2), axis=-1)
    straight = apart[:, :, 0]
    misfit = ops.minimum(ops.abs(days - window.expected) * present, 5.0)
    shape = (straight, straight - ops.min(apart[:, :, 1:], axis=-1), ops.mean(misfit, axis=-1))
    day = ops.stack(shape, axis=1)
    two = (day + delay(day, 1, 0.0))[:, :2] / 2
    return MeasureRows(
        ops.concatenate([day, two], axis=1), full, spans=(1, 1, 1, 2, 2), floors=(0.05,) * 5
    )
