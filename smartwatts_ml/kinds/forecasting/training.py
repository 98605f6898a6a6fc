"""Training a forecasting network, in bounded time and memory at any number of sites.

A window teaches a few days of its horizon in a step: all days share one network, so many
windows with a day or two each teach more a second than few windows with all their days.
The weights that are judged and kept are an exponential average over steps (Polyak and
Juditsky 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from smartwatts_ml.kinds.base import Progress
from smartwatts_ml.kinds.batches import whole_batches
from smartwatts_ml.kinds.best_epoch import BestEpoch
from smartwatts_ml.kinds.forecasting.damage import damage
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS, TEMPERATURE
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES
from smartwatts_ml.kinds.forecasting.network import Design, Trunk, build_learner, build_network
from smartwatts_ml.kinds.forecasting.settings import ForecastingSettings
from smartwatts_ml.kinds.forecasting.windows import Windows

__all__ = ["FittedTrunk", "fit", "predict_windows", "spread_rows"]

_VALIDATION_WINDOWS = 1024
_LONG_VALIDATION_WINDOWS = 384
_WARM_UP_SHARE = 0.1
_AVERAGE_EVERY = 8


@dataclass(frozen=True)
class FittedTrunk:
    """A trained network. ``log``: a row for each epoch; ``watched``: how many windows early
    stopping looked at, 0 where there was none."""

    trunk: Trunk
    network: keras.Model
    log: tuple[dict[str, float], ...]
    watched: int


def _pinball_loss(y_true: Any, y_pred: Any) -> Any:
    """Pinball loss summed over the three quantiles, mean over known hours.

    ``y_true`` (…, 2): truth and its weight, 0 where missing. ``y_pred`` (…, 3). The loss
    is taken in watts, not on the compressed scale, since watts are what WAPE and the gate
    count.
    """
    error = y_true[..., :1] - y_pred
    levels = np.array(QUANTILES, np.float32)
    loss = ops.sum(ops.maximum(levels * error, (levels - 1.0) * error), -1)
    weight = y_true[..., 1]
    known = ops.sum(ops.where(weight > 0, 1.0, 0.0))
    return ops.sum(loss * weight) / ops.maximum(known, 1.0)


def fit(
    design: Design,
    training: Windows,
    validation: Windows | None,
    plan: ForecastingSettings,
    seed: int,
    progress: Progress,
    epochs: int | None = None,
) -> FittedTrunk:
    """Train; the averaged weights of the best epoch stay. Without ``validation`` nobody looks
    for it: it is the last of ``epochs``, in which the learning rate goes as in all of them."""
    rng = np.random.default_rng(seed)
    trunk = Trunk(design)
    learner = build_learner(trunk, min(plan.days_at_once, design.days))
    network = build_network(trunk)
    trunk.begin()
    steps = math.ceil(plan.epoch_windows / plan.batch_size)
    _compile(learner, plan, steps * plan.epochs)
    watch = None if validation is None else _Watch(network, validation)
    average = _Average(learner, plan.averaging)
    best = BestEpoch(learner, plan.patience)
    log: list[dict[str, float]] = []
    last = min(epochs or plan.epochs, plan.epochs)
    for epoch in range(1, last + 1):
        losses = []
        for step in range(steps):
            rows = training.draw(plan.batch_size, rng, plan.midnight_share)
            losses.append(_step(learner, design, training, rows, plan, rng))
            if step % _AVERAGE_EVERY == _AVERAGE_EVERY - 1:
                average.add()
        moving = average.use()
        row = {"epoch": epoch, "loss": float(np.mean(losses))}
        if watch:
            row["validation_loss"] = watch.loss()
        log.append(row)
        shown = ", ".join(f"{name.replace('_', ' ')} {row[name]:.3f}" for name in list(row)[1:])
        progress(f"epoch {epoch}/{last}, {shown}", epoch / last)
        goes_on = best.goes_on(row.get("validation_loss", -epoch))
        learner.set_weights(moving)
        if not goes_on:
            break
    best.restore()
    return FittedTrunk(trunk, network, tuple(log), len(watch.rows) if watch else 0)


class _Watch:
    """The loss on windows that teach nothing."""

    def __init__(self, network: keras.Model, windows: Windows) -> None:
        self.rows = spread_rows(windows)
        self._network, self._windows = network, windows
        self._truth = _make_targets(windows, self.rows)

    def loss(self) -> float:
        said = predict_windows(self._network, self._windows, self.rows)
        return float(_pinball_loss(self._truth, said))


class _Average:
    """Exponential average of weights; early steps weigh less than they would by it alone."""

    def __init__(self, model: keras.Model, keep: float) -> None:
        self._model = model
        self._keep = keep**_AVERAGE_EVERY
        self._weights: list[np.ndarray] = []
        self._count = 0

    def add(self) -> None:
        self._count += 1
        keep = min(self._keep, self._count / (self._count + 9.0))
        now = self._model.get_weights()
        if not self._weights:
            self._weights = now
        for total, weight in zip(self._weights, now, strict=True):
            total += (1.0 - keep) * (weight - total)

    def use(self) -> list[np.ndarray]:
        """Put the average into the model; returns the weights that training goes on with."""
        moving = self._model.get_weights()
        if self._weights:
            self._model.set_weights(self._weights)
        return list(moving)


def spread_rows(windows: Windows) -> np.ndarray:
    """As many windows as time allows, evenly spread over all of them, shape (r,)."""
    most = _VALIDATION_WINDOWS if windows.horizon <= 48 else _LONG_VALIDATION_WINDOWS
    count = min(most, len(windows))
    return np.unique(np.linspace(0, len(windows) - 1, count).astype(np.int64))


def _compile(model: keras.Model, plan: ForecastingSettings, total_steps: int) -> None:
    warm_up = int(_WARM_UP_SHARE * total_steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=plan.learning_rate / 10,
        decay_steps=max(total_steps - warm_up, 1),
        warmup_target=plan.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=plan.weight_decay, clipnorm=1.0)
    # Built here, or the first step would make the variables and be traced a second time.
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=_pinball_loss, jit_compile=False)


def _step(
    learner: keras.Model,
    design: Design,
    windows: Windows,
    rows: np.ndarray,
    plan: ForecastingSettings,
    rng: np.random.Generator,
) -> float:
    inputs = windows.inputs(rows)
    inputs["history_w"] = damage(inputs["history_w"], plan.damaged_share, rng)
    if TEMPERATURE in inputs:
        # No forecast of the weather is at hand everywhere.
        inputs[TEMPERATURE][rng.random(len(rows)) < 0.5, CONTEXT_HOURS:] = np.nan
    count = learner.input["slot"].shape[1]
    days = rng.integers(0, design.days, (len(rows), count))
    inputs["slot"] = np.eye(design.slots, dtype=np.float32)[days % design.slots]
    inputs["week"] = (days // 7).astype(np.float32)
    hours = days[:, :, None] * 24 + np.arange(24)
    return float(learner.train_on_batch(inputs, _make_targets(windows, rows, hours)))


def _make_targets(
    windows: Windows, rows: np.ndarray, hours: np.ndarray | None = None
) -> np.ndarray:
    """Truth and weight of some windows: (r, horizon, 2), or those of ``hours`` of the
    horizon, (r, days, 24), as (r, days, 24, 2)."""
    truth = windows.targets(rows)
    if hours is not None:
        within = np.minimum(hours, windows.horizon - 1).reshape(len(rows), -1)
        taken = np.take_along_axis(truth, within, 1).reshape(hours.shape)
        truth = np.where(hours < windows.horizon, taken, np.nan)
    known = np.isfinite(truth)
    weight = windows.weights[rows].reshape(-1, *[1] * (truth.ndim - 1))
    return np.stack([np.where(known, truth, 0.0), np.where(known, weight, 0.0)], -1).astype(
        np.float32
    )


def predict_windows(
    model: keras.Model,
    windows: Windows,
    rows: np.ndarray,
    known_hours: int | None = None,
    batch: int = 128,
) -> np.ndarray:
    """Quantiles of some windows, W, shape (r, horizon, 3); from the newest ``known_hours``
    of their contexts alone, if given."""
    parts = []
    for within, counting in whole_batches(len(rows), batch):
        inputs = windows.inputs(rows[within])
        if known_hours is not None:
            inputs["history_w"][:, :-known_hours] = np.nan
        parts.append(model.predict_on_batch(inputs)["power_w"][:counting])
    return np.concatenate(parts)
