"""What the network knows of each hour of the horizon, computed inside its graph.

The gateway feeds raw watts, so every step from there is part of the model file. Only
static slices, reshapes and reductions are used: they convert to builtin LiteRT
operators. The context is four weeks, and an hour of the horizon sees the same hour of
earlier weeks and days. Both repeat after 168 hours, so the features of one week serve a
horizon of any length; a calendar or a temperature does not repeat, and then each day of
the horizon has a slot of its own.

Power is seen as ``sign(x) * log1p(|x| / scale)`` with the context's own mean power as
scale: homes of 200 W and buildings of 200 kW look alike, and production (negative) works.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from smartwatts_ml.kinds.base import Tensor
from smartwatts_ml.kinds.forecasting.cleaning import clean
from smartwatts_ml.kinds.forecasting.exogenous import (
    free_days,
    pairs_of_days,
    waves,
    weather_features,
    weekday_waves,
)
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_DAYS, CONTEXT_HOURS, CONTEXT_WEEKS

__all__ = ["Features", "make_features"]

_MISSING_PRIOR = 0.5
"""Weight, in readings, of the next coarser mean where readings are missing."""
_HALF_LIVES = (2.0, 5.0, 14.0, 40.0)
"""Of means by hour of the day that lean to recent days, in days."""
_KIND_HALF_LIVES = (7.0, 21.0)
"""Of means over weekdays or over free days."""

_BY_SLOT = ("base", "cells", "days", "queries", "pairs")


@dataclass(frozen=True)
class Features:
    """Features in compressed units, grouped by what they vary over; s slots, a day each.

    ``scale`` (b, 1), W; ``days_known`` (b, 1): days that the context's readings would
    fill; ``hourly`` (b, 1, 24): mean by hour of the day; ``spread`` (b, 1, 24). ``hours``
    (b, 1, 24, f); ``site`` (b, 1, 1, f). ``profiles`` (b, 28, 24): each day of the context
    less ``hourly``; ``keys`` (b, 28, f): what a day of the context is like.
    By slot: ``base`` (b, s, 24), a first guess; ``cells`` (b, s, 24, f); ``days``
    (b, s, 1, f); ``queries`` (b, s, f) and ``pairs`` (b, s, 28, f): what a slot looks for
    among the days of the context, and how each lies to it.
    """

    scale: Tensor
    days_known: Tensor
    hourly: Tensor
    spread: Tensor
    hours: Tensor
    site: Tensor
    profiles: Tensor
    keys: Tensor
    base: Tensor
    cells: Tensor
    days: Tensor
    queries: Tensor
    pairs: Tensor

    def select(self, chosen: Tensor) -> Features:
        """Some slots: ``chosen`` (b, k, s) is one-hot."""

        def pick(values: Tensor) -> Tensor:
            rest = values.shape[2:]
            flat = ops.reshape(values, (-1, values.shape[1], math.prod(rest)))
            return ops.reshape(ops.matmul(chosen, flat), (-1, chosen.shape[1], *rest))

        return replace(self, **{name: pick(getattr(self, name)) for name in _BY_SLOT})


def make_features(inputs: Mapping[str, Tensor], slots: int) -> Features:
    """Features of the first ``slots`` days after a context.

    ``inputs``: ``history_w`` (b, 672, 1), W, NaN where missing; ``hour_of_week`` (b, 1) of
    the first hour after it; and, if the model has them, what ``exogenous`` describes.
    Missing readings take the mean of their hour of the day, which leans on the mean of
    the whole where it has few readings itself.
    """
    context = clean(inputs["history_w"])
    z, present = context.z, context.present
    count = ops.sum(present, (1, 2), keepdims=True)
    level = ops.sum(z, (1, 2), keepdims=True) / ops.maximum(count, 1.0)
    seen = ops.sum(present, 1, keepdims=True)
    hourly = (ops.sum(z, 1, keepdims=True) + _MISSING_PRIOR * level) / (seen + _MISSING_PRIOR)
    filled = z + (1.0 - present) * hourly
    profiles = filled - hourly
    clock = inputs["hour_of_week"]
    free_past, free_ahead = free_days(inputs, slots)
    same_hour, by_kind = _means(filled, profiles, present, hourly, free_past, free_ahead)
    base = 0.4 * same_hour + 0.3 * by_kind[0] + 0.3 * hourly
    spread = ops.sqrt(ops.mean(profiles * profiles, 1, keepdims=True) + 1e-4)
    weekly = _slots(ops.reshape(filled, (-1, CONTEXT_WEEKS, 7, 24)), slots)
    cells = [
        *_cell_features(weekly, same_hour, base, level),
        *(kind - base for kind in by_kind),
        free_ahead,
        *waves(clock, slots),
    ]
    weather = weather_features(inputs, filled, present, slots)
    return Features(
        scale=context.scale,
        days_known=count[:, :, 0] / 24.0,
        hourly=hourly,
        spread=spread,
        hours=_hour_features(profiles, present, hourly, spread, level),
        site=_site_features(profiles, filled, level, count),
        profiles=profiles,
        keys=_keys(profiles, clock),
        base=base,
        cells=ops.concatenate([ops.stack(cells, 3), *weather], 3),
        days=_day_features(weekly, level, slots),
        queries=_queries(profiles, clock, slots),
        pairs=pairs_of_days(free_past, free_ahead),
    )


def _slots(values: Tensor, slots: int) -> Tensor:
    """Repeat a week, axis -2 of length 7, to ``slots`` days."""
    repeated = ops.concatenate([values] * math.ceil(slots / 7), -2)
    return repeated[..., :slots, :]


def _means(
    filled: Tensor,
    profiles: Tensor,
    present: Tensor,
    hourly: Tensor,
    free_past: Tensor,
    free_ahead: Tensor,
) -> tuple[Tensor, list[Tensor]]:
    """Mean of the same hour of the week, and means over days of the slot's own kind
    (working or free): over all alike, and leaning to recent ones; each (b, s, 24)."""
    slots = free_ahead.shape[1]
    weekly = ops.mean(ops.reshape(filled, (-1, CONTEXT_WEEKS, 7, 24)), 1)
    by_kind = []
    for half_life in (1e6, *_KIND_HALF_LIVES):
        weight = present * _decay(half_life)
        free = _weighted(profiles, weight * free_past, _MISSING_PRIOR)
        work = _weighted(profiles, weight * (1.0 - free_past), _MISSING_PRIOR)
        by_kind.append(hourly + free_ahead * free + (1.0 - free_ahead) * work)
    return _slots(weekly, slots), by_kind


def _decay(half_life: float) -> Any:
    """Weights of the days of the context, (1, 28, 1)."""
    age = np.arange(CONTEXT_DAYS - 1, -1, -1, dtype=np.float32)
    return (0.5 ** (age / half_life)).astype(np.float32).reshape(1, CONTEXT_DAYS, 1)


def _weighted(profiles: Tensor, weight: Tensor, prior: float) -> Tensor:
    """Weighted mean over days, drawn to 0 where weights are small, (b, 1, 24)."""
    total = ops.sum(weight, 1, keepdims=True)
    return ops.sum(weight * profiles, 1, keepdims=True) / (total + prior)


def _hour_features(
    profiles: Tensor, present: Tensor, hourly: Tensor, spread: Tensor, level: Tensor
) -> Tensor:
    """The last days at that hour, their distribution and recent means, (b, 1, 24, f)."""
    by_hour = ops.transpose(profiles, (0, 2, 1))
    rows = [hourly - level, spread, *(_turn(hourly, by) - hourly for by in (-2, -1, 1, 2))]
    for half_life in _HALF_LIVES:
        mean = _weighted(profiles, present * _decay(half_life), 0.3)
        rows += [mean, (_turn(mean, -1) + mean + _turn(mean, 1)) / 3.0]
    rows += [_turn(profiles[:, -1:], by) for by in (-2, -1, 1, 2)]
    ranked = ops.sort(by_hour, axis=2)
    week, fortnight = (ops.sort(by_hour[:, :, -n:], axis=2) for n in (7, 14))
    parts = [
        by_hour[:, :, -7:],
        *(ops.mean(ranked[:, :, i : i + 2], 2, keepdims=True) for i in (1, 6, 13, 20, 25)),
        week[:, :, 3:4],
        ops.mean(fortnight[:, :, 6:8], 2, keepdims=True),
        ops.transpose(ops.concatenate(rows, 1), (0, 2, 1)),
    ]
    return ops.expand_dims(ops.concatenate(parts, 2), 1)


def _cell_features(weekly: Tensor, same_hour: Tensor, base: Tensor, level: Tensor) -> list[Tensor]:
    """The last four weeks at that hour of the week, each (b, s, 24)."""
    slots = same_hour.shape[1]
    flat = ops.reshape(same_hour, (-1, 1, slots * 24))
    near = [ops.reshape(_turn(flat, by), (-1, slots, 24)) for by in (-2, -1, 0, 1, 2)]
    deviation = weekly - ops.expand_dims(same_hour, 1)
    ranked = ops.sort(weekly, axis=1)
    return [
        *(weekly[:, week] - base for week in range(CONTEXT_WEEKS)),
        base - level,
        same_hour - base,
        ops.sqrt(ops.mean(deviation * deviation, 1) + 1e-4),
        ranked[:, -1] - base,
        ranked[:, 0] - base,
        (ranked[:, 1] + ranked[:, 2]) / 2.0 - base,
        *(near[i] - same_hour for i in (0, 1, 3, 4)),
        (near[1] + near[2] + near[3]) / 3.0 - base,
        sum(near) / 5.0 - base,
    ]


def _day_features(weekly: Tensor, level: Tensor, slots: int) -> Tensor:
    """Mean of that weekday in each week, and how far ahead the day is, (b, s, 1, f)."""
    means = ops.transpose(ops.mean(weekly, 3) - level, (0, 2, 1))
    ahead = np.arange(slots, dtype=np.float32).reshape(1, slots, 1)
    lead = np.concatenate([ahead / 7.0, np.exp(-ahead)], 2)
    return ops.expand_dims(ops.concatenate([means, ops.zeros_like(means[:, :, :2]) + lead], 2), 2)


def _site_features(profiles: Tensor, filled: Tensor, level: Tensor, count: Tensor) -> Tensor:
    """Recent days and hours, level, spread and how much is missing, (b, 1, 1, f)."""
    deviation = filled - level
    parts = [
        ops.mean(filled[:, -7:], 2) - level[:, :, 0],
        profiles[:, -1],
        ops.mean(profiles[:, -2:], 2),
        ops.mean(profiles[:, -3:], (1, 2), keepdims=True)[:, :, 0],
        level[:, :, 0],
        ops.sqrt(ops.mean(deviation * deviation, (1, 2), keepdims=True) + 1e-4)[:, :, 0],
        count[:, :, 0] / CONTEXT_HOURS,
    ]
    return ops.expand_dims(ops.expand_dims(ops.concatenate(parts, 1), 1), 1)


def _keys(profiles: Tensor, clock: Tensor) -> Tensor:
    """Each day of the context, its mean, and where it stands in the week, (b, 28, f)."""
    mean = ops.mean(profiles, 2, keepdims=True)
    weekday = weekday_waves(clock, -CONTEXT_DAYS, CONTEXT_DAYS)
    return ops.concatenate([profiles, mean, weekday], 2)


def _queries(profiles: Tensor, clock: Tensor, slots: int) -> Tensor:
    """The newest day, and where each slot stands in the week, (b, s, f)."""
    newest = ops.concatenate([profiles[:, -1:], ops.mean(profiles[:, -1:], 2, keepdims=True)], 2)
    weekday = weekday_waves(clock, 0, slots)
    return ops.concatenate([newest + ops.zeros_like(weekday[:, :, :1]), weekday], 2)


def _turn(rows: Tensor, by: int) -> Tensor:
    """Roll the last axis of (b, k, n) by a fixed number of places."""
    return ops.concatenate([rows[:, :, -by:], rows[:, :, :-by]], 2) if by else rows
