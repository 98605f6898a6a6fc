"""What comes from outside the meter: clock, calendar and weather, inside the graph.

Two inputs are optional, and a model has them only if it was trained with them, both for
the hours of the context and of the horizon's days, (b, 672 + s * 24, 1): ``holiday``, 1 in
hours of a public holiday; ``temperature_c``, NaN where unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from smartwatts_ml.kinds.base import Tensor
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_DAYS, HOLIDAY, TEMPERATURE

__all__ = [
    "free_days",
    "pairs_of_days",
    "waves",
    "weather_features",
    "weekday_waves",
]

_HEATED_BELOW = 16.0
_COOLED_ABOVE = 22.0
_WEATHER_KEEPS = 0.7
"""Of a deviation of temperature, what is left a day later where none is forecast."""


def free_days(inputs: Mapping[str, Tensor], slots: int) -> tuple[Tensor, Tensor]:
    """1 in hours of weekends and holidays: (b, 28, 24) of the context, (b, s, 24) ahead."""
    clock = inputs["hour_of_week"]
    past, ahead = (
        ops.relu(ops.minimum(_hour(clock, first, days) - 119.0, 1.0))
        for first, days in ((-CONTEXT_DAYS, CONTEXT_DAYS), (0, slots))
    )
    if HOLIDAY not in inputs:
        return past, ahead
    holiday = ops.reshape(inputs[HOLIDAY], (-1, CONTEXT_DAYS + slots, 24))
    return (
        ops.maximum(past, holiday[:, :CONTEXT_DAYS]),
        ops.maximum(ahead, holiday[:, CONTEXT_DAYS:]),
    )


def _hour(clock: Tensor, first_day: int, days: int) -> Tensor:
    """Hour of the week of some days around the origin, shape (b, days, 24)."""
    steps = 24.0 * first_day + np.arange(24.0 * days, dtype=np.float32).reshape(1, days, 24)
    hour = ops.expand_dims(clock, 2) + steps
    return hour - 168.0 * ops.floor(hour / 168.0)


def waves(clock: Tensor, slots: int) -> list[Tensor]:
    """Waves of the day and the week, each (b, s, 24)."""
    hour = _hour(clock, 0, slots)
    angles = [hour * (2.0 * math.pi * n / period) for period in (24.0, 168.0) for n in (1, 2, 3)]
    return [wave(angle) for angle in angles for wave in (ops.sin, ops.cos)]


def weekday_waves(clock: Tensor, first_day: int, days: int) -> Tensor:
    """Three waves of the week at the begin of each day, (b, days, 6)."""
    hour = _hour(clock, first_day, days)[:, :, 0]
    angles = [hour * (2.0 * math.pi * order / 168.0) for order in (1, 2, 3)]
    return ops.stack([wave(angle) for angle in angles for wave in (ops.sin, ops.cos)], 2)


def pairs_of_days(free_past: Tensor, free_ahead: Tensor) -> Tensor:
    """How each day of the context lies to each slot, (b, s, 28, f): its age on several
    scales, whether it is the same weekday, and whether it is of the same kind."""
    slots = free_ahead.shape[1]
    age = np.arange(CONTEXT_DAYS - 1, -1, -1)
    same = ((age[None, :] + np.arange(slots)[:, None] + 1) % 7 == 0).astype(np.float32)
    old = np.broadcast_to(age.astype(np.float32), same.shape)
    fixed = np.stack([old / 10.0, np.exp(-old / 2.0), same, same * old / 10.0], 2)[None]
    ahead = ops.expand_dims(ops.mean(free_ahead, 2), 2)
    past = ops.expand_dims(ops.mean(free_past, 2), 1)
    alike = ops.expand_dims(1.0 - ops.abs(ahead - past), 3)
    return ops.concatenate([alike, ops.zeros_like(alike) + fixed], 3)


def weather_features(
    inputs: Mapping[str, Tensor], profiles: Tensor, present: Tensor, slots: int
) -> list[Tensor]:
    """How warm it will be against the context, and what that meant at this site so far,
    (b, s, 24, 5); nothing where the model has no temperature. Where no temperature is
    known ahead, the newest day's deviation fades; where none is known at all, all are 0."""
    if TEMPERATURE not in inputs:
        return []
    warmth = ops.reshape(inputs[TEMPERATURE], (-1, CONTEXT_DAYS + slots, 24))
    known = ops.where(ops.equal(warmth, warmth), 1.0, 0.0)
    warmth = ops.where(ops.equal(warmth, warmth), warmth, 0.0)
    past, seen = warmth[:, :CONTEXT_DAYS], known[:, :CONTEXT_DAYS]
    usual = _mean(past, seen, 1, _mean(past, seen, (1, 2), 0.0))
    newest = _mean((past - usual)[:, -1:], seen[:, -1:], (1, 2), 0.0)
    fading = newest * _fading(slots)
    sure = known[:, CONTEXT_DAYS:]
    ahead = sure * (warmth[:, CONTEXT_DAYS:] - usual) + (1.0 - sure) * fading
    used = _mean(profiles, present, 2, 0.0)
    parts = [ahead / 10.0, sure]
    any_known = ops.max(seen, (1, 2), keepdims=True)
    for response in (_linear, _heating, _cooling):
        before = _mean(response(past), seen, 2, 0.0)
        weight = ops.max(seen, 2, keepdims=True) * ops.max(present, 2, keepdims=True)
        before = weight * (before - _mean(before, weight, 1, 0.0))
        slope = ops.sum(before * used, 1, keepdims=True) / (
            ops.sum(before * before, 1, keepdims=True) + CONTEXT_DAYS
        )
        parts.append(any_known * slope * (response(usual + ahead) - response(usual)))
    return [ops.stack(parts, 3)]


def _linear(warmth: Tensor) -> Tensor:
    return warmth


def _heating(warmth: Tensor) -> Tensor:
    return ops.relu(_HEATED_BELOW - warmth)


def _cooling(warmth: Tensor) -> Tensor:
    return ops.relu(warmth - _COOLED_ABOVE)


def _fading(slots: int) -> Any:
    return (_WEATHER_KEEPS ** np.arange(1, slots + 1)).astype(np.float32).reshape(1, slots, 1)


def _mean(values: Tensor, weight: Tensor, axis: Any, otherwise: Tensor | float) -> Tensor:
    """Mean over an axis where ``weight`` is 1; ``otherwise`` where it is nowhere."""
    total = ops.sum(weight, axis, keepdims=True)
    mean = ops.sum(values * weight, axis, keepdims=True) / ops.maximum(total, 1.0)
    return ops.where(total > 0, mean, otherwise)
