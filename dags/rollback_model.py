"""Makes an older version of a model the champion again. By hand only."""

from __future__ import annotations

from airflow.sdk import DAG
from smartwatts_airflow.form import rollback_form
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.rollback import rollback

DOC = """
### Roll a model back
Adds a new entry to the model's signed history that names an older version, and tells
gateways of it. Nothing is deleted; rolling forward again is one more run of this DAG.
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
