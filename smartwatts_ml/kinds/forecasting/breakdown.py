"""A closer look at forecasts: by hour of the horizon, at daily peaks, and as energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smartwatts_ml.kinds.forecasting.details import EnergyFactors
from smartwatts_ml.kinds.forecasting.energy import energy_quantiles
from smartwatts_ml.kinds.forecasting.metrics import headline, metrics_of
from smartwatts_ml.scores.scores import Table

__all__ = ["BY_SITE_AND_HOUR", "Breakdown"]

BY_SITE_AND_HOUR = "by_site_and_hour_ahead"
"""Name of the record: lists by site and metric."""
_SHOWN_STEPS = 48
"""Longer horizons are shown by day; the record has every hour all the same."""


class Breakdown:
    """Gathers what a table or a picture shows beside the headline, site by site."""

    def __init__(self, ahead: np.ndarray, energy: Mapping[str, EnergyFactors]) -> None:
        """``ahead``: which hours of the horizon are forecast, bool, shape (horizon,)."""
        self._horizon = len(ahead)
        self._whole_days = np.flatnonzero(ahead[: 24 * (len(ahead) // 24)].reshape(-1, 24).all(1))
        self._energy = energy if ahead.all() else {n: f for n, f in energy.items() if n == "day"}
        self._steps: dict[str, np.ndarray] = {}
        self._sites: dict[str, dict[str, float]] = {}

    def add(self, site: str, truth: np.ndarray, quantiles: np.ndarray, hours: np.ndarray) -> None:
        """``truth`` (o, h) and ``quantiles`` (o, h, 3), W; ``hours`` (o, h, n_stats)."""
        self._steps[site] = hours.sum(0)
        finite = bool(np.isfinite(hours).all())
        quantiles = np.where(finite, quantiles.astype(np.float64), 0.0)
        metrics: dict[str, float] = {}
        if len(self._whole_days):
            at = (24 * self._whole_days[:, None] + np.arange(24)).ravel()
            by_day, of_days = truth[:, at].reshape(-1, 24), quantiles[:, at].reshape(-1, 24, 3)
            metrics |= _peaks(by_day, of_days[:, :, 1])
            metrics |= self._energy_errors("day", by_day, of_days)
        metrics |= self._energy_errors("horizon", truth, quantiles)
        self._sites[site] = metrics if finite else dict.fromkeys(metrics, float("nan"))

    def _energy_errors(
        self, period: str, truth: np.ndarray, quantiles: np.ndarray
    ) -> dict[str, float]:
        """Of the energy of days or horizons that are known whole."""
        whole = np.isfinite(truth).all(1)
        if period not in self._energy or not whole.any():
            return {}
        total = truth[whole].sum(1, dtype=np.float64)
        sums = energy_quantiles(self._energy[period], quantiles[whole])
        low, middle, high = np.moveaxis(sums, -1, 0)
        error = np.abs(total - middle).sum() / max(np.abs(total).sum(), 1e-9)
        inside = ((low <= total) & (total <= high)).mean()
        return {f"energy_{period}_wape": float(error), f"energy_{period}_coverage": float(inside)}

    def extra(self) -> dict[str, float]:
        """Means over sites: ``peak_hour_error_h`` between the forecast's and the true hour
        of a day's highest power, ``peak_error`` of its height as a share of it; of energy
        by ``day`` and ``horizon`` the WAPE and the 80 % interval's coverage."""
        sites = self._sites.values()
        names = dict.fromkeys(name for metrics in sites for name in metrics)
        return {name: float(np.mean([m[name] for m in sites if name in m])) for name in names}

    def tables(self) -> dict[str, Table]:
        """Metrics by hour ahead, or by day ahead for long horizons, means over sites; and
        by site the errors at peaks and of energy."""
        stacked = np.stack(list(self._steps.values()))
        size = 1 if self._horizon <= _SHOWN_STEPS else 24
        title = "hours ahead" if size == 1 else "days ahead"
        ahead = {
            str(first // size + 1): headline(stacked[:, first : first + size].sum(1)[:, None])
            for first in range(0, self._horizon, size)
        }
        return {title: ahead, "peaks and energy": {n: m for n, m in self._sites.items() if m}}

    def record(self) -> dict[str, Any]:
        """Every metric of every hour ahead of every site, as lists by metric."""
        return {
            BY_SITE_AND_HOUR: {
                site: {name: values.tolist() for name, values in metrics_of(steps).items()}
                for site, steps in self._steps.items()
            }
        }


def _peaks(truth: np.ndarray, forecast: np.ndarray) -> dict[str, float]:
    """Hours between the highest hours of true and forecast days (d, 24), and the relative
    error of their height; of days that are known whole."""
    whole = np.isfinite(truth).all(1)
    if not whole.any():
        return {}
    truth, forecast = truth[whole], forecast[whole]
    hours = np.abs(truth.argmax(1) - forecast.argmax(1)).mean()
    height, guess = truth.max(1), forecast.max(1)
    large = height > 0
    error = (np.abs(height - guess)[large] / height[large]).mean() if large.any() else np.nan
    return {"peak_hour_error_h": float(hours), "peak_error": float(error)}
