"""What is alerted whatever was learned: an hour far beyond all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from .conftest import Case

pytestmark = pytest.mark.slow

CONTEXT = 672
SIZES = (1e4, 1e5, 1e6, 1e7)  # W
LOADS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "steady": lambda hour, rng: np.full(len(hour), 300.0),
    "a little noise": lambda hour, rng: 300.0 + rng.normal(0, 3, len(hour)),
    "low at night": lambda hour, rng: np.where((hour >= 7) & (hour < 22), 400.0, 60.0),
    "noisy": lambda hour, rng: 300.0 * rng.gamma(1.0, 1.0, len(hour)),
    "panels": lambda hour, rng: (
        300.0 - 1500.0 * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0) * rng.random(len(hour))
    ),
    "zero": lambda hour, rng: np.zeros(len(hour)),
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("hours", [1, 5, 48])
def test_what_no_hour_ever_came_near_is_alerted(case: Case, load: str, hours: int) -> None:
    """And stays so for two days, which the hours before them are held against."""
    watts = LOADS[load](np.arange(CONTEXT) % 24, np.random.default_rng(0))
    history = np.tile(watts, (2 * len(SIZES), 1))[:, :, None].astype(np.float32)
    history[:, -hours:, 0] += np.array([*SIZES, *(-size for size in SIZES)])[:, None]
    newest = np.full((len(history), 1), 23, np.float32)
    outputs = case.file({"history_w": history, "hour_of_week": newest})
    assert (outputs["alert"] > 0.5).all()
