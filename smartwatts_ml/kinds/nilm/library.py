"""Activations of all homes, and the same appliances as other homes would have them.

One home has one make of each appliance. What differs from make to make is known: the
rated power of heaters, separately that of motors, and how long each phase of a program
lasts. So each phase of a recorded activation is stretched by a factor of its own and its
heater and its motor are scaled apart; energy is integrated exactly, so that short runs
fall across samples as real ones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["RATED_W", "Library", "Make", "restyle"]

RATED_W = {
    "air_conditioner": (500.0, 2500.0),
    "dishwasher": (1700.0, 2600.0),
    "ev": (1400.0, 7400.0),
    "freezer": (50.0, 200.0),
    "fridge": (50.0, 200.0),
    "heat_pump": (500.0, 4500.0),
    "iron": (1000.0, 2800.0),
    "kettle": (1400.0, 3100.0),
    "microwave": (500.0, 1700.0),
    "oven": (1500.0, 3500.0),
    "tumble_dryer": (600.0, 3000.0),
    "washing_machine": (1600.0, 2500.0),
    "water_heater": (1000.0, 4000.0),
    "water_pump": (300.0, 1500.0),
}
"""Largest power of such an appliance in homes of the world, from and to, W: what makers
print on them."""
_UNKNOWN_SPREAD = 1.5
"""The largest power of an appliance that is not listed lies within this factor of what was seen;
and of one that never is at its rated power for a whole sample, as these are long."""
_HEATER_SHARE = 0.5
"""What draws more than this share of an activation's maximum is its heater."""
_MOTOR_SPREAD = 0.35
_STRETCH = 0.6
"""Standard deviation and bound of logarithms of factors: a third up or down, up to 1.8."""
_OWN_SHARE = 0.3


@dataclass(frozen=True)
class Make:
    """How one make differs: ``rated_w`` at most, ``motor`` times the lower power."""

    rated_w: float
    motor: float


def restyle(power: np.ndarray, make: Make, rng: np.random.Generator) -> np.ndarray:
    """One activation (W, shape (n,)) as another make would draw it, shape (m,).

    >>> kettle = np.array([500.0, 2000, 2000, 2000, 2000, 2000])
    >>> float(restyle(kettle, Make(1000.0, 1.0), np.random.default_rng(0)).max().round())
    1000.0
    """
    top = float(power.max())
    heater = power >= _HEATER_SHARE * top
    phase = np.cumsum(np.concatenate([[0], heater[1:] != heater[:-1]]))
    factor = np.exp(rng.uniform(-_STRETCH, _STRETCH, phase[-1] + 1))[phase]
    level = np.where(heater, make.rated_w / top, make.motor)
    edges = np.concatenate([[0.0], np.cumsum(factor)])
    energy = np.concatenate([[0.0], np.cumsum(power * level * factor)])
    samples = np.arange(rng.uniform(-1.0, 0.0), edges[-1] + 1.0)
    return np.diff(np.interp(samples, edges, energy)).astype(np.float32)


class Library:
    """Recorded activations of each appliance: W, 1-D arrays."""

    def __init__(self, names: Sequence[str], recorded: Sequence[Sequence[np.ndarray]]) -> None:
        self._recorded = recorded
        self._rated = [_rated(name, seen) for name, seen in zip(names, recorded, strict=True)]

    def has(self, k: int) -> bool:
        """Whether anything is recorded of appliance ``k``."""
        return bool(self._recorded[k])

    def make(self, k: int, rng: np.random.Generator) -> Make | None:
        """A make of appliance ``k`` that a home may have; None: as it was recorded."""
        if rng.random() < _OWN_SHARE:
            return None
        return Make(
            float(rng.uniform(*self._rated[k])), float(np.exp(rng.normal(0, _MOTOR_SPREAD)))
        )

    def draw(self, k: int, make: Make | None, rng: np.random.Generator) -> np.ndarray:
        """One activation of appliance ``k``, W, shape (n,)."""
        recorded = self._recorded[k]
        power = recorded[int(rng.integers(len(recorded)))]
        return power if make is None else restyle(power, make, rng)


def _rated(name: str, recorded: Sequence[np.ndarray]) -> tuple[float, float]:
    """Largest power of a make, from and to, W: as makers print it on them where what was seen
    reaches it, else around what was seen."""
    known = RATED_W.get(name)
    top = float(np.median([power.max() for power in recorded])) if recorded else 0.0
    if known and (not recorded or top >= known[0]):
        return known
    return top / _UNKNOWN_SPREAD, top * _UNKNOWN_SPREAD
