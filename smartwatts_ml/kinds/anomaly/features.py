"""What the network looks at: one graph from raw W to features, used in training and on the
gateway alike.

Every measure of the newest hours is compared with what the same measure has been on each
day of the window, so that a device brings its own scale, and a noisy home needs more than
a steady building before anything stands out. Measures:

- residual against the median of the same hour of weekdays or weekends, over 1 h to a week
- highest, lowest and range of the last hours, as logarithms
- how long the readings have not moved, and how much they just did
- the last day against the usual day, as it is and rotated
- the low quantiles of the last days: what is always on
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import (
    ABSENT,
    compress,
    delay,
    doubling,
    log_power,
    quantiles,
)
from smartwatts_ml.kinds.anomaly.normalisation import NormalisedWindows, normalise
from smartwatts_ml.kinds.base import Tensor

__all__ = ["SLOW", "UNKNOWN", "feature_model"]

SLOW = 0
"""Which feature tells a slow rise."""
UNKNOWN = -2.0
"""What it is where the past is too short to tell."""

_FLAT_TOLERANCE = 1e-4  # of the device's level: differences below it are none
_FULL_DAY = 18.0  # hours that make a day count
_RECENT_DAYS = 2  # what an event may have touched: the past that it is held against ends before
_NEAR = 3.0
_LONG = 14 * 24.0  # hours
_DAILY_SLOW = 7  # which daily measure is the lowest quantile over two days


@dataclass(frozen=True)
class _Measure:
    """Measures by day: ``now`` (windows, n), ``daily`` (windows, n, days): the highest of
    each day, ``valid`` alike. ``span``: days that ``now`` covers, left out of its past.
    ``floor``: the least spread that counts, in the measure's unit."""

    now: Tensor
    daily: Tensor
    valid: Tensor
    spans: tuple[int, ...]
    floors: tuple[float, ...]


def feature_model(hours: int) -> keras.Model:
    """Model from ``history_w`` (hours, 1) and ``hour_of_week`` (1,) to ``features``, shape
    (windows, n_features), ``beyond`` and ``expected_w``, what is usual at the newest hour,
    (windows, 1). ``beyond`` is above 0 where the newest hour lies so far out that no hour of the
    past came near; what is learned has no say in it."""
    history = keras.Input((hours, 1), name="history_w")
    newest = keras.Input((1,), name="hour_of_week")
    window = normalise(history, newest, hours)
    hourly, daily = (_standing(measure) for measure in (_hourly(window), _daily(window)))
    columns = [_slow(window, daily), hourly, daily, _state(window, newest)]
    outputs = {
        "features": ops.concatenate(columns, axis=-1),
        "beyond": _beyond(window),
        "expected_w": window.expected[:, -1, -1:] * window.scale[:, 0],
    }
    inputs = {"history_w": history, "hour_of_week": newest}
    return keras.Model(inputs, outputs, name="features")


def _slow(window: NormalisedWindows, daily: Tensor) -> Tensor:
    """What is always on, of two days, beyond the highest of the past, from where daily measures
    stand: shape (windows, 1)."""
    n_measures = daily.shape[1] * 2 // 7  # each in 3 columns, half of them in a fourth
    at = daily.shape[1] - n_measures + _DAILY_SLOW
    return ops.where(_long(window), daily[:, at : at + 1], UNKNOWN)


def _beyond(window: NormalisedWindows) -> Tensor:
    """Logarithm of how many times farther out the newest hour is than ``_NEAR`` times the farthest
    of the past and half of the level together; below 0 where the past is too short to tell."""
    distance = ops.abs(window.days - window.expected) * window.present
    farthest = ops.max(distance[:, :-_RECENT_DAYS], axis=(1, 2))
    ratio = ops.log((distance[:, -1, -1] + 1e-6) / (_NEAR * farthest + 0.5))
    return ops.where(_long(window), ops.expand_dims(ratio, -1), UNKNOWN)


def _long(window: NormalisedWindows) -> Tensor:
    """Whether the past is long enough to tell how far out hours come, shape (windows, 1)."""
    return ops.sum(window.present[:, :-_RECENT_DAYS], axis=(1, 2))[:, None] >= _LONG


@dataclass(frozen=True)
class _HourlyRows:
    """Measures at every hour, (windows, n, hours), ``valid`` alike; of each of the n the days
    that it spans, and its least spread that counts."""

    values: Tensor
    valid: Tensor
    spans: tuple[int, ...]
    floors: tuple[float, ...]


