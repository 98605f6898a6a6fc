"""A meter's running total → mean power between its readings."""

from __future__ import annotations

import numpy as np

__all__ = ["power_of_totals"]

_KWH_A_MICRO_IN_W = 3.6e12
_SMALLEST_REGISTER_KWH = 1e3
_NEAR = 0.1
"""A register that rolls over was in the last tenth of its range, and is in the first."""
_PLAUSIBLE = 3.0
"""A roll-over may show at most so many times the largest power of all other intervals."""


def power_of_totals(stamps: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Mean W from each stamp to the next; float64, shape (n,).

    ``stamps`` int64 µs, strictly increasing; ``totals`` kWh at each stamp. The last one
    has no next and is NaN. Where the total falls, either the register rolled over at a
    power of ten, which tells the energy, or it was reset, which does not (NaN).

    >>> hours = np.arange(4) * 3_600_000_000
    >>> power_of_totals(hours, np.array([99_998.5, 99_999.5, 0.5, 1.0]))
    array([1000., 1000.,  500.,   nan])
    >>> power_of_totals(hours, np.array([500.0, 501.0, 0.0, 1.0]))
    array([1000.,   nan, 1000.,   nan])
    """
    power = np.full(len(stamps), np.nan)
    if len(stamps) < 2:
        return power
    lasting = np.diff(stamps) / _KWH_A_MICRO_IN_W
    before, after = totals[:-1], totals[1:]
    used = after - before
    power[:-1] = used / lasting
    falls = np.flatnonzero(used < 0)
    if len(falls):
        range_kwh = 10.0 ** np.ceil(np.log10(np.maximum(before[falls], 1.0)))
        rolled = (range_kwh - before[falls] + after[falls]) / lasting[falls]
        power[falls] = np.nan
        highest = np.nanmax(power, initial=0.0)
        over = (
            (range_kwh >= _SMALLEST_REGISTER_KWH)
            & (before[falls] > (1 - _NEAR) * range_kwh)
            & (after[falls] < _NEAR * range_kwh)
            & ((rolled <= _PLAUSIBLE * highest) | (highest == 0))
        )
        power[falls[over]] = rolled[over]
    return power
