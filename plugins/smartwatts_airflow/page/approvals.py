"""What persons are asked at this moment, as Airflow's own database has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select
from sqlalchemy.orm import Session

from smartwatts_airflow.addresses import answer_path
from smartwatts_airflow.page.airflow import RETRAINING
from smartwatts_airflow.runs import run_key

__all__ = ["Asked", "approvals"]

_WAITS = "awaiting_input"
_MOST = 100


@dataclass(frozen=True)
class Asked:
    """A model whose new version waits for a person. ``run``: its key in the root; ``path``: where
    to answer, below Airflow's address; ``who`` may, nobody named where nobody in particular."""

    model: str
    run: str
    path: str
    since: datetime | None
    until: datetime | None
    who: tuple[str, ...] = ()


def approvals(session: Session) -> dict[str, Asked]:
    """By model; of two runs that ask about one, what was asked last."""
    rows = session.execute(
        select(TaskInstance, HITLDetail.assignees)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(TaskInstance.dag_id.in_(RETRAINING), TaskInstance.state == _WAITS)
        .order_by(TaskInstance.start_date)
        .limit(_MOST)
    )
    asked = {}
    for task, who in rows:
        model = str(task.rendered_map_index).split(" ")[0]
        path = answer_path(task.dag_id, task.run_id, task.task_id, task.map_index)
        run, named = run_key(task.dag_id, task.run_id), tuple(each["name"] for each in who or ())
        asked[model] = Asked(model, run, path, task.start_date, task.trigger_timeout, named)
    return asked
