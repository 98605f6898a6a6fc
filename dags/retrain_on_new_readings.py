"""Retrains the models that have enough new readings, whenever they have them."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.form import retraining_form
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.retraining import retraining
from smartwatts_airflow.retries import PATIENT
from smartwatts_airflow.sensor import NewReadingsSensor

DOC = """
### Retraining on new readings
One run is always active. It waits, without a worker slot, until the readings since the last
decision (ingested, or still in `landing/`) are a tenth of those that it had
(`SMARTWATTS_NEW_GROWTH`), and then retrains as `retrain_weekly` does. After ingest the exact
count decides: still too few, and the run ends as **skipped**. A rejected challenger counts as a
decision; a model that failed is left alone for an hour, doubling to a day.

A run triggered by hand queues behind the waiting one, and then does as its form says, whatever is
due: use `retrain_weekly` for that.
"""

with DAG(
    dag_id="retrain_on_new_readings",
    description="The models that have enough new readings",
    schedule="@continuous",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params=retraining_form(),
    **OWNED,
    tags=["smartwatts", "retraining"],
    doc_md=DOC,
):
    waiting = NewReadingsSensor(
        task_id="wait_for_readings", doc_md=DOCS["wait_for_readings"], **PATIENT
    )
    waiting >> retraining(only_due=True)
