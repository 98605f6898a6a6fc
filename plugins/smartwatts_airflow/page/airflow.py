"""What Airflow's own database knows, and what a user may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session

from smartwatts_airflow.runs import run_key

__all__ = ["RETRAINING", "ROLLBACK", "DagRunFacts", "NextRun", "may_trigger", "next_run", "runs"]

_WEEKLY = "retrain_weekly"
RETRAINING = (_WEEKLY, "retrain_on_new_readings")
ROLLBACK = "rollback_model"
_MOST_RUNS = 2000


@dataclass(frozen=True)
class NextRun:
    """When the weekly retraining starts; None while it is paused or not yet parsed."""

    when: datetime | None
    paused: bool


@dataclass(frozen=True)
class DagRunFacts:
    """A run of a DAG. ``path``: of its page, below Airflow's own address. ``key``: how the
    root calls it."""

    dag: str
    run_id: str
    state: str
    when: datetime

    @property
    def key(self) -> str:
        return run_key(self.dag, self.run_id)

    @property
    def path(self) -> str:
        return f"/dags/{self.dag}/runs/{quote(self.run_id, safe='')}"


def next_run(session: Session, dag: str = _WEEKLY) -> NextRun:
    """The DAG's next run."""
    known = session.get(DagModel, dag)
    if known is None:
        return NextRun(None, paused=False)
    paused = bool(known.is_paused)
    return NextRun(None if paused else known.next_dagrun_create_after, paused)


def runs(session: Session, dags: Iterable[str] = (*RETRAINING, ROLLBACK)) -> list[DagRunFacts]:
    """Runs of these DAGs, newest first; of very many the newest."""
    rows = session.execute(
        select(DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.run_after)
        .where(DagRun.dag_id.in_(tuple(dags)))
        .order_by(DagRun.run_after.desc())
        .limit(_MOST_RUNS)
    )
    return [DagRunFacts(dag, run, str(state), when) for dag, run, state, when in rows]


def may_trigger(user: Any, dag: str = ROLLBACK) -> bool:
    """Whether Airflow's auth manager lets the user start a run of the DAG."""
    return get_auth_manager().is_authorized_dag(
        method="POST",
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag, team_name=DagModel.get_team_name(dag)),
        user=user,
    )
