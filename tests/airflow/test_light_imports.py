"""What parsing a DAG file costs: Airflow kills a parse that takes too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warm import REPOSITORY, WarmPython

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


def packages_after(warm_airflow: WarmPython, code: str) -> set[str]:
    """Top-level packages that are loaded once the code has run beside Airflow."""
    report = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    return set(warm_airflow.output(f"{code}\n{report}").splitlines()[-1].split())


@pytest.mark.slow
@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_nothing_heavy(warm_airflow: WarmPython, path: Path) -> None:
    packages = packages_after(warm_airflow, f"import runpy; runpy.run_path({str(path)!r})")
    assert "airflow" in packages and "smartwatts_ml" in packages
    assert packages & HEAVY == set()


@pytest.mark.slow
@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_a_dag_file_parses_within_two_seconds_beside_airflow(
    warm_airflow: WarmPython, path: Path
) -> None:
    code = f"""
import runpy, time
started = time.process_time()
runpy.run_path({str(path)!r})
print(time.process_time() - started)
"""
    assert float(warm_airflow.output(code).split()[-1]) < PARSE_SECONDS


def test_the_trigger_and_the_order_of_stages_import_nothing_heavy(
    warm_airflow: WarmPython,
) -> None:
    code = "import smartwatts_airflow.trigger, smartwatts_ml.stages.order"
    assert packages_after(warm_airflow, code) & HEAVY == set()


def test_no_module_of_ours_is_run_as_a_plugin(warm_airflow: WarmPython) -> None:
    code = """
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
import sys
print(sorted(m for m in sys.modules if m in ("sensor", "trigger", "retraining", "context")), errors)
"""
    assert warm_airflow.output(code).splitlines()[-1] == "[] {}"
