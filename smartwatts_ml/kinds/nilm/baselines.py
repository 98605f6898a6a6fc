"""The simple methods that every challenger has to beat, fitted on training readings."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.base import Details
from smartwatts_ml.kinds.nilm.predictors import (
    CombinatorialOptimisation,
    MeanPower,
    NilmPredictor,
    appliance_states,
)
from smartwatts_ml.readings.base import MAINS, Readings

__all__ = ["fit_baselines"]

SEED = 0


def fit_baselines(details: Details, readings: Readings) -> dict[str, NilmPredictor]:
    """Mean power, and combinatorial optimisation over the appliances' states."""
    names = tuple(details["appliances"])
    thresholds = details["on_thresholds_w"]
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    running: list[list[np.ndarray]] = [[] for _ in names]
    rest: list[float] = []
    for site in readings.iterate(details["period_s"]):
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
            names, appliance_states(joined, SEED), base
        ),
    }
