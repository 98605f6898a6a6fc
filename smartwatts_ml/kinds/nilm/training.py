"""Training: power and on-state together, the best epoch on held-back readings is kept.

Held back are the newest part of each site as it is, and the same part as other homes would
have it: a model is for homes that it has never seen as much as for those that taught it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf
from pydantic import Field

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.base import Progress, TrainOptions
from smartwatts_ml.kinds.batches import whole_batches
from smartwatts_ml.kinds.best_epoch import BestEpoch
from smartwatts_ml.kinds.nilm.answered import Answered, WeakBatch
from smartwatts_ml.kinds.nilm.corpus import Corpus, SiteArrays
from smartwatts_ml.kinds.nilm.grid import Grid
from smartwatts_ml.kinds.nilm.network import build_networks
from smartwatts_ml.kinds.nilm.sampler import Sampler
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.kinds.nilm.simulated import simulated_sites
from smartwatts_ml.kinds.nilm.sliding import slide

__all__ = ["FittedNetwork", "Recipe", "fit"]

_CUTS = (0.2, 0.3, 0.4)
_POWER_WEIGHT, _UNGATED_WEIGHT = 4.0, 0.1
_WARM_UP_STEPS = 100
_CHANGED_WINDOWS = 96
_VALIDATION_SEED = 1
_PERIOD_S = 60
_DAY_S = 86_400
_SIMULATED_WINDOWS = 4
_SMALLEST_BATCH = 8
_WATCHED_AT_ONCE = 64  # windows
_ANSWERS_PER_WINDOW, _MOST_ANSWERED = 4, 0.25
"""Of a batch one window for so many answers is of them, up to this share beside the others."""
_NEVER = -1e4


@dataclass(frozen=True)
class Recipe:
    """The best epoch, counted from 1, and the on-probability below which an appliance is off,
    by its name."""

    epochs: Annotated[int, Field(gt=0)]
    cuts: dict[str, float]


@dataclass(frozen=True)
class FittedNetwork:
    """The network that ships, and for each appliance the on-probability below which it is
    off (shape (n_appliances,)), chosen on the later half of what was held back: the earlier
    one chose the epoch."""

    network: keras.Model
    cuts: np.ndarray
    log: tuple[dict[str, float], ...]


def fit(
    corpus: Corpus,
    settings: NilmSettings,
    grid: Grid,
    options: TrainOptions,
    progress: Progress,
    recipe: Recipe | None = None,
    answers: Answered | None = None,
) -> FittedNetwork:
    """Train with Adam on a warmed-up cosine. Early stopping watches the error in W of each
    appliance in units of its own power, on the earlier half of what is held back; by a
    ``recipe`` nothing is, and the last of its epochs is the best. ``answers`` are learned beside
    the windows of a batch; without any, a training is what it was before there were answers.

    Without a batch size in ``options``: the setting, fewer windows where these have more
    samples.
    """
    keras.utils.set_random_seed(options.seed)
    progress("simulating homes to learn from", 0.0)
    days = max(settings.simulated_days, -(-_SIMULATED_WINDOWS * settings.window_s // _DAY_S))
    simulated = simulated_sites(corpus, settings.period_s, settings.simulated_homes, days)
    sampler = Sampler(corpus, corpus.training, simulated, grid.window, settings, options.seed)
    held_back = [] if recipe else _held_back(corpus, simulated, grid.window, settings)
    trained, shipped = build_networks(grid, corpus.on_power, settings.members)
    epochs = options.epochs or settings.epochs
    size = options.batch_size or _batch(settings)
    # More epochs than the setting go on at the lowest rate: early stopping has the last word.
    steps = min(epochs, settings.epochs) * settings.steps
    step = _make_step(trained, corpus, settings, steps)
    weak = _drawing(answers, size) if settings.label_weight else None
    log: list[dict[str, float]] = []
    best = BestEpoch(shipped, settings.patience)
    started = time.monotonic()
    last = min(recipe.epochs, epochs) if recipe else epochs
    for epoch in range(1, last + 1):
        losses = [float(step(*sampler.batch(size), weak and weak())) for _ in range(settings.steps)]
        row = {"loss": float(np.mean(losses))}
        if not recipe:
            errors = _errors(_half(_estimate(shipped, held_back, corpus, grid.window), 0))
            row["validation_loss"] = float(np.nanmean(errors / corpus.on_power))
            row["validation_mae_w"] = float(np.nanmean(errors))
        log.append(row)
        left = (time.monotonic() - started) / epoch * (last - epoch)
        progress(f"epoch {epoch}/{last}, {_shown(row)}, at most {left:.0f} s left", epoch / last)
        if not best.goes_on(row.get("validation_loss", -epoch)):
            break
    best.restore()
    if recipe:
        cuts = np.array([recipe.cuts[name] for name in corpus.appliances])
        return FittedNetwork(shipped, cuts, tuple(log))
    later = _half(_estimate(shipped, held_back, corpus, grid.window), 1)
    return FittedNetwork(shipped, _choose_cuts(later), tuple(log))


def _drawing(answers: Answered | None, size: int) -> Callable[[], WeakBatch] | None:
    """What draws the windows of answers that are learned beside a batch of ``size``; few of them
    where there are few answers, lest these are learned by heart."""
    if not answers:
        return None
    count = min(-(-len(answers) // _ANSWERS_PER_WINDOW), max(round(_MOST_ANSWERED * size), 1))
    return lambda: answers.batch(count)


def _shown(row: dict[str, float]) -> str:
    watched = "validation_mae_w"
    more = f", validation MAE {row[watched]:.1f} W" if watched in row else ""
    return f"loss {row['loss']:.3f}{more}"


def _batch(settings: NilmSettings) -> int:
    return max(
        _SMALLEST_BATCH, settings.batch_size * min(settings.period_s, _PERIOD_S) // _PERIOD_S
    )


_MainsAndPower = tuple[np.ndarray, np.ndarray]
"""Mains, shape (n,), and power, shape (n, n_appliances), W."""
_Estimates = list[tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Power, on-probability and truth of each series, all (n, n_appliances)."""


