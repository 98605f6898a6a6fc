"""Conformal calibration of the outer quantiles, for each hour of the horizon.

Split conformal prediction (Romano, Patterson and Candes 2019, conformalized quantile
regression), in its scaled form: a width is stretched until the share of later,
validation hours on its side of the median is as promised. The factors become constants
of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["SHORT_DAYS", "WidthCalibration", "short_factor", "stretch_factors"]

SHORT_DAYS = (3, 14)
"""Days of readings for which widths are calibrated beside the full context."""
_SIDE_LEVEL = 0.9
"""Share of hours that must lie above P10, and below P90."""
_LIMITS = (1.0, 3.0)
"""Widths are stretched, never narrowed: a quiet validation season is no promise."""
_MIN_RATIOS = 200
_MIN_WIDTH = 1e-6


@dataclass(frozen=True)
class WidthCalibration:
    """``stretch`` (horizon, 2) of the widths below and above the median; ``short``: the
    further factors, 1 or more, where a context holds ``SHORT_DAYS`` of readings."""

    stretch: np.ndarray
    short: tuple[float, ...]

    def factors(self) -> np.ndarray:
        """Of how far each quantile lies from the median, float32, (1, horizon, 3)."""
        low, high = self.stretch.T
        return np.stack([low, np.ones_like(low), high], 1).astype(np.float32)[None]


def stretch_factors(quantiles: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Factors for the widths below and above the median, shape (horizon, 2).

    ``quantiles`` (n, horizon, 3) and ``truth`` (n, horizon), NaN where missing, both on
    the scale on which the widths were made; ``weights`` (n,) of the windows. Hours of the
    horizon lend each other evidence: those within ``_reach`` hours are pooled.

    >>> quantiles = np.array([-1.0, 0.0, 1.0]) * np.ones((400, 1, 1))
    >>> truth = np.linspace(-4, 4, 400)[:, None]
    >>> stretch_factors(quantiles, truth, np.ones(400)).round(1)
    array([[3., 3.]])
    >>> stretch_factors(quantiles, truth * 0.4, np.ones(400)).round(1)
    array([[1.3, 1.3]])
    """
    horizon = truth.shape[1]
    below, median, above = np.moveaxis(quantiles, 2, 0)
    sides = (
        (median - truth) / np.maximum(median - below, _MIN_WIDTH),
        (truth - median) / np.maximum(above - median, _MIN_WIDTH),
    )
    reach = _reach(horizon)
    factors = np.full((horizon, 2), np.nan)
    for step in range(horizon):
        near = slice(max(step - reach, 0), step + reach + 1)
        for side, ratios in enumerate(sides):
            factors[step, side] = _weighted_quantile(ratios[:, near], weights, _SIDE_LEVEL)
    return np.clip(_fill(factors), *_LIMITS)


def short_factor(
    quantiles: np.ndarray, truth: np.ndarray, weights: np.ndarray, stretch: np.ndarray
) -> float:
    """One further factor for widths that were stretched already, for both sides alike."""
    below, median, above = np.moveaxis(quantiles, 2, 0)
    error = truth - median
    width = np.where(error < 0, (median - below) * stretch[:, 0], (above - median) * stretch[:, 1])
    ratios = np.abs(error) / np.maximum(width, _MIN_WIDTH)
    factor = _weighted_quantile(ratios, weights, 2 * _SIDE_LEVEL - 1)
    return float(np.clip(factor, *_LIMITS)) if np.isfinite(factor) else 1.0


def _reach(horizon: int) -> int:
    """Hours on each side whose evidence is pooled. Windows of long horizons are few and
    overlap, so single hours of them say little."""
    return next((reach for hours, reach in ((48, 2), (168, 12)) if horizon <= hours), 84)


def _weighted_quantile(ratios: np.ndarray, weights: np.ndarray, level: float) -> float:
    """Quantile of the known entries of ``ratios`` (n, k); NaN where there are too few."""
    known = np.isfinite(ratios)
    if known.sum() < _MIN_RATIOS:
        return float("nan")
    mass = np.broadcast_to(weights[:, None], ratios.shape)[known]
    return float(np.quantile(ratios[known], level, weights=mass, method="inverted_cdf"))


def _fill(factors: np.ndarray) -> np.ndarray:
    """Hours without evidence take the factor of the nearest hour that has some, or 1."""
    known = np.flatnonzero(np.isfinite(factors).all(1))
    if not len(known):
        return np.ones_like(factors)
    steps = np.arange(len(factors))
    nearest = known[np.abs(steps[:, None] - known).argmin(1)]
    return np.asarray(factors[nearest])
