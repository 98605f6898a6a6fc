"""The network: appliances from a window of mains, as sequence to sequence.

A small convolutional network works at full resolution for edges and, after folding eight
samples into channels, at an eighth of it with dilated convolutions for whole cycles.
Residual dilated stacks: van den Oord et al. 2016; one on-state gate that multiplies the
power: subtask gated networks, Shin et al. 2019; sequence to sequence over all appliances:
Faustine et al. 2020 (UNet-NILM).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

__all__ = ["FOLD", "build_networks"]

FOLD = 8
FINE, COARSE = 16, 64
DILATIONS = (1, 2, 4, 8, 16, 1, 2)
BASE_SAMPLES = 64
ROOM_W = 20.0


def build_networks(window: int, on_power: np.ndarray) -> tuple[keras.Model, keras.Model]:
    """The network that is trained and the one that ships; they share their weights.

    Input ``mains_w``: (batch, window, 1), raw W, NaN where missing. The first gives
    [power in W, on-state logits, power before the gate], each (batch, window,
    n_appliances); the second ``power_w`` and ``on_probability`` of the same shape.
    ``on_power``: typical W of each appliance while on, shape (n_appliances,).
    """
    import keras
    from keras import layers, ops

    count = len(on_power)
    mains = keras.Input((window, 1), name="mains_w")
    known, features = _features(mains)
    fine = _convolve(features, FINE, 5)
    coarse = layers.Reshape((window // FOLD, FOLD * FINE))(fine)
    coarse = _convolve(coarse, COARSE, 1, normalise=True)
    for dilation in DILATIONS:
        coarse = coarse + _convolve(coarse, COARSE, 3, dilation=dilation, normalise=True)
    unfolded = layers.Reshape((window, FINE))(layers.Conv1D(FOLD * FINE, 1)(coarse))
    fine = layers.Activation("relu")(fine + unfolded)
    fine = fine + _convolve(fine, FINE, 3)
    # Few samples are on: a gate that starts closed does not have to learn that first.
    logits = layers.Conv1D(count, 1, bias_initializer=keras.initializers.Constant(-2.0))(fine)
    level = ops.elu(layers.Conv1D(count, 1)(fine)) + 1.0
    ungated = level * ops.convert_to_tensor(on_power.astype(np.float32))
    probability = ops.sigmoid(logits)
    # No appliance draws more than mains, above the window's own negative floor (solar).
    floor = ops.minimum(ops.min(known, axis=1, keepdims=True), 0.0)
    power = ops.minimum(ungated, ops.relu(known - floor) + ROOM_W) * probability
    return (
        keras.Model(mains, [power, logits, ungated]),
        keras.Model(mains, {"power_w": power, "on_probability": probability}),
    )


def _features(mains: Any) -> tuple[Any, Any]:
    """Mains with missing samples as 0, and what the network looks at, near 1 in size:
    power, its signed logarithm, the missing mask, and power above the local base load."""
    from keras import layers, ops

    missing = ops.not_equal(mains, mains)
    known = ops.where(missing, 0.0, mains)
    logarithm = ops.sign(known) * ops.log1p(ops.abs(known) / 20.0) / 4.0
    high = 1e4
    negated = -ops.where(missing, high, known)
    base = -layers.MaxPooling1D(BASE_SAMPLES, 1, padding="same")(negated)
    base = ops.where(base > 0.9 * high, 0.0, base)
    parts = [known / 1000.0, logarithm, ops.cast(missing, "float32"), (known - base) / 1000.0]
    return known, ops.concatenate(parts, axis=-1)


def _convolve(
    x: Any, channels: int, width: int, *, dilation: int = 1, normalise: bool = False
) -> Any:
    from keras import layers

    x = layers.Conv1D(
        channels, width, padding="same", dilation_rate=dilation, use_bias=not normalise
    )(x)
    if normalise:
        x = layers.BatchNormalization(momentum=0.95)(x)
    return layers.Activation("relu")(x)
