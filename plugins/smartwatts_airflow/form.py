"""The forms that Airflow shows when a DAG is triggered by hand."""

from __future__ import annotations

from airflow.sdk import Param

from smartwatts_ml.kinds import model_names

__all__ = ["retraining_form", "rollback_form"]


def retraining_form() -> dict[str, Param]:
    """Which models to retrain, for how long, and whether to publish."""
    names = list(model_names())
    return {
        "models": Param(
            names,
            type="array",
            items={"type": "string", "enum": names},
            examples=names,
            minItems=1,
            uniqueItems=True,
            title="Models",
            description="Those to retrain.",
        ),
        "epochs": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=10_000,
            title="Epochs",
            description="At most so many; empty: each kind's own setting.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Train, judge and convert, but publish and record nothing.",
        ),
    }


def rollback_form() -> dict[str, Param]:
    """Which model goes back to which version, and why."""
    return {
        "model": Param(
            type="string",
            enum=list(model_names()),
            title="Model",
            description="The model that goes back.",
        ),
        "version": Param(
            type="integer",
            minimum=1,
            title="Version",
            description="The version that becomes the champion again.",
        ),
        "reason": Param(
            type="string",
            minLength=3,
            maxLength=500,
            title="Reason",
            description="Kept in the signed history.",
        ),
    }
