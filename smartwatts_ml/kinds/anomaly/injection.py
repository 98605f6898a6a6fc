"""Seeded anomalies put into normal readings, for training. Judging has its own (``exam``).

Seven types. Lengths and sizes are drawn log-uniformly from wide ranges: nobody knows how
large the next anomaly is, and small ones are more frequent. Sizes are relative to the
device's own readings where events may lie:

======  ========  =======================================================================
type    hours     what happens to the readings
======  ========  =======================================================================
spike   1..4      2 to 10 standard deviations are added, later hours at 70 to 100 % of it
outage  1..72     zero; in one of five a standby of at most 2 % of the mean instead
stuck   4..120    the value of the hour before is repeated
creep   48..336   a ramp is added, up to 0.2 to 1.5 times the median; it stays at the top
shift   24..120   whole local days, each rotated by 4 to 12 hours either way
high    8..120    everything times 1.4 to 4
scale   1..72     everything times or over 10 (half of them), else times or over 3 to 30
======  ========  =======================================================================

An event lies where nothing is missing, keeps its distance from others, and must change
the readings visibly: an outage of a device that draws nothing anyway is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.layout import TYPES

__all__ = [
    "CHANGES",
    "Changed",
    "Device",
    "Event",
    "Injected",
    "Rng",
    "inject",
    "log_uniform",
]

_TRIES = 30
_VISIBLE = 0.1  # least mean change of an event, as a share of the device's mean


@dataclass(frozen=True)
class Event:
    """One injected anomaly: hours [start, start + hours) of the series; ``size`` is the
    type's own (standard deviations, medians, hours of rotation, factor, W)."""

    type: str
    start: int
    hours: int
    size: float


@dataclass(frozen=True)
class Injected:
    """A series with anomalies. ``codes``: uint8, shape (n,), 0 = untouched, else 1 + the
    index of the type in ``TYPES``. Hours of code 0 are bit for bit those given."""

    values: np.ndarray
    codes: np.ndarray
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Device:
    """What readings are like where events may lie, W."""

    mean: float
    std: float
    median: float


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A draw whose logarithm is even between those of ``low`` and ``high``."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


Rng = np.random.Generator
Changed = tuple[np.ndarray, float]
"""Readings of an event after the change, W, and its size."""
_Change = Callable[[np.ndarray, float, Device, Rng], Changed]
"""From the readings of an event (W), the reading before it, the device and a generator:
the changed readings and the size."""


def _spike(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = log_uniform(rng, 2.0, 10.0)
    shape = np.r_[1.0, rng.uniform(0.7, 1.0, len(values) - 1)]
    return values + size * device.std * shape, size


def _outage(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = 0.0 if rng.random() < 0.8 else rng.uniform(0.0, 0.02)
    return np.full(len(values), size * device.mean), size


def _stuck(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    return np.full(len(values), before), before


def _creep(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = log_uniform(rng, 0.2, 1.5)
    rise = rng.uniform(0.4, 1.0) * len(values)
    ramp = np.minimum(np.arange(1, len(values) + 1) / rise, 1.0)
    return values + size * device.median * ramp, size


def _shift(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = int(rng.integers(4, 13)) * int(rng.choice((-1, 1)))
    days = values.reshape(-1, 24)
    return np.roll(days, size, axis=1).reshape(-1), float(size)


def _high(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    size = log_uniform(rng, 1.4, 4.0)
    return values * size, size


def _scale(values: np.ndarray, before: float, device: Device, rng: Rng) -> Changed:
    factor = 10.0 if rng.random() < 0.5 else log_uniform(rng, 3.0, 30.0)
    size = float(factor ** rng.choice((-1.0, 1.0)))
    return values * size, size


_Changes = Mapping[str, tuple[int, int, _Change]]
CHANGES: _Changes = {
    "spike": (1, 4, _spike),
    "outage": (1, 72, _outage),
    "stuck": (4, 120, _stuck),
    "creep": (48, 336, _creep),
    "shift": (24, 120, _shift),
    "high": (8, 120, _high),
    "scale": (1, 72, _scale),
}
"""In the order of ``TYPES``: fewest and most hours of each, and what happens to the readings."""


def inject(
    values: np.ndarray,
    hours_of_week: np.ndarray,
    allowed: np.ndarray,
    seed: int | tuple[int, ...],
    *,
    count: int,
    gap: int = 24,
    changes: _Changes = CHANGES,
) -> Injected:
    """Put up to ``count`` events into hourly readings.

    ``values``: float32, shape (n,), W, NaN where missing. ``hours_of_week``: local, shape
    (n,). ``allowed``: bool, shape (n,), where events may lie. ``gap``: least hours between
    two events; ``changes``: what each of the types does. Types come in
    shuffled rounds, so that each is as frequent as the others.
    """
    rng = np.random.default_rng(seed)
    free = allowed & ~np.isnan(values)
    out, codes = values.copy(), np.zeros(len(values), np.uint8)
    if not free.any():
        return Injected(out, codes, ())
    device = _measure(values[free].astype(np.float64))
    events = []
    kinds = [kind for _ in range(-(-count // len(TYPES))) for kind in rng.permutation(TYPES)]
    for kind in kinds[:count]:
        event = _place(str(kind), changes, values, hours_of_week, free, device, rng, out)
        if event is not None:
            stop = event.start + event.hours
            codes[event.start : stop] = 1 + TYPES.index(event.type)
            free[max(event.start - gap, 0) : stop + gap] = False
            events.append(event)
    return Injected(out, codes, tuple(sorted(events, key=lambda event: event.start)))


def _measure(usual: np.ndarray) -> Device:
    """The device's scale; its own rare outliers do not set it."""
    usual = np.clip(usual, *np.quantile(usual, (0.001, 0.999)))
    return Device(float(usual.mean()), float(usual.std()), float(np.median(usual)))


def _place(
    kind: str,
    changes: _Changes,
    values: np.ndarray,
    hours_of_week: np.ndarray,
    free: np.ndarray,
    device: Device,
    rng: np.random.Generator,
    out: np.ndarray,
) -> Event | None:
    """Write one event into ``out``; None where no place was found."""
    low, high, change = changes[kind]
    busy = np.r_[0, np.cumsum(~free)]  # busy[b] - busy[a]: hours of [a, b) that are taken
    for _ in range(_TRIES):
        hours = int(log_uniform(rng, low, high + 1))
        if kind == "shift":
            hours = 24 * (hours // 24)
        starts = np.arange(1, len(values) - hours + 1)
        ok = (busy[starts + hours] == busy[starts]) & ~np.isnan(values[starts - 1])
        if kind == "shift":
            ok &= hours_of_week[starts] % 24 == 0
        starts = starts[ok]
        if not starts.size:
            continue
        start = int(rng.choice(starts))
        old = values[start : start + hours].astype(np.float64)
        new, size = change(old, float(values[start - 1]), device, rng)
        if np.abs(new - old).mean() >= _VISIBLE * abs(device.mean) and device.std > 0:
            out[start : start + hours] = new
            return Event(kind, start, hours, float(size))
    return None
