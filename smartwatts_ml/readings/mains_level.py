"""Whether the mains of a file are where a home's or a building's can be in W, if nobody says
the unit."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.parsed import Parsed

__all__ = ["MainsLevel"]

_LOWEST_W = 5.0
_HIGHEST_W = 2_000_000.0
"""Large buildings draw a megawatt; what is beyond a home's fuse is told as a doubt."""
_FEWEST = 24
"""Readings other than 0, and different ones, that show a level."""
_ENOUGH = 4096
"""Of more readings at once some are looked at."""


class MainsLevel:
    """Counts readings of mains other than 0 as they go by."""

    def __init__(self) -> None:
        self._count = self._below = self._above = 0
        self._distinct: set[float] = set()

    def see(self, rows: Parsed) -> None:
        """Rows in W, as they are where nobody says the unit."""
        of_mains = np.array([name.endswith(f"/{MAINS}") for name in rows.names], bool)
        step = len(rows) // _ENOUGH + 1
        size = np.abs(rows.values[::step])
        size = size[of_mains[rows.devices[::step]] & (size > 0)]
        if not len(size):
            return
        self._count += len(size)
        self._below += int(np.count_nonzero(size < _LOWEST_W))
        self._above += int(np.count_nonzero(size > _HIGHEST_W))
        if len(self._distinct) < _FEWEST:
            self._distinct.update(size[: 10 * _FEWEST].tolist())

    def check(self, name: str) -> None:
        """Raises BadInputError where most of them are lower or higher than can be."""
        if min(self._count, len(self._distinct)) < _FEWEST:
            return
        for share, where in (
            (self._below, f"below {_LOWEST_W:g} W"),
            (self._above, f"above {_HIGHEST_W:,.0f} W"),
        ):
            if 2 * share > self._count:
                raise BadInputError(
                    f"{name}: nobody says the unit, and in W most readings of mains would be "
                    f"{where}, where no home and no building is",
                    fix='say so with the source\'s unit, e.g. unit = "kWh", or unit = "W" if it is '
                    "so all the same (ingest --yes)",
                    settle=('unit = "kW"', 'unit = "kWh"', 'unit = "kWh-counter"', 'unit = "W"'),
                )
