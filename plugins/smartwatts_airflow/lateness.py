"""The alert for a run that is late."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from smartwatts_airflow.notify import late
from smartwatts_ml.settings import settings

__all__ = ["late_alert"]


def late_alert() -> DeadlineAlert:
    """Tells ``SMARTWATTS_NOTIFY`` of a run that has not ended ``late_hours`` after it was
    queued. A run that was never queued is noticed by gateways: the timestamp expires."""
    hours = settings().late_hours
    return DeadlineAlert(
        name="ends in time",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=hours),
        callback=AsyncCallback(late, kwargs={"hours": hours}),
    )
