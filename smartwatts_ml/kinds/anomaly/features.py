"""What the network looks at: one graph from raw W to features, used in training and on the
gateway alike.

Readings are compared with what is usual at their hour, upwards and downwards apart: the upper
side sees each reading or what is usual, whichever is more, the lower side whichever is less. A
measure of a side never falls where a reading lies farther out on that side, and does not see the
other side. So weights that are not negative (``network``) give a score that never falls either.

Each measure of the newest hours is compared with what it has been on each day of the past, so
that a device brings its own scale, and a noisy home needs more than a steady building before
anything stands out. Days of the past end before the newest ``RECENT_DAYS``, the hours that an
event may have touched. Measures of a side:

- mean distance from what is usual over 1 h to a week (over a day of both sides together, too),
  and the least of the last 3 to 24 hours
- how far out all of the last 1 to 24 hours have been, as logarithms of power
- low quantiles of that over the last days: what is always on, or never

And of both: for how long the readings before the newest hardly moved.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.graphops import (
    ABSENT,
    compress,
    delay,
    doubling,
    log_power,
    lone,
    quantiles,
)
from smartwatts_ml.kinds.anomaly.measures import (
    Measure,
    Rows,
    by_day,
    earlier,
    least_over,
    means_over,
)
from smartwatts_ml.kinds.anomaly.normalisation import (
    RECENT_DAYS,
    NormalisedWindows,
    normalise,
)
from smartwatts_ml.kinds.anomaly.shape import shape_measures
from smartwatts_ml.kinds.anomaly.sides import Sides, as_row, both_sides
from smartwatts_ml.kinds.base import Tensor

__all__ = ["N_CONTEXT", "SLOW", "UNKNOWN", "feature_model"]

N_CONTEXT = 13 + 12 + 4 * (22 + 4)
SLOW = 0
"""Which feature tells a slow rise."""
UNKNOWN = -2.0
"""What it is where the past is too short to tell."""

_FLAT_TOLERANCE = 1e-4  # of the device's level: differences below it are none
_FULL_DAY = 18.0  # hours that make a day count
_FAR = 50.0  # spreads of one hour that means over several count
_FAR_LEVELS = 5.0  # levels, alike
_NEAR = 3.0
_AROUND = 3  # hours
_TWO_DAYS = 4  # which daily measure is the lowest quantile of the upper side over two days
_LONG = 14 * 24.0  # hours


def feature_model(hours: int) -> keras.Model:
    """Model from ``history_w`` (hours, 1) and ``hour_of_week`` (1,) to ``features``, shape
    (windows, n), ``beyond`` and ``expected_w``, what is usual at the newest hour, (windows, 1).
    ``beyond`` is above 0 where the newest hour lies so far out that no hour of the past came near;
    what is learned has no say in it. The last ``N_CONTEXT`` features are what the rest has to be
    read against, of the past alone. None of the others falls where a reading of the newest
    ``RECENT_DAYS`` lies farther from what is usual, but for those of how still the readings before
    the newest have been."""
    history = keras.Input((hours, 1), name="history_w")
    newest = keras.Input((1,), name="hour_of_week")
    window = normalise(history, newest, hours)
    sides = both_sides(window)
    measures = (_hourly(sides), _daily(sides), _nearby(sides), _still(window))
    marks = [quantiles(measure.past, measure.valid, (0.5, 0.9, 1.0)) for measure in measures]
    standings = [_standing(*pair) for pair in zip(measures, marks, strict=True)]
    # Of how still readings are, only what the past never saw: most of them move, and how much
    # is no matter of how far out they lie.
    standings[3] = ops.relu(standings[3][:, 2:])
    # What is always on, of two days, beyond the highest of the past.
    slow = ops.where(_long(window), standings[1][:, 3, _TWO_DAYS : _TWO_DAYS + 1], UNKNOWN)
    context = [_context(window, sides, newest), *(compress(_flat(marks[k][:, :2])) for k in (0, 2))]
    for measure in shape_measures(window, sides):
        quantile_marks = quantiles(measure.past, measure.valid, (0.5, 0.9, 1.0))
        context.append(_flat(_standing(measure, quantile_marks)))
    features = ops.concatenate([slow, *map(_flat, standings), *context], axis=-1)
    outputs = {
        "features": features,
        "beyond": _beyond(window, sides),
        "expected_w": window.expected[:, -1, -1:] * window.scale[:, 0],
    }
    inputs = {"history_w": history, "hour_of_week": newest}
    return keras.Model(inputs, outputs, name="features")


def _flat(values: Tensor) -> Tensor:
    """(windows, n, m) as (windows, n * m)."""
    return ops.reshape(values, (-1, values.shape[1] * values.shape[2]))


def _beyond(window: NormalisedWindows, sides: Sides) -> Tensor:
    """Logarithm of how many times farther out the newest hour is than ``_NEAR`` times the farthest
    of the past and half of the level together; below 0 where the past is too short to tell."""
    farthest = ops.max(sides.distance[:, :, : -24 * RECENT_DAYS], axis=(1, 2))
    newest = ops.max(sides.distance[:, :, -1], axis=1)
    ratio = ops.log((newest + 1e-6) / (_NEAR * farthest + 0.5))
    return ops.where(_long(window), ops.expand_dims(ratio, -1), UNKNOWN)


def _long(window: NormalisedWindows) -> Tensor:
    """Whether the past is long enough to tell how far out hours come, shape (windows, 1)."""
    return ops.sum(window.present * window.past, axis=(1, 2))[:, None] >= _LONG


def _hourly(sides: Sides) -> Measure:
    """Measures of both sides that have a value at every hour, against the highest of each day. The
    first two are distances of the hour itself in spreads, upwards and downwards."""
    least = least_over(ops.concatenate([sides.z, sides.height], axis=1), sides.present)
    both = ops.sum(ops.minimum(sides.z, _FAR), axis=1, keepdims=True)
    rows = (
        Rows(sides.z, sides.present + ops.zeros_like(sides.z), (1,) * 2, (0.5,) * 2),
        Rows(sides.height, sides.present + ops.zeros_like(sides.height), (1,) * 2, (0.1,) * 2),
        means_over(ops.minimum(sides.z, _FAR), sides.present, (3, 6, 24, 48, 168)),
        means_over(ops.minimum(sides.distance, _FAR_LEVELS), sides.present, (24,)),
        means_over(both, sides.present, (24,)),
        least,
    )
    return by_day(rows)


def _nearby(sides: Sides) -> Measure:
    """Distances of the newest hour and of the mean of the newest three, against all of those that
    the past has within three hours of that time of the day."""
    three = means_over(sides.distance, sides.present, (3,))
    values = ops.concatenate([sides.distance, three.values], axis=1)
    valid = ops.concatenate([sides.present + ops.zeros_like(sides.distance), three.valid], axis=1)
    n_days = values.shape[2] // 24

    def around(rows: Tensor) -> Tensor:
        days = ops.reshape(rows, (-1, 4, n_days, 24))[:, :, : n_days - RECENT_DAYS]
        columns = ops.concatenate([days[..., -_AROUND - 1 :], days[..., :_AROUND]], axis=-1)
        return ops.reshape(columns, (-1, 4, columns.shape[2] * columns.shape[3]))

    now = values[:, :, -1] * valid[:, :, -1]
    return Measure(now, around(values), around(valid), floors=(0.1,) * 4)


def _daily(sides: Sides) -> Measure:
    """Low quantiles of each day's heights, over spans of several days too."""
    n_days = sides.height.shape[2] // 24
    shape = (-1, 2, n_days, 24)
    height = ops.reshape(sides.height, shape)
    present = ops.reshape(sides.present + ops.zeros_like(sides.height), shape)
    base = ops.transpose(quantiles(height, present, (0.08, 0.25)), (0, 1, 3, 2))
    day = ops.reshape(base, (-1, 4, n_days))
    two, four = doubling(day, (1, 2), ops.add, 0.0)
    week = four + delay(two, 4, 0.0) + delay(day, 6, 0.0)
    parts = [(day, 1), (two / 2, 2), (week / 7, 7)]
    values = ops.concatenate([part for part, _ in parts], axis=1)
    full = ops.cast(ops.sum(present[:, :1], axis=-1) >= _FULL_DAY, "float32")
    spans = tuple(days for part, days in parts for _ in range(part.shape[1]))
    return Measure(
        now=values[:, :, -1],
        past=values,
        valid=(full + ops.zeros_like(values)) * earlier(spans, n_days),
        floors=(0.05,) * len(spans),
    )


