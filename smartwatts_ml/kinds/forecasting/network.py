"""The forecasting network: one small network that all days of the horizon share.

Sharing makes it learn from every hour of every site, so some 30,000 weights equal boosted
trees where a network from the whole context to the whole horizon overfits. It predicts a
correction to a mean of like hours. Beside fixed means it sees means over days that it
chooses itself: attention (Vaswani et al. 2017) over the days of the context, by their age,
weekday and shape. Hours of a day then exchange what they know in a layer across hours, as
in MLP-Mixer (Tolstikhin et al. 2021). Quantiles cannot cross, because the outer two are the
median less and plus a positive width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from smartwatts_ml.kinds.base import Tensor
from smartwatts_ml.kinds.forecasting.calibration import SHORT_DAYS, WidthCalibration
from smartwatts_ml.kinds.forecasting.cleaning import expand
from smartwatts_ml.kinds.forecasting.features import Features, make_features
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_DAYS, CONTEXT_HOURS
from smartwatts_ml.kinds.forecasting.usual_day import drawn_to_usual_day

__all__ = ["Design", "Trunk", "build_learner", "build_network", "input_shapes"]

_WEEK_DAYS = 7
_FIRST_WIDTH = 0.5
_SPREAD_FLOOR = 0.1
_KEY_UNITS = 16
_MIXED_HOURS = 48
_RECENCY = (
    (-1.0, 0.5, 0.0, 0.0),
    (-0.3, 0.0, 1.0, 0.0),
    (-1.0, 0.0, 2.0, 0.0),
    (-3.0, 2.0, 0.0, 0.0),
)
"""What attention begins with: weights of a day's age / 10, its freshness, same weekday."""


@dataclass(frozen=True)
class Design:
    """Sizes of a network, and its optional inputs (``holiday``, ``temperature_c``)."""

    horizon: int
    units: int = 64
    layers: int = 3
    heads: int = 4
    dropout: float = 0.1
    exogenous: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """Days that the horizon touches."""
        return math.ceil(self.horizon / 24)

    @property
    def slots(self) -> int:
        """Days with features of their own; without exogenous inputs a week repeats."""
        return self.days if self.exogenous else min(self.days, _WEEK_DAYS)

    @property
    def weeks(self) -> int:
        return math.ceil(self.days / _WEEK_DAYS)


def input_shapes(design: Design) -> dict[str, tuple[int, int]]:
    """Shape of each input, without the batch."""
    whole = (CONTEXT_HOURS + 24 * design.days, 1)
    return {
        "history_w": (CONTEXT_HOURS, 1),
        "hour_of_week": (1,),  # type: ignore[dict-item]
        **dict.fromkeys(design.exogenous, whole),
    }


class Trunk:
    """The layers that every day of the horizon shares."""

    def __init__(self, design: Design) -> None:
        dense = keras.layers.Dense
        self.design = design
        units, heads = design.units, design.heads
        groups = ("cells", "hours", "days", "site")
        self.groups = {name: dense(units, use_bias=name == "cells", name=name) for name in groups}
        self.key = [dense(_KEY_UNITS, activation="tanh", name="key"), dense(8 * heads, name="keys")]
        self.query = [
            dense(_KEY_UNITS, activation="tanh", name="query"),
            dense(8 * heads, name="queries"),
        ]
        self.pair = dense(heads, use_bias=False, name="pairs")
        self.hidden = [
            dense(units, activation="relu", name=f"hidden_{i}") for i in range(design.layers - 1)
        ]
        self.mix = [
            dense(_MIXED_HOURS, activation="relu", name="mix"),
            dense(24, kernel_initializer="zeros", name="mixed"),
        ]
        outputs = 3 if design.weeks == 1 else 6
        self.head = dense(outputs, kernel_initializer="zeros", name="head")

    def begin(self) -> None:
        """Give attention its first weights, once the layers exist."""
        first = [0.5, *([0.0] * 4)]
        kernel = [[first[0], *_RECENCY[head % len(_RECENCY)]] for head in range(self.design.heads)]
        self.pair.set_weights([np.array(kernel, np.float32).T])

    def __call__(self, features: Features) -> Tensor:
        """What to add, before any week's own part: (b, s, 24, 3 or 6)."""
        cells = ops.concatenate([features.cells, self._attend(features)], 3)
        hidden = ops.relu(
            self.groups["cells"](cells)
            + self.groups["hours"](features.hours)
            + self.groups["days"](features.days)
            + self.groups["site"](features.site)
        )
        for index, layer in enumerate(self.hidden):
            hidden = hidden + layer(keras.layers.Dropout(self.design.dropout)(hidden))
            if index == 0:
                by_unit = ops.transpose(hidden, (0, 1, 3, 2))
                mixed = self.mix[1](self.mix[0](by_unit))
                hidden = hidden + ops.transpose(mixed, (0, 1, 3, 2))
        return self.head(keras.layers.Dropout(self.design.dropout)(hidden))

    def _attend(self, features: Features) -> Tensor:
        """For each head the mean of the days it chooses, less the base, its difference to
        a mean over three hours, and the spread over those days, (b, s, 24, 3 * heads)."""
        slots, heads = features.base.shape[1], self.design.heads
        keys = self.key[1](self.key[0](features.keys))
        queries = self.query[1](self.query[0](features.queries))
        keys = ops.transpose(ops.reshape(keys, (-1, CONTEXT_DAYS, heads, 8)), (0, 2, 3, 1))
        queries = ops.transpose(ops.reshape(queries, (-1, slots, heads, 8)), (0, 2, 1, 3))
        scores = ops.matmul(queries, keys) / 3.0
        scores = scores + ops.transpose(self.pair(features.pairs), (0, 3, 1, 2))
        weights = ops.reshape(ops.softmax(scores, -1), (-1, heads * slots, CONTEXT_DAYS))
        profiles = features.profiles
        mean = ops.matmul(weights, profiles)
        square = ops.matmul(weights, profiles * profiles)
        spread = ops.sqrt(ops.relu(square - mean * mean) + 1e-4)
        near = ops.concatenate([mean[:, :, -1:], mean, mean[:, :, :1]], 2)
        smooth = (near[:, :, :-2] + mean + near[:, :, 2:]) / 3.0

        def by_slot(values: Tensor) -> Tensor:
            split = ops.reshape(values, (-1, heads, slots, 24))
            return ops.transpose(split, (0, 2, 3, 1))

        lead = ops.expand_dims(features.hourly - features.base, 3)
        return ops.concatenate([by_slot(mean) + lead, by_slot(smooth - mean), by_slot(spread)], 3)


