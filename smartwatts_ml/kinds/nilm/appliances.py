"""When an appliance is on, and where its activations are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smartwatts_ml.kinds.nilm.grid import FINE_PERIOD_S
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = ["STANDBY_W", "activations", "on_power", "on_threshold"]

_SLOW = {
    "kettle": 500.0,
    "microwave": 200.0,
    "dishwasher": 300.0,
    "washing_machine": 300.0,
    "fridge": 50.0,
}
"""On-state thresholds in W of means over 60 s, where short peaks are averaged out."""

_FAST = {
    "kettle": 2000.0,
    "microwave": 200.0,
    "dishwasher": 10.0,
    "washing_machine": 20.0,
    "fridge": 50.0,
}
"""The published thresholds in W for readings every 6 s (Kelly and Knottenbelt 2015)."""

_PARTIAL = {
    "kettle": 100.0,
    "microwave": 100.0,
    "dishwasher": 100.0,
    "washing_machine": 100.0,
    "fridge": 25.0,
}
"""On-state thresholds in W of means over minutes to half hours, which hold part of a run."""

_FAST_PERIOD_S = 30
STANDBY_W = 10.0
"""What draws no more is not running."""
_PAUSE_S = 600
"""A pause shorter than this is part of one activation (a dishwasher between heatings)."""


def on_threshold(
    appliance: str, period_s: int, power: np.ndarray | None, settings: Mapping[str, float]
) -> float:
    """On-state threshold of an appliance in W.

    One that is set wins, then the one of well-known appliances for the period. Otherwise it is
    derived from ``power`` (W, NaN where missing): half of its typical running power, the median
    of what it draws above standby, and at least 20 W.

    >>> on_threshold("kettle", 60, None, {})
    500.0
    >>> on_threshold("dishwasher", 1800, None, {})
    100.0
    >>> on_threshold("heater", 60, np.array([0.0, 0.0, 1000.0, 1000.0]), {})
    500.0
    """
    if appliance in settings:
        return float(settings[appliance])
    slow = _SLOW if period_s <= FINE_PERIOD_S else _PARTIAL
    published = _FAST if period_s < _FAST_PERIOD_S else slow
    if appliance in published:
        return published[appliance]
    running = power[power > STANDBY_W] if power is not None else np.empty(0)
    return max(20.0, 0.5 * float(np.median(running))) if len(running) else 50.0


def on_power(power: np.ndarray, threshold: float) -> float:
    """Median power in W while the appliance is on; the threshold if it never is."""
    running = power[power >= threshold]
    return float(np.median(running)) if len(running) else threshold


def activations(power: np.ndarray, threshold: float, period_s: int) -> np.ndarray:
    """First and last-plus-one sample of each activation, shape (n_activations, 2).

    An activation is a stretch above standby, short pauses included, that reaches the
    on-state threshold. ``power``: W, shape (n,), NaN where missing.

    >>> activations(np.array([0, 0, 60, 2000, 30, 0, 0], dtype=float), 500, 60).tolist()
    [[2, 5]]
    """
    first, end = true_runs(power > STANDBY_W, pause=_PAUSE_S / period_s)
    reached = [np.nanmax(power[a:b]) >= threshold for a, b in zip(first, end, strict=True)]
    return np.stack([first, end], axis=1)[np.array(reached, bool)]
