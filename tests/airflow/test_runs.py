"""How runs are called in the root."""

from __future__ import annotations

import pytest
from smartwatts_airflow.runs import run_key

from smartwatts_ml.runs.folders import check_run_id


@pytest.mark.parametrize(
    "dag_run_id",
    [
        "manual__2026-11-22T02:00:00+00:00",
        "scheduled__2026-11-22T02:00:00+00:00_xY.~z",
        "../../etc/passwd",
        "a" * 250,
    ],
)
def test_a_run_key_is_one_safe_path_segment(dag_run_id: str) -> None:
    key = run_key("retrain_weekly", dag_run_id)
    assert check_run_id(key) == key
    assert "/" not in key and ".." not in key
    assert len(key) < 120


def test_different_runs_have_different_keys_and_a_retry_has_the_same() -> None:
    keys = {run_key("retrain_weekly", run) for run in ("a:b", "a+b", "a-b", "a:b")}
    assert len(keys) == 3
    assert run_key("retrain_weekly", "a") != run_key("retrain_on_new_readings", "a")
