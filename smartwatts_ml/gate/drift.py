"""How far the inputs have moved since the champion was trained: population stability.

A population is the days of sites. PSI = Σ (a - b) ln(a / b) over the shares of bins
(Siddiqi 2006); below .1 little, from .25 on a shift. Of few days it is large by chance
alone: about (bins - 1)(1/n + 1/m), chi-squared (Yurdakul 2018), so a drift has to exceed
what chance gives as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

__all__ = ["Drift", "Histogram", "drift", "psi"]

_BINS = 8
_DAYS_OF_A_KIND = 7
"""Days of a week are alike: so many count as one observation where chance is asked."""
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Histogram:
    """How often a feature of a day had which value: counts by fine bin, and the median."""

    unit: str
    counts: tuple[int, ...]
    median: float


@dataclass(frozen=True)
class Drift:
    """One feature: its index against the champion's training and against the
    ``challenger``'s (None where that is not known), what chance gives, and the medians of the
    champion's and of now."""

    feature: str
    unit: str
    psi: float
    chance: float
    before: float
    now: float
    challenger: float | None = None

    def repaired(self, threshold: float) -> bool:
        """Whether the challenger was trained on what has moved: it has seen a world that is
        within bounds, and at most half as far away."""
        bound = min(max(threshold, self.chance), self.psi / 2)
        return self.challenger is not None and self.challenger <= bound

    def shifted(self, threshold: float) -> bool:
        """Whether it has moved, beyond chance."""
        return self.psi >= max(threshold, self.chance)

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.feature} moved from {self.before:.3g} to {self.now:.3g} {self.unit}".strip()


def psi(before: np.ndarray, now: np.ndarray) -> float:
    """Population stability index of two histograms over the same bins.

    >>> round(psi(np.array([50, 50]), np.array([50, 50])), 3)
    0.0
    >>> round(psi(np.array([50, 50]), np.array([80, 20])), 2)
    0.41
    """
    a, b = ((part + 0.5) / (part.sum() + 0.5 * len(part)) for part in (before, now))
    return float(np.sum((b - a) * np.log(b / a)))


def drift(
    before: Mapping[str, Histogram],
    now: Mapping[str, Histogram],
    challenger: Mapping[str, Histogram],
) -> tuple[Drift, ...]:
    """Every feature that both populations have, the most shifted first."""
    shared = (name for name in before if name in now)
    drifts = (_drift(name, before[name], now[name], challenger.get(name)) for name in shared)
    return tuple(sorted(drifts, key=lambda moved: -moved.psi))


def _drift(feature: str, before: Histogram, now: Histogram, challenger: Histogram | None) -> Drift:
    groups = _quantile_groups(np.array(before.counts, float))

    def merged(histogram: Histogram) -> np.ndarray:
        return np.bincount(groups, weights=histogram.counts, minlength=groups.max() + 1)

    n, m = (max(sum(histogram.counts) / _DAYS_OF_A_KIND, 1.0) for histogram in (before, now))
    return Drift(
        feature,
        before.unit,
        psi=psi(merged(before), merged(now)),
        chance=float(chdtri(max(groups.max(), 1), 1 - _CONFIDENCE)) * (1 / n + 1 / m),
        before=before.median,
        now=now.median,
        challenger=psi(merged(challenger), merged(now)) if challenger else None,
    )


def _quantile_groups(counts: np.ndarray) -> np.ndarray:
    """Which of about ``_BINS`` equally full groups each fine bin belongs to."""
    total = max(counts.sum(), 1.0)
    middle = (np.cumsum(counts) - counts / 2) / total
    groups = np.minimum((middle * _BINS).astype(int), _BINS - 1)
    return np.unique(groups, return_inverse=True)[1]
