"""The second part of the feature graph: a window as two sides of what is usual, and what is left
between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import lone
from smartwatts_ml.kinds.anomaly.normalisation import NormalisedWindows
from smartwatts_ml.kinds.base import Tensor

__all__ = ["NOISE", "Sides", "as_row", "both_sides"]

NOISE = 4.0
"""Spreads around what is usual, within which a reading of the newest days is noise."""


@dataclass(frozen=True)
class Sides:
    """Every hour as three readings, shape (windows, 3, hours): the ``upper`` side does not fall
    below the noise, the ``lower`` not rise above it, and the ``inner`` lies within. They differ on
    the newest days alone.

    ``off``: how far each lies above what is usual; 0 where missing. An hour that is missing by
    itself is as far off as its neighbours on average, or each spring the one that the clock skips
    would make the hours after it look odd. ``expected``, ``spread``, ``present``: shape (windows,
    1, hours). All in levels.
    """

    off: Tensor
    expected: Tensor
    spread: Tensor
    present: Tensor

    @property
    def power(self) -> Tensor:
        return self.expected + self.off

    @property
    def distance(self) -> Tensor:
        """From what is usual, upwards and downwards, shape (windows, 2, hours), at least 0."""
        return ops.relu(ops.concatenate([self.off[:, :1], -self.off[:, 1:2]], axis=1))

    @property
    def size(self) -> Tensor:
        """How far off the reading is, and its inner one, shape (windows, 2, hours)."""
        inner = ops.abs(self.off[:, 2:])
        outer = ops.max(self.distance, axis=1, keepdims=True)
        return ops.concatenate([outer, inner], axis=1)


def as_row(days: Tensor) -> Tensor:
    """(windows, days, 24) as one row, (windows, 1, hours)."""
    return ops.reshape(days, (-1, 1, days.shape[1] * days.shape[2]))


def both_sides(window: NormalisedWindows) -> Sides:
    present = as_row(window.present)
    off = as_row((window.days - window.expected) * window.present)
    spread = as_row(ops.expand_dims(window.spread, 1) + ops.zeros_like(window.days))
    past = np.repeat(window.past, 24, axis=1).reshape(1, 1, -1)
    # Nothing of the past is cut off.
    reach = NOISE * spread + np.float32(1e9) * past
    upper, lower = ops.maximum(off, -reach), ops.minimum(off, reach)
    rows = ops.concatenate([upper, lower, ops.minimum(upper, reach)], axis=1)
    # Nothing of the newest days reaches back into the past.
    within = 1.0 - past * np.roll(1.0 - past, -1, axis=2)
    alone, between = (part * within for part in lone(present, rows))
    return Sides(rows + between, as_row(window.expected), spread, present + alone)
