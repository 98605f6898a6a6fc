"""Runs a retraining DAG in this process, and answers what it asks through Airflow's own API.

Started by test_approval.py in a process of its own; prints what came of each scenario as one
line of JSON. What trains and judges is stood in for; what asks, weighs and publishes is real, on
a real store. ``python -m tests.airflow.approval_probe``
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.claims import standing_claim, take_claim
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages import tasks as real_stages
from smartwatts_ml.store import Store
from tests.airflow.conftest import REPOSITORY
from tests.store.helpers import keys_of, publish, with_keys
from tests.store.test_publish_stage import judged, run_of

WEEKLY = "retrain_weekly"
APPROVE = "model.approve"
FORM = {"models": ["nilm"]}
SLEEP = time.sleep
SCENARIOS: dict[str, dict[str, Any]] = {
    "approved": {"answer": "Approve"},
    "rejected": {"answer": "Reject", "again": "model.publish"},
    "not_answered": {"answer": "timeout"},
    "champion_moved": {"moves": True, "answer": "Approve"},
    "moved_and_worse": {"moves": True, "worse": True, "answer": "Approve"},
    "set_to_success": {"answer": "success", "again": "model.publish"},
    "set_to_skipped": {"answer": "skipped"},
    "by_somebody_else": {"answer": "Approve", "users": {"bob": "bob"}, "then": "Reject"},
    "other_model": {"approval": "anomaly"},
    "nobody": {"approval": ""},
    "dry_run": {"form": {**FORM, "dry_run": True}},
    "gate_rejected": {"accepted": False},
}


@dataclass
class Person:
    """Whoever looks at what is asked, and answers; what was seen and said meanwhile."""

    client: Any
    scenario: Mapping[str, Any]
    objects: Objects
    move: Callable[[], None]
    seen: dict[str, Any] = field(default_factory=dict)

    def sleep(self, seconds: float) -> None:
        """For ``time.sleep``: ``dag.test`` does so where nothing is left but to wait for a person,
        who answers then."""
        from airflow.utils.session import create_session
        from smartwatts_airflow.page.approvals import approvals

        asked = None
        if not self.seen:
            with create_session() as session:
                asked = approvals(session).get("nilm")
        if asked is None:
            SLEEP(seconds)
            return
        self.seen = {"path": asked.path}
        self._look(asked)
        if self.scenario.get("moves"):
            self.move()
        self._say(self.scenario["answer"])
        if then := self.scenario.get("then"):
            self.client.use("bob")
            self._say(then)

    def _look(self, asked: Any) -> None:
        run = asked.path.split("/runs/")[1].split("/")[0]
        self.at = f"/api/v2/dags/{WEEKLY}/dagRuns/{run}/taskInstances/{APPROVE}/0"
        detail = self.client.get(f"{self.at}/hitlDetails").json()
        claim = standing_claim(self.objects, "nilm")
        self.seen |= {
            "subject": detail["subject"],
            "body": detail["body"],
            "defaults": detail["defaults"],
            "who": asked.who,
            "hours": (asked.until - asked.since).total_seconds() / 3600,
            "page": self.client.get("/smartwatts/").text,
            "claim": claim.answer_by.isoformat() if claim and claim.answer_by else None,
        }

    def _say(self, answer: str) -> None:
        if answer == "timeout":
            let_time_pass()
        elif answer in ("success", "skipped"):
            # Each ends a wait as a person does who wants a run to go on.
            said = self.client.patch(self.at, json={"new_state": answer})
            self.seen["status"] = said.status_code
        else:
            said = self.client.patch(f"{self.at}/hitlDetails", json={"chosen_options": [answer]})
            self.seen.setdefault("statuses", []).append(said.status_code)


def let_time_pass() -> None:
    """The scheduler's own look for answers that did not come, after the time for one."""
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        waiting = TaskInstance.state == "awaiting_input"
        session.execute(update(TaskInstance).where(waiting).values(trigger_timeout=past))
    SchedulerJobRunner(Job()).check_awaiting_input_timeouts()


class Stages:
    """Stand-ins for what trains and judges: files of a run as ``validate`` and ``convert`` leave
    them, judged against the champion in force."""

    def __init__(self, current: Settings, scenario: Mapping[str, Any]) -> None:
        self.current = current
        self.objects = open_root(current.root)
        self.scenario = scenario
        self.judgements = 0
        self.real = real_stages.model_stage

    def plan(self, root: str, run_id: str, models: Any, **how: bool) -> dict[str, Any]:
        take_claim(self.objects, "nilm", run_id, heed=False)
        return {"models": models, "skipped": {}, "left": {}}

    def judge(self, run_id: str) -> None:
        self.judgements += 1
        champion = Store(self.objects, Path(self.current.keys)).champion("nilm")
        again = self.judgements > 1
        accepted = self.scenario.get("accepted", not (again and self.scenario.get("worse")))
        kept = {} if accepted else {"summary": "nilm kept: F1 −0.02"}
        metrics = {"challenger": {"mae_w": 12.5}, "champion": {"mae_w": 14.0}, "baseline": None}
        judged(
            self.objects,
            run_id,
            champion.version if champion else None,
            accepted=accepted,
            outcome="better",
            metrics=metrics,
            reasons=["MAE 12.5 W < 14 W", "![x](http://elsewhere.example/y)"],
            **kept,
        )

    def model_stage(
        self, root: str, run_id: str, model: str, name: str, left: Any, **options: Any
    ) -> dict[str, Any]:
        if name in ("approve", "publish"):
            done: dict[str, Any] = self.real(root, run_id, model, name, left, **options)
            return done
        if name == "convert":
            self.judge(run_id)
        accepted = self.scenario.get("accepted", True) or name != "convert"
        summary = "nilm accepted: MAE 12.5 W" if accepted else "nilm kept: F1 −0.02"
        files = run_of(self.objects, self.current, run_id).left if name == "convert" else left
        return {"proceed": accepted, "summary": summary, "left": files}


