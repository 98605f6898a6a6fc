"""Training: power and on-state together, the best epoch on the newest part is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from smartwatts_ml.kinds.base import Progress
from smartwatts_ml.kinds.nilm.corpus import Corpus, SiteArrays
from smartwatts_ml.kinds.nilm.network import build_networks
from smartwatts_ml.kinds.nilm.sampler import Sampler
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.kinds.nilm.sliding import slide

if TYPE_CHECKING:
    import keras

__all__ = ["Fitted", "fit"]

CUTS = (0.1, 0.2, 0.3, 0.4, 0.5)
POWER_WEIGHT, UNGATED_WEIGHT = 4.0, 0.1
WARM_UP_STEPS = 100


@dataclass(frozen=True)
class Fitted:
    """The network that ships, and for each appliance the on-probability below which it is
    off (shape (n_appliances,)), chosen on the validation part."""

    network: keras.Model
    cuts: np.ndarray
    log: tuple[dict[str, float], ...]


def fit(
    corpus: Corpus,
    settings: NilmSettings,
    window: int,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    progress: Progress,
) -> Fitted:
    """Train with AdamW on a warmed-up cosine. Early stopping watches the validation MAE,
    each appliance in units of its own power."""
    import keras

    keras.utils.set_random_seed(seed)
    trained, shipped = build_networks(window, corpus.on_power)
    sampler = Sampler(corpus, window, mixing=settings.mixing, balance=settings.balance, seed=seed)
    # More epochs than the setting go on at the lowest rate: early stopping has the last word.
    steps = min(epochs, settings.epochs) * settings.steps
    step = _make_step(trained, corpus, settings.learning_rate, steps)
    log: list[dict[str, float]] = []
    best, best_weights, since = np.inf, shipped.get_weights(), 0
    started = time.monotonic()
    for epoch in range(1, epochs + 1):
        losses = [float(step(*sampler.batch(batch_size))) for _ in range(settings.steps)]
        errors = _validation_errors(shipped, corpus, window)
        score = float(np.nanmean(errors / corpus.on_power))
        log.append({"loss": float(np.mean(losses)), "validation_loss": score,
                    "validation_mae_w": float(np.nanmean(errors))})  # fmt: skip
        left = (time.monotonic() - started) / epoch * (epochs - epoch)
        progress(
            f"epoch {epoch}/{epochs}, loss {log[-1]['loss']:.3f}, "
            f"validation MAE {log[-1]['validation_mae_w']:.1f} W, at most {left:.0f} s left",
            epoch / epochs,
        )
        since = 0 if score < best else since + 1
        if score < best:
            best, best_weights = score, shipped.get_weights()
        if since >= settings.patience:
            break
    shipped.set_weights(best_weights)
    return Fitted(shipped, _choose_cuts(shipped, corpus, window), tuple(log))


def _make_step(
    network: keras.Model, corpus: Corpus, learning_rate: float, steps: int
) -> Callable[[np.ndarray, np.ndarray], Any]:
    import keras
    import tensorflow as tf

    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(steps - WARM_UP_STEPS, 1),
        alpha=0.02,
        warmup_target=learning_rate,
        warmup_steps=min(WARM_UP_STEPS, max(steps // 4, 1)),
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.0, clipnorm=1.0)
    optimizer.build(network.trainable_variables)
    thresholds, scale = tf.constant(corpus.thresholds), tf.constant(corpus.on_power)

    @tf.function(jit_compile=False)
    def run(mains: Any, truth: Any) -> Any:
        known = tf.math.is_finite(truth) & tf.math.is_finite(mains)[..., None]
        mask = tf.cast(known, tf.float32)
        truth = tf.where(known, truth, 0.0)
        on = tf.cast(truth >= thresholds, tf.float32)
        count = tf.maximum(tf.reduce_sum(mask), 1.0)
        with tf.GradientTape() as tape:
            power, logits, ungated = network(mains[..., None], training=True)
            error = tf.reduce_sum(tf.abs(power - truth) / scale * mask) / count
            gate = tf.nn.sigmoid_cross_entropy_with_logits(on, logits)
            gate = tf.reduce_sum(gate * mask) / count
            running = tf.abs(ungated - truth) / scale * mask * on
            samples = tf.reduce_sum(mask * on, axis=(0, 1))
            level = tf.reduce_mean(tf.reduce_sum(running, axis=(0, 1)) / (samples + 20.0))
            loss = POWER_WEIGHT * error + gate + UNGATED_WEIGHT * level
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    return lambda mains, truth: run(tf.constant(mains), tf.constant(truth))


def _forward(network: keras.Model) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    def forward(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = network.predict(windows[..., None], batch_size=64, verbose=0)
        return outputs["power_w"], outputs["on_probability"]

    return forward


def _validate(network: keras.Model, site: SiteArrays, window: int) -> tuple[np.ndarray, ...]:
    return slide(_forward(network), site.mains, window, site.power.shape[1])


def _validation_errors(network: keras.Model, corpus: Corpus, window: int) -> np.ndarray:
    """Mean absolute error in W of each appliance, shape (n_appliances,)."""
    errors = [
        np.abs(_validate(network, site, window)[0] - site.power) for site in corpus.validation
    ]
    return _mean(np.concatenate(errors))


def _choose_cuts(network: keras.Model, corpus: Corpus, window: int) -> np.ndarray:
    """For each appliance the cut with the smallest validation error."""
    found = [(*_validate(network, site, window), site.power) for site in corpus.validation]
    errors = [
        _mean(np.concatenate([np.abs(np.where(on >= cut, p, 0.0) - t) for p, on, t in found]))
        for cut in CUTS
    ]
    return np.array(CUTS)[np.argmin(np.nan_to_num(np.stack(errors)), axis=0)]


def _mean(errors: np.ndarray) -> np.ndarray:
    known = np.isfinite(errors)
    count = known.sum(axis=0)
    total = np.where(known, errors, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
