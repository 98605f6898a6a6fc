"""A model's branch of a run: a task for each of its stages, one after another.

A rejected challenger ends its branch as skipped, but for the stage that records it, which runs
where the keys are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from smartwatts_airflow.assets import CHAMPIONS, CHANGED_CHAMPION, READINGS, announce
from smartwatts_airflow.context import DEFAULT_LABEL, actor, in_log, label, root, smartwatts_run_id
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.lineage import tell_published
from smartwatts_airflow.links import ModelLink, ReportLink
from smartwatts_airflow.placement import signing_placement, training_placement
from smartwatts_airflow.retries import PATIENT
from smartwatts_ml.kinds.base import TrainOptions
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
_ENDED = "ended"
"""What a stage that ends its branch hands to the stage that records that."""


@task_group(group_id="model")
def model_branch(branch: dict[str, Any]) -> None:
    """One model, from readings to a published file."""
    step, earlier = None, None
    for stage in model_stages():
        # By keyword: the map name finds the model among a task's keyword arguments.
        following = _model_task(stage, spares=earlier is not None)(
            branch=branch, before=step, earlier=earlier
        )
        following.operator.operator_extra_links = (ReportLink(), ModelLink())
        step, earlier = following, step if stage.may_fail else None


def _model_task(stage: Stage, *, spares: bool) -> Callable[..., Any]:
    """The task of a model's stage. ``before``: what the stage before it handed over, digests
    of what it left among that; what lies in the run's folder beside that is not believed. Where
    it ``spares`` that one, which may fail, ``earlier``: what the one before that did."""

    @task(
        task_id=stage.name,
        # What is always done is so after a stage that was skipped, too.
        trigger_rule="all_done" if spares or stage.always else "all_success",
        doc_md=DOCS.get(stage.name, stage.doing),
        inlets=[*([READINGS] if stage.heavy else ()), *(CHAMPIONS if stage.publishes else ())],
        outlets=[CHANGED_CHAMPION] if stage.publishes else [],
        **(_BRANCH | (_HEAVY if stage.heavy else {})),
        **(signing_placement() if stage.signs else {}),
    )
    def run(branch: dict[str, Any], before: Any = None, earlier: Any = None) -> dict[str, Any]:
        model, handed = branch["model"], before or earlier
        if "skipped" in branch:
            _skip(f"{model} skipped: {branch['skipped']}")
        if not stage.in_dry_run and get_current_context()["params"]["dry_run"]:
            if handed is None:
                raise AirflowSkipException("a dry run records nothing")
            _skip(f"{handed['summary']} (dry run, not published)")
        left = handed["left"] if handed else _left_before(stage, branch)
        if left is None:
            _skip(f"{model} failed before this")
        with _explained(model):
            return _unless_over(stage, model, _call(stage, model, left))

    task_of_stage: Callable[..., Any] = run
    return task_of_stage


def _left_before(stage: Stage, branch: dict[str, Any]) -> dict[str, str] | None:
    """What a stage takes that no other handed anything: of the first one, what the run begins
    with; of one that is always done, what was left by that which ended the branch; None where
    it failed."""
    ti = get_current_context()["ti"]
    stages = model_stages()
    if stage == stages[0]:
        return dict(branch["left"])
    for other in stages[: stages.index(stage)] if stage.always else ():
        name = f"model.{other.name}"
        left: dict[str, str] | None = ti.xcom_pull(name, key=_ENDED, map_indexes=ti.map_index)
        if left is not None:
            return left
    return None


def _call(stage: Stage, model: str, left: dict[str, str]) -> dict[str, Any]:
    """Do the stage, in this task's own process, with what the stages before it left."""
    epochs = get_current_context()["params"]["epochs"]
    options = stage.own({"options": TrainOptions(epochs=epochs), "actor": actor()})
    return tasks.model_stage(root(), smartwatts_run_id(), model, stage.name, left, **options)


def _unless_over(stage: Stage, model: str, outcome: dict[str, Any]) -> dict[str, Any]:
    """What the stage handed over; one that ends the branch is skipped, and so is the rest but
    for what is always done."""
    if not outcome["proceed"]:
        get_current_context()["ti"].xcom_push(_ENDED, outcome["left"])
        _skip(outcome["summary"])
    if stage.publishes:
        _announce(model, outcome)
    return outcome


def _announce(model: str, published: dict[str, Any]) -> None:
    """Say in the map name, and to other DAGs, which version came into force."""
    why = published["summary"].removeprefix(f"{model} ")
    label(f"{model} v{published['version']} published: {why}")
    announce(tasks.change_of_champion(root(), model, published["serial"]))
    tell_published(root(), model, published["version"])


def _skip(why: str) -> NoReturn:
    label(why)
    raise AirflowSkipException(why)


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Log under the model's name; leave the reason of a failure in the map name, and for
    ``report``."""
    in_log(model)
    try:
        yield
    except AirflowSkipException:
        raise
    except Exception as error:
        label(f"{model} failed: {error}")
        get_current_context()["ti"].xcom_push("failure", f"{type(error).__name__}: {error}")
        raise
