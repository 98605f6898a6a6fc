"""Signs the store's timestamp again, four times a day.

What a gateway is told holds for three days at most, so a store that stands still, or was turned
back, is noticed. What it does is in ``smartwatts_airflow.renewal``.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable
from smartwatts_airflow.lateness import late_alert
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.renewal import renew

DOC = """
### Renew the timestamp
Gateways believe what the store tells them for `SMARTWATTS_TIMESTAMP_HOURS` hours (72). This signs
it again every six hours, on the queue `signing`. Each retraining does so too, at its end.

Never leave it paused: after three days gateways refuse every pull, which is what the timestamp
is for. What to do then: docs/operations.md, “The timestamp has expired”.
"""

with DAG(
    dag_id="renew_timestamp",
    description="What gateways are told, signed again every six hours",
    schedule=CronTriggerTimetable("30 */6 * * *", timezone="UTC", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    deadline=late_alert(),
    **OWNED,
    tags=["smartwatts"],
    doc_md=DOC,
):
    renew()
