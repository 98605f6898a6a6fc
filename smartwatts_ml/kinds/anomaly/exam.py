"""The anomalies that models are judged by: a generator of its own, which training never sees.

What training injects may change from version to version, and a network may learn its manner
instead of what is odd. The exam has the same seven types by other means, and stays as it is,
so that verdicts of years can be compared (``tests/kinds/anomaly/test_exam.py`` holds it to the
bit):

======  ========  =======================================================================
type    hours     what happens to the readings
======  ========  =======================================================================
spike   1..6      1 to 4 times the mean is added and dies away by a half in 1 to 6 hours
outage  1..96     zero, of the first and the last hour a part; in one of four a standby of
                  at most 3 % of the mean instead
stuck   6..96     the value of the hour before, in half of them with jitter of half a percent
creep   60..300   a rise along a square root, up to 0.25 to 1.2 times the mean
shift   24..96    whole local days, moved by 3 to 9 hours as one piece
high    8..96     a load of 0.4 to 2.5 times the mean, as even as a heater, is added
scale   2..72     everything times a factor that a wrong unit has: 4, 10, 60, 0.25, 0.1
======  ========  =======================================================================
"""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.anomaly.injection import (
    Changed,
    Device,
    Injected,
    Rng,
    inject,
    log_uniform,
)

__all__ = ["EXAM", "examine"]


def _spike(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = log_uniform(rng, 1.0, 4.0)
    half_life = rng.uniform(1.0, 6.0)
    return values + size * device.mean * 0.5 ** (np.arange(len(values)) / half_life), size


def _outage(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = rng.uniform(0.0, 0.03) if rng.random() < 0.25 else 0.0
    changed = np.full(len(values), size * device.mean)
    if len(values) > 2:
        edges = [0, -1]
        changed[edges] += rng.uniform(0.0, 0.9, 2) * (values[edges] - changed[edges])
    return changed, size


def _stuck(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    jitter = 0.005 if rng.random() < 0.5 else 0.0
    return before * (1.0 + jitter * rng.uniform(-1.0, 1.0, len(values))), before


def _creep(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = log_uniform(rng, 0.25, 1.2)
    rise = np.sqrt(np.arange(1, len(values) + 1) / len(values))
    return values + size * device.mean * rise, size


def _shift(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = int(rng.integers(3, 10)) * int(rng.choice((-1, 1)))
    return np.roll(values, size), float(size)


def _high(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = log_uniform(rng, 0.4, 2.5)
    return values + size * device.mean * rng.uniform(0.95, 1.05, len(values)), size


def _scale(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = float(rng.choice((4.0, 10.0, 60.0, 0.25, 0.1)))
    return values * size, size


EXAM = {
    "spike": (1, 6, _spike),
    "outage": (1, 96, _outage),
    "stuck": (6, 96, _stuck),
    "creep": (60, 300, _creep),
    "shift": (24, 96, _shift),
    "high": (8, 96, _high),
    "scale": (2, 72, _scale),
}
"""Fewest and most hours of each type, and what happens to the readings."""


def examine(
    values: np.ndarray,
    hours_of_week: np.ndarray,
    allowed: np.ndarray,
    seed: int | tuple[int, ...],
    *,
    count: int,
) -> Injected:
    """Readings with up to ``count`` anomalies of the exam, as ``inject`` puts them."""
    return inject(values, hours_of_week, allowed, seed, count=count, changes=EXAM)
