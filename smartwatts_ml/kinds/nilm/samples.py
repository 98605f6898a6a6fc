"""Made-up mains that look like homes: what a converted file is checked on."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.nilm.details import NilmDetails

__all__ = ["sample_inputs"]


def sample_inputs(details: NilmDetails, count: int, seed: int) -> dict[str, np.ndarray]:
    """Windows of mains: a base load, a fridge, a few large loads, noise, some missing."""
    rng = np.random.default_rng(seed)
    window = details.window
    mains = rng.uniform(50, 400, (count, 1)) + rng.normal(0, 10, (count, window))
    minutes = np.arange(window) * details.period_s / 60
    phase, cycle = rng.uniform(0, 60, (count, 1)), rng.uniform(30, 70, (count, 1))
    mains += 90 * ((minutes + phase) % cycle < 0.4 * cycle)
    for row in mains:
        for _ in range(rng.integers(1, 6)):
            start, length = rng.integers(0, window), rng.integers(2, max(window // 6, 3))
            row[start : start + length] += rng.uniform(100, 2800)
        if rng.random() < 0.3:
            start = rng.integers(0, window)
            row[start : start + rng.integers(1, max(window // 4, 2))] = np.nan
    return {"mains_w": mains[..., None].astype(np.float32)}
