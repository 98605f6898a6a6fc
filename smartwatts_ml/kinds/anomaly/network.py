"""The networks: a small classifier on the features, and what ships around it.

Functional Keras models of standard layers and ``keras.ops`` alone, so that a saved file
opens without this package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from smartwatts_ml.kinds.anomaly.calibration import NEVER, ScoreCalibration
from smartwatts_ml.kinds.anomaly.features import N_FREE, SLOW, UNKNOWN
from smartwatts_ml.kinds.anomaly.layout import SIZES, TYPES
from smartwatts_ml.kinds.anomaly.policy import FAMILIES
from smartwatts_ml.kinds.graph import put_on_top

__all__ = ["build_classifier", "build_shipped", "quieted"]

_OF_ANY_SIZE = (*FAMILIES["shape"], *FAMILIES["less"])
_UNQUANTIZED = 1023  # weights: from 1,024 on TFLite makes integers of them
_LIMIT = 4.0  # standard deviations beyond which a feature says nothing more


def build_classifier(mean: np.ndarray, std: np.ndarray, name: str) -> keras.Model:
    """From features to ``odds``, the logit of any anomaly against normal, shape (windows, 1),
    and ``types``, logits of normal and of each type, shape (windows, 8).

    ``odds`` never fall where one of the features before the last ``N_FREE`` rises: no weight on
    their way is negative (Sill, Monotonic networks, 1997), and of the units half bend upwards and
    half downwards (Runje, Shankaranarayana, Constrained monotonic neural networks, 2023).
    """
    features = keras.Input((len(mean),), name="features")
    scaled = layers.Dropout(0.1)(ops.clip((features - mean) / std, -_LIMIT, _LIMIT))
    free = layers.Dropout(0.2)(layers.Dense(32, activation="relu")(scaled[:, -N_FREE:]))
    rising = scaled[:, :-N_FREE]
    for units in (16, 16):
        rising = layers.Dropout(0.2)(_bent(_rising(rising, units) + layers.Dense(units)(free)))
    free = layers.Dropout(0.2)(layers.Dense(24, activation="relu")(free))
    odds = _rising(rising, 1) + layers.Dense(1)(free)
    types = layers.Dense(1 + len(TYPES))(ops.concatenate([rising, free], axis=-1))
    outputs = {"odds": odds, "types": types}
    return keras.Model(features, outputs, name=name)


def _rising(inputs: Any, units: int) -> Any:
    """Sums of the inputs with weights that are not negative, shape (windows, units). The converter
    quantizes no kernel of so few weights: integers round by the largest input, so that a sum could
    fall where another input rises."""
    step = _UNQUANTIZED // units
    parts = [
        layers.Dense(
            units,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomUniform(0.0, 0.02),
            kernel_constraint=keras.constraints.NonNeg(),
        )(inputs[:, start : start + step])
        for start in range(0, inputs.shape[1], step)
    ]
    return sum(parts[1:], parts[0])


def _bent(values: Any) -> Any:
    half = values.shape[-1] // 2
    return ops.concatenate([ops.relu(values[:, :half]), ops.minimum(values[:, half:], 0.0)], -1)


def build_shipped(
    features: keras.Model,
    classifiers: Sequence[keras.Model],
    calibration: ScoreCalibration,
    least_hours: int,
) -> keras.Model:
    """From raw history, by the mean of the classifiers, to

    - ``score`` and ``alert``, shape (windows, 1); an alert in any case where the newest hour is
      ``beyond`` all others (``features``), and none where fewer than ``least_hours`` of the history
      are present;
    - ``rise``, shape (windows, 1): how far what is always on has risen beyond what is told as a
      slow rise, whatever the score; below 0 where it is none;
    - ``likeness``, shape (windows, 7): which type an anomaly in the newest hour would be;
    - ``expected_w``, shape (windows, 1): what is usual at that hour.
    """
    inputs = features.input
    raw = [classifier(features.output["features"]) for classifier in classifiers]
    logit = sum(outputs["odds"] for outputs in raw) / len(raw)
    beyond = features.output["beyond"]
    slow = features.output["features"][:, SLOW : SLOW + 1]
    far_out = beyond + float(calibration.threshold)
    logit = ops.maximum(logit, ops.where(beyond > 0.0, far_out, -1e4))
    types = sum(outputs["types"][:, 1:] for outputs in raw) / len(raw)
    history = inputs["history_w"][:, :, 0]
    present = ops.sum(ops.cast(ops.equal(history, history), "float32"), -1, keepdims=True)
    loud = ops.cast(logit >= np.float32(calibration.threshold), "float32")
    known = ops.cast(present >= float(least_hours), "float32")
    outputs = {
        "score": _score(logit, calibration),
        "alert": loud * known,
        "rise": ops.where(known > 0.0, slow, UNKNOWN) - np.float32(calibration.slow),
        "likeness": ops.softmax(types),
        "expected_w": features.output["expected_w"],
    }
    return keras.Model(inputs, outputs, name="anomaly")


def quieted(network: keras.Model, parts: Collection[str]) -> keras.Model:
    """A network that ships, without alerts of some types and sizes (names of ``SIZES``). A
    size silences no hour that looks like one of ``_OF_ANY_SIZE``: a meter that is stuck may
    show just what is usual."""
    return put_on_top(network, partial(_quiet, parts=parts))


def _quiet(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any], parts: Collection[str]
) -> dict[str, Any]:
    likeness = outputs["likeness"]
    types = np.array([[name in parts for name in TYPES]], np.float32)
    shapes = np.array([[name in _OF_ANY_SIZE for name in TYPES]], np.float32)
    likeliest = ops.cast(likeness >= ops.max(likeness, -1, keepdims=True), "float32")
    loud = 1.0 - ops.max(likeliest * types, -1, keepdims=True)
    sized = 1.0 - ops.max(likeliest * shapes, -1, keepdims=True)
    history = inputs["history_w"][:, :, 0]
    present = ops.cast(ops.equal(history, history), "float32")
    watts = ops.where(ops.equal(history, history), history, 0.0)
    mean = ops.sum(ops.abs(watts), -1, keepdims=True) / ops.maximum(
        ops.sum(present, -1, keepdims=True), 1.0
    )
    off = ops.abs(watts[:, -1:] - outputs["expected_w"]) / ops.maximum(mean, 1.0)
    for name, (low, high) in SIZES.items():
        if name in parts:
            inside = ops.cast(off >= low, "float32") * ops.cast(off < min(high, 1e9), "float32")
            loud = loud * (1.0 - inside * sized)
    changed = {"alert": outputs["alert"] * loud, "likeness": likeness * (1.0 - types)}
    if "rise" in outputs:  # files of before there was one have none
        changed["rise"] = outputs["rise"] - (NEVER if "creep" in parts else 0.0)
    return {**outputs, **changed}


def _score(logit: Any, calibration: ScoreCalibration) -> Any:
    """``ScoreCalibration.score`` in the graph: a piecewise linear curve, which falls in each of
    its pieces, so that no rounding makes the score fall."""
    knots = np.array(calibration.logits, np.float32)
    log_tails = np.array(calibration.log_tails, np.float32)
    slopes = (np.diff(log_tails) / np.diff(knots)).astype(np.float32)
    covered = ops.minimum(ops.relu(logit - knots[:-1]), np.diff(knots))
    log_tail = ops.sum(covered * slopes, axis=-1, keepdims=True) + float(log_tails[0])
    excess = ops.relu(logit - float(knots[-1]))
    return ops.clip(1.0 - ops.exp(log_tail) / (1.0 + excess), 0.0, 1.0)
