"""Whether mains is where a home's can be, in W, and what unit would put it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from smartwatts_ml.readings.mains.power import MainsPower
from smartwatts_ml.readings.units import scale_of
from smartwatts_ml.sources import Defaults, Unit

__all__ = ["MainsLevel"]

_FEWEST = 24
"""Readings other than 0, and different ones, that show a level."""
_FEWEST_FRACTIONS = 3
"""Different ones that show a low one where they are fractions, as of a meter that counts tenths
of a kWh: no home's power goes by tenths of a watt. So many in all are enough where nobody says the
unit."""
_AT_ONCE = 1000
_MOST = 100_000
"""Of more readings some are kept."""
_FALLS = 0.05
"""As many as of the steps up of a total at most go down: a glitch, another meter."""
_HOUR_US = 3.6e9
_CANDIDATES: tuple[Unit, ...] = ("W", "kW", "Wh", "kWh")
_TOTALS: tuple[Unit, ...] = ("Wh-counter", "kWh-counter", "MWh-counter")


class MainsLevel:
    """What is seen of mains as it goes by; 0 says nothing of a level."""

    def __init__(self, limits: Defaults) -> None:
        self._limits = limits
        self._sizes: list[np.ndarray] = []
        self._fuses: list[np.ndarray] = []
        self._lasting: list[np.ndarray] = []
        self._growth: list[np.ndarray] = []
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
            for kept in (self._sizes, self._fuses, self._lasting, self._growth):
                kept[:] = [np.concatenate(kept)[::2]]

    def _count_steps(self, power: MainsPower) -> None:
        same = power.devices[1:] == power.devices[:-1]
        steps, hours = np.diff(power.watts)[same], power.lasting[:-1][same] / _HOUR_US
        self._rises += int(np.count_nonzero(steps > 0))
        self._falls += int(np.count_nonzero(steps < 0))
        up = (steps > 0) & (hours > 0)
        self._growth.append((steps[up] / hours[up])[:_AT_ONCE])

    @property
    def _size(self) -> np.ndarray:
        return np.concatenate([np.zeros(0), *self._sizes])

    @property
    def median(self) -> float:
        """W of its readings other than 0; NaN where there are none."""
        return float(np.median(self._size)) if len(self._size) else np.nan

    def is_low(self, unsaid: bool) -> bool:
        """Whether most readings are lower than a home's, and enough to show it. ``unsaid``: nobody
        says their unit."""
        size = self._size
        different = np.unique(size)
        by_tenths = bool(np.any(different % 1))
        fewest = _FEWEST_FRACTIONS if by_tenths else _FEWEST
        enough = len(different) >= fewest and (len(size) >= _FEWEST or (unsaid and by_tenths))
        return enough and self.median < self._limits.lowest_watts

    @property
    def is_high(self) -> bool:
        """Whether most readings are above their fuse."""
        if not len(self._size):
            return False
        above = np.concatenate(self._sizes) > np.concatenate(self._fuses)
        return bool(2 * np.count_nonzero(above) > len(above))

    @property
    def step_s(self) -> float:
        """Seconds from one reading to the next, mostly; NaN where there is one alone."""
        lasting = np.append(np.concatenate([np.zeros(0), *self._lasting]), np.nan)
        known = lasting[np.isfinite(lasting)]
        return float(np.median(known)) / 1e6 if len(known) else np.nan

    @property
    def rises(self) -> bool:
        """Whether hardly a reading is lower than the one before it, though many are higher."""
        return self._rises >= _FEWEST and self._falls <= _FALLS * self._rises

    def units(self, unit: Unit) -> Iterator[tuple[Unit, float]]:
        """Units that would put mains where homes are, if it is not in ``unit``, and the W that it
        would have in the middle: those of totals first, where it never falls."""
        scale = scale_of(unit)
        if scale.quantity == "total":
            watts = {name: self.median * scale_of(name).factor / scale.factor for name in _TOTALS}
            yield from self._fitting(watts, unit)
            return
        hours = self.step_s / 3600
        of_interval = hours if np.isfinite(hours) else 1.0
        energy = scale.quantity == "energy"
        if self._rises and self._falls <= _FALLS * self._rises:
            growth = float(np.median(np.concatenate(self._growth)))  # W an hour, as it is taken
            growth *= 1e3 * (of_interval if energy else 1.0) / scale.factor
            yield from self._fitting(
                {name: growth * scale_of(name).factor for name in _TOTALS}, unit
            )
        number = self.median / scale.factor * (of_interval if energy else 1.0)
        watts = {}
        for name in _CANDIDATES:
            other = scale_of(name)
            each = 1 / of_interval if other.quantity == "energy" else 1.0
            watts[name] = number * other.factor * each
        yield from self._fitting(watts, unit)

    def _fitting(self, watts: Mapping[Unit, float], unit: Unit) -> Iterator[tuple[Unit, float]]:
        for name, level in watts.items():
            if name != unit and self._limits.lowest_watts <= level <= self._limits.fuse_of(""):
                yield name, level
