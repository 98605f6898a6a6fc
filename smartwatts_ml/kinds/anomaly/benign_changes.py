"""What happens in homes without anything being wrong: examples that teach to keep quiet.

=========  =================================================================================
change     what happens to the readings
=========  =================================================================================
absence    1 to 21 days of what the quietest quarter of the hours before was like
appliance  from a day on, on 40 to 100 % of the days, 1 to 8 hours more at about the same hour
season     over 28 to 70 days a rise, or a fall, to up to 2.2 times or a 2.2th
=========  =================================================================================

Hours of a change are normal. The first of a new appliance count less: nobody can know yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.injection import log_uniform

__all__ = ["CHANGES", "ChangedSeries", "change_benignly"]

_DAY = 24
_FOUR_WEEKS = 28 * _DAY
_UNKNOWN = 36  # hours of a new appliance that weigh less
_DOUBT = 0.3


@dataclass(frozen=True)
class ChangedSeries:
    """A series after a change. ``start``, ``stop``: the hours it shows in, and some after.
    ``weights``: float32, shape (n,)."""

    values: np.ndarray
    start: int
    stop: int
    weights: np.ndarray


_Rng = np.random.Generator
_Change = Callable[[np.ndarray, np.ndarray, int, _Rng], ChangedSeries]
"""From W, shape (n,), local hours of the week, the first hour and a generator."""


def _absence(values: np.ndarray, hours: np.ndarray, start: int, rng: _Rng) -> ChangedSeries:
    stop = min(start + int(log_uniform(rng, _DAY, 21 * _DAY)), len(values))
    before = values[max(start - _FOUR_WEEKS, 0) : start + 1]
    before = before[~np.isnan(before)]
    quiet = before[before <= np.quantile(before, 0.25)]
    changed = values.copy()
    changed[start:stop] = rng.choice(quiet, stop - start)
    changed[start:stop][np.isnan(values[start:stop])] = np.nan
    return ChangedSeries(changed, start, stop + 7 * _DAY, np.ones(len(values), np.float32))


def _appliance(values: np.ndarray, hours: np.ndarray, start: int, rng: _Rng) -> ChangedSeries:
    watts = log_uniform(rng, 0.4, 6.0) * float(np.nanmedian(np.abs(values)))
    length, chance, at = int(rng.integers(1, 9)), rng.uniform(0.4, 1.0), int(rng.integers(0, _DAY))
    changed = values.copy()
    for first in range(start + (at - int(hours[start])) % _DAY, len(values), _DAY):
        if rng.random() < chance:
            begin = max(first + int(rng.integers(-1, 2)), start)
            changed[begin : begin + length] += watts * rng.uniform(0.8, 1.1)
    weights = np.ones(len(values), np.float32)
    weights[start : start + _UNKNOWN] = _DOUBT
    return ChangedSeries(changed, start, start + 35 * _DAY, weights)


def _season(values: np.ndarray, hours: np.ndarray, start: int, rng: _Rng) -> ChangedSeries:
    length = int(log_uniform(rng, 28 * _DAY, 70 * _DAY))
    factor = log_uniform(rng, 1.2, 2.2) ** rng.choice((-1.0, 1.0))
    ramp = np.clip((np.arange(len(values)) - start) / length, 0.0, 1.0)
    changed = (values * factor**ramp).astype(np.float32)
    return ChangedSeries(changed, start, start + length, np.ones(len(values), np.float32))


CHANGES: dict[str, _Change] = {"absence": _absence, "appliance": _appliance, "season": _season}


def change_benignly(
    kind: str, values: np.ndarray, hours: np.ndarray, start: int, rng: _Rng
) -> ChangedSeries:
    """The series ``values``, W, shape (n,), NaN where missing, with a change of ``kind``
    from hour ``start`` on. ``hours``: local hours of the week, shape (n,)."""
    changed = CHANGES[kind](values, hours, start, rng)
    stop = min(changed.stop, len(values))
    return ChangedSeries(changed.values.astype(np.float32), start, stop, changed.weights)
