"""The tasks of the DAG that weighs what came since champions were published."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import task

from smartwatts_airflow.assets import CHANGED_CHAMPION, announce
from smartwatts_airflow.context import root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.notify import about_change, send, tell_failure
from smartwatts_airflow.placement import signing_placement
from smartwatts_airflow.retries import PATIENT, RetryWhatCanPass

__all__ = ["due", "take_back", "watching", "weigh"]


def watching() -> None:
    """Weigh, then take back and ask for retraining, side by side."""
    weighed: Any = weigh()
    take_back(weighed)
    TriggerDagRunOperator.partial(
        task_id="retrain",
        trigger_dag_id="retrain_weekly",
        retries=3,
        retry_delay=timedelta(minutes=1),
        execution_timeout=timedelta(minutes=5),
        doc_md=DOCS["retrain"],
    ).expand(conf=due(weighed))


@task(
    execution_timeout=timedelta(hours=3),
    on_failure_callback=partial(tell_failure, what="nobody could weigh what homes say"),
    doc_md=DOCS["weigh"],
    **PATIENT,
)
def weigh() -> dict[str, Any]:
    """What was found of each champion, and which models are to be retrained."""
    weighed: dict[str, Any] = tasks.weigh_champions(root())
    return weighed


@task(
    execution_timeout=timedelta(minutes=15),
    retries=5,
    retry_delay=timedelta(minutes=1),
    retry_policy=RetryWhatCanPass(),
    outlets=[CHANGED_CHAMPION],
    on_failure_callback=partial(tell_failure, what="a version that does harm is still in force"),
    doc_md=DOCS["take_back"],
    **signing_placement(),
)
def take_back(weighed: dict[str, Any]) -> list[str]:
    """Put the version before in force where harm is shown, and tell people; what was done."""
    changes = tasks.take_back(root(), weighed["found"])
    for change in changes:
        announce(change)
        send(about_change(change))
    return [f"{change['model']} v{change['version']}: {change['reason']}" for change in changes]


@task(execution_timeout=timedelta(minutes=5), doc_md=DOCS["retrain"], **PATIENT)
def due(weighed: dict[str, Any]) -> list[dict[str, Any]]:
    """What runs of ``retrain_weekly`` are started with, one for each model."""
    return [{"models": [model]} for model in weighed["retrain"]]
