"""Runs the retraining DAGs in this process, with stages that end as a scenario says.

Started by test_outcomes.py in a process of its own; prints what came of each
scenario as one line of JSON. Only here are stages stood in for: no real one fails on
demand. ``python -m tests.airflow.outcomes_probe``
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from smartwatts_airflow import retraining

from smartwatts_ml.stages import tasks as real_stages
from tests.airflow.conftest import REPOSITORY

MODELS = ("anomaly", "forecasting_24h", "nilm")
NILM = {"models": ["nilm"]}
"""The form of runs of which only one model's branch is asked about."""
SCENARIOS: dict[str, dict[str, Any]] = {
    "accepted_rejected_failed": {
        "rejects": {"validate": ["anomaly"]},
        "breaks": {"train": ["forecasting_24h"]},
    },
    "stale_and_then_rejected": {"rejects": {"publish": ["nilm"]}, "form": NILM},
    "the_file_is_rejected": {"rejects": {"convert": ["nilm"]}, "form": NILM},
    "too_little_to_train_on": {"rejects": {"train": ["nilm"]}, "form": NILM},
    "the_refit_fails": {"breaks": {"refit": ["nilm"]}, "form": NILM},
    "the_file_cannot_be_made": {"breaks": {"convert": ["nilm"]}, "form": NILM},
    "dry_run": {"rejects": {"validate": ["anomaly"]}, "form": {"dry_run": True}},
    "dry_run_that_fails": {"breaks": {"validate": ["nilm"]}, "form": {**NILM, "dry_run": True}},
    "chosen_models_and_epochs": {"form": {**NILM, "epochs": 7}},
    "one_is_not_due": {"dag": "retrain_on_new_readings", "skipped": ["anomaly"]},
    "nothing_is_due": {
        "dag": "retrain_on_new_readings",
        "skipped": list(MODELS),
        "doubtful": ["left: landing/y.csv: no CSV"],
    },
    "by_hand": {
        "dag": "retrain_on_new_readings",
        "skipped": list(MODELS),
        "by_hand": True,
        "form": {**NILM, "epochs": 7},
    },
    "the_report_dies": {"breaks": {"report": [None]}, "form": NILM},
    "readings_want_a_look": {"doubtful": ["left: landing/x.csv: no CSV"], "form": NILM},
    "a_long_reason": {"breaks": {"train": ["nilm"]}, "message": "boom " * 200, "form": NILM},
    "many_new_files": {
        "batches": [["landing/a.csv", "landing/b.csv"], ["landing/c.csv"]],
        "form": NILM,
    },
    "no_new_files": {"batches": [], "form": NILM},
    "bad_landing_file": {"breaks": {"ingest": [None]}},
}


class Stages:
    """Stand-ins for the stages, and what they were asked to do."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.scenario = scenario
        self.calls: list[list[Any]] = []
        self.rejected: set[str | None] = set()
        self.left: dict[str, list[dict[str, str]]] = {}

    def _end(self, stage: str, model: str | None) -> dict[str, Any]:
        self.calls.append([stage, model])
        if model in self.scenario.get("breaks", {}).get(stage, []):
            raise ValueError(self.scenario.get("message", "boom"))
        if model in self.scenario.get("rejects", {}).get(stage, []):
            self.rejected.add(model)
        proceed = model not in self.rejected
        summary = f"{model} {'accepted: F1 +0.03' if proceed else 'kept: F1 −0.02'}"
        return {"proceed": proceed, "summary": summary}

    def landing_batches(self, root: str) -> list[list[str]]:
        return self.scenario.get("batches", [["landing/a.csv"]])

    def ingest_stage(self, root: str, keys: list[str], run_id: str) -> dict[str, Any]:
        return self._end("ingest", None) | {"accepted": 5, "left": 0}

    def plan_stage(self, root: str, run_id: str, models: Any, **how: bool) -> dict[str, Any]:
        self.calls.append(["plan", how])
        skipped = self.scenario.get("skipped", []) if how["only_due"] else []
        left = [m for m in models if m in MODELS and m not in skipped]
        skipped_why = dict.fromkeys(skipped, "5 new readings")
        return {"models": left, "skipped": skipped_why, "left": {"../snapshot.json": "ab"}}

    def model_stage(
        self,
        root: str,
        run_id: str,
        model: str,
        name: str,
        left: dict[str, str],
        **options: Any,
    ) -> dict[str, Any]:
        self.left.setdefault(model, []).append(left)
        if name == "train":
            self.calls.append(["epochs", options["options"].epochs])
        end = self._end(name, model) | {"left": left | {name: "cd"}}
        if name != "publish":
            return end
        assert options["actor"]
        outcome = "published" if end["proceed"] else "kept"
        file = f"{model}_v3.tflite"
        return end | {"version": 3, "serial": 5, "outcome": outcome, "file": file}

    def change_of_champion(self, root: str, model: str, serial: int) -> dict[str, Any]:
        return {"model": model, "action": "promote", "version": 3, "serial": serial}

    def note_change(self, root: str, model: str, serial: int) -> None:
        self.calls.append(["noted", model, serial])

    def once_stage(self, root: str, name: str, **options: Any) -> dict[str, str]:
        self.calls.append([name])
        return {}

    def record_failure(self, root: str, run_id: str, model: str, reason: str) -> dict[str, Any]:
        self.calls.append(["failure", model, reason])
        return {}

    def keep_failure(self, root: str, run_id: str, model: str, reason: str) -> None:
        self.calls.append(["noted failure", model, reason])

    def run_report(self, root: str, run_id: str) -> dict[str, Any]:
        self._end("report", None)
        rows = [{"model": "nilm", "summary": "nilm accepted: F1 +0.03"}]
        return {"models": rows, "doubtful": self.scenario.get("doubtful", [])}


def play(dag: Any, scenario: dict[str, Any], when: datetime) -> dict[str, Any]:
    """One run: its state, its tasks by ``task model`` and what the stages were asked."""
    stages = Stages(scenario)
    for name in vars(Stages):
        if not name.startswith("_"):
            setattr(real_stages, name, getattr(stages, name))
    # What dag.test runs is always by hand.
    vars(retraining)["by_hand"] = lambda: scenario.get("by_hand", False)
    run = dag.test(logical_date=when, run_conf=scenario.get("form"))
    tasks = {}
    for ti in run.get_task_instances():
        name = ti.rendered_map_index or ""
        tasks[f"{ti.task_id} {ti.map_index}"] = {"state": ti.state, "name": name}
    return {"state": run.state, "tasks": tasks, "calls": stages.calls, "left": stages.left}


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils import db

    db.initdb()
    played = {}
    for number, (name, scenario) in enumerate(SCENARIOS.items()):
        # Parsed anew each time: a run's form would otherwise stay in the DAG's parameters.
        dag_id = scenario.get("dag", "retrain_weekly")
        dag = DagBag(str(REPOSITORY / "dags" / f"{dag_id}.py")).dags[dag_id]
        when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)
        played[name] = play(dag, scenario, when)
    print("PLAYED" + json.dumps(played))  # noqa: T201


if __name__ == "__main__":
    main()
