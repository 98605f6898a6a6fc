"""A model's branch of a run: a task for each of its stages, one after another.

A rejected challenger ends its branch as skipped, but for the stage that records it, which runs
where the keys are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task, task_group

from smartwatts_airflow.approval import approval_task
from smartwatts_airflow.assets import CHAMPIONS, CHANGED_CHAMPION, READINGS, announce
from smartwatts_airflow.context import DEFAULT_LABEL, actor, label, root
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.handing import do_stage, explained, left_before
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.lineage import tell_published
from smartwatts_airflow.links import ModelLink, ReportLink
from smartwatts_airflow.placement import signing_placement, training_placement
from smartwatts_airflow.retries import PATIENT
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.settings import settings
from smartwatts_ml.stages.order import Stage, model_stages

__all__ = ["model_branch"]

_BRANCH: dict[str, Any] = {
    "execution_timeout": timedelta(hours=2),
    **PATIENT,
    "map_index_template": DEFAULT_LABEL,
}
_HEAVY: dict[str, Any] = {
    "execution_timeout": timedelta(hours=6),
    "retries": 12,
    **training_placement(),
}


@task_group(group_id="model")
def model_branch(branch: dict[str, Any]) -> None:
    """One model, from readings to a published file."""
    before: list[Any] = []
    for stage in _stages():
        made = approval_task if stage.asks_people else _model_task
        # By keyword: the map name finds the model among a task's keyword arguments.
        following = made(stage, _common(stage, spares=len(before) > 1))(
            branch=branch, before=before
        )
        following.operator.operator_extra_links = (ReportLink(), ModelLink())
        # Whoever comes after one that may hand over nothing takes the word of the one before it.
        before = [following, *(before if stage.may_fail or stage.asks_people else ())]


def _stages() -> Sequence[Stage]:
    """A person is asked where settings name a model; else there is no such task."""
    asked = bool(settings().approval_models)
    return [stage for stage in model_stages() if asked or not stage.asks_people]


def _common(stage: Stage, *, spares: bool) -> dict[str, Any]:
    """Arguments of a stage's task. What is always done is so after a stage that was skipped, too,
    and what ``spares`` one that may fail, after that."""
    return {
        "task_id": stage.name,
        "trigger_rule": "all_done" if spares or stage.always else "all_success",
        "doc_md": DOCS.get(stage.name, stage.doing),
        **_BRANCH,
    }


def _model_task(stage: Stage, common: dict[str, Any]) -> Callable[..., Any]:
    """The task of a model's stage; ``before`` as ``left_before`` has it."""

    @task(
        inlets=[*([READINGS] if stage.heavy else ()), *(CHAMPIONS if stage.publishes else ())],
        outlets=[CHANGED_CHAMPION] if stage.publishes else [],
        **(common | (_HEAVY if stage.heavy else {})),
        **(signing_placement() if stage.signs else {}),
    )
    def run(branch: dict[str, Any], before: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
        model = branch["model"]
        left = left_before(stage, branch, before)
        with explained(model):
            epochs = get_current_context()["params"]["epochs"]
            options = {"options": TrainOptions(epochs=epochs), "actor": actor()}
            outcome = do_stage(stage, model, left, **options)
            if stage.publishes:
                _announce(model, outcome)
            return outcome

    task_of_stage: Callable[..., Any] = run
    return task_of_stage


def _announce(model: str, published: dict[str, Any]) -> None:
    """Say in the map name, and to other DAGs, which version came into force."""
    why = published["summary"].removeprefix(f"{model} ")
    label(f"{model} v{published['version']} published: {why}")
    announce(tasks.change_of_champion(root(), model, published["serial"]))
    tell_published(root(), model, published["version"])
