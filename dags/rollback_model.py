"""Makes an older version of a model the champion again. By hand only."""

from __future__ import annotations

from airflow.sdk import DAG
from smartwatts_airflow.form import rollback_form
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.rollback import rollback

DOC = """
### Roll a model back
Adds a new version of the model's signed role that names an older file, and tells gateways, on the
queue `signing`. Nothing is deleted; rolling forward again is one more run of this DAG.
The history names the Airflow user who triggered it, and the reason given.
"""

with DAG(
    dag_id="rollback_model",
    description="Make an older version the champion again",
    schedule=None,
    max_active_runs=1,
    params=rollback_form(),
    **OWNED,
    tags=["smartwatts"],
    doc_md=DOC,
):
    rollback()
