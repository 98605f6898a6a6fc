"""The task group that both retraining DAGs share.

    find_new_files ─ what a run does once, ingest as one task a batch of files ─
        model (one branch a model, through each of its stages) ┬ what a run does at its end
                                                               └ report

Which stages there are, and their order, is ``smartwatts_ml.stages.order``'s to say. Tasks call
them and hand over small values. A rejected challenger has its decision
recorded and ends its branch as skipped; a failed one lets the other branches finish, and
then ``report`` fails the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import chain, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from smartwatts_airflow.assets import CHAMPIONS, announce
from smartwatts_airflow.context import DEFAULT_LABEL, actor, in_log, label, root, smartwatts_run_id
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.links import ModelLink, ReportLink
from smartwatts_airflow.notify import about_run, send
from smartwatts_airflow.placement import SIGNING_QUEUE, TRAINING_POOL, training_placement
from smartwatts_airflow.retries import RetryWhatCanPass
from smartwatts_ml.kinds import find_model
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.stages.order import (
    Stage,
    after_models,
    before_models,
    model_stages,
    stages_after,
)

_log = logging.getLogger(__name__)

__all__ = ["PATIENT", "TRAINING_POOL", "retraining"]

PATIENT: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RetryWhatCanPass(),
}
"""Also for a task that is started before the API server listens, which fails it once."""
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


@task(
    task_id="find_new_files",
    execution_timeout=timedelta(minutes=30),
    doc_md=DOCS["find_new_files"],
    **PATIENT,
)
def _find_new_files() -> list[list[str]]:
    """Landing files not yet ingested, in batches that workers can take side by side."""
    return tasks.landing_batches(root())


@task(
    task_id="ingest",
    execution_timeout=timedelta(hours=2),
    map_index_template="{{ label | default(task.op_kwargs['keys'] | length ~ ' files') }}",
    doc_md=DOCS["ingest"],
    **PATIENT,
)
def _ingest(keys: list[str]) -> dict[str, Any]:
    """Add a batch of landing files to the readings table. Repeating adds nothing."""
    done = tasks.ingest_stage(root(), keys, smartwatts_run_id())
    left = f", {done['left']} files left" if done["left"] else ""
    label(f"{len(keys)} files: {done['accepted']:,} readings{left}")
    return done


@task(
    task_id="plan",
    trigger_rule="none_failed",
    execution_timeout=timedelta(minutes=30),
    doc_md=DOCS["plan"],
    **PATIENT,
)
def _plan(only_due: bool) -> list[dict[str, Any]]:
    """Pin the snapshot that every branch reads, and say which models it retrains.

    ``only_due``: those with too few new readings are left out; if that is all of them,
    the run ends as skipped. Only a run by hand retrains on readings that were decided on,
    or while another run is at it.
    """
    context = get_current_context()
    form = context["params"]
    by_hand = context["dag_run"].run_type == "manual"
    how = {"only_new": not by_hand, "claim": not form["dry_run"]}
    made = tasks.plan_stage(root(), smartwatts_run_id(), form["models"], only_due=only_due, **how)
    if only_due and not made["models"]:
        raise AirflowSkipException("; ".join(f"{m}: {why}" for m, why in made["skipped"].items()))
    # The finest readings train for the longest: started last, they would hold up the run.
    longest_first = sorted(made["models"], key=lambda model: find_model(model)[1].period_s)
    branches = [{"model": model, "left": made["left"]} for model in longest_first]
    return branches + [{"model": m, "skipped": why} for m, why in made["skipped"].items()]


def _model_task(stage: Stage, *, spares: bool) -> Callable[..., Any]:
    """The task of a model's stage. ``before``: what the stage before it handed over, digests
    of what it left among that; what lies in the run's folder beside that is not believed. Where
    it ``spares`` that one, which may fail, ``earlier``: what the one before that did."""

    @task(
        task_id=stage.name,
        trigger_rule="all_done_min_one_success" if spares else "all_success",
        doc_md=DOCS.get(stage.name, stage.doing),
        outlets=[CHAMPIONS] if stage.publishes else [],
        **(_BRANCH | _HEAVY if stage.heavy else _BRANCH),
        **_signing(stage),
    )
    def run(branch: dict[str, Any], before: Any = None, earlier: Any = None) -> dict[str, Any]:
        model = branch["model"]
        if "skipped" in branch:
            _skip(f"{model} skipped: {branch['skipped']}")
        if spares and not earlier:
            _skip(f"{model} failed before this")
        if not stage.in_dry_run and get_current_context()["params"]["dry_run"]:
            _skip(f"{before['summary']} (dry run, not published)")
        left = (before or earlier or branch)["left"]
        with _explained(model):
            return _unless_over(stage, model, _call(stage, model, left))

    task_of_stage: Callable[..., Any] = run
    return task_of_stage


def _signing(stage: Stage) -> dict[str, Any]:
    return {"queue": SIGNING_QUEUE} if stage.signs else {}


def _call(stage: Stage, model: str, left: dict[str, str]) -> dict[str, Any]:
    """Do the stage, in this task's own process, with what the stages before it left."""
    epochs = get_current_context()["params"]["epochs"]
    options = stage.own({"options": TrainOptions(epochs=epochs), "actor": actor()})
    return tasks.model_stage(root(), smartwatts_run_id(), model, stage.name, left, **options)


