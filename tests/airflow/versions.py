"""A store with many versions of one model, as the Models page has to show it."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from smartwatts_ml.store import Store
from tests.store.helpers import FIELDS

__all__ = ["fields", "fill"]

MODEL = "nilm"


def fields(mae: float) -> dict[str, Any]:
    """What a manifest says of a version with this error."""
    return FIELDS | {
        "metrics": {
            "challenger": {"mae_w": str(mae), "f1": "0.81", "accuracy": "0.95"},
            "champion": None,
            "baseline": {"mae_w": "40", "f1": "0.42", "accuracy": "0.9"},
        }
    }


def fill(store: Store, count: int) -> None:
    """So many versions, the last one forced; then a rollback to the one before."""
    for number in range(1, count + 1):
        run_id = f"run-{number}"
        content = b"\x1c\0\0\0TFL3" + hashlib.sha256(run_id.encode()).digest() * 8
        mae = 20 + 15 * math.exp(-number / 40) + math.sin(number)
        last = number == count
        store.publish(
            MODEL,
            content,
            fields(round(mae, 3)),
            run_id=run_id,
            actor="retrain_weekly",
            reason="no meter of dishwashers yet" if last else f"{MODEL} accepted: MAE −0.2",
            action="force" if last else "promote",
        )
    store.rollback(MODEL, count - 1, "ann", "because the dashboards were wrong")
