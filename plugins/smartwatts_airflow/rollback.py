"""The one task of the rollback DAG."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from smartwatts_airflow.assets import CHANGED_CHAMPION, announce
from smartwatts_airflow.context import actor, in_log, root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.lineage import tell_published
from smartwatts_airflow.notify import about_change, send, tell_failure
from smartwatts_airflow.placement import signing_placement
from smartwatts_airflow.retries import RetryWhatCanPass

__all__ = ["rollback"]


@task(
    execution_timeout=timedelta(minutes=15),
    retries=3,
    retry_delay=timedelta(seconds=10),
    retry_policy=RetryWhatCanPass(),
    outlets=[CHANGED_CHAMPION],
    on_failure_callback=partial(tell_failure, what="nothing was rolled back"),
    doc_md=DOCS["rollback"],
    **signing_placement(),
)
def rollback() -> dict[str, Any]:
    """Commit the rollback to the history, and tell gateways and people. Skipped where that
    version is in force already."""
    form = get_current_context()["params"]
    model, reason = form["model"], form["reason"]
    in_log(model)
    done = tasks.roll_back(root(), model, form["version"], actor(), reason)
    if not done["changed"]:
        raise AirflowSkipException(f"{model} v{done['version']} is in force already")
    change = tasks.change_of_champion(root(), model, done["serial"])
    announce(change)
    tell_published(root(), model, done["version"])
    send(about_change(change))
    return done
