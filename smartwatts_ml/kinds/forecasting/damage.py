"""Contexts as they come from real meters: short, with holes, stuck, with freak readings.

Training sees some, so that a network learns to live with them.
"""

from __future__ import annotations

import numpy as np

__all__ = ["damage"]

_CUT_SHARE = 0.5
"""Of the damaged contexts those that are cut short; of the others half have a hole."""
_SHORTEST_DAYS = 3


def damage(history: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Damage ``share`` of the contexts (b, n, 1), W; returns a copy.

    Half are cut to their newest days, a quarter get a hole of up to a week, and the rest a
    stretch of zeros or of one value, or some hours many times too high.
    """
    history = history.copy()
    hours = history.shape[1]
    fate = rng.random(len(history))
    for row in np.flatnonzero(fate < share):
        context = history[row, :, 0]
        if fate[row] < _CUT_SHARE * share:
            context[: hours - 24 * int(rng.integers(_SHORTEST_DAYS, hours // 24))] = np.nan
            continue
        length = int(rng.integers(6, 24 * 7))
        begin = int(rng.integers(0, hours - length))
        fault = rng.random()
        if fault < 0.5:
            context[begin : begin + length] = np.nan
        elif fault < 0.7:
            context[begin : begin + length] = 0.0
        elif fault < 0.85:
            context[begin : begin + length] = context[begin]
        else:
            context[begin : begin + 3] *= rng.uniform(5.0, 30.0)
    return history