def stand_in(stages: Stages) -> None:
    """Nothing but the stages that a person's answer meets is real."""
    from smartwatts_ml.stages import branch

    vars(real_stages).update(
        landing_batches=lambda root: [],
        plan_stage=stages.plan,
        model_stage=stages.model_stage,
        once_stage=lambda root, name, **options: {},
    )

    def judge_again(run: Any, progress: Any, *, to_the_end: bool) -> None:
        stages.judge(run.run_id)
        run.left.update(run_of(stages.objects, stages.current, run.run_id).left)

    vars(branch)["_judge_again"] = judge_again


class Client:
    """Airflow's API, as a user."""

    def __init__(self) -> None:
        from airflow.api_fastapi.app import create_app

        self._app = create_app("core")
        self.use("ann")

    def use(self, name: str) -> None:
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
        from starlette.testclient import TestClient

        user = SimpleAuthManagerUser(username=name, role="OP")
        token = get_auth_manager().generate_jwt(user)
        self._client = TestClient(self._app, cookies={"_token": token})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def play(folder: Path, scenario: Mapping[str, Any], number: int, client: Client) -> dict[str, Any]:
    """One run: states and names of its tasks, what the person saw, what is in force."""
    from airflow.dag_processing.dagbag import DagBag
    from smartwatts_airflow import notify

    (folder / "keys").mkdir(parents=True)
    os.environ["SMARTWATTS_ROOT"] = str(folder / "root")
    os.environ["SMARTWATTS_KEYS"] = str(keys_of(folder))
    os.environ["SMARTWATTS_APPROVAL"] = scenario.get("approval", "nilm")
    os.environ["SMARTWATTS_APPROVAL_USERS"] = json.dumps(scenario.get("users", {}))
    current = settings()
    store = Store(open_root(current.root), Path(current.keys))
    with_keys(store)
    publish(store, "nilm", "before")
    stages = Stages(current, scenario)
    stand_in(stages)
    sent: list[str] = []
    vars(notify)["_deliver"] = lambda connection, message: sent.append(message.title)
    client.use("ann")

    def move() -> None:
        publish(store, "nilm", "moved")

    person = Person(client, scenario, stages.objects, move)
    vars(time)["sleep"] = person.sleep
    dag = DagBag(str(REPOSITORY / "dags" / f"{WEEKLY}.py")).dags[WEEKLY]
    when = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(days=number)
    run = dag.test(logical_date=when, run_conf=scenario.get("form", FORM))
    again = play_again(dag, run, scenario["again"], client) if "again" in scenario else None
    champion = store.champion("nilm")
    assert champion is not None
    return {
        "state": run.state,
        "tasks": {
            ti.task_id: {"state": ti.state, "name": ti.rendered_map_index}
            for ti in run.get_task_instances()
        },
        "again": again,
        "seen": person.seen,
        "sent": sent,
        "judgements": stages.judgements,
        "history": [[entry.version, entry.actor, entry.reason] for entry in store.history("nilm")],
        "approval": champion.manifest.decision.get("approval"),
    }


def play_again(dag: Any, run: Any, task: str, client: Client) -> str:
    """The state of a task that is cleared, alone, and done again."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk.definitions.dag import _run_task
    from airflow.utils.session import create_session
    from sqlalchemy import select

    path = f"/api/v2/dags/{WEEKLY}/clearTaskInstances"
    body = {"dag_run_id": run.run_id, "task_ids": [task], "dry_run": False, "only_failed": False}
    cleared = client.post(path, json=body)
    assert cleared.status_code == 200, cleared.text
    where = (TaskInstance.run_id == run.run_id, TaskInstance.task_id == task)
    with create_session() as session:
        ti = session.scalars(select(TaskInstance).where(*where)).one()
        ti.try_number += 1
    _run_task(ti=ti, task=dag.task_dict[task])
    with create_session() as session:
        return str(session.scalar(select(TaskInstance.state).where(*where)))


def main() -> None:
    from airflow.utils import db

    db.initdb()
    client = Client()
    folder = Path(os.environ["APPROVAL_FOLDER"])
    played = {}
    for number, (name, scenario) in enumerate(SCENARIOS.items()):
        played[name] = play(folder / name, scenario, number, client)
    print("PLAYED" + json.dumps(played))  # noqa: T201


if __name__ == "__main__":
    main()
