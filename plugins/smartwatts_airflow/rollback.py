"""The one task of the rollback DAG."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task

from smartwatts_airflow.assets import CHAMPIONS, announce
from smartwatts_airflow.context import actor, in_log, root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.retries import RetryWhatCanPass

__all__ = ["rollback"]


@task(
    execution_timeout=timedelta(minutes=15),
    retries=3,
    retry_delay=timedelta(seconds=10),
    retry_policy=RetryWhatCanPass(),
    outlets=[CHAMPIONS],
    doc_md=DOCS["rollback"],
)
def rollback() -> dict[str, Any]:
    """Commit the rollback to the history and repoint the champion."""
    from smartwatts_ml.objects import open_root
    from smartwatts_ml.settings import settings
    from smartwatts_ml.store import open_store

    form = get_current_context()["params"]
    in_log(form["model"])
    store = open_store(open_root(root()), settings())
    done = store.rollback(form["model"], form["version"], actor(), form["reason"])
    announce(
        form["model"],
        action="rolled back",
        version=done.version,
        reason=form["reason"],
        metrics=store.manifest(form["model"], done.version).metrics.get("challenger") or {},
    )
    return {"model": form["model"], "version": done.version, "serial": done.serial}
