"""The task group that both retraining DAGs share.

    find_new_files ─ what a run does once, ingest as one task a batch of files ─
        model (one branch a model, through each of its stages) ┬ what a run does at its end
                                                               └ report

Which stages there are, and their order, is ``smartwatts_ml.stages.order``'s to say. Tasks call
them and hand over small values. A rejected challenger ends its branch as skipped, but for the
stage that records it, which runs where the keys are; a failed one lets the other branches
finish, and then ``report`` fails the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from airflow.sdk import chain, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from smartwatts_airflow.addresses import models_page, quality_page
from smartwatts_airflow.assets import READINGS, announce_ingested
from smartwatts_airflow.branch import model_branch
from smartwatts_airflow.context import by_hand, label, root, smartwatts_run_id
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.gauges import emit_all, metrics_are_on
from smartwatts_airflow.lazily import tasks
from smartwatts_airflow.lineage import tell_ingested
from smartwatts_airflow.notify import about_run, send, tell_failure, tell_unrenewed
from smartwatts_airflow.placement import signing_placement
from smartwatts_airflow.retries import PATIENT
from smartwatts_ml.counted import counted
from smartwatts_ml.kinds import find_model
from smartwatts_ml.stages.order import (
    Stage,
    after_models,
    before_models,
    model_stages,
)

_log = logging.getLogger(__name__)

__all__ = ["retraining"]


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
    outlets=[READINGS],
    doc_md=DOCS["ingest"],
    **PATIENT,
)
def _ingest(keys: list[str]) -> dict[str, Any]:
    """Add a batch of landing files to the readings table. Repeating adds nothing."""
    done = tasks.ingest_stage(root(), keys, smartwatts_run_id())
    announce_ingested(done)
    tell_ingested(root(), done)
    left = f", {counted(done['left'], 'file')} left" if done["left"] else ""
    label(f"{counted(len(keys), 'file')}: {counted(done['accepted'], 'reading')}{left}")
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
    the run ends as skipped. Only a run by hand retrains all that its form says, on readings that
    were decided on, or while another run is at it.
    """
    form, asked = get_current_context()["params"], by_hand()
    only_due = only_due and not asked
    how = {"only_due": only_due, "only_new": not asked, "claim": not form["dry_run"]}
    made = tasks.plan_stage(root(), smartwatts_run_id(), form["models"], **how)
    if only_due and not made["models"]:
        raise AirflowSkipException("; ".join(f"{m}: {why}" for m, why in made["skipped"].items()))
    # The finest readings train for the longest: started last, they would hold up the run.
    longest_first = sorted(made["models"], key=lambda model: find_model(model)[1].period_s)
    branches = [{"model": model, "left": made["left"]} for model in longest_first]
    return branches + [{"model": m, "skipped": why} for m, why in made["skipped"].items()]


def _once_task(stage: Stage, trigger_rule: str) -> Callable[..., Any]:
    """The task of a stage that a run does once."""

    @task(
        task_id=stage.name,
        trigger_rule=trigger_rule,
        execution_timeout=timedelta(minutes=15),
        on_failure_callback=tell_unrenewed if stage.signs else None,
        doc_md=DOCS.get(stage.name, stage.doing),
        **PATIENT,
        **(signing_placement() if stage.signs else {}),
    )
    def run() -> Any:
        if _states().get("plan") == "skipped":
            raise AirflowSkipException("nothing is due, so nothing was decided")
        if not stage.in_dry_run and get_current_context()["params"]["dry_run"]:
            raise AirflowSkipException("a dry run signs nothing")
        return tasks.once_stage(root(), stage.name)

    task_of_stage: Callable[..., Any] = run
    return task_of_stage


@task(
    task_id="report",
    trigger_rule="all_done",
    execution_timeout=timedelta(minutes=15),
    on_failure_callback=partial(tell_failure, what="ended without a report"),
    doc_md=DOCS["report"],
    **PATIENT,
)
def _report() -> dict[str, str]:
    """Say what was decided, make failed models back off, and fail the run if any failed."""
    context = get_current_context()
    states = _states()
    if states["plan"] == "skipped":
        _tell_readings(context["dag_run"])
        raise AirflowSkipException("nothing is due")
    failures = _failures(states)
    dry_run = context["params"]["dry_run"]
    note = tasks.keep_failure if dry_run else tasks.record_failure
    for model, why in failures.items():
        note(root(), smartwatts_run_id(), model, why)
    planned = states["plan"] == "success"
    report = tasks.run_report(root(), smartwatts_run_id())
    rows = report["models"] if planned else []
    decided = {row["model"]: row["summary"] for row in rows}
    for summary in decided.values():
        _log.info(summary)
    run = context["dag_run"]
    about = {"doubtful": report["doubtful"], "quality": quality_page(smartwatts_run_id())}
    send(about_run(run.dag_id, run.run_id, rows, failures, dry_run=dry_run, **about))
    if metrics_are_on() and not dry_run:
        # Of a list of tasks: else one batch would come as itself, and several as a list.
        emit_all(root(), ingested=context["ti"].xcom_pull(["ingest"]))
    if not planned:
        raise AirflowFailException("the run failed before any training")
    if failures:
        raise AirflowFailException("; ".join(f"{m}: {why}" for m, why in failures.items()))
    return decided


def _tell_readings(run: Any) -> None:
    """What wants a look among readings that came in, though they are too few to retrain on."""
    doubtful = tasks.run_report(root(), smartwatts_run_id())["doubtful"]
    if doubtful:
        about = {"doubtful": doubtful, "quality": models_page()}
        send(about_run(run.dag_id, run.run_id, [], {}, **about))


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
        chain(*opening, model_branch.expand(branch=branches), [*closing, _report()])

    return retrain()


def _states() -> dict[str, str]:
    """State of each task of this run, by name and map index."""
    context = get_current_context()
    dag_id, run_id = context["dag_run"].dag_id, context["dag_run"].run_id
    states: dict[str, str] = context["ti"].get_task_states(dag_id=dag_id, run_ids=[run_id])[run_id]
    return states


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
