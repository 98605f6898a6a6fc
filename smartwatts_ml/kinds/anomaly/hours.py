"""Hours of a site as a network sees them: what alerts are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.localtime import WallCells

__all__ = ["ScoredHours"]


@dataclass(frozen=True)
class ScoredHours:
    """Scored hours of a site, all of shape (n,) but ``likeness``, (n, 7). ``score`` in 0..1,
    ``rarity`` the same in nines; ``alert``: number of the alert it belongs to, 0 for none;
    ``watts`` and ``expected`` in W. Hours are ``cells`` of the site's wall clock."""

    cells: WallCells
    score: np.ndarray
    rarity: np.ndarray
    alert: np.ndarray
    likeness: np.ndarray
    watts: np.ndarray
    expected: np.ndarray
