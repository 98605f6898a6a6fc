"""Signs the store's timestamp again, four times a day, and looks for trouble.

What a gateway is told holds for three days at most, so a store that stands still, or was turned
back, is noticed. What it does is in ``smartwatts_airflow.renewal``.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.renewal import look, renew

DOC = """
### Renew the timestamp
Gateways believe what the store tells them for `SMARTWATTS_TIMESTAMP_HOURS` hours (72). This signs
it again every six hours, on the queue `signing`. Each retraining does so too, at its end.
Beside that it looks for what somebody has to see to, and tells the connection `SMARTWATTS_NOTIFY`:
a damaged store, keys that run out, late runs, silent sites; and of champions of the command line.

Never leave it paused: after three days gateways refuse every pull, which is what the timestamp
is for. What to do then: docs/operations.md, “The timestamp has expired”.
"""

with DAG(
    dag_id="renew_timestamp",
    description="What gateways are told, signed again every six hours",
    schedule=CronTriggerTimetable("30 */6 * * *", timezone="UTC", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    **OWNED,
    tags=["smartwatts"],
    doc_md=DOC,
):
    # Side by side: a renewal that fails has to fail the run.
    renew()
    look()
