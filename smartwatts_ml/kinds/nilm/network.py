"""The network: appliances from a window of mains, as sequence to sequence.

A small convolutional network works at full resolution for edges and, after folding eight
minutes into channels, on coarse steps with dilated convolutions for whole cycles. It sees
mains only relative to what was there before (above the lowest of the last hour, above what
never ends within a quarter, step by step; longer where these are few samples), since a level
says much about one home and nothing about the next. A few members, trained side by side, are
averaged.

Residual dilated stacks: van den Oord et al. 2016; one on-state gate that multiplies the
power: subtask gated networks, Shin et al. 2019; sequence to sequence over all appliances:
Faustine et al. 2020 (UNet-NILM); averaged members: Lakshminarayanan et al. 2017.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from smartwatts_ml.kinds.nilm.grid import Grid

__all__ = ["build_networks"]

_FINE, _COARSE = 16, 64
_DILATIONS = (1, 2, 4, 8, 2)
_BASE, _SLOW, _SHORT = (3840, 24), (900, 5), (300, 3)
"""Seconds, and the fewest fine steps, over which what is slow is looked up."""
_ROOM_W = 20.0
_FAR_W = 1e4


def build_networks(
    grid: Grid, on_power: np.ndarray, members: int
) -> tuple[keras.Model, keras.Model]:
    """The network that is trained and the one that ships; they share their weights.

    Input ``mains_w``: (batch, window, 1), raw W, NaN where missing. The first gives
    [power in W, on-state logits, power before the gate] of every member, each (members,
    batch, window, n_appliances); the second their mean ``power_w`` and ``on_probability``,
    (batch, window, n_appliances). ``on_power``: typical W of each appliance while on.
    """
    mains = keras.Input((grid.window, 1), name="mains_w")
    known, features = _features(mains, grid)
    # No appliance draws more than mains, above the window's own negative floor (solar).
    floor = ops.minimum(ops.min(known, axis=1, keepdims=True), 0.0)
    most = ops.relu(known - floor) + _ROOM_W
    outputs = [_member(features, most, grid, on_power) for _ in range(members)]
    trained = [ops.stack([output[i] for output in outputs]) for i in range(3)]
    power = sum(output[0] for output in outputs) / members
    probability = sum(ops.sigmoid(output[1]) for output in outputs) / members
    return (
        keras.Model(mains, trained),
        keras.Model(mains, {"power_w": power, "on_probability": probability}),
    )


def _member(features: Any, most: Any, grid: Grid, on_power: np.ndarray) -> tuple[Any, Any, Any]:
    """Power, logits and power before the gate, each (batch, window, n_appliances)."""
    count, minutes = len(on_power), grid.window // grid.pool
    fine = _convolve(features, _FINE, 5)
    coarse = layers.AveragePooling1D(grid.pool)(fine) if grid.pool > 1 else fine
    coarse = layers.Reshape((minutes // grid.fold, grid.fold * _FINE))(coarse)
    coarse = _convolve(coarse, _COARSE, 1, normalise=True)
    for dilation in _DILATIONS:
        coarse = coarse + _convolve(coarse, _COARSE, 3, dilation=dilation, normalise=True)
    unfolded = layers.Reshape((minutes, _FINE))(layers.Conv1D(grid.fold * _FINE, 1)(coarse))
    if grid.pool > 1:
        unfolded = layers.UpSampling1D(grid.pool)(unfolded)
    fine = layers.Activation("relu")(fine + unfolded)
    fine = fine + _convolve(fine, _FINE, 3)
    # Few samples are on: a gate that starts closed does not have to learn that first.
    logits = layers.Conv1D(count, 1, bias_initializer=keras.initializers.Constant(-2.0))(fine)
    level = ops.elu(layers.Conv1D(count, 1)(fine)) + 1.0
    ungated = ops.minimum(level * ops.convert_to_tensor(on_power.astype(np.float32)), most)
    return ungated * ops.sigmoid(logits), logits, ungated


def _features(mains: Any, grid: Grid) -> tuple[Any, Any]:
    """Mains with missing samples as 0, and what the network looks at, near 1 in size.

    Beside mains and the missing mask: mains above the lowest of the last hour, above what
    lasts a quarter and five minutes (an opening: the rolling maximum of the rolling
    minimum, which removes what is shorter), logarithms of two of them, and differences.
    """
    missing = ops.not_equal(mains, mains)
    known = ops.where(missing, 0.0, mains)
    far = ops.where(missing, _FAR_W, known)
    # What is slow is looked up minute by minute: wide windows of short samples cost most.
    minutes = -layers.MaxPooling1D(grid.pool)(-far) if grid.pool > 1 else far
    base, slow, short = (
        _above_missing(level if grid.pool == 1 else layers.UpSampling1D(grid.pool)(level))
        for level in (
            _lowest(minutes, grid.steps(*_BASE)),
            *(
                _highest(_lowest(minutes, grid.steps(*span)), grid.steps(*span))
                for span in (_SLOW, _SHORT)
            ),
        )
    )
    before = layers.ZeroPadding1D((1, 0))(known)[:, :-1]
    parts = [
        known / 1000.0,
        _logarithm(known - base),
        ops.cast(missing, "float32"),
        (known - base) / 1000.0,
        _logarithm(known - slow),
        (known - slow) / 1000.0,
        (known - short) / 1000.0,
        ops.clip(known - before, -3000.0, 3000.0) / 1000.0,
    ]
    return known, ops.concatenate(parts, axis=-1)


def _lowest(x: Any, width: int) -> Any:
    return -_highest(-x, width)


def _highest(x: Any, width: int) -> Any:
    return layers.MaxPooling1D(width, 1, padding="same")(x)


def _above_missing(x: Any) -> Any:
    """0 where all samples around are missing."""
    return ops.where(x > 0.9 * _FAR_W, 0.0, x)


def _logarithm(x: Any) -> Any:
    return ops.sign(x) * ops.log1p(ops.abs(x) / 20.0) / 4.0


def _convolve(
    x: Any, channels: int, width: int, *, dilation: int = 1, normalise: bool = False
) -> Any:
    x = layers.Conv1D(
        channels, width, padding="same", dilation_rate=dilation, use_bias=not normalise
    )(x)
    if normalise:
        x = layers.BatchNormalization(momentum=0.95)(x)
    return layers.Activation("relu")(x)
