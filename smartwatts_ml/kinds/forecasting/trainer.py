"""From readings to a calibrated network with its details."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Annotated, Any

import keras
import numpy as np
from pydantic import Field

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.jsontext import plain
from smartwatts_ml.kinds.base import ModelSpec, Progress, Trained, TrainOptions
from smartwatts_ml.kinds.details import LOCAL_HOURS, TensorDetails
from smartwatts_ml.kinds.forecasting.calibration import SHORT_DAYS, WidthCalibration
from smartwatts_ml.kinds.forecasting.choices import Choices, choose
from smartwatts_ml.kinds.forecasting.details import (
    NO_EXOGENOUS,
    EnergyFactors,
    Exogenous,
    ForecastingDetails,
)
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS, CONTRACT, HOLIDAY, TEMPERATURE
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES
from smartwatts_ml.kinds.forecasting.network import Design, input_shapes
from smartwatts_ml.kinds.forecasting.settings import ForecastingSettings
from smartwatts_ml.kinds.forecasting.shrinkage import EXPERTS, Shrinkage
from smartwatts_ml.kinds.forecasting.training import fit
from smartwatts_ml.kinds.forecasting.windows import (
    Windows,
    all_windows,
    collect,
    known_sites,
    split_windows,
)
from smartwatts_ml.kinds.graph import put_on_top
from smartwatts_ml.kinds.recipe import best_epoch, read_recipe
from smartwatts_ml.readings.base import MAINS, Readings

__all__ = ["leave_out", "train"]

_INPUT_NOTES: dict[str, dict[str, Any]] = {
    "history_w": {"unit": "W", "period_s": 3600, "missing": "nan", "cells": LOCAL_HOURS},
    "hour_of_week": {"unit": "local hour of the week of the first forecast hour, 0 = Monday 00:00"},
    HOLIDAY: {"unit": "1 in local hours of a public holiday, of the context and the horizon"},
    TEMPERATURE: {"unit": "degrees Celsius, of the context and the horizon", "missing": "nan"},
}


@dataclass(frozen=True)
class _Recipe:
    """The best epoch, counted from 1, ``shrinkage``, (2, 3), and what the widths of intervals
    were calibrated to: ``stretch``, (horizon, 2), ``short`` and ``energy`` as in the details."""

    epochs: Annotated[int, Field(gt=0)]
    shrinkage: list[list[float]]
    stretch: list[list[float]]
    short: list[float]
    energy: dict[str, EnergyFactors]

    def choices(self, horizon: int) -> Choices:
        """Raises BadInputError where it is of another horizon."""
        shapes = [*_shape(self.shrinkage), *_shape(self.stretch), len(self.short)]
        if shapes != [2, len(EXPERTS), horizon, 2, len(SHORT_DAYS)]:
            raise BadInputError(f"the recipe of the judged training is not of {horizon} hours")
        calibration = WidthCalibration(np.array(self.stretch), tuple(self.short))
        return Choices(Shrinkage(np.array(self.shrinkage)), calibration, self.energy)


def _shape(rows: list[list[float]]) -> list[int]:
    return [len(rows), *{len(row) for row in rows}]


@dataclass(frozen=True)
class _Made:
    """A network as it ships, and how it came about, for people."""

    network: keras.Model
    choices: Choices
    log: tuple[dict[str, float], ...]
    notes: tuple[str, ...]


def train(
    spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
) -> Trained[ForecastingDetails]:
    """Train, choose on the newest part how far to trust the network and how wide intervals are,
    and rebuild the graph with both. By a recipe: for as many epochs on everything, with what
    was chosen then."""
    plan = ForecastingSettings.load(epochs=options.epochs, batch_size=options.batch_size)
    horizon = int(spec.parameters["horizon"])
    recipe = read_recipe(_Recipe, options.recipe)
    progress("reading sites", 0.0)
    series = collect(readings, plan.max_sites, options.seed)
    exogenous = _exogenous(spec, plan)
    keras.utils.set_random_seed(options.seed)
    design = Design(horizon, plan.units, plan.layers, plan.heads, plan.dropout, exogenous.names)
    course = _Course(design, plan, options.seed, progress)
    if recipe:
        windows = all_windows(series, horizon, exogenous)
        made = course.by_recipe(windows, recipe)
    else:
        windows, *apart = split_windows(series, horizon, plan.validation_share, exogenous)
        made = course.searched(windows, *apart)
    learned = f"{len(windows):,} windows of {len(series):,} of {known_sites(readings):,} sites"
    details = _details(spec, design, exogenous, made.choices)
    followed = _Recipe(
        recipe.epochs if recipe else best_epoch(made.log),
        made.choices.shrinkage.weights.tolist(),
        made.choices.calibration.stretch.tolist(),
        list(made.choices.calibration.short),
        made.choices.energy,
    )
    notes = (f"{learned}; {made.notes[0]}", *made.notes[1:])
    return Trained(made.network, details, made.log, notes, plain(followed))


@dataclass(frozen=True)
class _Course:
    """How one training goes."""

    design: Design
    plan: ForecastingSettings
    seed: int
    progress: Progress

    def searched(self, training: Windows, watching: Windows, calibrating: Windows) -> _Made:
        """The epoch and the mix are chosen on some windows, the widths on others."""
        fitted = fit(self.design, training, watching, self.plan, self.seed, self.progress)
        choices, notes = choose(fitted.trunk, watching, calibrating)
        epochs = (
            f"the best of {len(fitted.log)} epochs was {best_epoch(fitted.log)}, watched on "
            f"{fitted.watched:,} later windows"
        )
        return _Made(choices.build(fitted.trunk), choices, fitted.log, (epochs, *notes))

    def by_recipe(self, training: Windows, recipe: _Recipe) -> _Made:
        """All as they were found before."""
        choices = recipe.choices(self.design.horizon)
        fitted = fit(
            self.design, training, None, self.plan, self.seed, self.progress, recipe.epochs
        )
        notes = (f"{len(fitted.log)} epochs, mix and widths as the judged training found them",)
        return _Made(choices.build(fitted.trunk), choices, fitted.log, notes)


def leave_out(
    network: keras.Model, details: ForecastingDetails, parts: Mapping[str, str]
) -> tuple[keras.Model, ForecastingDetails]:
    """The same network with NaN for the hours of those days: all others stay in their place."""
    changed = details.model_copy(update={"left_out": {**details.left_out, **parts}})
    absent = np.zeros((1, details.horizon, 1), bool)
    for first, end in changed.left_out_hours:
        absent[:, first:end] = True

    # Not added: the converter would fold a constant that is NaN into a layer's bias, and fail.
    def silent(_: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"power_w": keras.ops.where(absent, np.float32(np.nan), outputs["power_w"])}

    said = (details.outputs[0].model_copy(update={"left_out": changed.left_out_hours}),)
    return put_on_top(network, silent), changed.model_copy(update={"outputs": said})


def _exogenous(spec: ModelSpec, plan: ForecastingSettings) -> Exogenous:
    """What the model gets beside the meter: as its options say, or else the settings."""
    country = spec.parameters.get("holidays") or plan.holidays
    temperature = bool(spec.parameters.get("temperature") or plan.temperature)
    if not country and not temperature:
        return NO_EXOGENOUS
    ahead = 24 * math.ceil(spec.parameters["horizon"] / 24)
    return Exogenous(country=country, temperature=temperature, ahead=ahead)


def _details(
    spec: ModelSpec,
    design: Design,
    exogenous: Exogenous,
    choices: Choices,
) -> ForecastingDetails:
    """What the model's file says of itself."""
    calibration = choices.calibration
    factors = calibration.stretch
    return ForecastingDetails(
        kind=spec.kind,
        model=spec.name,
        contract=CONTRACT,
        horizon=design.horizon,
        context_hours=CONTEXT_HOURS,
        inputs=tuple(
            TensorDetails(name=name, shape=(1, *shape), dtype="float32", **_INPUT_NOTES[name])
            for name, shape in input_shapes(design).items()
        ),
        outputs=(
            TensorDetails(
                name="power_w",
                shape=(1, design.horizon, len(QUANTILES)),
                dtype="float32",
                unit="W",
                channels=(MAINS,),
                quantiles=QUANTILES,
            ),
        ),
        stretch={
            "smallest": round(float(factors.min()), 4),
            "largest": round(float(factors.max()), 4),
            "short": {
                f"{days}d": round(factor, 4)
                for days, factor in zip(SHORT_DAYS, calibration.short, strict=True)
            },
        },
        outside=exogenous,
        energy={
            name: EnergyFactors(*(round(value, 5) for value in astuple(fitted)))
            for name, fitted in choices.energy.items()
        },
    )