def _hourly(window: NormalisedWindows) -> _Measure:
    """Measures that have a value at every hour, both ways up."""
    n_days = window.days.shape[1]
    row = (-1, 1, 24 * n_days)
    z = (window.days - window.expected) / ops.expand_dims(window.spread, 1)
    z = ops.reshape(ops.clip(z, -50.0, 50.0) * window.present, row)
    power = ops.reshape(window.days, row)
    present = ops.reshape(window.present, row)
    change = ops.abs(power - delay(power, 1, 0.0)) * present * delay(present, 1, 0.0)
    rows = (
        _means(z, present),
        _levels(power, present),
        _HourlyRows(change, present, spans=(1,), floors=(0.1,)),
        _HourlyRows(_flat_run(power, present), present, spans=(3,), floors=(0.3,)),
    )
    values = ops.concatenate([part.values for part in rows], axis=1)
    valid = ops.concatenate([part.valid for part in rows], axis=1)
    shape = (-1, values.shape[1], n_days, 24)
    absent = ABSENT * (1.0 - valid)
    top = ops.max(ops.reshape(values - absent, shape), axis=-1)
    bottom = ops.min(ops.reshape(values + absent, shape), axis=-1)
    daily = ops.concatenate([top, -bottom], axis=1)
    now = values[:, :, -1] * valid[:, :, -1]
    return _Measure(
        now=ops.concatenate([now, -now], axis=-1),
        daily=daily,
        valid=ops.cast(daily > -ABSENT / 2, "float32"),
        spans=2 * tuple(days for part in rows for days in part.spans),
        floors=2 * tuple(floor for part in rows for floor in part.floors),
    )


def _means(z: Tensor, present: Tensor) -> _HourlyRows:
    """Mean residuals over 1, 3, 6, 12, 24, 48, 72 and 168 h, and of their size over 24 h;
    valid where half of the hours are present."""
    sums = ops.concatenate([z, ops.abs(z), present], axis=1)
    three = sums + delay(sums, 1, 0.0) + delay(sums, 2, 0.0)
    six, twelve, day, two = doubling(three, (3, 6, 12, 24), ops.add, 0.0)
    days3 = two + delay(day, 48, 0.0)
    week = days3 + delay(days3, 72, 0.0) + delay(day, 144, 0.0)
    spans = (sums, three, six, twelve, day, two, days3, week)
    least = np.array([1, 3, 6, 12, 24, 48, 72, 168, 24], np.float32)[:, None] / 2
    total = ops.concatenate([*(span[:, :1] for span in spans), day[:, 1:2]], axis=1)
    count = ops.concatenate([*(span[:, 2:] for span in spans), day[:, 2:]], axis=1)
    return _HourlyRows(
        total / ops.maximum(count, np.maximum(least, 1.0)),
        ops.cast(count >= least, "float32"),
        spans=(1, 1, 1, 1, 1, 2, 3, 7, 1),
        floors=(0.5, *(0.2,) * 8),
    )


def _levels(power: Tensor, present: Tensor) -> _HourlyRows:
    """Highest and lowest power over 1, 3, 6, 12 and 24 h, and the range between them, as
    logarithms; valid where all was present."""
    far = -1e4
    missing = far * (1.0 - present)
    triple = ops.concatenate([power + missing, missing - power, -present], axis=1)
    three = ops.maximum(ops.maximum(triple, delay(triple, 1, far)), delay(triple, 2, far))
    spans = (triple, three, *doubling(three, (3, 6, 12), ops.maximum, far))
    stacked = [ops.concatenate([span[:, k : k + 1] for span in spans], axis=1) for k in range(3)]
    highest, lowest, complete = stacked[0], -stacked[1], ops.relu(-stacked[2])
    levels = log_power(ops.concatenate([highest, lowest, highest - lowest], axis=1))
    valid = ops.concatenate([complete, complete, complete], axis=1)
    return _HourlyRows(levels, valid, spans=(1,) * 15, floors=(0.1,) * 15)


def _flat_run(power: Tensor, present: Tensor) -> Tensor:
    """Logarithm of the hours that the readings have not moved, at most 64."""
    still = ops.cast(ops.abs(power - delay(power, 1, ABSENT)) < _FLAT_TOLERANCE, "float32")
    still = still * present * delay(present, 1, 0.0)
    place = np.arange(1, power.shape[-1] + 1, dtype=np.float32)
    moved = doubling((1.0 - still) * place, (1, 2, 4, 8, 16, 32), ops.maximum, 0.0)[-1]
    return ops.log1p(ops.minimum(ops.subtract(place, moved), 64.0))


