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
from smartwatts_ml.kinds.forecasting.calibration import (
    SHORT_DAYS,
    WidthCalibration,
    short_factor,
    stretch_factors,
)
from smartwatts_ml.kinds.forecasting.details import (
    NO_EXOGENOUS,
    EnergyFactors,
    Exogenous,
    ForecastingDetails,
)
from smartwatts_ml.kinds.forecasting.energy import fit_energy
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS, CONTRACT, HOLIDAY, TEMPERATURE
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES
from smartwatts_ml.kinds.forecasting.network import Design, build_network, input_shapes
from smartwatts_ml.kinds.forecasting.settings import ForecastingSettings
from smartwatts_ml.kinds.forecasting.training import (
    FittedTrunk,
    fit,
    predict_windows,
    spread_rows,
)
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

_WIDER = 1.02
"""At each of ``SHORT_DAYS`` intervals are at least this much wider than with more days."""
_TINY = 1e-9

_INPUT_NOTES: dict[str, dict[str, Any]] = {
    "history_w": {"unit": "W", "period_s": 3600, "missing": "nan", "cells": LOCAL_HOURS},
    "hour_of_week": {"unit": "local hour of the week of the first forecast hour, 0 = Monday 00:00"},
    HOLIDAY: {"unit": "1 in local hours of a public holiday, of the context and the horizon"},
    TEMPERATURE: {"unit": "degrees Celsius, of the context and the horizon", "missing": "nan"},
}


@dataclass(frozen=True)
class _Recipe:
    """The best epoch, counted from 1, and what the widths of intervals were calibrated to:
    ``stretch``, shape (horizon, 2), ``short`` and ``energy`` as in the details."""

    epochs: Annotated[int, Field(gt=0)]
    stretch: list[list[float]]
    short: list[float]
    energy: dict[str, EnergyFactors]

    def calibration(self, horizon: int) -> WidthCalibration:
        """Raises BadInputError where it is of another horizon."""
        shapes = [len(self.stretch), *{len(row) for row in self.stretch}, len(self.short)]
        if shapes != [horizon, 2, len(SHORT_DAYS)]:
            raise BadInputError(f"the recipe of the judged training is not of {horizon} hours")
        return WidthCalibration(np.array(self.stretch), tuple(self.short))


@dataclass(frozen=True)
class _Calibrated:
    """A network with its intervals, and how it came by them, for people."""

    network: keras.Model
    calibration: WidthCalibration
    energy: dict[str, EnergyFactors]
    log: tuple[dict[str, float], ...]
    notes: tuple[str, ...]


def train(
    spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
) -> Trained[ForecastingDetails]:
    """Train, calibrate on the newest part that early stopping did not watch, and rebuild the
    graph with the calibration. By a recipe: for as many epochs on everything, with the
    calibration that was found then."""
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
    details = _details(spec, design, exogenous, made.calibration, made.energy)
    followed = _Recipe(
        recipe.epochs if recipe else best_epoch(made.log),
        made.calibration.stretch.tolist(),
        list(made.calibration.short),
        made.energy,
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

    def searched(self, training: Windows, watching: Windows, calibrating: Windows) -> _Calibrated:
        """The epoch is chosen on some windows, the widths on others."""
        fitted = fit(self.design, training, watching, self.plan, self.seed, self.progress)
        rows = spread_rows(calibrating)
        calibration, coverage = _calibrate(fitted, calibrating, rows)
        network = build_network(fitted.trunk, calibration)
        factors = calibration.stretch
        notes = (
            f"the best of {len(fitted.log)} epochs was {best_epoch(fitted.log)}, watched on "
            f"{fitted.watched:,} later windows",
            f"the 80 % interval covered {coverage:.0%} of {len(rows):,} others before calibration; "
            f"widths were stretched by {factors.min():.2f} to {factors.max():.2f}",
        )
        energy = _energy(network, calibrating, rows)
        return _Calibrated(network, calibration, energy, fitted.log, notes)

    def by_recipe(self, training: Windows, recipe: _Recipe) -> _Calibrated:
        """Both as they were found before."""
        calibration = recipe.calibration(self.design.horizon)
        fitted = fit(
            self.design, training, None, self.plan, self.seed, self.progress, recipe.epochs
        )
        network = build_network(fitted.trunk, calibration)
        notes = (f"{len(fitted.log)} epochs and widths as the judged training found them",)
        return _Calibrated(network, calibration, recipe.energy, fitted.log, notes)


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


def _calibrate(
    fitted: FittedTrunk, windows: Windows, rows: np.ndarray
) -> tuple[WidthCalibration, float]:
    """The calibration, and the coverage of full contexts without it."""
    truth = windows.targets(rows)
    quantiles = predict_windows(fitted.network, windows, rows)
    weights = _site_weights(windows, rows)
    stretch = stretch_factors(quantiles, truth, weights)
    short: list[float] = []
    least = 1.0
    for days in reversed(SHORT_DAYS):
        of_few = predict_windows(fitted.network, windows, rows, known_hours=24 * days)
        narrower = _mean_width(quantiles, windows, rows) / _mean_width(of_few, windows, rows)
        least = _WIDER * max(least, narrower, short_factor(of_few, truth, weights, stretch))
        short.insert(0, least)
    known = np.isfinite(truth)
    inside = (quantiles[:, :, 0] <= truth) & (truth <= quantiles[:, :, 2])
    return WidthCalibration(stretch, tuple(short)), float(inside[known].mean())


def _mean_width(quantiles: np.ndarray, windows: Windows, rows: np.ndarray) -> float:
    """Mean width of the interval, in what a watt weighs at each site."""
    width = (quantiles[:, :, 2] - quantiles[:, :, 0]).mean(1)
    return float((width * windows.weights[rows]).mean()) + _TINY


def _site_weights(windows: Windows, rows: np.ndarray) -> np.ndarray:
    """Each site counts alike, however many of its windows were watched, shape (r,)."""
    per_site = np.bincount(windows.sites[rows])
    return np.asarray(1.0 / per_site[windows.sites[rows]])


def _energy(network: keras.Model, windows: Windows, rows: np.ndarray) -> dict[str, EnergyFactors]:
    """Factors for the sums of days and of the horizon. Days count from the origin."""
    quantiles, truth = predict_windows(network, windows, rows), windows.targets(rows)
    weights = _site_weights(windows, rows)
    length = min(24, truth.shape[1])
    days = truth.shape[1] // length
    by_day = (len(rows) * days, length)
    return {
        "day": fit_energy(
            quantiles[:, : days * length].reshape(*by_day, 3),
            truth[:, : days * length].reshape(by_day),
            np.repeat(weights, days),
        ),
        "horizon": fit_energy(quantiles, truth, weights),
    }


def _details(
    spec: ModelSpec,
    design: Design,
    exogenous: Exogenous,
    calibration: WidthCalibration,
    energy: dict[str, EnergyFactors],
) -> ForecastingDetails:
    """What the model's file says of itself."""
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
            for name, fitted in energy.items()
        },
    )