def _held_back(
    corpus: Corpus, simulated: tuple[SiteArrays, ...], window: int, settings: NilmSettings
) -> list[_MainsAndPower]:
    """The newest part of each site, and windows of it as other homes would have it, in a
    row with gaps between them."""
    series = [(site.mains, site.power) for site in corpus.validation]
    changed = settings.model_copy(update={"as_is": 0.0, "simulated_share": 0.0})
    try:
        sampler = Sampler(corpus, corpus.validation, simulated, window, changed, _VALIDATION_SEED)
    except NotEnoughReadingsError:
        return series
    mains, power = sampler.batch(_CHANGED_WINDOWS)
    gap = ((0, 0), (0, window // 2))
    mains = np.pad(mains, gap, constant_values=np.nan)
    power = np.pad(power, (*gap, (0, 0)), constant_values=np.nan)
    return [*series, (mains.ravel(), power.reshape(-1, power.shape[-1]))]


def _make_step(
    network: keras.Model, corpus: Corpus, settings: NilmSettings, steps: int
) -> Callable[[np.ndarray, np.ndarray, WeakBatch | None], Any]:
    """One step on a batch; each member has a loss of its own, and they are added up."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(steps - _WARM_UP_STEPS, 1),
        alpha=0.01,
        warmup_target=settings.learning_rate,
        warmup_steps=min(_WARM_UP_STEPS, max(steps // 4, 1)),
    )
    optimizer = keras.optimizers.Adam(schedule, clipnorm=1.0)
    optimizer.build(network.trainable_variables)
    thresholds, scale = tf.constant(corpus.thresholds), tf.constant(corpus.on_power)

    def apply(tape: tf.GradientTape, loss: Any) -> None:
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    @tf.function(jit_compile=False)
    def run(mains: Any, truth: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = network(mains[..., None], training=True)
            loss = _measured_loss(outputs, mains, truth, thresholds, scale)
        apply(tape, loss)
        return loss

    @tf.function(jit_compile=False)
    def run_with_answers(mains: Any, truth: Any, answered: Any, off: Any, ran: Any) -> Any:
        count = tf.shape(mains)[0]
        with tf.GradientTape() as tape:
            together = tf.concat([mains, answered], axis=0)
            outputs = network(together[..., None], training=True)
            measured, said = zip(*(_split(output, count) for output in outputs), strict=True)
            loss = _measured_loss(measured, mains, truth, thresholds, scale)
            loss += settings.label_weight * _answered_loss(said, off, ran, scale)
        apply(tape, loss)
        return loss

    def step(mains: np.ndarray, truth: np.ndarray, weak: WeakBatch | None) -> Any:
        batch = tf.constant(mains), tf.constant(truth)
        if weak is None:
            return run(*batch)
        return run_with_answers(*batch, *map(tf.constant, (weak.mains, weak.off, weak.ran)))

    return step


def _split(output: Any, count: Any) -> tuple[Any, Any]:
    """What belongs to the first ``count`` windows, and to the others."""
    return output[:, :count], output[:, count:]


def _measured_loss(outputs: Any, mains: Any, truth: Any, thresholds: Any, scale: Any) -> Any:
    """Of windows of which sub-meters tell the truth."""
    known = tf.math.is_finite(truth) & tf.math.is_finite(mains)[..., None]
    mask = tf.cast(known, tf.float32)
    truth = tf.where(known, truth, 0.0)
    on = tf.cast(truth >= thresholds, tf.float32) * mask
    count = tf.maximum(tf.reduce_sum(mask), 1.0)
    samples = tf.reduce_sum(on, axis=(0, 1))
    power, logits, ungated = outputs
    error = tf.reduce_sum(tf.abs(power - truth) / scale * mask) / count
    gate = tf.nn.sigmoid_cross_entropy_with_logits(tf.broadcast_to(on, logits.shape), logits)
    gate = tf.reduce_sum(gate * mask) / count
    running = tf.reduce_sum(tf.abs(ungated - truth) / scale * on, axis=(0, 1, 2))
    level = tf.reduce_mean(running / (samples + 20.0))
    return _POWER_WEIGHT * error + gate + _UNGATED_WEIGHT * level


def _answered_loss(outputs: Any, off: Any, ran: Any, scale: Any) -> Any:
    """Of windows of which people said something: where an appliance was off, its power is 0 W and
    its gate closed; where it ran at some time, the widest opening of the gate is an opening. How
    much it drew then nobody said."""
    power, logits, _ = outputs
    closed = _POWER_WEIGHT * tf.abs(power) / scale + tf.nn.softplus(logits)
    wrong = tf.reduce_sum(closed * off) / tf.maximum(tf.reduce_sum(off), 1.0)
    bags = tf.reduce_max(ran, axis=1)
    widest = tf.reduce_max(tf.where(ran > 0, logits, _NEVER), axis=2)
    missed = tf.reduce_sum(tf.nn.softplus(-widest) * bags) / tf.maximum(tf.reduce_sum(bags), 1.0)
    return wrong + missed


def _estimate(
    network: keras.Model, held_back: list[_MainsAndPower], corpus: Corpus, window: int
) -> _Estimates:
    def forward(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = []
        for rows, counting in whole_batches(len(windows), _WATCHED_AT_ONCE):
            outputs = network.predict_on_batch(windows[rows][..., None])
            parts.append((outputs["power_w"][:counting], outputs["on_probability"][:counting]))
        power, on = zip(*parts, strict=True)
        return np.concatenate(power), np.concatenate(on)

    count = len(corpus.appliances)
    return [(*slide(forward, mains, window, count), power) for mains, power in held_back]


def _half(estimates: _Estimates, half: int) -> _Estimates:
    """The earlier (0) or the later (1) half of each series."""
    return [tuple(np.array_split(values, 2)[half] for values in series) for series in estimates]  # type: ignore[misc]


def _errors(estimates: _Estimates) -> np.ndarray:
    """Mean absolute error in W of each appliance, shape (n_appliances,)."""
    errors = np.concatenate([np.abs(power - truth) for power, _, truth in estimates])
    return _mean(errors)


def _choose_cuts(estimates: _Estimates) -> np.ndarray:
    """For each appliance the cut with the smallest error on what was held back."""
    errors = [
        _mean(np.concatenate([np.abs(np.where(on >= cut, p, 0.0) - t) for p, on, t in estimates]))
        for cut in _CUTS
    ]
    return np.array(_CUTS)[np.argmin(np.nan_to_num(np.stack(errors)), axis=0)]


def _mean(errors: np.ndarray) -> np.ndarray:
    known = np.isfinite(errors)
    count = known.sum(axis=0)
    total = np.where(known, errors, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
