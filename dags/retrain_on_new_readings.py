"""Retrains the models that have enough new readings, whenever they have them."""

from __future__ import annotations

from airflow.sdk import DAG
from smartwatts_airflow.assets import new_readings_for
from smartwatts_airflow.form import retraining_form
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.retraining import retraining

DOC = """
### Retraining on new readings
A run begins when some model is due: the readings since the last decision on it (ingested, or still
in `landing/`) are a tenth of those that it had (`SMARTWATTS_NEW_GROWTH`). The triggerer looks every
`SMARTWATTS_POKE_SECONDS` and makes an event of the asset `smartwatts/new-readings`, whose payload
says what it saw. **Models** says what waits, and why.

It retrains as `retrain_weekly` does. After ingest the exact count decides: still too few, and the
run ends as **skipped**. A rejected challenger counts as a decision; a model that failed is left
alone for an hour, doubling to a day.

A run triggered by hand does as its form says, at once, whatever is due.
"""

_DAG_ID = "retrain_on_new_readings"

with DAG(
    dag_id=_DAG_ID,
    description="The models that have enough new readings",
    schedule=[new_readings_for(_DAG_ID)],
    catchup=False,
    max_active_runs=1,
    params=retraining_form(),
    **OWNED,
    tags=["smartwatts", "retraining"],
    doc_md=DOC,
):
    retraining(only_due=True)
