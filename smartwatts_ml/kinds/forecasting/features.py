"""What the network knows of each hour of the horizon, computed inside its graph.

The gateway feeds raw watts, so every step from there is part of the model file. Only
static slices, reshapes and reductions are used: they convert to builtin LiteRT
operators. The context is four weeks, and an hour of the horizon sees the same hour of
earlier weeks and days; both repeat after 168 hours, so the features of one week serve
a horizon of any length.

Power is seen as ``sign(x) * log1p(|x| / scale)`` with the context's own mean power as
scale: homes of 200 W and buildings of 200 kW look alike, and production (negative) works.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CONTEXT_HOURS",
    "CONTEXT_WEEKS",
    "Features",
    "compress",
    "context_scale",
    "expand",
    "make_features",
]

CONTEXT_WEEKS = 4
CONTEXT_HOURS = CONTEXT_WEEKS * 168
MISSING_PRIOR = 0.5
"""Weight, in readings, of the next coarser mean where readings are missing."""

Tensor = Any


@dataclass(frozen=True)
class Features:
    """Features in compressed units, grouped by what they vary over.

    ``scale`` (b, 1), W. ``base`` (b, days, 24) and ``spread`` (b, 1, 24): a first
    guess of the power and of its spread. The groups have a last axis of features: ``hours``
    (b, 1, 24, f), ``days`` (b, days, 1, f), ``cells`` (b, days, 24, f), ``site``
    (b, 1, 1, f).
    """

    scale: Tensor
    base: Tensor
    spread: Tensor
    hours: Tensor
    days: Tensor
    cells: Tensor
    site: Tensor


def compress(power_w: Tensor, scale: Tensor) -> Tensor:
    """Signed logarithm of power relative to ``scale``."""
    from keras import ops

    return ops.log1p(ops.relu(power_w) / scale) - ops.log1p(ops.relu(-power_w) / scale)


def expand(compressed: Tensor, scale: Tensor) -> Tensor:
    """Inverse of ``compress``, W."""
    from keras import ops

    return (ops.exp(ops.relu(compressed)) - ops.exp(ops.relu(-compressed))) * scale


def make_features(history_w: Tensor, hour_of_week: Tensor, days: int) -> Features:
    """Features of the first ``days`` days after a context.

    ``history_w`` (b, 672, 1), W, NaN where missing; ``hour_of_week`` (b, 1) of the first
    hour after it. Missing readings take the mean of their hour of the day, and that
    leans on the mean of the whole where it has few readings itself.
    """
    from keras import ops

    power, present, scale = context_scale(history_w)
    shape = (-1, CONTEXT_WEEKS * 7, 24)
    present = ops.reshape(present, shape)
    z = ops.reshape(compress(power, ops.expand_dims(scale, 2)), shape)
    count = ops.sum(present, (1, 2), keepdims=True)
    level = ops.sum(z, (1, 2), keepdims=True) / ops.maximum(count, 1.0)
    by_hour = ops.sum(present, 1, keepdims=True)
    hourly = (ops.sum(z, 1, keepdims=True) + MISSING_PRIOR * level) / (by_hour + MISSING_PRIOR)
    filled = z + (1.0 - present) * hourly
    weekly = ops.reshape(filled, (-1, CONTEXT_WEEKS, 7, 24))
    calendar = _calendar(hour_of_week)
    kind_of_day = _kind_of_day_mean(weekly, calendar[:, :, :, :1])
    same_hour = ops.mean(weekly, 1)
    base = 0.4 * same_hour + 0.3 * kind_of_day + 0.3 * hourly
    deviation = filled - hourly
    spread = ops.sqrt(ops.mean(deviation * deviation, 1, keepdims=True) + 1e-4)
    groups = {
        "hours": _hour_features(filled, hourly, spread, level),
        "days": _day_features(weekly, level, days),
        "cells": ops.concatenate(
            [_cell_features(weekly, same_hour, kind_of_day, base, level), calendar], 3
        )[:, :days],
        "site": _site_features(filled, deviation, level, count),
    }
    return Features(scale=scale, base=base[:, :days], spread=spread, **groups)


def context_scale(history_w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Power with 0 where missing and 1 where present, both (b, 672, 1), and the mean
    magnitude of power, W, shape (b, 1). Clipping at four times the mean, twice, keeps one
    absurd reading from shrinking everything else."""
    from keras import ops

    missing = ops.not_equal(history_w, history_w)
    present = ops.where(missing, 0.0, 1.0)
    power = ops.where(missing, 0.0, history_w)
    size = ops.abs(power)
    count = ops.maximum(ops.sum(present, 1), 1.0)
    mean = ops.sum(size, 1) / count
    for _ in range(2):
        mean = ops.sum(ops.minimum(size, ops.expand_dims(4.0 * mean, 2)), 1) / count
    return power, present, mean + 1.0


