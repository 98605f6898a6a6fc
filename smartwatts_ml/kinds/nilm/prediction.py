"""Predictions as frames, and realistic inputs for the checks of a converted file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from smartwatts_ml.kinds.base import Details
from smartwatts_ml.kinds.nilm.predictors import NetworkPredictor
from smartwatts_ml.readings.base import MAINS, Readings, device_id

__all__ = ["predict", "sample_inputs"]


def predict(predictor: NetworkPredictor, readings: Readings) -> Iterator[pd.DataFrame]:
    """A frame for each site: W of every appliance, for each sample that has mains."""
    for site in readings.iterate(predictor.details["period_s"], (MAINS,)):
        if MAINS not in site.channels:
            continue
        known = np.isfinite(site.channels[MAINS])
        power = predictor.power(site.channels[MAINS])[known]
        stamps = site.times[known]
        if not len(stamps):
            continue
        count = len(predictor.appliances)
        names = [device_id(site.site, name) for name in predictor.appliances]
        yield pd.DataFrame(
            {
                "timestamp": np.tile(stamps, count),
                "consumption": power.T.ravel(),
                "device_id": np.repeat(names, len(stamps)),
            }
        )


def sample_inputs(details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
    """Windows of mains: a base load, a fridge, a few large loads, noise, some missing."""
    rng = np.random.default_rng(seed)
    window = details["window"]
    mains = rng.uniform(50, 400, (count, 1)) + rng.normal(0, 10, (count, window))
    minutes = np.arange(window) * details["period_s"] / 60
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
