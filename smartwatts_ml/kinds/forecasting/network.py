"""The forecasting network: one small network that all hours of the horizon share.

Sharing makes it learn from every hour of every site, so 25,000 weights equal boosted
trees where a network from the whole context to the whole horizon overfits. It predicts
a correction to a mean of like hours; quantiles cannot cross, because the outer two are
the median less and plus a positive width.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from smartwatts_ml.kinds.forecasting.features import (
    CONTEXT_HOURS,
    Features,
    expand,
    make_features,
)

if TYPE_CHECKING:
    import keras

__all__ = ["build_network"]

WEEK = 168
FIRST_WIDTH = 0.5
SPREAD_FLOOR = 0.1


def build_network(
    horizon: int,
    *,
    units: int,
    layers: int,
    dropout: float = 0.0,
    calibration: np.ndarray | None = None,
) -> keras.Model:
    """Raw watts to quantiles in watts.

    Inputs ``history_w`` (b, 672, 1) with NaN for missing and ``hour_of_week`` (b, 1);
    output ``power_w`` (b, horizon, 3): P10, P50, P90. ``calibration`` (horizon, 2)
    stretches the widths below and above the median.
    """
    import keras
    from keras import ops

    history = keras.Input((CONTEXT_HOURS, 1), name="history_w")
    hour = keras.Input((1,), name="hour_of_week")
    days = min(math.ceil(horizon / 24), 7)
    features = make_features(history, hour, days)
    weeks = math.ceil(horizon / WEEK)
    hidden = _trunk(features, units, layers, dropout)
    raw = keras.layers.Dense(3 if weeks == 1 else 6, kernel_initializer="zeros", name="head")(
        hidden
    )
    quantiles = ops.concatenate(
        [_quantiles(features, raw, week, days, calibration) for week in range(weeks)], 1
    )
    power = expand(quantiles[:, :horizon], ops.expand_dims(features.scale, 2))
    power = keras.layers.Identity(name="power_w")(power)
    return keras.Model({"history_w": history, "hour_of_week": hour}, {"power_w": power})


def _trunk(features: Features, units: int, layers: int, dropout: float) -> Any:
    """Hidden state of each hour of the first week, shape (b, days, 24, units).

    The first layer is a sum of one layer for each group of features, so that what does
    not vary from hour to hour is computed once.
    """
    import keras
    from keras import ops

    groups = {
        "cells": features.cells,
        "hours": features.hours,
        "days": features.days,
        "site": features.site,
    }
    total = None
    for name, group in groups.items():
        part = keras.layers.Dense(units, use_bias=total is None, name=name)(group)
        total = part if total is None else total + part
    hidden = ops.relu(total)
    for index in range(layers - 1):
        if dropout:
            hidden = keras.layers.Dropout(dropout)(hidden)
        step = keras.layers.Dense(units, activation="relu", name=f"hidden_{index}")(hidden)
        hidden = hidden + step
    return hidden


def _quantiles(
    features: Features, raw: Any, week: int, days: int, calibration: np.ndarray | None
) -> Any:
    """Compressed quantiles of one week of the horizon, shape (b, days * 24, 3)."""
    from keras import ops

    if week:
        raw = raw[:, :, :, :3] + (week / 4.0) * raw[:, :, :, 3:]
    centre = features.base + raw[:, :, :, 0]
    shift = math.log(math.expm1(FIRST_WIDTH))
    width = ops.softplus(raw[:, :, :, 1:3] + shift) * ops.expand_dims(
        features.spread + SPREAD_FLOOR, 3
    )
    if calibration is not None:
        part = calibration[week * WEEK : week * WEEK + days * 24]
        part = np.concatenate([part, np.ones((days * 24 - len(part), 2))])
        width = width * part.reshape(1, days, 24, 2).astype("float32")
    stacked = ops.stack([centre - width[:, :, :, 0], centre, centre + width[:, :, :, 1]], 3)
    return ops.reshape(stacked, (-1, days * 24, 3))
