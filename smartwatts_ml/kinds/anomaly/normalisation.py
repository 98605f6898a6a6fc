"""The first part of the feature graph: raw W to a window on the device's own scale.

What is usual rests on the days before the newest ``RECENT_DAYS``. Nothing that happens in these
moves what they are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import quantiles
from smartwatts_ml.kinds.base import Tensor

__all__ = ["FARTHEST", "RECENT_DAYS", "NormalisedWindows", "normalise"]

RECENT_DAYS = 2
FARTHEST = 1e6
"""Levels beyond which all is alike."""


@dataclass(frozen=True)
class NormalisedWindows:
    """A batch of windows, divided by each window's own level.

    ``days``, ``present``, ``weekend`` (1 on Saturday and Sunday): shape (windows, days,
    24), 0 where missing, the last row ending at the newest hour. ``expected``: median of each
    hour by type of day, and ``spread``, the usual size of a residual: shapes (windows, days, 24),
    (windows, 24), both of the past alone. ``scale``: W of one unit, shape (windows, 1, 1).
    """

    days: Tensor
    present: Tensor
    weekend: Tensor
    expected: Tensor
    spread: Tensor
    scale: Tensor

    @property
    def past(self) -> np.ndarray:
        """1 for days before the newest ``RECENT_DAYS``, shape (days, 1)."""
        return _past(self.days.shape[1])


def normalise(history: Tensor, newest: Tensor, hours: int) -> NormalisedWindows:
    """Inputs of shapes (windows, hours, 1) and (windows, 1) as a ``NormalisedWindows``."""
    shape = (-1, hours // 24, 24)
    raw = ops.reshape(history, shape)
    missing = ops.not_equal(raw, raw)
    present = 1.0 - ops.cast(missing, "float32")
    raw = ops.where(missing, 0.0, raw)
    # Divided by the mean first: sorting in W could meet the mark of absent values.
    known = present * _past(hours // 24)
    count = ops.maximum(ops.sum(known, (1, 2), keepdims=True), 1.0)
    mean = ops.sum(ops.abs(raw * known), (1, 2), keepdims=True) / count + 1.0
    days = raw / mean
    age = np.arange(hours - 1, -1, -1, dtype=np.float32).reshape(shape[1:])
    of_week = ops.expand_dims(newest, -1) - age + np.float32(hours + 168)
    of_week = of_week - 168.0 * ops.floor(of_week / 168.0)
    weekend = ops.cast(of_week >= 120.0, "float32")
    usual, expected = _expected(days, present, weekend)
    # The level is that of a usual day: an outage or a fault does not move it.
    level = ops.mean(ops.abs(usual), -1, keepdims=True) + 0.02
    level = ops.expand_dims(level, -1)
    days = ops.clip(days / level, -FARTHEST, FARTHEST)
    expected = expected / level
    return NormalisedWindows(
        days=days,
        present=present,
        weekend=weekend,
        expected=expected,
        spread=_spread((days - expected) * present, present),
        scale=mean * level,
    )


def _past(n_days: int) -> np.ndarray:
    return (np.arange(n_days) < n_days - RECENT_DAYS).astype(np.float32)[:, None]


def _by_hour(days: Tensor) -> Tensor:
    """The past by hour: (…, days, 24) to (…, 24, days - RECENT_DAYS)."""
    return ops.swapaxes(days[..., :-RECENT_DAYS, :], -1, -2)


def _expected(days: Tensor, present: Tensor, weekend: Tensor) -> tuple[Tensor, Tensor]:
    """Median of each hour over all days, and over days of the same type; the former
    stands in where fewer than two of the type are there."""
    masks = ops.stack([present, present * weekend, present * (1.0 - weekend)], axis=1)
    masks = _by_hour(masks)
    values = ops.expand_dims(_by_hour(days), 1) + ops.zeros_like(masks)
    medians = quantiles(values, masks, (0.5,))[..., 0]
    usual = medians[:, :1]
    enough = ops.sum(masks, axis=-1) >= 2.0
    medians = ops.where(enough, medians, usual)
    expected = weekend * medians[:, 1:2] + (1.0 - weekend) * medians[:, 2:3]
    return usual[:, 0], expected


def _spread(residual: Tensor, present: Tensor) -> Tensor:
    """Smoothed over neighbouring hours and drawn towards the day's mean: four weeks of one
    hour alone are too few."""
    each = quantiles(_by_hour(ops.abs(residual)), _by_hour(present), (0.6,))[..., 0]
    around = (ops.roll(each, 1, axis=1) + ops.roll(each, -1, axis=1)) / 2
    mean = ops.mean(each, axis=-1, keepdims=True)
    return 0.4 * each + 0.3 * around + 0.3 * mean + 0.03
