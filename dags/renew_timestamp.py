"""Renews what gateways are told, twice a day."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG
from smartwatts_airflow.ownership import OWNED
from smartwatts_airflow.renewal import renew

DOC = """
### Renew the timestamp
Gateways believe the store for three days at most after its timestamp was signed, so that one that
stands still or was turned back is noticed. This signs it again where the keys are, whether or
not anything is retrained.
"""

with DAG(
    dag_id="renew_timestamp",
    description="Sign again what gateways are told",
    schedule="17 */12 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    **OWNED,
    tags=["smartwatts"],
    doc_md=DOC,
):
    renew()
