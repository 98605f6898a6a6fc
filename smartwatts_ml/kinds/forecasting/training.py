"""Training a forecasting network, in bounded time and memory at any number of sites."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from smartwatts_ml.kinds.base import Progress
from smartwatts_ml.kinds.forecasting.features import CONTEXT_HOURS
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES
from smartwatts_ml.kinds.forecasting.settings import ForecastingSettings
from smartwatts_ml.kinds.forecasting.windows import Windows

if TYPE_CHECKING:
    import keras

__all__ = ["Fitted", "fit", "pinball_loss", "predict_windows", "shorten"]

VALIDATION_WINDOWS = 1024
WARM_UP_SHARE = 0.1
SHORT_HOURS = 48
SHORT_FACTOR = 2
"""A window of a short horizon teaches fewer hours and costs less, so more are drawn."""
CUT_SHARE = 0.6
"""Of the contexts that are damaged in training: cut short; the others get a hole."""


@dataclass(frozen=True)
class Fitted:
    """What training found. ``log``: a row for each epoch. ``watched``: the validation
    windows that early stopping looked at, shape (r,)."""

    log: tuple[dict[str, float], ...]
    watched: np.ndarray


def pinball_loss(y_true: Any, y_pred: Any) -> Any:
    """Pinball loss summed over the three quantiles, mean over known hours.

    ``y_true`` (b, h, 2): truth and its weight, 0 where missing. ``y_pred`` (b, h, 3).
    The loss is taken in watts, not on the compressed scale, since watts are what WAPE
    and the gate count.
    """
    from keras import ops

    error = y_true[:, :, :1] - y_pred
    levels = np.array(QUANTILES, np.float32)
    loss = ops.sum(ops.maximum(levels * error, (levels - 1.0) * error), 2)
    weight = y_true[:, :, 1]
    known = ops.sum(ops.where(weight > 0, 1.0, 0.0))
    return ops.sum(loss * weight) / ops.maximum(known, 1.0)


def fit(
    model: keras.Model,
    training: Windows,
    validation: Windows,
    plan: ForecastingSettings,
    seed: int,
    progress: Progress,
) -> Fitted:
    """Train in place; the weights of the best epoch stay."""
    rng = np.random.default_rng(seed)
    drawn = plan.epoch_windows * (SHORT_FACTOR if training.horizon <= SHORT_HOURS else 1)
    steps = math.ceil(drawn / plan.batch_size)
    _compile(model, plan, steps * plan.epochs)
    count = min(VALIDATION_WINDOWS, len(validation))
    watched = np.unique(np.linspace(0, len(validation) - 1, count).astype(np.int64))
    truth = _make_targets(validation, watched)
    best, best_weights, best_epoch = math.inf, model.get_weights(), 0
    log: list[dict[str, float]] = []
    for epoch in range(1, plan.epochs + 1):
        losses = [
            _step(model, training, training.draw(plan.batch_size, rng), plan, rng)
            for _ in range(steps)
        ]
        loss = float(np.mean(losses))
        watch = float(pinball_loss(truth, predict_windows(model, validation, watched)))
        log.append({"epoch": epoch, "loss": loss, "validation_loss": watch})
        progress(
            f"epoch {epoch}/{plan.epochs}, loss {loss:.3f}, validation {watch:.3f}",
            epoch / plan.epochs,
        )
        if watch < best:
            best, best_weights, best_epoch = watch, model.get_weights(), epoch
        if epoch - best_epoch >= plan.patience:
            break
    model.set_weights(best_weights)
    return Fitted(tuple(log), watched)


def _compile(model: keras.Model, plan: ForecastingSettings, total_steps: int) -> None:
    import keras

    warm_up = int(WARM_UP_SHARE * total_steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=plan.learning_rate / 10,
        decay_steps=max(total_steps - warm_up, 1),
        warmup_target=plan.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=plan.weight_decay, clipnorm=1.0)
    model.compile(optimizer=optimizer, loss={"power_w": pinball_loss}, jit_compile=False)


def _step(
    model: keras.Model, windows: Windows, rows: np.ndarray, plan: ForecastingSettings, rng: Any
) -> float:
    inputs = windows.inputs(rows)
    inputs["history_w"] = shorten(inputs["history_w"], plan.shortened_share, rng)
    return float(model.train_on_batch(inputs, {"power_w": _make_targets(windows, rows)}))


def _make_targets(windows: Windows, rows: np.ndarray) -> np.ndarray:
    """Truth and weight of some windows, shape (r, horizon, 2)."""
    truth = windows.targets(rows)
    known = np.isfinite(truth)
    weight = np.where(known, windows.weights[rows][:, None], 0.0)
    return np.stack([np.where(known, truth, 0.0), weight], 2).astype(np.float32)


def shorten(history: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Cut some contexts short and put holes into others, so that the network learns to
    live with both. ``history`` (b, 672, 1)."""
    history = history.copy()
    fate = rng.random(len(history))
    for row in np.flatnonzero(fate < share):
        if fate[row] < CUT_SHARE * share:
            history[row, : CONTEXT_HOURS - 24 * int(rng.integers(3, 28))] = np.nan
        else:
            length = int(rng.integers(6, 24 * 7))
            begin = int(rng.integers(0, CONTEXT_HOURS - length))
            history[row, begin : begin + length] = np.nan
    return history


def predict_windows(
    model: keras.Model, windows: Windows, rows: np.ndarray, batch: int = 128
) -> np.ndarray:
    """Quantiles of some windows, W, shape (r, horizon, 3)."""
    parts = [
        model.predict_on_batch(windows.inputs(rows[i : i + batch]))["power_w"]
        for i in range(0, len(rows), batch)
    ]
    return np.concatenate(parts)
