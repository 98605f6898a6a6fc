"""Metrics as ratios of sums, NaN where they are undefined or a prediction was not finite."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["finite_or_nothing", "mean_of_defined", "ratio"]

_Headline = Callable[[np.ndarray], dict[str, float]]


def ratio(over: np.ndarray, under: np.ndarray, defined: np.ndarray | None = None) -> np.ndarray:
    """``over / under``, NaN where not ``defined`` (bool; by default ``under`` above 0). All
    of shape (n,)."""
    result = np.full(len(over), np.nan)
    np.divide(over, under, out=result, where=under > 0 if defined is None else defined)
    return result


def mean_of_defined(values: np.ndarray) -> float:
    """Mean of the finite values; NaN if there is none.

    >>> mean_of_defined(np.array([1.0, np.nan, 3.0]))
    2.0
    """
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def finite_or_nothing(headline: _Headline) -> _Headline:
    """The same metrics, but every one NaN where any of the sums is not finite.

    What is scored follows from the truth, so a sum that is not finite says that a prediction
    was not: left out, it would flatter whoever made it.

    >>> mean = finite_or_nothing(lambda sums: {"mean": float(mean_of_defined(sums))})
    >>> mean(np.array([1.0, 3.0])), mean(np.array([1.0, np.nan]))
    ({'mean': 2.0}, {'mean': nan})
    """

    def metrics(sums: np.ndarray) -> dict[str, float]:
        if np.isfinite(sums).all():
            return headline(sums)
        return dict.fromkeys(headline(np.zeros_like(sums)), float("nan"))

    return metrics
