"""Made-up contexts that look like homes: what a converted file is checked on."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.forecasting.details import ForecastingDetails
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS, HOLIDAY, TEMPERATURE

__all__ = ["sample_inputs"]


def sample_inputs(details: ForecastingDetails, count: int, seed: int) -> dict[str, np.ndarray]:
    """``history_w`` (count, 672, 1), W, ``hour_of_week`` (count, 1), and what else the
    model gets.

    Homes of different sizes with a daily wave and bursts; one in eight produces, one in
    four has a hole or begins late.
    """
    rng = np.random.default_rng(seed)
    hour = np.arange(CONTEXT_HOURS)
    level = np.exp(rng.normal(np.log(500.0), 0.8, (count, 1)))
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    wave = 1.0 + 0.5 * np.sin(2 * np.pi * hour / 24 + phase)
    burst = rng.gamma(0.3, 1.5, (count, CONTEXT_HOURS))
    power = level * (0.4 * wave + burst)
    solar = np.clip(np.sin(2 * np.pi * hour / 24 - 1.5), 0, None) * 4 * level
    power -= np.where(rng.random((count, 1)) < 1 / 8, solar, 0.0)
    for row in np.flatnonzero(rng.random(count) < 1 / 4):
        begin = int(rng.integers(0, CONTEXT_HOURS - 48))
        first = 0 if rng.random() < 0.5 else begin
        power[row, first : begin + 48] = np.nan
    inputs = {
        "history_w": power[:, :, None].astype(np.float32),
        "hour_of_week": rng.integers(0, 168, (count, 1)).astype(np.float32),
    }
    for tensor in details.inputs:
        if tensor.name not in (HOLIDAY, TEMPERATURE):
            continue
        hours = tensor.shape[1]
        warm = 12.0 + 8.0 * np.sin(2 * np.pi * np.arange(hours) / 24 - 2) + rng.normal(size=hours)
        day = rng.random((count, hours // 24)) < 0.05
        values = {HOLIDAY: np.repeat(day, 24, 1), TEMPERATURE: np.tile(warm, (count, 1))}
        inputs[tensor.name] = values[tensor.name][:, :, None].astype(np.float32)
    return inputs