def _calendar(hour_of_week: Tensor) -> Tensor:
    """Weekend flag and waves of the day and the week, shape (b, 7, 24, f)."""
    import numpy as np
    from keras import ops

    steps = np.arange(168, dtype=np.float32).reshape(1, 7, 24)
    hour = ops.expand_dims(hour_of_week, 2) + steps
    hour = hour - 168.0 * ops.floor(hour / 168.0)
    weekend = ops.relu(ops.minimum(hour - 119.0, 1.0))
    waves = []
    for period, orders in ((24.0, (1, 2, 3)), (168.0, (1, 2, 3))):
        for order in orders:
            angle = hour * (2.0 * math.pi * order / period)
            waves += [ops.sin(angle), ops.cos(angle)]
    return ops.stack([weekend, *waves], 3)


def _kind_of_day_mean(weekly: Tensor, weekend: Tensor) -> Tensor:
    """Mean at that hour over days of its own kind (weekday or weekend), (b, 7, 24)."""
    from keras import ops

    weekend = weekend[:, :, :, 0]
    by_cell = ops.mean(weekly, 1)
    free = ops.sum(by_cell * weekend, 1, keepdims=True) / (
        ops.sum(weekend, 1, keepdims=True) + 1e-6
    )
    work = ops.sum(by_cell * (1.0 - weekend), 1, keepdims=True) / (
        ops.sum(1.0 - weekend, 1, keepdims=True) + 1e-6
    )
    return weekend * free + (1.0 - weekend) * work


def _hour_features(filled: Tensor, hourly: Tensor, spread: Tensor, level: Tensor) -> Tensor:
    """The last seven days at that hour, and their distribution, shape (b, 1, 24, f)."""
    from keras import ops

    ranked = ops.sort(ops.transpose(filled - hourly, (0, 2, 1)), axis=2)
    quantiles = [ranked[:, :, i : i + 2] for i in (1, 6, 13, 20, 25)]
    around = [_turn(hourly, by) - hourly for by in (-2, -1, 1, 2)]
    parts = [
        ops.transpose(filled[:, -7:] - hourly, (0, 2, 1)),
        *[ops.mean(q, 2, keepdims=True) for q in quantiles],
        ops.transpose(ops.concatenate([hourly - level, spread, *around], 1), (0, 2, 1)),
    ]
    return ops.expand_dims(ops.concatenate(parts, 2), 1)


def _day_features(weekly: Tensor, level: Tensor, days: int) -> Tensor:
    """Mean of that weekday in each week, and how far ahead the day is, (b, days, 1, f)."""
    import numpy as np
    from keras import ops

    means = ops.transpose(ops.mean(weekly, 3) - level, (0, 2, 1))
    ahead = np.arange(7, dtype=np.float32).reshape(1, 7, 1)
    lead = np.concatenate([ahead / 7.0, np.exp(-ahead)], 2)
    means = ops.concatenate([means, ops.zeros_like(means[:, :, :2]) + lead], 2)
    return ops.expand_dims(means[:, :days], 2)


def _cell_features(
    weekly: Tensor, same_hour: Tensor, kind_of_day: Tensor, base: Tensor, level: Tensor
) -> Tensor:
    """The last four weeks at that hour of the week, shape (b, 7, 24, f)."""
    from keras import ops

    flat = ops.reshape(same_hour, (-1, 1, 168))
    around = [ops.reshape(_turn(flat, by) - flat, (-1, 7, 24)) for by in (-2, -1, 1, 2)]
    deviation = weekly - ops.expand_dims(same_hour, 1)
    parts = [
        ops.transpose(weekly - ops.expand_dims(base, 1), (0, 2, 3, 1)),
        ops.stack(
            [
                base - level,
                same_hour - base,
                kind_of_day - base,
                ops.sqrt(ops.mean(deviation * deviation, 1) + 1e-4),
                ops.max(weekly, 1) - base,
                ops.min(weekly, 1) - base,
                *around,
            ],
            3,
        ),
    ]
    return ops.concatenate(parts, 3)


def _site_features(filled: Tensor, deviation: Tensor, level: Tensor, count: Tensor) -> Tensor:
    """Recent days and hours, level, spread and how much is missing, shape (b, 1, 1, f)."""
    from keras import ops

    recent = ops.mean(filled[:, -7:], 2) - level[:, :, 0]
    spread = ops.sqrt(ops.mean((filled - level) ** 2, (1, 2)) + 1e-4)
    parts = [
        recent,
        deviation[:, -1, -6:],
        level[:, :, 0],
        ops.expand_dims(spread, 1),
        count[:, :, 0] / CONTEXT_HOURS,
    ]
    return ops.expand_dims(ops.expand_dims(ops.concatenate(parts, 1), 1), 1)


def _turn(rows: Tensor, by: int) -> Tensor:
    """Roll the last axis of (b, k, n) by a fixed number of places."""
    from keras import ops

    return ops.concatenate([rows[:, :, -by:], rows[:, :, :-by]], 2)
