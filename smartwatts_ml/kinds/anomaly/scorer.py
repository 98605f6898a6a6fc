"""What is judged: anything that scores hours of a site."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from smartwatts_ml.readings.base import SiteReadings

__all__ = ["Scorer"]


class Scorer(Protocol):
    """A system that scores hours of a site, each from readings up to that hour only."""

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores in 0..1, NaN where one cannot be told, and alerts of the hours ``at``, shape
        (len(at),) each."""
