"""Small pieces of the feature graph, in ``keras.ops`` that convert to built-in TFLite ops.

All tensors are float32 with the windows on the leading axis; ``present`` is 1 where a
value counts and 0 where not. Many measures share each op: the interpreter on the gateway
pays per op, not per number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from smartwatts_ml.kinds.base import Tensor

__all__ = ["ABSENT", "compress", "delay", "doubling", "log_power", "lone", "quantiles"]

ABSENT = 1e9  # sorts behind everything that is normalised to the device's own level


def compress(value: Tensor) -> Tensor:
    """Signed logarithm: large values stay apart without ruling the network."""
    return ops.sign(value) * ops.log1p(ops.abs(value))


def log_power(value: Tensor) -> Tensor:
    """Logarithm of power relative to the device's level; below 3 % all is alike."""
    return ops.log(ops.clip(value, 0.0, 1e4) + 0.03)


def quantiles(values: Tensor, present: Tensor, shares: Sequence[float]) -> Tensor:
    """Quantiles over the last axis of the present values, shape (…, n_shares); 0 if none is.

    Linear between order statistics, as numpy's. The weights pick from the sorted values
    by their count, so holes need no gather with computed indices.
    """
    ordered = ops.sort(ops.where(present > 0, values, ABSENT), axis=-1)
    ordered = ops.where(ordered < ABSENT / 2, ordered, 0.0)
    last = ops.relu(ops.sum(present, axis=-1, keepdims=True) - 1.0)
    places = np.arange(values.shape[-1], dtype=np.float32)
    column = np.asarray(shares, np.float32)[:, None]
    weights = ops.relu(1.0 - ops.abs(ops.expand_dims(last, -1) * column - places))
    return ops.sum(ops.expand_dims(ordered, -2) * weights, axis=-1)


def delay(values: Tensor, hours: int, fill: float) -> Tensor:
    """``values``, shape (windows, n, hours), as they were ``hours`` earlier."""
    padding = ((0, 0), (0, 0), (hours, 0))
    return ops.pad(values[:, :, :-hours], padding, constant_values=fill)


def doubling(values: Tensor, steps: Sequence[int], combine: Any, fill: float) -> list[Tensor]:
    """Running ``combine`` (sum or maximum) over growing spans: each step joins what is
    there with itself ``step`` hours earlier. Steps 1, 2 give spans 2, 4."""
    spans = []
    for step in steps:
        values = combine(values, delay(values, step, fill))
        spans.append(values)
    return spans


def lone(present: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Where an hour is missing by itself, 1, shape of ``present``, (windows, 1, hours), and there
    the mean of the ``values`` of its neighbours, (windows, n, hours); 0 elsewhere."""
    both = ops.concatenate([values, present], axis=1)
    before = delay(both, 1, 0.0)
    after = ops.pad(both[:, :, 1:], ((0, 0), (0, 0), (0, 1)))
    alone = (1.0 - present) * before[:, -1:] * after[:, -1:]
    return alone, alone * (before[:, :-1] + after[:, :-1]) / 2
