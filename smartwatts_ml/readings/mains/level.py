"""Whether mains is where a home's can be, in W, and what unit would put it there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smartwatts_ml.readings.mains.power import MainsPower
from smartwatts_ml.readings.units import scale_of
from smartwatts_ml.sources import Defaults, Unit

__all__ = ["MainsLevel"]

_FEWEST = 24
"""Readings other than 0, and different ones, that show a level."""
_FEWEST_FRACTIONS = 3
"""Different ones that show a low one where they are fractions, as of a meter that counts tenths
of a kWh: no home's power goes by tenths of a watt."""
_AT_ONCE = 1000
_MOST = 100_000
"""Of more readings some are kept."""
_FALLS = 0.05
"""As many as of the steps up of a total at most go down: a glitch, another meter."""
_HOUR_US = 3.6e9
_CANDIDATES: tuple[Unit, ...] = ("W", "kW", "Wh", "kWh")


class MainsLevel:
    """What is seen of mains as it goes by; 0 says nothing of a level."""

    def __init__(self, limits: Defaults) -> None:
        self._limits = limits
        self._sizes: list[np.ndarray] = []
        self._fuses: list[np.ndarray] = []
        self._lasting: list[np.ndarray] = []
        self._rises = self._falls = 0

    def see(self, power: MainsPower) -> None:
        """Take in some more."""
        self._count_steps(power)
        size = np.abs(power.watts)
        filled = np.flatnonzero(size > 0)
        chosen = filled[:: len(filled) // _AT_ONCE + 1]
        fuses = np.array([self._limits.fuse_of(name) for name in power.names])
        self._sizes.append(size[chosen])
        self._fuses.append(fuses[power.devices[chosen]])
        self._lasting.append(power.lasting[chosen])
        if sum(map(len, self._sizes)) > _MOST:
            for kept in (self._sizes, self._fuses, self._lasting):
                kept[:] = [np.concatenate(kept)[::2]]

    def _count_steps(self, power: MainsPower) -> None:
        steps = np.diff(power.watts)[power.devices[1:] == power.devices[:-1]]
        self._rises += int(np.count_nonzero(steps > 0))
        self._falls += int(np.count_nonzero(steps < 0))

    @property
    def median(self) -> float:
        """W of its readings other than 0; NaN where there are too few to show a level."""
        size = np.concatenate([np.zeros(0), *self._sizes])
        if len(size) < _FEWEST:
            return np.nan
        median, different = float(np.median(size)), np.unique(size)
        by_tenths = median < self._limits.lowest_watts and bool(np.any(different % 1))
        enough = _FEWEST_FRACTIONS if by_tenths else _FEWEST
        return median if len(different) >= enough else np.nan

    @property
    def is_low(self) -> bool:
        """Whether most readings are lower than a home's."""
        return self.median < self._limits.lowest_watts

    @property
    def is_high(self) -> bool:
        """Whether most readings are above their fuse."""
        if np.isnan(self.median):
            return False
        above = np.concatenate(self._sizes) > np.concatenate(self._fuses)
        return bool(2 * np.count_nonzero(above) > len(above))

    @property
    def rises(self) -> bool:
        """Whether hardly a reading is lower than the one before it, though many are higher."""
        return self._rises >= _FEWEST and self._falls <= _FALLS * self._rises

    def units(self, unit: Unit) -> Iterator[tuple[Unit, float]]:
        """Units that would put mains where homes are, if it is not in ``unit``, and the W that it
        would have in the middle."""
        scale = scale_of(unit)
        hours = float(np.nanmedian(np.append(np.concatenate(self._lasting), np.nan))) / _HOUR_US
        if scale.quantity == "total":
            candidates: tuple[Unit, ...] = ("Wh-counter", "kWh-counter", "MWh-counter")
        else:
            candidates = _CANDIDATES
        known = hours if np.isfinite(hours) else 1.0
        each = {"power": 1.0, "energy": 1 / known, "total": 1.0}
        number = self.median / (scale.factor * each[scale.quantity])
        for candidate in candidates:
            other = scale_of(candidate)
            watts = number * other.factor * each[other.quantity]
            if candidate != unit and self._limits.lowest_watts <= watts <= self._limits.fuse_of(""):
                yield candidate, watts
