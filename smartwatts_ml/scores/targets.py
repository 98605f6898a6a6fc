"""What was scored, as a digest: the proof that systems were judged on the same windows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["HOUR_BANDS", "TargetIndex"]

HOUR_BANDS = ("00–06 h", "06–12 h", "12–18 h", "18–24 h")
"""Local hours that are scored apart; an hour ``h`` is in band ``h // 6``."""


class TargetIndex:
    """Collects the windows that are scored, site after site, and what was true in them."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, site: str, start: np.datetime64, at: np.ndarray, truth: np.ndarray) -> None:
        """``at``: indices of the scored windows on the site's grid, which begins at
        ``start``; ``truth``: what they are scored against."""
        for part in (f"{site}\0{start}\0{truth.shape}\0".encode(), at.tobytes(), truth.tobytes()):
            self._digest.update(part)

    def hexdigest(self) -> str:
        """SHA-256 of all that was added."""
        return self._digest.hexdigest()
