"""The rollback DAG in Airflow, on a real store: what it changes, and whom it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smartwatts_ml.objects import open_root
from smartwatts_ml.store import Store
from tests.store.helpers import publish
from tests.warm import WarmPython

pytestmark = pytest.mark.slow

PLAY = """
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.utils import db
from airflow.utils.session import create_session
from datetime import datetime, timedelta, UTC
from smartwatts_airflow import notify
from sqlalchemy import select
from tests.airflow.conftest import REPOSITORY

sent = []
notify._deliver = lambda connection, message: sent.append(message.subject)
db.initdb()
played = {}
for number, name in enumerate(["first", "again"]):
    dag = DagBag(str(REPOSITORY / "dags" / "rollback_model.py")).dags["rollback_model"]
    form = {"model": "nilm", "version": 1, "reason": "v2 misses kettles"}
    run = dag.test(
        logical_date=datetime(2026, 4, 1, tzinfo=UTC) + timedelta(days=number), run_conf=form
    )
    played[name] = {ti.task_id: ti.state for ti in run.get_task_instances()}
with create_session() as session:
    played["events"] = [event.extra for event in session.scalars(select(AssetEvent))]
print("PLAYED" + json.dumps(played | {"sent": sent}))
"""


def test_a_rollback_is_told_once_and_one_to_the_champion_in_force_is_none(
    warm_airflow: WarmPython, tmp_path: Path
) -> None:
    store = Store(open_root(str(tmp_path / "root")), tmp_path / "keys")
    for number in (1, 2):
        publish(store, "nilm", f"run{number}")
    run = warm_airflow.run(
        PLAY,
        AIRFLOW_CONN_SMARTWATTS_NOTIFY=json.dumps({"conn_type": "http", "host": "x"}),
        SMARTWATTS_ROOT=str(tmp_path / "root"),
        SMARTWATTS_KEYS=str(tmp_path / "keys"),
    )
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("PLAYED")]
    played = json.loads(line.removeprefix("PLAYED"))
    assert played["first"] == {"rollback": "success"}
    assert played["again"] == {"rollback": "skipped"}
    assert played["sent"] == ["SmartWatts nilm: v1 rolled back"]
    (event,) = [event for event in played["events"] if event.get("reason") == "v2 misses kettles"]
    assert (event["action"], event["version"], event["metrics"]) == (
        "rolled back",
        1,
        {"mae": 12.5},
    )
    assert [entry.action for entry in store.history("nilm")] == ["promote", "promote", "rollback"]
