"""What parsing a DAG file costs: Airflow kills a parse that takes too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.airflow.conftest import REPOSITORY, run_python

HEAVY = {
    "tensorflow",
    "keras",
    "ai_edge_litert",
    "pandas",
    "numpy",
    "boto3",
    "botocore",
    "duckdb",
    "deltalake",
    "pyarrow",
    "sklearn",
    "matplotlib",
}
PARSE_SECONDS = 2.0
DAG_FILES = sorted((REPOSITORY / "dags").glob("*.py"))


def imported(report: str) -> set[str]:
    """Top-level packages in the report of ``-X importtime``."""
    lines = [line for line in report.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_nothing_heavy(path: Path) -> None:
    run = run_python(f"import runpy; runpy.run_path({str(path)!r})", "-X", "importtime")
    packages = imported(run.stderr)
    assert "airflow" in packages and "smartwatts_ml" in packages
    assert packages & HEAVY == set()


@pytest.mark.slow
@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_a_dag_file_parses_within_two_seconds_beside_airflow(path: Path) -> None:
    code = f"""
import runpy, time
import airflow.sdk, airflow.dag_processing.dagbag, airflow.triggers.base
from airflow.sdk import DAG, BaseSensorOperator, CronTriggerTimetable, Param, task, task_group
started = time.process_time()
runpy.run_path({str(path)!r})
print(time.process_time() - started)
"""
    assert float(run_python(code).stdout.split()[-1]) < PARSE_SECONDS


def test_the_trigger_and_the_pipeline_import_nothing_heavy() -> None:
    code = "import smartwatts_airflow.trigger, smartwatts_ml.stages.pipeline"
    packages = imported(run_python(code, "-X", "importtime").stderr)
    assert packages & (HEAVY - {"numpy"}) == set()


def test_no_module_of_ours_is_run_as_a_plugin() -> None:
    code = """
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
import sys
print(sorted(m for m in sys.modules if m in ("sensor", "trigger", "retraining", "context")), errors)
"""
    assert run_python(code).stdout.splitlines()[-1] == "[] {}"
