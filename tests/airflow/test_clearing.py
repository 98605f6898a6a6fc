"""A run that failed can be cleared, as every page says: by Airflow's own API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.conftest import REPOSITORY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An administrator's client of Airflow's API, which knows our DAGs."""
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.utils import db
    from starlette.testclient import TestClient

    folder = tmp_path_factory.mktemp("clearing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMARTWATTS_ROOT", str(folder / "root"))
        patch.setenv("SMARTWATTS_KEYS", str(folder / "keys"))
        db.initdb()
        DagBundlesManager().sync_bundles_to_db()
        bag = BundleDagBag(
            dag_folder=str(REPOSITORY / "dags"),
            bundle_path=Path(REPOSITORY / "dags"),
            bundle_name="dags-folder",
        )
        sync_bag_to_db(bag, "dags-folder", None)
        app = create_app("core")
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role="ADMIN"))
        with TestClient(app, cookies={"_token": token}) as client:
            yield client


@pytest.mark.parametrize("dag", ["retrain_weekly", "retrain_on_new_readings", "renew_timestamp"])
def test_a_run_that_failed_can_be_cleared(api: Any, dag: str) -> None:
    made = api.post(f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None})
    assert made.status_code == 200, made.text
    run = f"/api/v2/dags/{dag}/dagRuns/{made.json()['dag_run_id']}"
    assert api.patch(run, json={"state": "failed"}).status_code == 200
    cleared = api.post(f"{run}/clear", json={"dry_run": False})
    assert cleared.status_code == 200, cleared.text
    assert api.get(run).json()["state"] == "queued"