def _quantiles_of(features: Features, raw: Tensor, week: Tensor | float) -> Tensor:
    """Compressed quantiles, (b, s, 24, 3). ``week``: which week of the horizon the slots
    stand for, (b, s, 1, 1) or a number."""
    if raw.shape[3] > 3:
        raw = raw[:, :, :, :3] + raw[:, :, :, 3:] * (week / 4.0)
    centre = features.base[:, : raw.shape[1]] + raw[:, :, :, 0]
    shift = math.log(math.expm1(_FIRST_WIDTH))
    width = ops.softplus(raw[:, :, :, 1:3] + shift) * ops.expand_dims(
        features.spread + _SPREAD_FLOOR, 3
    )
    return ops.stack([centre - width[:, :, :, 0], centre, centre + width[:, :, :, 1]], 3)


def _keras_inputs(design: Design) -> dict[str, Tensor]:
    return {name: keras.Input(shape, name=name) for name, shape in input_shapes(design).items()}


def build_network(trunk: Trunk, calibration: WidthCalibration | None = None) -> keras.Model:
    """Raw watts to quantiles in watts.

    Inputs ``history_w`` (b, 672, 1) with NaN for missing, ``hour_of_week`` (b, 1) and the
    exogenous ones of the design; output ``power_w`` (b, horizon, 3): P10, P50, P90. Beyond a
    week they are drawn towards the usual day. ``calibration`` then stretches the widths, more
    where the history is short.
    """
    design = trunk.design
    inputs = _keras_inputs(design)
    features = make_features(inputs, design.slots)
    quantiles = _whole_horizon(trunk, features)
    if design.weeks > 1:
        quantiles = drawn_to_usual_day(quantiles, features.profiles + features.hourly)
    if calibration is not None:
        median = quantiles[:, :, 1:2]
        short = _short_stretch(calibration.short, features.days_known)
        quantiles = median + (quantiles - median) * (short * calibration.factors())
    power = expand(quantiles, ops.expand_dims(features.scale, 2))
    power = keras.layers.Identity(name="power_w")(power)
    return keras.Model(inputs, {"power_w": power})


def _whole_horizon(trunk: Trunk, features: Features) -> Tensor:
    """What the trunk says, compressed, (b, horizon, 3)."""
    design = trunk.design
    raw = trunk(features)
    parts = []
    for first in range(0, design.days, design.slots):
        count = min(design.slots, design.days - first)
        parts.append(_quantiles_of(features, raw[:, :count], _week_of(first, count)))
    quantiles = ops.reshape(ops.concatenate(parts, 1), (-1, design.days * 24, 3))
    return quantiles[:, : design.horizon]


def _short_stretch(short: tuple[float, ...], days_known: Tensor) -> Tensor:
    """Factor (b, 1, 1) for contexts with ``days_known`` (b, 1) of readings: straight lines
    between those of ``SHORT_DAYS`` and 1 at a full context."""
    knots, factors = (*SHORT_DAYS, CONTEXT_DAYS), (*short, 1.0)
    total = 0.0 * days_known + factors[0]
    for i in range(len(knots) - 1):
        span = knots[i + 1] - knots[i]
        part = ops.minimum(ops.relu(days_known - knots[i]) / span, 1.0)
        total = total + part * (factors[i + 1] - factors[i])
    return ops.reshape(total, (-1, 1, 1))


def _week_of(first: int, count: int) -> Any:
    days = np.arange(first, first + count) // _WEEK_DAYS
    return days.astype(np.float32).reshape(1, count, 1, 1)


def build_learner(trunk: Trunk, days: int) -> keras.Model:
    """The same network on ``days`` days of the horizon that each window chooses.

    Further inputs: ``slot`` (b, days, slots), one-hot; ``week`` (b, days). Output (b, days,
    24, 3), W.
    """
    design = trunk.design
    inputs = _keras_inputs(design)
    chosen = keras.Input((days, design.slots), name="slot")
    week = keras.Input((days,), name="week")
    features = make_features(inputs, design.slots).select(chosen)
    raw = trunk(features)
    which = ops.expand_dims(ops.expand_dims(week, 2), 3)
    quantiles = _quantiles_of(features, raw, which)
    scale = ops.expand_dims(ops.expand_dims(features.scale, 2), 3)
    return keras.Model({**inputs, "slot": chosen, "week": week}, expand(quantiles, scale))
