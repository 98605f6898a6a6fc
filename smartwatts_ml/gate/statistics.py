"""What chance can do: paired cluster bootstrap, jackknife, Holm, Diebold-Mariano.

Two systems are resampled with the same draws, so that every difference is paired. The
unit that is drawn is a site or, where sites are few, a week within its site; intervals are
widened for their small number (Hesterberg 2015), and tests refer to Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from smartwatts_ml.scores.bootstrap import Over, interval, site_sums
from smartwatts_ml.scores.scores import Scores

__all__ = [
    "MIN_FREEDOM",
    "Clusters",
    "Difference",
    "Gauge",
    "clusters",
    "diebold_mariano",
    "difference",
    "holm",
    "jackknife_p",
    "needed",
]

Gauge = Callable[[np.ndarray], float]
"""One metric of them, with its sign turned so that more is better."""
MIN_FREEDOM = 3
"""Fewer units than this and one to each cluster prove nothing: they cannot let pass, nor block."""
_POWER_Z = 0.8416
"""Quantile of the normal distribution for 80 % power."""


@dataclass(frozen=True)
class Clusters:
    """How many independent units there are: ``count`` in ``strata`` (1 for sites, the
    number of sites for weeks within them)."""

    count: int
    strata: int

    @property
    def freedom(self) -> int:
        """Degrees of freedom."""
        return self.count - self.strata

    @property
    def widening(self) -> float:
        """What a bootstrap's spread is too small by."""
        return math.sqrt(self.count / self.freedom) if self.freedom > 0 else math.inf


@dataclass(frozen=True)
class Difference:
    """A gain (> 0 is better), its interval and the one-sided p-value of "no better".

    ``low`` and ``high`` bound it with the confidence asked for on either side; ``error`` is
    the standard error.
    """

    gain: float
    low: float
    high: float
    p: float
    error: float


def clusters(scores: Scores, over: Over) -> Clusters:
    """The units that ``over`` draws."""
    sites = len(np.unique(scores.sites))
    return Clusters(sites, 1) if over == "sites" else Clusters(len(scores.sites), sites)


def difference(
    gain: float, gains: np.ndarray, units: Clusters, confidence: float, null: float = 0.0
) -> Difference:
    """Judge a gain by its bootstrap samples, shape (n_resamples,).

    Expanded percentile interval: the quantiles are moved out from the normal's to those of
    t, and by the square root of n / (n - 1) (Hesterberg 2015, 5.3). A sample that is not
    finite, or too few units, gives p = 1 and an infinite interval. ``null``: the gain that
    the p-value tests against.

    >>> draws = np.random.default_rng(0).normal(1.0, 0.1, 1000)
    >>> gain = difference(1.0, draws, Clusters(20, 1), 0.95)
    >>> round(gain.low, 2), round(gain.high, 2), gain.p < 0.001
    (0.83, 1.17, True)
    """
    if units.freedom < 1 or not np.isfinite(gains).all() or not math.isfinite(gain):
        return Difference(gain, -math.inf, math.inf, 1.0, math.inf)
    tail = _normal_cdf(-units.widening * stdtrit(units.freedom, confidence))
    low, high = interval(gains, tail)
    error = float(np.std(gains)) * units.widening
    p = _p_of_gain(gain - null, error, units.freedom)
    return Difference(gain, low, high, p, error)


def _p_of_gain(gain: float, error: float, freedom: int) -> float:
    """One-sided p-value of "no gain", by Student's t on the bootstrap's standard error."""
    if error == 0:
        return 0.0 if gain > 0 else 1.0
    return float(stdtr(freedom, -gain / error))


def _normal_cdf(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2))


def jackknife_p(gauge: Gauge, ours: Scores, theirs: Scores, over: Over) -> float:
    """One-sided p-value of "no worse" for what ours have more of ``gauge`` than theirs.

    Delete-one jackknife over the units (Efron and Stein 1981), referred to t. Where it
    cannot be told (too few units, no spread) 1, or 0 if every unit agrees on a loss.
    """
    units = clusters(ours, over)
    if units.freedom < 1:
        return 1.0
    left_out = (
        ours.sites[:, None] == np.unique(ours.sites)[None]
        if over == "sites"
        else np.eye(len(ours.sites), dtype=bool)
    )
    gains = []
    for column in left_out.T:
        weights = np.where(column, 0.0, 1.0)
        gains.append(gauge(_without(ours, weights, over)) - gauge(_without(theirs, weights, over)))
    whole = gauge(site_sums(ours)) - gauge(site_sums(theirs))
    error = np.std(gains) * (len(gains) - 1) / math.sqrt(max(units.freedom, 1))
    if not np.isfinite(error) or not math.isfinite(whole):
        return 1.0
    if error == 0:
        return 0.0 if whole < 0 else 1.0
    return float(stdtr(units.freedom, whole / error))


def _without(scores: Scores, weights: np.ndarray, over: Over) -> np.ndarray:
    sums = site_sums(scores, weights)
    if over == "weeks":
        return sums
    _, site_of = np.unique(scores.sites, return_inverse=True)
    return sums[np.unique(site_of[weights > 0])]


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number (Holm 1979), in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = round(worst, 12)
    return adjusted


def needed(count: int, units: Clusters, gain: float, error: float, confidence: float) -> int | None:
    """How many of ``count`` kind of units would show a gain of this size, four times in
    five; None where that cannot be told.

    >>> needed(10, Clusters(10, 1), 1.0, 1.0, 0.95)
    72
    """
    if not math.isfinite(error) or not gain or units.freedom < 1:
        return None
    z = (stdtrit(units.freedom, confidence) + _POWER_Z) * error / abs(gain)
    least = count - units.freedom + MIN_FREEDOM
    return max(least, math.ceil(count * z * z))


def diebold_mariano(gains: np.ndarray, overlap: int) -> float:
    """One-sided p-value that forecasts are no better, from a series of gains in loss.

    Diebold and Mariano 1995 with the small-sample correction of Harvey, Leybourne and
    Newbold 1997; ``overlap`` is the number of steps that a forecast spans. 1 where the
    series is too short or does not vary.

    >>> gains = np.array([1.0, 2, 1, 3, 2, 1, 2, 3])
    >>> round(diebold_mariano(gains, 1), 4), diebold_mariano(gains[:1], 1)
    (0.0002, 1.0)
    """
    n, h = len(gains), overlap
    scale = (n + 1 - 2 * h + h * (h - 1) / n) / n if n else 0.0
    if n < 2 or scale <= 0 or not np.isfinite(gains).all():
        return 1.0
    centred = gains - gains.mean()
    variance = float(np.mean(centred**2))
    variance += 2 * sum(float(np.sum(centred[k:] * centred[:-k])) / n for k in range(1, h))
    if variance <= 0:
        return 1.0
    return float(stdtr(n - 1, -gains.mean() / math.sqrt(variance / n) * math.sqrt(scale)))
