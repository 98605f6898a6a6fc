"""Energy of a day and of a whole horizon, with intervals that hold for the sum.

Quantiles of hours cannot be added up: errors of neighbouring hours go together, those of
distant ones cancel. How far sums really fell from what the hours suggest is measured on
later, validation windows (split conformal prediction on the sum itself), once for days
and once for the horizon, so whatever correlation the errors have is in the factors.
"""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.forecasting.details import EnergyFactors

__all__ = ["energy_quantiles", "fit_energy"]

_LEVELS = (0.1, 0.5, 0.9)
_TILTS = np.linspace(0.0, 0.6, 13)
_MIN_SUMS = 30


def energy_quantiles(factors: EnergyFactors, quantiles: np.ndarray) -> np.ndarray:
    """P10, P50, P90 of the sum over axis -2 of hourly quantiles (…, h, 3), same unit.

    >>> factors = EnergyFactors(tilt=0.5, low=-0.25, middle=0.0, high=0.25)
    >>> energy_quantiles(factors, np.array([[0.0, 1.0, 4.0], [0.0, 1.0, 4.0]]))
    array([2., 4., 6.])
    """
    centre, width = _centre(quantiles, factors.tilt), _width(quantiles)
    steps = np.array([factors.low, factors.middle, factors.high])
    return centre[..., None] + width[..., None] * steps


def fit_energy(quantiles: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> EnergyFactors:
    """Factors from sums over axis 1: ``quantiles`` (n, h, 3) and ``truth`` (n, h), W;
    ``weights`` (n,). Sums with an unknown hour are left out; with too few of them, hours
    are taken to err together, which is the widest that can be."""
    whole = np.isfinite(truth).all(1) & (_width(quantiles) > 0)
    if whole.sum() < _MIN_SUMS:
        return EnergyFactors(0.0, -0.5, 0.0, 0.5)
    quantiles, total, weights = quantiles[whole], truth[whole].sum(1), weights[whole]
    width = _width(quantiles)
    fits = []
    for tilt in _TILTS:
        ratios = (total - _centre(quantiles, tilt)) / width
        low, middle, high = np.quantile(
            ratios, _LEVELS, weights=weights, method="inverted_cdf"
        ).tolist()
        missed = np.average(np.abs(ratios - middle), weights=weights)
        fits.append((missed, EnergyFactors(float(tilt), low, middle, high)))
    return min(fits, key=lambda fit: fit[0])[1]


def _centre(quantiles: np.ndarray, tilt: float) -> np.ndarray:
    low, middle, high = np.moveaxis(quantiles, -1, 0)
    return np.asarray((middle + tilt * (high + low - 2 * middle)).sum(-1))


def _width(quantiles: np.ndarray) -> np.ndarray:
    return np.asarray((quantiles[..., 2] - quantiles[..., 0]).sum(-1))
