"""What a request asks for: the root that the settings name, a model, a run."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, HTTPException

from smartwatts_airflow.connection import connect
from smartwatts_ml.environment import check_environment
from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.folders import check_run_id
from smartwatts_ml.settings import Settings, settings

__all__ = ["Root", "check_model", "run_folder"]


def _root() -> tuple[Objects, Settings]:
    """The root that the settings name, opened for reading."""
    check_environment()
    current = settings()
    connect(current.root)
    return open_root(current.root, writable=False), current


Root = Annotated[tuple[Objects, Settings], Depends(_root)]


def check_model(model: str) -> None:
    """There is no page of a model that nobody trains."""
    if model not in model_names():
        raise HTTPException(404, f"There is no model {model!r}.")


def run_folder(run_id: str) -> str:
    """Of a run that is asked for by its name."""
    try:
        return f"runs/{check_run_id(run_id)}"
    except UsageError as error:
        raise HTTPException(404, "No run is called so.") from error
