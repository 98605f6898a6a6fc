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

from smartwatts_ml.gate.day_features import Histograms

__all__ = ["Drift", "drift", "psi"]

BINS = 8
DAYS_OF_A_KIND = 7
"""Days of a week are alike: so many count as one observation where chance is asked."""


@dataclass(frozen=True)
class Drift:
    """One feature: its index against the champion's training and against the
    ``challenger``'s, what chance gives, and the medians of the champion's and of now."""

    feature: str
    unit: str
    psi: float
    chance: float
    before: float
    now: float
    challenger: float = np.inf

    def repaired(self, threshold: float) -> bool:
        """Whether the challenger was trained on what has moved: it has seen a world that is
        within bounds, and at most half as far away."""
        return self.challenger <= min(max(threshold, self.chance), self.psi / 2)

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
    before: Mapping[str, Histograms],
    now: Mapping[str, Histograms],
    challenger: Mapping[str, Histograms],
) -> tuple[Drift, ...]:
    """Every feature that both populations have, the most shifted first."""
    found = [
        _one(name, before[name], now[name], challenger.get(name)) for name in before if name in now
    ]
    return tuple(sorted(found, key=lambda one: -one.psi))


def _one(name: str, before: Histograms, now: Histograms, challenger: Histograms | None) -> Drift:
    old, new = np.array(before.counts, float), np.array(now.counts, float)
    groups = _quantile_groups(old)

    def merged(counts: np.ndarray) -> np.ndarray:
        return np.bincount(groups, weights=counts, minlength=groups.max() + 1)

    n, m = (max(counts.sum() / DAYS_OF_A_KIND, 1.0) for counts in (old, new))
    from scipy.stats import chi2

    chance = float(chi2.ppf(0.95, max(groups.max(), 1))) * (1 / n + 1 / m)
    index = psi(merged(old), merged(new))
    seen = np.inf
    if challenger:
        seen = psi(merged(np.array(challenger.counts, float)), merged(new))
    return Drift(name, before.unit, index, chance, before.median, now.median, seen)


def _quantile_groups(counts: np.ndarray) -> np.ndarray:
    """Which of about ``BINS`` equally full groups each fine bin belongs to."""
    total = max(counts.sum(), 1.0)
    middle = (np.cumsum(counts) - counts / 2) / total
    groups = np.minimum((middle * BINS).astype(int), BINS - 1)
    return np.unique(groups, return_inverse=True)[1]
