"""The second part of the feature graph: a window as two sides of what is usual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import log_power, lone
from smartwatts_ml.kinds.anomaly.normalisation import RECENT_DAYS, NormalisedWindows
from smartwatts_ml.kinds.base import Tensor

__all__ = ["Sides", "as_row", "both_sides"]

_FARTHEST = 2e4  # spreads: beyond it all is alike


@dataclass(frozen=True)
class Sides:
    """Both sides at every hour, shape (windows, 2, hours): ``distance`` from what is usual in
    levels, ``z`` the same in spreads, at least 0, and ``height``, the logarithm of how far out
    the reading is. 0, or what is usual, on the other side. An hour that is missing by itself is
    as far out as its neighbours on average, or each spring the one that the clock skips would
    make the hours after it look odd. ``present``: shape (windows, 1, hours)."""

    distance: Tensor
    z: Tensor
    height: Tensor
    present: Tensor


def as_row(days: Tensor) -> Tensor:
    """(windows, days, 24) as one row, (windows, 1, hours)."""
    return ops.reshape(days, (-1, 1, days.shape[1] * days.shape[2]))


def both_sides(window: NormalisedWindows) -> Sides:
    n_hours = window.days.shape[1] * 24
    present, expected = as_row(window.present), as_row(window.expected)
    off = as_row((window.days - window.expected) * window.present)
    distance = ops.relu(ops.concatenate([off, -off], axis=1))
    # Nothing of the newest days reaches back into the past.
    within = (np.arange(n_hours) != n_hours - 24 * RECENT_DAYS - 1).astype(np.float32)
    alone, between = (part * within for part in lone(present, distance))
    distance = distance + between
    upper, lower = expected + distance[:, :1], expected - distance[:, 1:]
    spread = as_row(ops.expand_dims(window.spread, 1) + ops.zeros_like(window.days))
    height = ops.concatenate([log_power(upper), -log_power(lower)], axis=1)
    z = ops.minimum(distance / spread, _FARTHEST)
    return Sides(distance, z, height, present + alone)
