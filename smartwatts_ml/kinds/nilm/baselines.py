"""The simple methods that every challenger has to beat, fitted on training readings."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.kinds.nilm.predictors import CombinatorialOptimisation, MeanPower, NilmPredictor
from smartwatts_ml.readings.base import MAINS, Readings

__all__ = ["fit_baselines"]

_SEED = 0
_MAX_COMBINATIONS = 4096


def fit_baselines(details: NilmDetails, readings: Readings) -> dict[str, NilmPredictor]:
    """Mean power, and combinatorial optimisation over the appliances' states; of appliances
    that the file leaves out too, which they have to be compared by."""
    names = tuple(sorted({*details.appliances, *details.left_out}))
    thresholds = details.on_thresholds_w
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    running: list[list[np.ndarray]] = [[] for _ in names]
    rest: list[float] = []
    for site in readings.iterate(details.period_s):
        known = {name: values for name, values in site.channels.items() if name in names}
        if MAINS not in site.channels or not known:
            continue
        explained = np.nansum(list(known.values()), axis=0)
        rest.append(float(np.nanmedian(site.channels[MAINS] - explained)))
        for k, name in enumerate(names):
            if name in known:
                values = known[name][np.isfinite(known[name])]
                sums[k] += values.sum()
                counts[k] += len(values)
                running[k].append(values[values >= thresholds[name]])
    joined = [np.concatenate(parts) if parts else np.empty(0) for parts in running]
    base = float(np.mean(rest)) if rest else 0.0
    return {
        "mean_power": MeanPower(names, sums / np.maximum(counts, 1)),
        "combinatorial_optimisation": CombinatorialOptimisation(
            names, _appliance_states(joined, _SEED), base
        ),
    }


def _appliance_states(running: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """Levels in W of each appliance, off first, by k-means of its power while on.

    As many levels for each as keep the number of combinations within bounds.
    """
    rng = np.random.default_rng(seed)
    levels = max(1, min(3, int(_MAX_COMBINATIONS ** (1 / len(running))) - 1))
    states = []
    for power in running:
        sample = power if len(power) <= 20_000 else rng.choice(power, 20_000, replace=False)
        count = min(levels, len(np.unique(sample)))
        centres = (
            KMeans(count, n_init=3, random_state=seed).fit(sample[:, None]).cluster_centers_[:, 0]
            if count
            else np.empty(0)
        )
        states.append(np.concatenate([[0.0], np.sort(centres)]))
    return states
