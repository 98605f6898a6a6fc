"""Long stretches without a reading."""

from __future__ import annotations

import numpy as np

__all__ = ["before_gap"]


def before_gap(stamps: np.ndarray, native_us: int, hours: float = 24.0) -> np.ndarray:
    """Bool, shape (n,): the reading after which more than ``hours`` are missing.

    >>> before_gap(np.array([0, 1, 30, 31]) * 3_600_000_000, 3_600_000_000).tolist()
    [False, True, False, False]
    """
    missing = np.diff(stamps) - native_us
    return np.append(missing > hours * 3.6e9, False)[: len(stamps)]