def _still(window: NormalisedWindows) -> Measure:
    """How still the readings before the newest have been: for how many hours they did not move,
    at most 64, and their range over 3, 12 and 24 h, as logarithms."""
    watts, known = as_row(window.days), as_row(window.present)
    alone, between = lone(known, watts * known)
    power, present = delay(watts * known + between, 1, 0.0), delay(known + alone, 1, 0.0)
    still = ops.cast(ops.abs(power - delay(power, 1, ABSENT)) < _FLAT_TOLERANCE, "float32")
    still = still * present * delay(present, 1, 0.0)
    place = np.arange(1, power.shape[-1] + 1, dtype=np.float32)
    moved = doubling((1.0 - still) * place, (1, 2, 4, 8, 16, 32), ops.maximum, 0.0)[-1]
    run = ops.log1p(ops.minimum(ops.subtract(place, moved), 64.0))
    ends = least_over(ops.concatenate([power, -power], axis=1), present)
    reach = -ends.values[:, 1::2] - ends.values[:, 0::2]
    rows = (
        Rows(run, present, spans=(3,), floors=(0.3,)),
        Rows(-log_power(reach), ends.valid[:, 0::2], spans=(1,) * 3, floors=(0.1,) * 3),
    )
    return by_day(rows)


def _standing(measure: Measure, marks: Tensor) -> Tensor:
    """Where ``now`` stands among the past, shape (windows, 4, n): itself, against the median, and
    beyond the 90 % quantile and the highest in units of their spread."""
    middle, upper, high = marks[..., 0], marks[..., 1], marks[..., 2]
    floors = np.array(measure.floors, np.float32)
    columns = [
        measure.now,
        measure.now - middle,
        (measure.now - upper) / (ops.abs(upper - middle) + floors),
        (measure.now - high) / (ops.abs(high - middle) + floors),
    ]
    return compress(ops.stack(columns, axis=1))


def _context(window: NormalisedWindows, sides: Sides, newest: Tensor) -> Tensor:
    """How noisy, how complete, which hour, and how usual the week before the newest days was."""
    angle = newest * np.float32(2 * np.pi / 24)
    complete = ops.mean(ops.reshape(sides.present, (-1, *window.days.shape[1:])), axis=-1)
    zeros = ops.cast(ops.abs(window.days) < 0.01, "float32") * window.present * window.past
    last = slice(-24 * 7, -24 * RECENT_DAYS)
    week = ops.mean(ops.minimum(sides.z, _FAR)[:, :, last], axis=-1)
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
        ops.log1p(week),
    ]
    return ops.concatenate(columns, axis=-1)
