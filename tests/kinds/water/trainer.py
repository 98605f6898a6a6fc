"""Training the water kind: a line through the last hour and the mean of the day."""

from __future__ import annotations

import keras
import numpy as np
from water.work import DAY_H, windows_of

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.base import Details, ModelSpec, Progress, Trained, TrainOptions
from smartwatts_ml.kinds.details import TensorDetails
from smartwatts_ml.readings.base import Readings

__all__ = ["train"]


def train(
    spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
) -> Trained[Details]:
    parts = [windows for _, _, windows in windows_of(readings)]
    if not parts:
        raise NotEnoughReadingsError("no hour to learn from")
    windows = np.concatenate(parts)
    last_and_mean = np.stack([windows[:, -2], windows[:, :-1].mean(1)], 1)
    line, *_ = np.linalg.lstsq(last_and_mean, windows[:, -1], rcond=None)
    network = _network()
    network.get_layer("line").set_weights([line[:, None].astype(np.float32)])
    history = TensorDetails(name="history_w", shape=(1, DAY_H, 1), unit="W", missing="nan")
    power = TensorDetails(name="power_w", shape=(1, 1), unit="W")
    details = Details(kind=spec.kind, model=spec.name, inputs=(history,), outputs=(power,))
    return Trained(network, details, ({"loss": 1.0},))


def _network() -> keras.Model:
    history = keras.Input((DAY_H, 1), name="history_w")
    known = keras.ops.where(history != history, 0.0, history)[:, :, 0]
    mean = keras.ops.mean(known, axis=1, keepdims=True)
    both = keras.ops.concatenate([known[:, -1:], mean], 1)
    power = keras.layers.Dense(1, use_bias=False, name="line")(both)
    return keras.Model(history, {"power_w": power})
