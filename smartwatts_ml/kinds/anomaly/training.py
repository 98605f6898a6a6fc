"""Training: two networks, one on each half of the sites, calibrated on the other half.

What ships is the mean of both. Its score and threshold rest on hours of sites that the
network scoring them has never seen (cross-conformal prediction: Vovk 2015), which is what
a new home, or next month in a known one, is like. With one site its older and newer half
stand in for two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.anomaly.calibration import MONTH_HOURS, ScoreCalibration
from smartwatts_ml.kinds.anomaly.cross_calibration import calibrate, normal_series
from smartwatts_ml.kinds.anomaly.examples import Drawn, Examples, Featurise, SiteHours, draw
from smartwatts_ml.kinds.anomaly.features import feature_model
from smartwatts_ml.kinds.anomaly.network import build_classifier, build_shipped
from smartwatts_ml.kinds.anomaly.policy import FIXED, Limit
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, mains_of, marked
from smartwatts_ml.kinds.base import Progress, TrainOptions
from smartwatts_ml.kinds.batches import whole_batches
from smartwatts_ml.kinds.sampling import sampled
from smartwatts_ml.readings.base import Readings

__all__ = ["CalibratedNetwork", "budget_of", "fit", "held_back", "limit_for"]

_LEAST_HOURS = 21 * 24  # of present readings, for a site to be trained on
_PER_HOUR = 0.6  # injected windows for each hour: more of so much overlap teach nothing new
_VALIDATION = 4000  # examples that early stopping watches, at most
_WATCHED = 5  # one site, or one example, in so many of a fold is not trained on but watched
_BATCH = 64  # windows whose features are computed at once: small batches stay in the cache
_FOLDS = 2
_MEMBERS = 1  # networks of each fold
_STEP = 0.3  # nines that an alert lifts a home's limit by
_MOST = 1.5  # nines that a limit may lie above the threshold
_TARGET = 0.45  # of the budget: what is left to a home that goes on to exceed it

_Log = tuple[Mapping[str, float], ...]


@dataclass(frozen=True)
class CalibratedNetwork:
    """A trained network with what is known about how it was made."""

    network: keras.Model
    calibration: ScoreCalibration
    log: _Log
    sites: int
    windows: int
    calibration_months: float


@dataclass(frozen=True)
class _Half:
    """What was drawn from the older (0) or newer (1) half of a site."""

    site: int
    half: int
    drawn: Drawn


def fit(
    readings: Readings,
    settings: AnomalySettings,
    options: TrainOptions,
    progress: Progress,
) -> CalibratedNetwork:
    """Train, calibrate and put together the network that ships."""
    keras.utils.set_random_seed(options.seed)
    features = feature_model(settings.context_days * 24)
    halves = _collect(readings, settings, _featuriser(features), options.seed, progress)
    folds = _folds(halves)
    examples = [held_back(fold) for fold in folds]
    classifiers = []
    log: list[Mapping[str, float]] = []
    for number in range(_FOLDS * _MEMBERS):
        fold = number % _FOLDS
        learned, watched = examples[fold]
        part = _progress_of(number, progress)
        classifier = _new_classifier(learned.features, f"classifier_{number + 1}")
        watched = _thinned(watched, options.seed)
        rows = _train(classifier, learned, watched, settings, options, part)
        classifiers.append(classifier)
        log += [{"network": float(number + 1), **row} for row in rows]
    series = [
        normal_series(classifiers[1 - fold :: _FOLDS], drawn)
        for fold in range(_FOLDS)
        for drawn in folds[fold]
    ]
    calibration = calibrate(series, settings, options)
    return CalibratedNetwork(
        network=build_shipped(features, classifiers, calibration, settings.min_present_hours),
        calibration=calibration,
        log=tuple(log),
        sites=len({half.site for half in halves}),
        windows=sum(len(part.codes) for fold in examples for part in fold),
        calibration_months=sum(len(part.hours) for part in series) / MONTH_HOURS,
    )


def budget_of(settings: AnomalySettings, options: TrainOptions) -> float | None:
    """Alerts a device-month; None where a quantile alone sets the threshold."""
    asked: float | None = options.extra.get("max_alerts_per_month")
    if asked is None and options.extra.get("threshold") is None:
        return settings.max_alerts_per_month
    return asked


def limit_for(budget: float | None) -> Limit:
    """How limits move so that alerts of any home come to no more than about ``_TARGET`` of the
    budget, in alerts a device-month; ``FIXED`` without one."""
    if budget is None:
        return FIXED
    return Limit(_STEP, _STEP * _TARGET * budget / MONTH_HOURS, _MOST)


def _progress_of(number: int, progress: Progress) -> Progress:
    """Progress of one of the networks within the whole."""
    count = _FOLDS * _MEMBERS

    def report(text: str, share: float) -> None:
        progress(f"network {number + 1}/{count}, {text}", 0.6 + 0.38 * (number + share) / count)

    return report


def _featuriser(model: keras.Model) -> Featurise:
    """The feature graph over any number of windows, in batches of one fixed shape."""
    context = model.input["history_w"].shape[1]
    shapes = [tf.TensorSpec((_BATCH, context, 1)), tf.TensorSpec((_BATCH, 1))]

    @tf.function(input_signature=shapes)
    def compute(history: Any, newest: Any) -> Any:
        return model({"history_w": history, "hour_of_week": newest})["features"]

    def featurise(history: np.ndarray, newest: np.ndarray) -> np.ndarray:
        parts = [np.zeros((0, model.output["features"].shape[1]), np.float32)]
        for rows, counting in whole_batches(len(history), _BATCH):
            parts.append(compute(history[rows], newest[rows]).numpy()[:counting])
        return np.concatenate(parts)

    return featurise


def _collect(
    readings: Readings,
    settings: AnomalySettings,
    featurise: Featurise,
    seed: int,
    progress: Progress,
) -> list[_Half]:
    """Draw from both halves of every site with enough mains, a share for its length."""
    spans = sampled(readings.spans(), settings.max_sites, seed)
    total = max(sum((span.end - span.start) / np.timedelta64(1, "h") for span in spans), 1.0)
    context = settings.context_days * 24
    halves = []
    for index, span in enumerate(spans):
        progress(f"features of site {index + 1} of {len(spans)}", 0.6 * index / len(spans))
        site = readings.load(span.site, 3600, ("mains",), local=True)
        values = mains_of(site)
        # Hours that the source marks are context like any other, but no normal ones.
        hours = SiteHours(values, hours_of_week(site), ~np.isnan(values) & ~marked(site))
        if hours.usable.sum() < _LEAST_HOURS:
            continue
        newer = np.cumsum(hours.usable) > hours.usable.sum() / 2
        for half in (0, 1):
            usable = hours.usable & (newer == bool(half))
            share = min(1.0, float(usable.sum()) / total)
            drawn = draw(
                replace(hours, usable=usable),
                int(share * settings.normal_hours),
                int(min(share * settings.injected_windows, _PER_HOUR * usable.sum())),
                context,
                featurise,
                np.random.default_rng((seed, index, half)),
            )
            if drawn is not None:
                halves.append(_Half(index, half, drawn))
    return halves


def _folds(halves: list[_Half]) -> tuple[list[Drawn], list[Drawn]]:
    """Every second site in one fold, the others in the other; the halves of an only site."""
    sites = sorted({half.site for half in halves})
    folds: tuple[list[Drawn], list[Drawn]] = ([], [])
    for half in halves:
        folds[sites.index(half.site) % _FOLDS if len(sites) > 1 else half.half].append(half.drawn)
    if not all(folds):
        raise NotEnoughReadingsError(
            "no site has enough hourly mains to train the anomaly model",
            fix=f"at least {_LEAST_HOURS // 24} days of one site are needed",
        )
    return folds


def held_back(fold: list[Drawn]) -> tuple[Examples, Examples]:
    """What of a fold is trained on and what early stopping watches: whole sites where there
    are enough, else examples. The other fold calibrates, so nothing may choose by it."""
    parts = [drawn.examples for drawn in fold]
    apart = 2 * (len(parts) // (2 * _WATCHED))  # two halves of each site
    if apart:
        return Examples.join(parts[:-apart]), Examples.join(parts[-apart:])
    whole = Examples.join(parts)
    rows = np.arange(len(whole.codes)) % _WATCHED == _WATCHED - 1
    return whole.rows(~rows), whole.rows(rows)


def _thinned(examples: Examples, seed: int) -> Examples:
    rows = np.arange(len(examples.codes))
    if len(rows) > _VALIDATION:
        rows = np.random.default_rng(seed).choice(rows, _VALIDATION, replace=False)
    return examples.rows(rows)


def _new_classifier(features: np.ndarray, name: str) -> keras.Model:
    """An untrained one that knows the scale of its features."""
    mean = features.mean(axis=0).astype(np.float32)
    std = features.std(axis=0).astype(np.float32)
    return build_classifier(mean, np.where(std > 1e-3, std, 1.0).astype(np.float32), name)


def _train(
    classifier: keras.Model,
    train: Examples,
    valid: Examples,
    settings: AnomalySettings,
    options: TrainOptions,
    progress: Progress,
) -> _Log:
    epochs = options.epochs or settings.epochs
    batch = options.batch_size or settings.batch_size
    steps = epochs * -(-len(train.codes) // batch)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps, alpha=0.02)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-3)
    # Built here, or the first step would make the variables and be traced a second time.
    optimizer.build(classifier.trainable_variables)
    classifier.compile(
        optimizer=optimizer,
        loss={
            "odds": keras.losses.BinaryCrossentropy(from_logits=True),
            "types": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
    )

    def report(epoch: int, logs: Mapping[str, float]) -> None:
        progress(f"epoch {epoch + 1}/{epochs}, loss {logs['val_loss']:.3f}", (epoch + 1) / epochs)

    history = classifier.fit(
        train.features,
        _targets(train),
        sample_weight=_weights(train),
        validation_data=(valid.features, _targets(valid), _weights(valid)),
        epochs=epochs,
        batch_size=batch,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True),
            keras.callbacks.LambdaCallback(on_epoch_end=report),
        ],
    )
    names = sorted(history.history)
    rows = zip(*(history.history[name] for name in names), strict=True)
    return tuple(
        {"epoch": float(epoch + 1), **dict(zip(names, map(float, row), strict=True))}
        for epoch, row in enumerate(rows)
    )


def _targets(examples: Examples) -> dict[str, np.ndarray]:
    odd = (examples.codes > 0).astype(np.float32)[:, None]
    return {"odds": odd, "types": examples.codes}


def _weights(examples: Examples) -> dict[str, np.ndarray]:
    return {"odds": examples.weights, "types": examples.weights}
