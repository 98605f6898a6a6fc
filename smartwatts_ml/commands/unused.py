"""Why ``predict`` says nothing of some readings, or of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from smartwatts_ml.kinds.base import Kind, ModelSpec
from smartwatts_ml.readings.base import coarser_mains
from smartwatts_ml.readings.files import FileReadings

__all__ = ["too_coarse", "why_nothing"]


def why_nothing(
    spec: ModelSpec, kind: Kind, options: dict[str, Any], readings: FileReadings
) -> str:
    """Why there is nothing to predict from: readings that will not do, or others than asked."""
    spans = [span for span in readings.spans() if kind.uses(spec, span)]
    asked = any(options.get(name) is not None for name in ("from", "to"))
    if not (asked and spans):
        cause = coarser_mains(readings.spans(), spec.period_s) or _alone(readings)
        clause = f", and {cause}" if cause else ""
        return f"mains readings every {spec.period_s} s or faster are needed{clause}"
    ends = [min(span.start for span in spans), max(span.end for span in spans)]
    start, end = readings.stamps_for(spans[0].site)(np.array(ends, "datetime64[s]"))
    return f"its readings begin on {start} and end on {end}"


def too_coarse(spec: ModelSpec, readings: FileReadings) -> list[str]:
    """A line where sites are left out because their readings are coarser than the model's."""
    coarser = coarser_mains(readings.spans(), spec.period_s)
    return [f"{coarser}, and the model takes one every {spec.period_s} s"] if coarser else []


def _alone(readings: FileReadings) -> str:
    """Of which site there is but one reading, as a clause; empty where there is none."""
    alone = [span.site for span in readings.spans() if span.covered_s == 0]
    return f"{alone[0]} has one reading, which does not tell how long it lasts" if alone else ""
