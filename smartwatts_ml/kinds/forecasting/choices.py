"""What is chosen on readings that taught the network nothing: how far to trust it, how wide its
intervals are, and what its hours come to as energy."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from smartwatts_ml.kinds.forecasting.calibration import (
    SHORT_DAYS,
    WidthCalibration,
    short_factor,
    stretch_factors,
)
from smartwatts_ml.kinds.forecasting.details import EnergyFactors
from smartwatts_ml.kinds.forecasting.energy import fit_energy
from smartwatts_ml.kinds.forecasting.network import Trunk, build_columns, build_network
from smartwatts_ml.kinds.forecasting.shrinkage import EXPERTS, Shrinkage, fit_shrinkage
from smartwatts_ml.kinds.forecasting.training import predict_windows, spread_rows
from smartwatts_ml.kinds.forecasting.windows import Windows

__all__ = ["Choices", "choose"]

_WIDER = 1.02
"""At each of ``SHORT_DAYS`` intervals are at least this much wider than with more days."""
_TINY = 1e-9


@dataclass(frozen=True)
class Choices:
    """``energy``: factors for the sums of a ``day`` and of the ``horizon``."""

    shrinkage: Shrinkage
    calibration: WidthCalibration
    energy: dict[str, EnergyFactors]

    def build(self, trunk: Trunk) -> keras.Model:
        """The network that ships."""
        return build_network(trunk, self.shrinkage, self.calibration)


def choose(
    trunk: Trunk, watching: Windows, calibrating: Windows
) -> tuple[Choices, tuple[str, ...]]:
    """The mix on the windows that early stopping watched, all else on the others; with what
    there is to say of it."""
    shrinkage = _shrink(trunk, watching)
    rows = spread_rows(calibrating)
    calibration, coverage = _calibrate(build_network(trunk, shrinkage), calibrating, rows)
    network = build_network(trunk, shrinkage, calibration)
    factors = calibration.stretch
    notes = (
        f"a forecast is {_said(shrinkage.weights[0])} where weeks repeat, "
        f"{_said(shrinkage.weights[1])} where they do not",
        f"the 80 % interval covered {coverage:.0%} of {len(rows):,} others before calibration; "
        f"widths were stretched by {factors.min():.2f} to {factors.max():.2f}",
    )
    return Choices(shrinkage, calibration, _energy(network, calibrating, rows)), notes


def _shrink(trunk: Trunk, windows: Windows) -> Shrinkage:
    """The mix that is best on ``windows``, where every site counts alike."""
    rows = spread_rows(windows)
    parts = predict_windows(build_columns(trunk), windows, rows)
    weights = windows.weights[rows] * _site_weights(windows, rows)
    return fit_shrinkage(parts, windows.targets(rows), weights)


def _said(weights: np.ndarray) -> str:
    return " + ".join(f"{w:.2f} {name}" for w, name in zip(weights, EXPERTS, strict=True))


def _calibrate(
    network: keras.Model, windows: Windows, rows: np.ndarray
) -> tuple[WidthCalibration, float]:
    """The calibration, and the coverage of full contexts without it."""
    truth = windows.targets(rows)
    quantiles = predict_windows(network, windows, rows)
    weights = _site_weights(windows, rows)
    stretch = stretch_factors(quantiles, truth, weights)
    short: list[float] = []
    least = 1.0
    for days in reversed(SHORT_DAYS):
        of_few = predict_windows(network, windows, rows, known_hours=24 * days)
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
