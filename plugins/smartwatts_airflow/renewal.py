"""The one task of the DAG that renews the timestamp."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from smartwatts_airflow.context import root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.notify import about_renewal, send
from smartwatts_airflow.placement import signing_placement
from smartwatts_airflow.retries import RetryWhatCanPass

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["renew"]


def _tell(context: Context) -> None:
    """Somebody has to know, long before gateways refuse what they are told."""
    run = context["dag_run"]
    send(about_renewal(run.dag_id, run.run_id, str(context.get("exception") or "it failed")))


@task(
    execution_timeout=timedelta(minutes=15),
    retries=5,
    retry_delay=timedelta(minutes=1),
    retry_exponential_backoff=True,
    max_retry_delay=timedelta(minutes=30),
    retry_policy=RetryWhatCanPass(),
    on_failure_callback=_tell,
    doc_md=DOCS["renew"],
    **signing_placement(),
)
def renew() -> str:
    """Sign the timestamp again; until when it holds now."""
    until: str | None = tasks.once_stage(root(), "renew")
    if until is None:
        raise AirflowSkipException("the store has no keys yet: `smartwatts keys init`")
    return until