def _unless_over(stage: Stage, model: str, outcome: dict[str, Any]) -> dict[str, Any]:
    """What the stage handed over; but one that ends the branch is recorded, and the rest is
    skipped."""
    if not outcome["proceed"]:
        if not get_current_context()["params"]["dry_run"]:
            for later in stages_after(stage):
                if later.always:
                    _call(later, model, outcome["left"])
        _skip(outcome["summary"])
    if stage.publishes:
        _announce(model, outcome)
    return outcome


def _announce(model: str, published: dict[str, Any]) -> None:
    """Say in the map name, and to other DAGs, which version came into force."""
    label(f"{published['summary']}, v{published['version']} published")
    announce(
        model,
        action="published",
        version=published["version"],
        reason=published["summary"],
        metrics=tasks.published_metrics(root(), smartwatts_run_id(), model),
        file=published["file"],
        run_id=smartwatts_run_id(),
    )


def _once_task(stage: Stage, trigger_rule: str) -> Callable[..., Any]:
    """The task of a stage that a run does once."""

    @task(
        task_id=stage.name,
        trigger_rule=trigger_rule,
        execution_timeout=timedelta(minutes=15),
        doc_md=DOCS.get(stage.name, stage.doing),
        **PATIENT,
        **_signing(stage),
    )
    def run() -> Any:
        if not stage.in_dry_run and get_current_context()["params"]["dry_run"]:
            raise AirflowSkipException("a dry run signs nothing")
        return tasks.once_stage(root(), stage.name)

    task_of_stage: Callable[..., Any] = run
    return task_of_stage


@task(
    task_id="report",
    trigger_rule="all_done",
    execution_timeout=timedelta(minutes=15),
    doc_md=DOCS["report"],
    **PATIENT,
)
def _report() -> dict[str, str]:
    """Say what was decided, make failed models back off, and fail the run if any failed."""
    context = get_current_context()
    states = context["ti"].get_task_states(
        dag_id=context["dag_run"].dag_id, run_ids=[context["dag_run"].run_id]
    )[context["dag_run"].run_id]
    if states["plan"] == "skipped":
        raise AirflowSkipException("nothing is due")
    failures = _failures(states)
    if not context["params"]["dry_run"]:
        for model, why in failures.items():
            tasks.record_failure(root(), smartwatts_run_id(), model, why)
    planned = states["plan"] == "success"
    rows = tasks.run_report(root(), smartwatts_run_id())["models"] if planned else []
    decided = {row["model"]: row["summary"] for row in rows}
    for summary in decided.values():
        _log.info(summary)
    run = context["dag_run"]
    dry_run = context["params"]["dry_run"]
    send(about_run(run.dag_id, run.run_id, rows, failures, dry_run=dry_run))
    if not planned:
        raise AirflowFailException("the run failed before any training")
    if failures:
        raise AirflowFailException("; ".join(f"{m}: {why}" for m, why in failures.items()))
    return decided


def retraining(*, only_due: bool) -> Any:
    """Build the tasks into the current DAG; returns the group, to be chained."""

    @task_group(prefix_group_id=False, tooltip="From landing files to published models")
    def retrain() -> None:
        branches = _plan(only_due)
        # By keyword: the map name counts a task's files among its keyword arguments.
        own = {"ingest": _ingest.expand(keys=_find_new_files()), "plan": branches}
        # Whether or not there were new files, and whatever was decided on the models.
        opening = [own.get(s.name) or _once_task(s, "none_failed")() for s in before_models()]
        closing = [_once_task(stage, "all_done")() for stage in after_models()]
        chain(*opening, _model.expand(branch=branches), [*closing, _report()])

    return retrain()


@task_group(group_id="model")
def _model(branch: dict[str, Any]) -> None:
    """One model, from readings to a published file."""
    step, earlier = None, None
    for stage in model_stages():
        # By keyword: the map name finds the model among a task's keyword arguments.
        following = _model_task(stage, spares=earlier is not None)(
            branch=branch, before=step, earlier=earlier
        )
        following.operator.operator_extra_links = (ReportLink(), ModelLink())
        step, earlier = following, step if stage.may_fail else None


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


def _failures(states: dict[str, str]) -> dict[str, str]:
    """Why each model failed; a task that was killed could not say why. A stage that may fail
    fails no model: what publish says of it is in the run's summary."""
    context = get_current_context()
    ti = context["ti"]
    for step in ("find_new_files", *(stage.name for stage in before_models())):
        if any(name.startswith(step) and state == "failed" for name, state in states.items()):
            return dict.fromkeys(context["params"]["models"], f"{step} failed")
    failures = {}
    for index, branch in enumerate(ti.xcom_pull("plan") or ()):
        for step in (stage.name for stage in model_stages() if not stage.may_fail):
            if states.get(f"model.{step}_{index}") == "failed":
                why = ti.xcom_pull(f"model.{step}", key="failure", map_indexes=index)
                failures[branch["model"]] = f"{step} failed: {why or 'its process died'}"
    return failures
