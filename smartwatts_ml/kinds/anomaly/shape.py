"""What the newest days look like, whatever their size: where readings lie outside of what a usual
day has at any hour, how far does not matter here.

So these features do not move where a reading that stands out lies farther out yet, and what is
learned of them may be anything (``network``): a day that is another day's, readings that swing, or
lie lower all day than they ever did.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.measures import Measure, Rows, by_day, earlier, means_over
from smartwatts_ml.kinds.anomaly.normalisation import NormalisedWindows
from smartwatts_ml.kinds.anomaly.sides import Sides, as_row
from smartwatts_ml.kinds.base import Tensor

__all__ = ["shape_measures", "usual_range"]

_MARGIN = 3.0  # spreads around a usual day
_FAR = 50.0  # spreads of one hour of the past that means over several count
_FULL_DAY = 18.0  # hours that make a day count
_LAGS = np.r_[0, 4:21]  # hours that a day may be rotated by


def shape_measures(window: NormalisedWindows, sides: Sides) -> tuple[Measure, Measure]:
    """Signed distances over 1 h to a week, both ways up, and how a day is rotated."""
    spread = ops.expand_dims(window.spread, 1) + ops.zeros_like(window.days)
    low, high = (as_row((end - window.expected) / spread) for end in usual_range(window))
    past = as_row(ops.zeros_like(window.days) + window.past)
    least, most = (past * far + (1.0 - past) * end for far, end in ((-_FAR, low), (_FAR, high)))
    signed = ops.minimum(ops.maximum(sides.z[:, :1] - sides.z[:, 1:], least), most)
    return _distances(signed, sides.present), _rotations(window, signed, sides.present)


def usual_range(window: NormalisedWindows) -> tuple[Tensor, Tensor]:
    """Lowest and highest of a usual day, and a margin around them, shape (windows, days, 24)."""
    margin = _MARGIN * ops.expand_dims(window.spread, 1)
    low = ops.min(window.expected, axis=-1, keepdims=True) - margin
    high = ops.max(window.expected, axis=-1, keepdims=True) + margin
    return low, high


def _distances(signed: Tensor, present: Tensor) -> Measure:
    both = ops.concatenate([signed, ops.abs(signed)], axis=1)
    parts = (
        Rows(signed, present, spans=(1,), floors=(0.5,)),
        means_over(both, present, (3, 6, 24, 48, 168)),
    )
    return by_day([*parts, *map(_upside_down, parts)])


def _upside_down(rows: Rows) -> Rows:
    return Rows(-rows.values, rows.valid, rows.spans, rows.floors)


def _rotations(window: NormalisedWindows, signed: Tensor, present: Tensor) -> Measure:
    """Mean distance of each day to the usual day, and how much nearer it is to the usual day
    rotated by 4 to 20 hours, both ways up."""
    n_days = window.days.shape[1]
    shape = (-1, n_days, 24)
    days = window.expected + ops.reshape(signed, shape) * ops.expand_dims(window.spread, 1)
    known = ops.reshape(present, shape)
    usual = window.expected[:, -1]
    rotated = ops.take(usual, (_LAGS[:, None] + np.arange(24)) % 24, axis=1)
    apart = ops.abs(ops.expand_dims(days, 2) - ops.expand_dims(rotated, 1))
    apart = ops.mean(ops.minimum(apart, 5.0) * ops.expand_dims(known, 2), axis=-1)
    straight = apart[:, :, 0]
    values = ops.stack([straight, straight - ops.min(apart[:, :, 1:], axis=-1)], axis=1)
    values = ops.concatenate([values, -values], axis=1)
    full = ops.expand_dims(ops.cast(ops.sum(known, axis=-1) >= _FULL_DAY, "float32"), 1)
    return Measure(
        now=values[:, :, -1],
        past=values,
        valid=(full + ops.zeros_like(values)) * earlier((1,) * 4, n_days),
        floors=(0.05,) * 4,
    )
