"""Retrains every model on all readings, each Sunday night.

What it does is in ``smartwatts_airflow.retraining``; the order of stages and every rule
are in ``smartwatts_ml``.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from smartwatts_airflow.form import retraining_form
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.retraining import retraining

DOC = """
### Weekly retraining
Ingests what is in `landing/`, then trains, judges, converts and publishes each model.

A challenger that is not better than the champion ends its branch as **skipped**, with the
reason in its map name, and the run succeeds. A model that fails lets the others finish;
then `report` fails the run. Trigger it by hand to choose models, epochs or a dry run.
"""

with DAG(
    dag_id="retrain_weekly",
    description="Every model, each Sunday at 02:00 UTC",
    # A first start must not make up for last Sunday, which a plain cron string does for hours.
    schedule=CronTriggerTimetable("0 2 * * 0", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    params=retraining_form(),
    **OWNED,
    tags=["smartwatts", "retraining"],
    doc_md=DOC,
):
    retraining(only_due=False)
