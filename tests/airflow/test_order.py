"""What the DAG, ``make run`` and the command line show follows the one list of stages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.warm import WarmPython

CHANGED = """
import json
from dataclasses import replace
from smartwatts_ml.stages import order

train, validate, convert, refit, approve, publish = order.model_stages()
extra = replace(train, name="extra", doing="doing something else")
release = replace(publish, name="release")
survey = replace(order.before_models()[0], name="survey")
order.STAGES = (
    *order.before_models(),
    *(survey, validate, extra, train, convert, refit, release, approve, publish),
    *order.after_models(),
)

from airflow.sdk import DAG
from scripts.watch import progress_table
from typer.main import get_command
from smartwatts_airflow.form import retraining_form
from smartwatts_airflow.retraining import retraining
from smartwatts_ml.commands.cli import app

with DAG("changed", schedule=None, params=retraining_form()) as dag:
    retraining(only_due=False)
print("SEEN" + json.dumps({
    "dag": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
    "pools": {task.task_id: task.pool for task in dag.tasks},
    "events": [task.task_id for task in dag.tasks if task.outlets],
    "watch": [column.header for column in progress_table([]).columns],
    "commands": [name for name in get_command(app).commands if name in
                 {stage.name for stage in order.STAGES}],
}))
"""


@pytest.fixture(scope="module")
def seen(warm_airflow: WarmPython) -> dict[str, Any]:
    output = warm_airflow.output(CHANGED)
    line = next(line for line in output.splitlines() if line.startswith("SEEN"))
    return json.loads(line.removeprefix("SEEN"))


def test_the_dag_follows_the_stages(seen: dict[str, Any]) -> None:
    names = ("validate", "extra", "train", "convert", "refit", "release", "publish")
    steps = [f"model.{name}" for name in names]
    for step, following in zip(["plan", "survey", *steps], ["survey", *steps], strict=False):
        assert following in seen["dag"][step], step
    assert sorted(seen["dag"]["model.publish"]) == ["renew", "report"]


def test_what_a_stage_is_like_says_how_its_task_runs_not_its_name(seen: dict[str, Any]) -> None:
    pools = seen["pools"]
    trainings = [task for task, pool in pools.items() if pool == "smartwatts_training"]
    assert sorted(trainings) == ["model.extra", "model.refit", "model.train"]
    assert sorted(seen["events"]) == ["ingest", "model.publish", "model.release"]


def test_the_terminal_shows_the_stages(seen: dict[str, Any]) -> None:
    steps = ["validate", "extra", "train", "convert", "refit", "release", "publish"]
    assert seen["watch"] == ["", *steps]


def test_the_help_lists_the_stages(seen: dict[str, Any]) -> None:
    assert seen["commands"] == [
        *("ingest", "validate", "train", "convert", "refit", "approve", "publish"),
    ]
