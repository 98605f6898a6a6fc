"""Training the NILM model: from readings to a network with its details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from smartwatts_ml.jsontext import plain
from smartwatts_ml.kinds.base import ModelSpec, Progress, Trained, TrainOptions
from smartwatts_ml.kinds.details import TensorDetails
from smartwatts_ml.kinds.graph import put_on_top
from smartwatts_ml.kinds.nilm.answered import answered
from smartwatts_ml.kinds.nilm.corpus import Corpus, build_corpus
from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.kinds.nilm.grid import Grid
from smartwatts_ml.kinds.nilm.kind import NilmKind
from smartwatts_ml.kinds.nilm.settings import NilmSettings
from smartwatts_ml.kinds.nilm.training import Recipe, fit
from smartwatts_ml.kinds.recipe import best_epoch, read_recipe
from smartwatts_ml.readings.base import Readings

__all__ = ["leave_out", "train"]


def train(
    spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
) -> Trained[NilmDetails]:
    """Read the sub-metered sites and fit one network to all their appliances. By a recipe: to
    those that were chosen before, for as many epochs on everything, with the cuts found then."""
    NilmKind.check_options(options)
    settings = NilmSettings.load()
    grid = Grid.for_period(settings.period_s, settings.window_s)
    progress("reading sub-metered sites", 0.0)
    recipe = read_recipe(Recipe, options.recipe)
    corpus = build_corpus(readings, settings, grid.window, recipe.cuts if recipe else None)
    answers, said = answered(
        readings,
        corpus.appliances,
        settings.period_s,
        grid.window,
        settings.max_samples,
        options.seed,
    )
    fitted = fit(corpus, settings, grid, options, progress, recipe, answers)
    details = _details(spec, settings, corpus, grid.window, fitted.cuts)
    followed = Recipe(
        recipe.epochs if recipe else best_epoch(fitted.log),
        _by_name(corpus.appliances, fitted.cuts),
    )
    return Trained(fitted.network, details, fitted.log, (*corpus.notes, *said), plain(followed))


def leave_out(
    network: keras.Model, details: NilmDetails, parts: Mapping[str, str]
) -> tuple[keras.Model, NilmDetails]:
    """The same network with outputs of the other appliances alone."""
    kept = tuple(name for name in details.appliances if name not in parts)
    channels = [details.appliances.index(name) for name in kept]

    def of_kept(_: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: keras.ops.take(o, channels, axis=-1) for name, o in outputs.items()}

    said = tuple(
        tensor.model_copy(update={"shape": (*tensor.shape[:-1], len(kept)), "channels": kept})
        for tensor in details.outputs
    )
    changed = details.model_copy(
        update={"appliances": kept, "outputs": said, "left_out": {**details.left_out, **parts}}
    )
    return put_on_top(network, of_kept), changed


def _details(
    spec: ModelSpec, settings: NilmSettings, corpus: Corpus, window: int, cuts: np.ndarray
) -> NilmDetails:
    names, period_s = corpus.appliances, settings.period_s
    shape = (1, window, len(names))
    mains = TensorDetails(
        name="mains_w",
        shape=(1, window, 1),
        dtype="float32",
        unit="W",
        period_s=period_s,
        missing="nan",
    )
    return NilmDetails(
        kind=spec.kind,
        model=spec.name,
        inputs=(mains,),
        outputs=(
            TensorDetails(name="power_w", shape=shape, unit="W", channels=names),
            TensorDetails(name="on_probability", shape=shape, channels=names),
        ),
        appliances=names,
        window=window,
        period_s=period_s,
        on_thresholds_w=_by_name(names, corpus.thresholds),
        on_cuts=_by_name(names, cuts),
        durations=dict(corpus.durations),
        not_told=dict(corpus.not_told),
    )


def _by_name(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}
