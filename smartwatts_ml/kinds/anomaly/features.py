"""What the network looks at: one graph from raw W to features, used in training and on the
gateway alike.

Every measure of the newest hours is compared with what it has been on each day of the past, so
that a device brings its own scale, and a noisy home needs more than a steady building before
anything stands out. Readings of the newest ``RECENT_DAYS``, which an event may have touched, are
looked at twice (``sides``):

- by how far out they lie: measures that never fall where a reading beyond the noise of its hour
  lies farther out. So weights that are not negative (``network``) give a score that never falls
  either. What they are compared with are days that no event has touched.
- cut off where the noise ends: measures that do not see how far out a reading lies, so that what
  is learned of them may be anything.

Besides there is what the rest is read against: the past itself, and for how long the readings
before the newest have not moved at all, as far as that is longer than usual.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from smartwatts_ml.kinds.anomaly.day_measures import TWO_DAYS, day_measures
from smartwatts_ml.kinds.anomaly.graphops import compress, delay, log_power, lone, quantiles
from smartwatts_ml.kinds.anomaly.hour_measures import FAR, hour_measures, means_over, unmoved
from smartwatts_ml.kinds.anomaly.measures import Measures, by_day, standing
from smartwatts_ml.kinds.anomaly.normalisation import (
    FARTHEST,
    RECENT_DAYS,
    NormalisedWindows,
    normalise,
)
from smartwatts_ml.kinds.anomaly.sides import Sides, as_row, both_sides
from smartwatts_ml.kinds.base import Tensor

__all__ = ["N_FREE", "SLOW", "UNKNOWN", "feature_model"]

N_FREE = 4 * (2 * 26 + 2 * 13) + 4 + 12
"""How many of the features, the last ones, do not see how far out a reading lies."""
SLOW = 0
"""Which feature tells a slow rise."""
UNKNOWN = -2.0
"""What it is where the past is too short to tell."""

_NEAR = 3.0
_AROUND = 3  # hours
_LONG = 14 * 24.0  # hours


def feature_model(hours: int) -> keras.Model:
    """Model from ``history_w`` (hours, 1) and ``hour_of_week`` (1,) to ``features``, shape
    (windows, n), ``beyond`` and ``expected_w``, what is usual at the newest hour, (windows, 1).
    ``beyond`` is above 0 where the newest hour lies so far out that no hour of the past came near;
    what is learned has no say in it. Where a reading of the newest ``RECENT_DAYS`` that is
    ``NOISE`` spreads from what is usual lies farther out yet, the last ``N_FREE`` features stay as
    they are, but for how long readings have stood still, and none of the others falls."""
    history = keras.Input((hours, 1), name="history_w")
    newest = keras.Input((1,), name="hour_of_week")
    window = normalise(history, newest, hours)
    sides = both_sides(window)
    (rising_hours, free_hours), (rising_days, free_days) = (
        hour_measures(sides),
        day_measures(window, sides),
    )
    standings = standing(Measures.join([rising_days, rising_hours, free_days, free_hours]))
    n_rising = len(rising_days.floors) + len(rising_hours.floors)
    slow = ops.where(_long(window), standings[:, 3, TWO_DAYS : TWO_DAYS + 1], UNKNOWN)
    columns = [
        slow,
        _flat(standings[:, :, :n_rising]),
        _flat(standing(_nearby(sides))),
        _flat(standings[:, :, n_rising:]),
        _still(window),
        _context(window, sides, newest),
    ]
    outputs = {
        "features": ops.concatenate(columns, axis=-1),
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


def _nearby(sides: Sides) -> Measures:
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
    return Measures(now, around(values), around(valid), floors=(0.1,) * 4)


def _still(window: NormalisedWindows) -> Tensor:
    """For how much longer than usual the readings before the newest have not moved; 0 where that is
    no longer, so that readings which move at all do not see it."""
    within = as_row(ops.cast(ops.abs(window.days) < FARTHEST, "float32") * window.present)
    known = delay(within, 1, 0.0)
    watts = delay(as_row(window.days), 1, 0.0) * known
    alone, between = lone(known, watts)
    run = by_day(unmoved(watts + between, known + alone))[0].before(RECENT_DAYS)
    marks = quantiles(run.past, run.valid, (0.5, 1.0))
    over, above = (ops.relu(run.now - marks[..., k]) for k in (0, 1))
    reach = ops.abs(marks[..., 1] - marks[..., 0]) + np.array(run.floors, np.float32)
    return compress(ops.concatenate([over, over * run.now, over / reach, above / reach], axis=-1))


def _context(window: NormalisedWindows, sides: Sides, newest: Tensor) -> Tensor:
    """How noisy, how complete, which hour, and how usual the week before the newest days was."""
    angle = newest * np.float32(2 * np.pi / 24)
    complete = ops.mean(ops.reshape(sides.present, (-1, *window.days.shape[1:])), axis=-1)
    zeros = ops.cast(ops.abs(window.days) < 0.01, "float32") * window.present * window.past
    last = slice(-24 * 7, -24 * RECENT_DAYS)
    week = ops.mean(ops.minimum(sides.size[:, 1:] / sides.spread, FAR)[:, :, last], axis=-1)
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
