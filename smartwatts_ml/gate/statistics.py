"""What chance can do: Student's t, moderated variances, Holm, Diebold-Mariano.

Two systems are always compared on the same homes and weeks, so that every difference is
paired. How much a gain varies is in ``variation``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma, psi, stdtr, stdtrit

__all__ = [
    "Difference",
    "Variance",
    "added",
    "diebold_mariano",
    "difference",
    "holm",
    "moderated",
]

_TINY = 1e-24
"""Variance below which nothing varies."""
_NEWTON_STEPS = 50


@dataclass(frozen=True)
class Variance:
    """Of an estimate: ``value``, known with so many degrees of ``freedom``."""

    value: float
    freedom: float


@dataclass(frozen=True)
class Difference:
    """A gain (> 0 is better), its interval and the one-sided p-value of "no better".

    ``low`` and ``high`` bound it with the confidence asked for on either side; ``error`` is
    the standard error, ``freedom`` what it is known with.
    """

    gain: float
    low: float
    high: float
    p: float
    error: float
    freedom: float


def difference(gain: float, variance: Variance, confidence: float, null: float = 0.0) -> Difference:
    """Judge a gain by Student's t. One that is not finite, or whose variance nobody knows,
    gets p = 1 and an infinite interval. ``null``: the gain that the p-value tests against.

    >>> gain = difference(1.0, Variance(0.01, 19), 0.95)
    >>> round(gain.low, 2), round(gain.high, 2), gain.p < 0.001
    (0.83, 1.17, True)
    """
    known = variance.freedom > 0 and math.isfinite(variance.value) and math.isfinite(gain)
    if not known:
        return Difference(gain, -math.inf, math.inf, 1.0, math.inf, 0.0)
    error = math.sqrt(variance.value)
    span = error * float(stdtrit(variance.freedom, confidence))
    p = _p_of_gain(gain - null, error, variance.freedom)
    return Difference(gain, gain - span, gain + span, p, error, variance.freedom)


def _p_of_gain(gain: float, error: float, freedom: float) -> float:
    """One-sided p-value of "no gain"."""
    if error == 0:
        return 0.0 if gain > 0 else 1.0
    return float(stdtr(freedom, -gain / error))


def added(*variances: Variance) -> Variance:
    """The sum of variances that are known apart; its degrees of freedom by Satterthwaite 1946.

    >>> added(Variance(1.0, 4), Variance(1.0, 4))
    Variance(value=2.0, freedom=8.0)
    """
    total = sum(variance.value for variance in variances)
    if not total:
        return Variance(0.0, max(variance.freedom for variance in variances))
    parts = [variance for variance in variances if variance.value]
    if any(variance.freedom <= 0 for variance in parts):
        return Variance(math.inf, 0.0)
    return Variance(total, total**2 / sum(v.value**2 / v.freedom for v in parts))


def moderated(variances: np.ndarray, freedoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances of many homes, each known from few weeks, that lend each other evidence, and
    their degrees of freedom; shape (n,) all of them. Empirical Bayes (Smyth 2004, 4): as
    unlike as the variances are more than chance, so little is lent.

    >>> values, freedoms = moderated(np.array([1.0, 2.0, 1.5, 0.9]), np.full(4, 4.0))
    >>> values.round(2).tolist(), bool(freedoms[0] > 4)
    ([1.54, 1.74, 1.64, 1.52], True)
    """
    known = freedoms > 0
    values = np.maximum(np.where(known, variances, 1.0), _TINY)
    if known.sum() < 3:
        return values, np.where(known, freedoms, 0.0)
    d = freedoms[known]
    logs = np.log(values[known]) - psi(d / 2) + np.log(d / 2)
    spread = float(np.var(logs, ddof=1) - np.mean(polygamma(1, d / 2)))
    most = float(d.sum())
    prior = min(2 * _inverse_trigamma(spread), most) if spread > 0 else most
    shift = psi(prior / 2) - math.log(prior / 2) if spread > 0 else 0.0
    common = math.exp(float(logs.mean()) + shift)
    lent = np.where(known, freedoms, 0.0)
    mixed = (prior * common + lent * values) / (prior + lent)
    return mixed, np.minimum(prior + lent, most)


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, by Newton's method (Smyth 2004, appendix)."""
    if value > 1e7:
        return 1 / math.sqrt(value)
    x = 0.5 + 1 / value
    for _ in range(_NEWTON_STEPS):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x


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
