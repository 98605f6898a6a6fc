"""What a run decided on a model, as its folder says."""

from __future__ import annotations

import json
from typing import Any

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.folders import MAX_RECORD_BYTES

__all__ = ["model_report"]


def model_report(objects: Objects, run_id: str, model: str) -> dict[str, Any] | None:
    """What a run decided on one model, and what came of it; None before a decision."""
    base = f"runs/{run_id}/{model}"
    try:
        decision = json.loads(objects.read(f"{base}/decision.json", MAX_RECORD_BYTES).data)
    except NotFoundError:
        return None
    report: dict[str, Any] = {
        "model": model,
        "accepted": decision["accepted"],
        "summary": decision["summary"],
        "reasons": decision["reasons"],
        "metrics": decision["metrics"],
        "report": objects.uri(f"{base}/report.html"),
        "version": None,
        "file": None,
    }
    if objects.exists(f"{base}/published.json"):
        report |= json.loads(objects.read(f"{base}/published.json", MAX_RECORD_BYTES).data)
    return report
