"""The two tasks of the DAG that renews the timestamp, and looks for trouble."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from smartwatts_airflow.assets import CHANGED_CHAMPION, announce
from smartwatts_airflow.context import root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.gauges import emit_all
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.notify import (
    about_change,
    about_troubles,
    send,
    tell_failure,
    tell_unrenewed,
)
from smartwatts_airflow.placement import signing_placement
from smartwatts_airflow.retries import PATIENT, RetryWhatCanPass

__all__ = ["look", "renew"]

_log = logging.getLogger(__name__)


@task(
    execution_timeout=timedelta(minutes=15),
    retries=5,
    retry_delay=timedelta(minutes=1),
    retry_exponential_backoff=True,
    max_retry_delay=timedelta(minutes=30),
    retry_policy=RetryWhatCanPass(),
    on_failure_callback=tell_unrenewed,
    doc_md=DOCS["renew"],
    **signing_placement(),
)
def renew() -> str:
    """Sign the timestamp again; until when it holds now."""
    until: str | None = tasks.once_stage(root(), "renew")
    if until is None:
        raise AirflowSkipException("the store has no keys yet: `smartwatts keys init`")
    return until


@task(
    execution_timeout=timedelta(minutes=30),
    outlets=[CHANGED_CHAMPION],
    on_failure_callback=partial(tell_failure, what="nobody could look for trouble"),
    doc_md=DOCS["look"],
    **PATIENT,
)
def look() -> list[str]:
    """Tell what somebody has to see to, and champions that were changed past Airflow; what
    there is to see to."""
    troubles = tasks.find_troubles(root())
    for trouble in troubles:
        _log.warning("%(severity)s: %(what)s (%(fix)s)", trouble)
    due = [trouble for trouble in troubles if trouble["due"]]
    sent = [trouble["about"] for trouble in due] if due and send(about_troubles(due)) else []
    tasks.note_troubles(root(), sent, [trouble["about"] for trouble in troubles])
    for change in tasks.untold_changes(root()):
        announce(change)
        send(about_change(change))
    emit_all(root(), troubles=troubles)
    return [trouble["what"] for trouble in troubles]
