"""Metrics as ratios of sums, NaN where they are undefined."""

from __future__ import annotations

import numpy as np

__all__ = ["mean_of_defined", "ratio"]


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
