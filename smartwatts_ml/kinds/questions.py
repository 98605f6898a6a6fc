"""What a model would like to be told by people, for whom an answer takes a moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """Whether an ``appliance`` of a home ran at some time from ``start`` to ``end`` (exclusive;
    datetime64[s], UTC; ``timezone`` is that of the home). The model gives it a ``probability``, and
    if so ``mean_w`` and ``energy_kwh``."""

    site: str
    appliance: str
    start: np.datetime64
    end: np.datetime64
    timezone: str
    probability: float
    mean_w: float
    energy_kwh: float
