"""Weighs what came since each champion was published, every day.

What it does is in ``smartwatts_airflow.watching``.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.watching import watching

DOC = """
### Watch the champions
Compares each champion with the version before it, on readings that came after its publication
and on what gateways say (`landing/beacons/`). One that is shown to do harm is taken back, on the
queue `signing`, in the name of `smartwatts watch`; one that gets worse by itself is retrained.
Looking every day costs nothing: a version without harm is ever taken back with a chance below one
in twenty.

`SMARTWATTS_FLEET_ROLLBACK=false` leaves taking back to people.
"""

with DAG(
    dag_id="watch_champions",
    description="Whether what was published does harm, every day",
    # A first start need not make up for this morning.
    schedule=CronTriggerTimetable("15 5 * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    **OWNED,
    tags=["smartwatts"],
    doc_md=DOC,
):
    watching()
