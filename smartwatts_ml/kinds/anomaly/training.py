"""Training: examples from the older part of each site, calibration on its newest part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.anomaly.calibration import (
    MONTH_HOURS,
    Calibration,
    fit_ranks,
    pick_threshold,
)
from smartwatts_ml.kinds.anomaly.examples import Examples, Featurise, Part, gather
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, inputs_at, mains_of, marked

if TYPE_CHECKING:
    import keras

    from smartwatts_ml.kinds.base import Progress, TrainOptions
    from smartwatts_ml.readings.base import Readings, SiteReadings

__all__ = ["Fitted", "fit"]

LEAST_HOURS = 21 * 24  # of present readings, for a site to be trained on
CALIBRATION_HOURS = 20_000  # of normal hours that score and threshold are set on, at most
VALIDATION_SHARE = 0.2  # of examples, beside those that are trained on
BATCH = 64  # windows whose features are computed at once: small batches stay in the cache


@dataclass(frozen=True)
class Fitted:
    """A trained network with what is known about how it was made."""

    network: keras.Model
    calibration: Calibration
    log: tuple[Mapping[str, float], ...]
    sites: int
    windows: int
    calibration_months: float


@dataclass(frozen=True)
class _Aside:
    """Normal, held-aside hours of one site: features, and whether each hour follows the
    one before it."""

    features: np.ndarray
    follows: np.ndarray


def fit(
    readings: Readings,
    settings: AnomalySettings,
    options: TrainOptions,
    progress: Progress,
) -> Fitted:
    """Train, calibrate and put together the network that ships."""
    import keras

    from smartwatts_ml.kinds.anomaly.features import feature_model
    from smartwatts_ml.kinds.anomaly.network import build_classifier, build_shipped

    keras.utils.set_random_seed(options.seed)
    context = settings.context_days * 24
    features = feature_model(context)
    train, valid, asides = _collect(
        readings, settings, _featuriser(features), options.seed, progress
    )
    mean, std = _scale(train.features)
    classifier = build_classifier(mean, std)
    log = _train(classifier, train, valid, settings, options, progress)
    calibration = _calibrate(classifier, train, asides, settings, options)
    hours = sum(len(aside.features) for aside in asides)
    return Fitted(
        network=build_shipped(features, classifier, calibration, settings.min_present_hours),
        calibration=calibration,
        log=log,
        sites=len(asides),
        windows=len(train.codes),
        calibration_months=hours / MONTH_HOURS,
    )


def _featuriser(model: keras.Model) -> Featurise:
    """The feature graph over any number of windows, in batches of one fixed shape."""
    import tensorflow as tf

    context = model.input["history_w"].shape[1]
    shapes = [tf.TensorSpec((BATCH, context, 1)), tf.TensorSpec((BATCH, 1))]

    @tf.function(input_signature=shapes)
    def compute(history: Any, newest: Any) -> Any:
        return model({"history_w": history, "hour_of_week": newest})

    def featurise(history: np.ndarray, newest: np.ndarray) -> np.ndarray:
        parts = [np.zeros((0, model.output_shape[1]), np.float32)]
        for start in range(0, len(history), BATCH):
            rows = np.arange(start, start + BATCH).clip(max=len(history) - 1)
            parts.append(compute(history[rows], newest[rows]).numpy())
        return np.concatenate(parts)[: len(history)]

    return featurise


def _collect(
    readings: Readings,
    settings: AnomalySettings,
    featurise: Featurise,
    seed: int,
    progress: Progress,
) -> tuple[Examples, Examples, list[_Aside]]:
    """Examples to train on, examples to stop by, and normal hours to calibrate on."""
    spans = readings.spans()
    total = max(sum((span.end - span.start) / np.timedelta64(1, "h") for span in spans), 1.0)
    train: list[Examples] = []
    valid: list[Examples] = []
    asides: list[_Aside] = []
    for index, (site, part) in enumerate(_sites(readings)):
        progress(f"features of {site.site}", 0.6 * index / max(len(spans), 1))
        rng = np.random.default_rng((seed, index))
        share = min(1.0, len(site) / total)
        cut = int(len(site) * (1 - settings.calibration_share))
        older = part.usable & (np.arange(len(site)) < cut)
        # Windows overlap so much that more than two examples an hour teach nothing new.
        count = int(min(share * settings.windows, 2 * older.sum()))
        context = settings.context_days * 24
        examples = gather(replace(part, usable=older), count, context, featurise, rng)
        newer = replace(part, usable=part.usable & ~older)
        checks = gather(newer, int(count * VALIDATION_SHARE), context, featurise, rng)
        aside = _aside(newer, int(share * CALIBRATION_HOURS), context, featurise)
        if examples is not None and checks is not None and len(aside.features):
            train.append(examples)
            valid.append(checks)
            asides.append(aside)
    if not train:
        raise NotEnoughReadingsError(
            "no site has enough hourly mains to train the anomaly model",
            fix=f"at least {LEAST_HOURS // 24} days of one site are needed",
        )
    return Examples.join(train), Examples.join(valid), asides


def _sites(readings: Readings) -> Iterator[tuple[SiteReadings, Part]]:
    """Sites with enough mains. Hours that the source marks are no normal ones."""
    for site in readings.iterate(3600, ("mains",)):
        values = mains_of(site)
        usable = ~np.isnan(values) & ~marked(site)
        if usable.sum() >= LEAST_HOURS:
            yield site, Part(values, hours_of_week(site), usable)


def _aside(part: Part, count: int, context: int, featurise: Featurise) -> _Aside:
    """The newest ``count`` normal hours of the part."""
    at = np.flatnonzero(part.usable)[-max(count, 7 * 24) :]
    inputs = inputs_at(part.values, part.hours, at, context)
    follows = np.r_[False, np.diff(at) == 1] if at.size else np.zeros(0, bool)
    return _Aside(featurise(inputs["history_w"], inputs["hour_of_week"]), follows)


def _scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = features.mean(axis=0).astype(np.float32)
    std = features.std(axis=0).astype(np.float32)
    return mean, np.where(std > 1e-3, std, 1.0).astype(np.float32)


def _train(
    classifier: keras.Model,
    train: Examples,
    valid: Examples,
    settings: AnomalySettings,
    options: TrainOptions,
    progress: Progress,
) -> tuple[Mapping[str, float], ...]:
    import keras

    epochs = options.epochs or settings.epochs
    batch = options.batch_size or settings.batch_size
    steps = epochs * -(-len(train.codes) // batch)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps, alpha=0.02)
    classifier.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def report(epoch: int, logs: Mapping[str, float]) -> None:
        text = f"epoch {epoch + 1}/{epochs}, loss {logs['val_loss']:.3f}"
        progress(text, 0.6 + 0.35 * (epoch + 1) / epochs)

    history = classifier.fit(
        train.features,
        train.codes,
        sample_weight=train.weights,
        validation_data=(valid.features, valid.codes, valid.weights),
        epochs=epochs,
        batch_size=batch,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(
                patience=settings.patience, restore_best_weights=True, start_from_epoch=2
            ),
            keras.callbacks.LambdaCallback(on_epoch_end=report),
        ],
    )
    names = sorted(history.history)
    rows = zip(*(history.history[name] for name in names), strict=True)
    return tuple(
        {"epoch": float(epoch + 1), **dict(zip(names, map(float, row), strict=True))}
        for epoch, row in enumerate(rows)
    )


def _calibrate(
    classifier: keras.Model,
    train: Examples,
    asides: list[_Aside],
    settings: AnomalySettings,
    options: TrainOptions,
) -> Calibration:
    from smartwatts_ml.kinds.anomaly.network import anomaly_logits

    def logits(features: np.ndarray) -> np.ndarray:
        raw = classifier.predict(features, batch_size=4096, verbose=0)
        return np.asarray(anomaly_logits(raw))[:, 0]

    series = [(logits(aside.features), aside.follows) for aside in asides]
    pooled = np.concatenate([found for found, _ in series])
    normal = logits(train.features[(train.codes == 0) & (train.weights == 1.0)])
    threshold = pick_threshold(
        series,
        np.concatenate([normal, pooled]),
        options.extra.get("threshold"),
        options.extra.get("max_alerts_per_month"),
        settings.max_alerts_per_month,
    )
    knots, tails = fit_ranks(pooled)
    return Calibration(knots, tails, threshold)
