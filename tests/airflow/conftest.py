"""Airflow with a home of its own, below a temporary folder, never the user's."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.warm import WarmPython

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="airflow-"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
}
# Airflow reads these when it is imported, which the test modules do.
os.environ.update(SETTINGS)
sys.path.append(str(REPOSITORY / "plugins"))

DUMP = """
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

bag = DagBag({folder!r})
dags = {{}}
for dag_id, dag in bag.dags.items():
    DagSerialization.to_dict(dag)
    tasks = [
        {{
            "id": t.task_id,
            "downstream": sorted(t.downstream_task_ids),
            "retries": t.retries,
            "pool": t.pool,
            "queue": t.queue,
            "tells": bool(t.on_failure_callback),
            "timeout": t.execution_timeout.total_seconds() if t.execution_timeout else None,
            "rule": str(t.trigger_rule),
            "doc": bool(t.doc_md),
            "template": getattr(t, "map_index_template", None),
            "inlets": [each.name for each in t.inlets],
            "outlets": [each.name for each in t.outlets],
        }}
        for t in dag.tasks
    ]
    dags[dag_id] = {{
        "timetable": type(dag.timetable).__name__,
        "schedule": getattr(dag.timetable, "expression", str(dag.schedule)),
        "scheduled_on": {{
            asset.name: [watcher.name for watcher in asset.watchers]
            for asset in (dag.schedule if isinstance(dag.schedule, list) else [])
        }},
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": {{name: dag.params.get_param(name).schema for name in dag.params}},
        "tasks": tasks,
        "doc": dag.doc_md,
    }}
print("DUMP" + json.dumps({{"errors": bag.import_errors, "dags": dags}}))
"""


@pytest.fixture(scope="session")
def parsed(warm_airflow: WarmPython) -> dict[str, Any]:
    """Every DAG, as Airflow's own parser sees it: ``errors`` and ``dags``."""
    output = warm_airflow.output(DUMP.format(folder=str(REPOSITORY / "dags")))
    line = next(line for line in output.splitlines() if line.startswith("DUMP"))
    return json.loads(line.removeprefix("DUMP"))
