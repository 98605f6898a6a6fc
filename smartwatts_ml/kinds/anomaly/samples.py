"""Made-up histories that look like homes: what a converted file is checked on."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.anomaly.details import AnomalyDetails

__all__ = ["sample_inputs"]


def sample_inputs(details: AnomalyDetails, count: int, seed: int) -> dict[str, np.ndarray]:
    """Made-up homes: a daily shape, noise, missing stretches, and in every second window an
    anomaly in its newest hours, so that scores and alerts cover their range."""
    rng, context = np.random.default_rng(seed), details.context_hours
    newest = rng.integers(0, 168, count)
    hour = (newest[:, None] - np.arange(context - 1, -1, -1)) % 24
    base = rng.uniform(80, 400, (count, 1))
    peak = rng.uniform(200, 2500, (count, 1))
    shape = np.exp(-(((hour - rng.integers(6, 21, (count, 1))) / 4.0) ** 2))
    history = (base + peak * shape) * rng.gamma(6.0, 1 / 6.0, (count, context))
    for row in range(count):
        if row % 2:
            recent = slice(context - int(rng.integers(1, 30)), context)
            history[row, recent] *= rng.choice((0.0, 0.1, 2.5, 10.0))
        if row % 3 == 0:
            start = int(rng.integers(0, context - 100))
            history[row, start : start + int(rng.integers(1, 100))] = np.nan
        if row % 8 == 5:
            history[row, : int(rng.integers(1, context - 24))] = np.nan
    return {
        "history_w": history[:, :, None].astype(np.float32),
        "hour_of_week": newest[:, None].astype(np.float32),
    }
