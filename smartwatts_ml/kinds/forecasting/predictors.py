"""What forecasts: a network, and the simple methods that it has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from smartwatts_ml.kinds.base import Network
from smartwatts_ml.kinds.forecasting.details import EnergyFactors, ForecastingDetails
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS, CONTEXT_WEEKS
from smartwatts_ml.kinds.forecasting.series import Series

__all__ = ["Forecaster", "NetworkForecaster", "SameHourMean", "forecast_hours"]

_WEEK = 168
_BATCH = 256


class Forecaster(Protocol):
    """Forecasts a site from its readings before each origin."""

    @property
    def horizon(self) -> int:
        """Hours of one forecast."""

    @property
    def energy(self) -> Mapping[str, EnergyFactors]:
        """Factors for sums, by ``day`` and ``horizon``; empty where there are none."""

    @property
    def left_out(self) -> tuple[tuple[int, int], ...]:
        """Hours ahead that it does not forecast: first and end of each stretch."""

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        """P10, P50, P90 in W, shape (n_origins, horizon, 3); never crossing, NaN in hours that
        are left out and nowhere else."""


def forecast_hours(forecaster: Forecaster) -> np.ndarray:
    """Which hours ahead it forecasts, bool, shape (horizon,)."""
    ahead = np.ones(forecaster.horizon, bool)
    for first, end in forecaster.left_out:
        ahead[first:end] = False
    return ahead


class NetworkForecaster:
    """A Keras model or a LiteRT file."""

    def __init__(self, network: Network) -> None:
        details = ForecastingDetails.read(network.details)
        self._network, self._exogenous = network, details.exogenous
        self.horizon, self.energy = details.horizon, details.energy
        self.left_out = details.left_out_hours

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        parts = [
            self._network(series.contexts(origins[i : i + _BATCH], self._exogenous))["power_w"]
            for i in range(0, len(origins), _BATCH)
        ]
        return np.concatenate(parts)


@dataclass(frozen=True)
class SameHourMean:
    """Mean of the same hour of the week in the last ``weeks`` weeks.

    The outer quantiles add those of the errors that this would have made in the context,
    hour of the day by hour of the day. Missing readings take the mean of their hour of
    the day, then of the whole.
    """

    horizon: int
    weeks: int

    @property
    def energy(self) -> Mapping[str, EnergyFactors]:
        return {}

    @property
    def left_out(self) -> tuple[tuple[int, int], ...]:
        return ()

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        history = series.contexts(origins)["history_w"][:, :, 0].astype(np.float64)
        by_week = _fill(history).reshape(-1, CONTEXT_WEEKS, _WEEK)
        centre = by_week[:, -self.weeks :].mean(1)
        low, high = self._spread(by_week, np.isfinite(history))
        steps = np.arange(self.horizon)
        median = centre[:, steps % _WEEK]
        return np.stack(
            [median + low[:, steps % 24], median, median + high[:, steps % 24]], 2
        ).astype(np.float32)

    def _spread(self, by_week: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P10 (at most 0) and P90 (at least 0) of errors by hour of the day, (n, 24)."""
        if self.weeks == 1:
            errors = by_week[:, 1:] - by_week[:, :-1]
            known = known.reshape(by_week.shape)
            known = known[:, 1:] & known[:, :-1]
        else:
            # A week is part of the mean that it is compared with, which shrinks errors.
            widen = np.sqrt((self.weeks + 1) / (self.weeks - 1))
            recent = by_week[:, -self.weeks :]
            errors = (recent - recent.mean(1, keepdims=True)) * widen
            known = known.reshape(by_week.shape)[:, -self.weeks :]
        errors = np.where(known, errors, np.nan).reshape(len(errors), -1, 24)
        empty = ~np.isfinite(errors).any(1, keepdims=True)
        errors = np.where(empty, 0.0, errors)
        return np.minimum(_quantile(errors, 0.1), 0.0), np.maximum(_quantile(errors, 0.9), 0.0)


def _quantile(values: np.ndarray, level: float) -> np.ndarray:
    """Quantile of the known values along axis 1 of (n, k, m), shape (n, m). As
    ``np.nanquantile``, which is twenty times slower.

    >>> _quantile(np.array([[[1.0], [np.nan], [3.0]]]), 0.5)
    array([[2.]])
    """
    ordered = np.sort(values, axis=1)  # NaN last
    last = np.isfinite(values).sum(1, keepdims=True) - 1
    rank = level * last
    first = np.floor(rank).astype(np.int64)
    low = np.take_along_axis(ordered, first, 1)
    high = np.take_along_axis(ordered, np.minimum(first + 1, last), 1)
    share, step = rank - first, high - low
    return np.where(share < 0.5, low + step * share, high - step * (1 - share))[:, 0]


def _fill(history: np.ndarray) -> np.ndarray:
    """Replace missing hours of (n, 672) by the mean of their hour of the week, of the
    day, of the whole, or 0, whichever exists first."""
    filled = history
    for period in (_WEEK, 24, 1):
        parts = filled.reshape(len(filled), CONTEXT_HOURS // period, period)
        known = np.isfinite(parts)
        total = np.where(known, parts, 0.0).sum(1, keepdims=True)
        count = known.sum(1, keepdims=True)
        mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
        filled = np.where(known, parts, mean).reshape(history.shape)
    return np.nan_to_num(filled, nan=0.0)
