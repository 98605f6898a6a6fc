"""How much there was to judge by, and how sure each metric is."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.gate.decision import CHALLENGER, Evidence
from smartwatts_ml.gate.judgement import Case
from smartwatts_ml.gate.statistics import Difference, difference, needed

__all__ = ["evidence", "intervals"]


def evidence(case: Case, found: Difference) -> Evidence:
    """How much there was to judge by, and how much it would take."""
    units = case.units
    if case.over == "sites":
        count, over = case.sites, "sites"
    else:
        count = len(case.scores[CHALLENGER].sites)
        over = f"weeks within {case.sites} {'site' if case.sites == 1 else 'sites'}"
    want = needed(count, units, found.gain, found.error, case.rules.confidence)
    return Evidence(over, count, want, case.rules.confidence)


def intervals(case: Case) -> dict[str, dict[str, list[float]]]:
    """Bounds of every metric of every resampled system, at the gate's confidence on either
    side, widened as those of differences are."""
    found: dict[str, dict[str, list[float]]] = {}
    for name, samples in case.samples.items():
        found[name] = {}
        for metric, values in samples.items():
            bounds = difference(
                case.metrics[name][metric], values, case.units, case.rules.confidence
            )
            if np.isfinite([bounds.low, bounds.high]).all():
                found[name][metric] = [bounds.low, bounds.high]
    return found
