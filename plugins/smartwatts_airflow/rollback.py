"""The one task of the rollback DAG."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task

from smartwatts_airflow.assets import CHAMPIONS, announce
from smartwatts_airflow.context import actor, in_log, root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.placement import SIGNING_QUEUE
from smartwatts_airflow.retries import RetryWhatCanPass

__all__ = ["rollback"]


@task(
    execution_timeout=timedelta(minutes=15),
    retries=3,
    retry_delay=timedelta(seconds=10),
    retry_policy=RetryWhatCanPass(),
    outlets=[CHAMPIONS],
    queue=SIGNING_QUEUE,
    doc_md=DOCS["rollback"],
)
def rollback() -> dict[str, Any]:
    """Commit the rollback to the history and tell clients."""
    form = get_current_context()["params"]
    model, reason = form["model"], form["reason"]
    in_log(model)
    done = tasks.roll_back(root(), model, form["version"], actor(), reason)
    metrics = done.pop("metrics")
    announce(model, action="rolled back", version=done["version"], reason=reason, metrics=metrics)
    return done
