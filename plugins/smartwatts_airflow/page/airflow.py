"""What Airflow's own database knows, and what a user may do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.jobs.job import Job
from airflow.models.asset import AssetModel, AssetWatcherModel
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from smartwatts_airflow.runs import run_key

__all__ = [
    "CURVES",
    "NEW_READINGS",
    "RENEWAL",
    "RETRAINING",
    "ROLLBACK",
    "WEEKLY",
    "DagRunFacts",
    "NextRun",
    "at_work_on",
    "may_see_curves",
    "may_trigger",
    "next_run",
    "paused",
    "runs",
    "watched",
]

WEEKLY = "retrain_weekly"
NEW_READINGS = "retrain_on_new_readings"
RETRAINING = (WEEKLY, NEW_READINGS)
ROLLBACK = "rollback_model"
RENEWAL = "renew_timestamp"
CURVES = "SmartWatts household curves"
_MOST_RUNS = 2000
_ACTIVE = ("running", "queued")
_AT_WORK = ("running", "queued", "scheduled", "deferred", "up_for_retry", "up_for_reschedule")


@dataclass(frozen=True)
class NextRun:
    """When the weekly retraining starts; None while it is paused or not yet parsed."""

    when: datetime | None
    paused: bool


@dataclass(frozen=True)
class DagRunFacts:
    """A run of a DAG. ``path``: of its page, below Airflow's own address. ``key``: how the
    root calls it. ``when`` it ended, or else began, or else is to begin. ``dry_run``: it publishes
    and records nothing."""

    dag: str
    run_id: str
    state: str
    when: datetime
    dry_run: bool = False

    @property
    def key(self) -> str:
        return run_key(self.dag, self.run_id)

    @property
    def path(self) -> str:
        return f"/dags/{self.dag}/runs/{quote(self.run_id, safe='')}"

    @property
    def active(self) -> bool:
        """Whether it runs, or is to run."""
        return self.state in _ACTIVE


def next_run(session: Session, dag: str = WEEKLY) -> NextRun:
    """The DAG's next run."""
    known = session.get(DagModel, dag)
    if known is None:
        return NextRun(None, paused=False)
    is_paused = bool(known.is_paused)
    return NextRun(None if is_paused else known.next_dagrun_create_after, is_paused)


def paused(session: Session, dags: Iterable[str]) -> list[str]:
    """Those of the DAGs that somebody paused."""
    rows = session.scalars(
        select(DagModel.dag_id).where(DagModel.dag_id.in_(tuple(dags)), DagModel.is_paused)
    )
    return sorted(rows)


def watched(session: Session, asset: str) -> bool:
    """Whether a triggerer that lives watches for events of the asset."""
    jobs = session.scalars(
        select(Job)
        .join(Trigger, Trigger.triggerer_id == Job.id)
        .join(AssetWatcherModel, AssetWatcherModel.trigger_id == Trigger.id)
        .join(AssetModel, AssetModel.id == AssetWatcherModel.asset_id)
        .where(AssetModel.name == asset)
    )
    return any(job.is_alive() for job in jobs)


def runs(session: Session, dags: Iterable[str] = (*RETRAINING, ROLLBACK)) -> list[DagRunFacts]:
    """Runs of these DAGs, those that ended or began last first; of very many the newest."""
    rows = session.execute(
        select(
            DagRun.dag_id,
            DagRun.run_id,
            DagRun.state,
            DagRun.run_after,
            DagRun.start_date,
            DagRun.end_date,
            DagRun.conf,
        )
        .where(DagRun.dag_id.in_(tuple(dags)))
        .order_by(DagRun.run_after.desc())
        .limit(_MOST_RUNS)
    )
    facts = [
        DagRunFacts(dag, run, str(state), end or start or after, _is_dry(conf))
        for dag, run, state, after, start, end, conf in rows
    ]
    return sorted(facts, key=lambda run: run.when, reverse=True)


def at_work_on(session: Session, active: Sequence[DagRunFacts]) -> dict[str, str]:
    """What each of these runs is at, by its key: its tasks that have not ended, in words."""
    if not active:
        return {}
    pairs = [(run.dag, run.run_id) for run in active]
    rows = session.execute(
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state)
        .where(
            tuple_(TaskInstance.dag_id, TaskInstance.run_id).in_(pairs),
            TaskInstance.state.in_(_AT_WORK),
        )
        .limit(_MOST_RUNS)
    )
    tasks: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for dag, run_id, task, state in rows:
        tasks[run_key(dag, run_id)][str(state), task.removeprefix("model.")] += 1
    return {run.key: _in_words(tasks[run.key]) or run.state for run in active}


def may_trigger(user: Any, dag: str = ROLLBACK) -> bool:
    """Whether Airflow's auth manager lets the user start a run of the DAG."""
    return get_auth_manager().is_authorized_dag(
        method="POST",
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag, team_name=DagModel.get_team_name(dag)),
        user=user,
    )


def may_see_curves(user: Any) -> bool:
    """Whether the user may look at readings of single homes: a right of its own, to read the view
    that ``CURVES`` names. Airflow's simple auth manager knows no such rights, only roles: of its
    users whoever may start a retraining has it."""
    manager = get_auth_manager()
    if isinstance(manager, SimpleAuthManager):
        return may_trigger(user, WEEKLY)
    return bool(manager.is_authorized_custom_view(method="GET", resource_name=CURVES, user=user))


def _is_dry(conf: Any) -> bool:
    return isinstance(conf, Mapping) and bool(conf.get("dry_run"))


def _in_words(tasks: Mapping[tuple[str, str], int]) -> str:
    """Tasks by their state.

    >>> _in_words({("running", "train"): 2, ("queued", "publish"): 1})
    'train × 2 running, publish queued'
    """
    return ", ".join(
        f"{task}{f' × {count}' if count > 1 else ''} {state.replace('_', ' ')}"
        for (state, task), count in sorted(tasks.items(), key=lambda item: item[0][0] != "running")
    )
