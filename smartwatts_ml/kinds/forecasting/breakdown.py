"""A closer look at forecasts: by hour of the horizon, at daily peaks, and as energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smartwatts_ml.kinds.forecasting.details import EnergyFactors
from smartwatts_ml.kinds.forecasting.energy import energy_quantiles
from smartwatts_ml.kinds.forecasting.metrics import headline
from smartwatts_ml.scores.scores import Table

__all__ = ["BY_SITE_AND_HOUR", "Breakdown"]

BY_SITE_AND_HOUR = "by_site_and_hour_ahead"
"""Name of the record: lists by site and metric."""
_SHOWN_STEPS = 48
"""Longer horizons are shown by day; the record has every hour all the same."""


class Breakdown:
    """Gathers what a table or a picture shows beside the headline, site by site."""

    def __init__(self, horizon: int, energy: Mapping[str, EnergyFactors]) -> None:
        self.horizon = horizon
        self._energy = energy
        self._steps: dict[str, np.ndarray] = {}
        self._peaks: dict[str, tuple[float, float]] = {}
        self._sums: dict[str, dict[str, tuple[float, float]]] = {"day": {}, "horizon": {}}

    def add(self, site: str, truth: np.ndarray, quantiles: np.ndarray, hours: np.ndarray) -> None:
        """``truth`` (o, h) and ``quantiles`` (o, h, 3), W; ``hours`` (o, h, n_stats)."""
        self._steps[site] = hours.sum(0)
        days = truth.shape[1] // 24
        if days:
            by_day = truth[:, : 24 * days].reshape(-1, 24)
            forecast = quantiles[:, : 24 * days].reshape(-1, 24, 3).astype(np.float64)
            whole = np.isfinite(by_day).all(1)
            if whole.any():
                self._peaks[site] = _peaks(by_day[whole], forecast[whole, :, 1])
            self._add_energy("day", site, by_day, forecast)
        self._add_energy("horizon", site, truth, quantiles.astype(np.float64))

    def _add_energy(self, of: str, site: str, truth: np.ndarray, quantiles: np.ndarray) -> None:
        whole = np.isfinite(truth).all(1)
        if of not in self._energy or not whole.any():
            return
        total = truth[whole].sum(1, dtype=np.float64)
        low, middle, high = np.moveaxis(energy_quantiles(self._energy[of], quantiles[whole]), -1, 0)
        error = np.abs(total - middle).sum() / max(np.abs(total).sum(), 1e-9)
        inside = ((low <= total) & (total <= high)).mean()
        self._sums[of][site] = (float(error), float(inside))

    def extra(self) -> dict[str, float]:
        """Means over sites: ``peak_hour_error_h`` between the forecast's and the true hour
        of a day's highest power, ``peak_error`` of its height as a share of it; of energy
        by ``day`` and ``horizon`` the WAPE and the 80 % interval's coverage."""
        found: dict[str, float] = {}
        if self._peaks:
            hour, height = np.array(list(self._peaks.values())).mean(0)
            found |= {"peak_hour_error_h": float(hour), "peak_error": float(height)}
        for of, sites in self._sums.items():
            if sites:
                error, inside = np.array(list(sites.values())).mean(0)
                found |= {f"energy_{of}_wape": float(error), f"energy_{of}_coverage": float(inside)}
        return found

    def tables(self) -> dict[str, Table]:
        """Metrics by hour ahead, or by day ahead for long horizons, means over sites; and
        by site the errors at peaks and of energy."""
        stacked = np.stack(list(self._steps.values()))
        size = 1 if self.horizon <= _SHOWN_STEPS else 24
        title = "hours ahead" if size == 1 else "days ahead"
        ahead = {
            str(first // size + 1): headline(stacked[:, first : first + size].sum(1)[:, None])
            for first in range(0, self.horizon, size)
        }
        sites = {site: self._site(site) for site in self._steps}
        return {title: ahead, "peaks and energy": {n: v for n, v in sites.items() if v}}

    def _site(self, site: str) -> dict[str, float]:
        found: dict[str, float] = {}
        if site in self._peaks:
            hour, height = self._peaks[site]
            found |= {"peak_hour_error_h": hour, "peak_error": height}
        for of, sites in self._sums.items():
            if site in sites:
                found[f"energy_{of}_wape"], found[f"energy_{of}_coverage"] = sites[site]
        return found

    def record(self) -> dict[str, Any]:
        """Every metric of every hour ahead of every site, as lists by metric."""
        found = {}
        for site, steps in self._steps.items():
            rows = [headline(row[None, None]) for row in steps]
            found[site] = {name: [row[name] for row in rows] for name in rows[0]}
        return {BY_SITE_AND_HOUR: found}


def _peaks(truth: np.ndarray, forecast: np.ndarray) -> tuple[float, float]:
    """Hours between the highest hours of true and forecast days (d, 24), and the relative
    error of their height."""
    hours = np.abs(truth.argmax(1) - forecast.argmax(1)).mean()
    height, guess = truth.max(1), forecast.max(1)
    large = height > 0
    error = (np.abs(height - guess)[large] / height[large]).mean() if large.any() else np.nan
    return float(hours), float(error)