def _daily(window: NormalisedWindows) -> _Measure:
    """Measures that have one value a day, both ways up, over spans of several days too."""
    straight, gain = _rotation(window)
    misfit = ops.minimum(ops.abs(window.days - window.expected) * window.present, 5.0)
    base = quantiles(window.days, window.present, (0.08, 0.25))
    shape = ops.stack([straight, gain, ops.mean(misfit, -1)], axis=1)
    day = ops.concatenate([shape, ops.swapaxes(base, 1, 2)], axis=1)
    two, four = doubling(day, (1, 2), ops.add, 0.0)
    week = four + delay(two, 4, 0.0) + delay(day, 6, 0.0)
    parts = [(day, 1), (two[:, :2] / 2, 2), (two[:, 3:] / 2, 2), (four[:, 3:] / 4, 4),
             (week[:, 3:] / 7, 7)]  # fmt: skip
    values = ops.concatenate([part for part, _ in parts], axis=1)
    values = ops.concatenate([values, -values], axis=1)
    full = ops.cast(ops.sum(window.present, axis=-1) >= _FULL_DAY, "float32")
    spans = tuple(days for part, days in parts for _ in range(part.shape[1]))
    return _Measure(
        now=values[:, :, -1],
        daily=values,
        valid=ops.expand_dims(full, 1) + ops.zeros_like(values),
        spans=spans * 2,
        floors=(0.05,) * (2 * len(spans)),
    )


def _rotation(window: NormalisedWindows) -> tuple[Tensor, Tensor]:
    """Mean distance of each day to the usual day, and how much nearer it is to the usual
    day rotated by 4 to 20 hours. Shapes (windows, days)."""
    lags = np.r_[0, 4:21]
    rotated = ops.take(window.usual, (lags[:, None] + np.arange(24)) % 24, axis=1)
    apart = ops.abs(ops.expand_dims(window.days, 2) - ops.expand_dims(rotated, 1))
    apart = ops.minimum(apart, 5.0) * ops.expand_dims(window.present, 2)
    apart = ops.mean(apart, axis=-1)
    straight = apart[:, :, 0]
    return straight, straight - ops.min(apart[:, :, 1:], axis=-1)


def _standing(measure: _Measure) -> Tensor:
    """Where ``now`` stands among the days before: itself against the median of the daily
    highs, and beyond their 90 % quantile and their highest in units of their spread."""
    n_days = measure.daily.shape[-1]
    spans = np.array(measure.spans)[:, None]
    earlier = (np.arange(n_days) < n_days - spans).astype(np.float32)
    marks = quantiles(measure.daily, measure.valid * earlier, (0.5, 0.9, 1.0))
    middle, upper, high = marks[..., 0], marks[..., 1], marks[..., 2]
    floors = np.array(measure.floors, np.float32)
    columns = [
        measure.now - middle,
        (measure.now - upper) / (ops.abs(upper - middle) + floors),
        (measure.now - high) / (ops.abs(high - middle) + floors),
    ]
    half = len(measure.spans) // 2
    return compress(ops.concatenate([measure.now[:, :half], *columns], axis=-1))


def _state(window: NormalisedWindows, newest: Tensor) -> Tensor:
    """How noisy, how complete, which hour: what the rest has to be read against."""
    angle = newest * np.float32(2 * np.pi / 24)
    complete = ops.mean(window.present, axis=-1)
    zeros = ops.cast(ops.abs(window.days) < 0.01, "float32") * window.present
    columns = [
        ops.sin(angle),
        ops.cos(angle),
        window.weekend[:, -1, -1:],
        ops.mean(complete, axis=-1, keepdims=True),
        ops.mean(complete[:, -7:], axis=-1, keepdims=True),
        complete[:, -1:],
        ops.log(ops.mean(window.spread, axis=-1, keepdims=True)),
        ops.log(window.spread[:, -1:]),
        ops.mean(zeros, axis=(1, 2), keepdims=True)[:, 0],
        ops.mean(zeros[:, :, -1], axis=-1, keepdims=True),
        log_power(window.expected[:, -1, -1:]),
    ]
    return ops.concatenate(columns, axis=-1)
