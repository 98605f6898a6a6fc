"""The one task of the renewal DAG."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import task

from smartwatts_airflow.context import root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.placement import SIGNING_QUEUE
from smartwatts_airflow.retries import RetryWhatCanPass

__all__ = ["renew"]


@task(
    execution_timeout=timedelta(minutes=15),
    retries=12,
    retry_delay=timedelta(minutes=10),
    retry_policy=RetryWhatCanPass(),
    queue=SIGNING_QUEUE,
    doc_md=DOCS["renew"],
)
def renew() -> str | None:
    """Sign the store's timestamp again; until when it holds."""
    expires: str | None = tasks.once_stage(root(), "renew")
    return expires
