"""Power of each appliance as activations: "dishwasher 19:02 to 20:10, 1.1 kWh".

An appliance is taken to run from the first to the last sample with power of an activation;
pauses up to ``pause_s`` belong to it. What lasts less than ``shortest_s`` is no activation.
The scheme, and the durations of well-known appliances at the root of those here: Kelly and
Knottenbelt 2015 (NILMTK's Electric.get_activations).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smartwatts_ml.kinds.nilm.details import Duration
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = ["duration_of", "is_brief", "keep_activations"]


_PUBLISHED = {
    "kettle": Duration(60, 12),
    "microwave": Duration(120, 12),
    "fridge": Duration(60, 60),
    "dishwasher": Duration(2700, 600),
    "washing_machine": Duration(1800, 120),
}
_TYPICAL_S = {"kettle": 180.0, "microwave": 120.0, "toaster": 150.0}
_DEFAULT_PAUSE_S = 600.0
_SHORTEST_SHARE = 0.5
"""Of the 5th percentile of what was seen: shorter is no run of this appliance."""


def duration_of(appliance: str, lengths_s: np.ndarray) -> Duration:
    """The published duration, else one from the activations seen (s, shape (n,)).

    >>> duration_of("pump", np.full(20, 400.0))
    Duration(pause_s=600.0, shortest_s=200.0)
    """
    if appliance in _PUBLISHED:
        return _PUBLISHED[appliance]
    shortest = _SHORTEST_SHARE * float(np.percentile(lengths_s, 5)) if len(lengths_s) else 0.0
    return Duration(_DEFAULT_PAUSE_S, round(shortest, 1))


def is_brief(appliance: str, samples: np.ndarray, energy: np.ndarray, period_s: int) -> bool:
    """Whether an appliance typically runs for less than half a sample, so that samples hold it
    and much else. Known of well-known ones; of others told by the activations seen, of so many
    ``samples`` and so much ``energy`` each (n,): a run of half a sample or more would mostly lie
    in two, so those that hold half of all energy are one sample long.

    >>> [is_brief("kettle", np.ones(9), np.ones(9), period_s) for period_s in (300, 900)]
    [False, True]
    >>> is_brief("pump", np.array([1, 1, 1, 3]), np.array([1.0, 1.0, 1.0, 2.0]), 900)
    True
    """
    if appliance in _TYPICAL_S:
        return _TYPICAL_S[appliance] < period_s / 2
    brief = energy[samples <= 1].sum()
    return bool(len(samples)) and bool(brief > energy.sum() / 2)


def keep_activations(
    power: np.ndarray,
    appliances: tuple[str, ...],
    durations: Mapping[str, Duration],
    period_s: int,
) -> np.ndarray:
    """The same power, 0 W where what runs is too short to be an activation.

    ``power``: W, shape (n, n_appliances), NaN where mains is missing, which stays NaN.
    """
    kept = power.copy()
    for k, name in enumerate(appliances):
        duration = durations[name]
        runs = true_runs(power[:, k] > 0, pause=duration.pause_s / period_s)
        for first, end in zip(*runs, strict=True):
            if (end - first) * period_s < duration.shortest_s:
                part = kept[first:end, k]
                part[np.isfinite(part)] = 0.0
    return kept
