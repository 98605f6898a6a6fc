"""Requests that come at the same time, to Airflow's real API server on SQLite."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.airflow_api import Airflow, AirflowError
from scripts.stack import REPOSITORY, Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TOGETHER = 12
APART_SECONDS = 0.03
"""What stood still is one that comes while another is at work; of those that come at the same
moment all are past the audit log before any writes."""
START_SECONDS = 500.0
DAG = "rollback_model"
FORM = {"model": "nilm", "version": 1, "reason": "tried"}
SERVE = """
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.utils import db
from pathlib import Path
import sys, uvicorn

db.initdb()
DagBundlesManager().sync_bundles_to_db()
where = {"dag_folder": sys.argv[1], "bundle_path": Path(sys.argv[1]), "bundle_name": "dags-folder"}
sync_bag_to_db(BundleDagBag(**where), "dags-folder", None)
from airflow.api_fastapi.app import create_app
uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """The API server alone, as the local stack's environment makes it."""
    folder = tmp_path_factory.mktemp("turns")
    stack = Stack(folder, str(folder / "root"))
    stack.prepare()
    port = free_port()
    environment = stack.environment(port) | {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}"}
    command = [sys.executable, "-c", SERVE, str(REPOSITORY / "dags"), str(port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    made = Airflow(port, stack.password())
    try:
        until_up(made, server, folder / "server.log")
        yield made
    finally:
        server.kill()
        server.wait()


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def until_up(airflow: Airflow, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if airflow.dag_known(DAG):
                return
        except AirflowError:
            pass
        time.sleep(0.5)
    raise AssertionError(log.read_text())


def test_runs_that_are_triggered_within_milliseconds_all_begin_at_once(airflow: Airflow) -> None:
    def trigger(number: int) -> tuple[str, float]:
        time.sleep(number * APART_SECONDS)
        started = time.monotonic()
        run = airflow.trigger(DAG, FORM | {"reason": f"tried {number}"})["dag_run_id"]
        return run, time.monotonic() - started

    with ThreadPoolExecutor(TOGETHER) as pool:
        made = list(pool.map(trigger, range(TOGETHER)))
    assert len({run for run, _ in made}) == TOGETHER
    assert max(seconds for _, seconds in made) < 30, made
    reasons = {run["conf"]["reason"] for run in airflow.runs(DAG)}
    assert reasons == {f"tried {number}" for number in range(TOGETHER)}
