"""The task group that both retraining DAGs share.

    find_new_files ─ ingest (one task a batch of files) ─ plan ─
        model (one branch a model: train ─ validate ─ convert ─ publish) ┬ resign
                                                                         └ report

Tasks call the stages and hand over small values. A rejected challenger has its decision
recorded and ends its branch as skipped; a failed one lets the other branches finish, and
then ``report`` fails the run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import chain, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from smartwatts_airflow.assets import CHAMPIONS, announce
from smartwatts_airflow.context import DEFAULT_LABEL, actor, in_log, label, root, smartwatts_run_id
from smartwatts_airflow.explained import DOCS
from smartwatts_airflow.links import ModelLink, ReportLink
from smartwatts_airflow.notify import about_run, send
from smartwatts_airflow.placement import TRAINING_POOL, training_placement
from smartwatts_airflow.retries import RetryWhatCanPass

log = logging.getLogger(__name__)

__all__ = ["PATIENT", "TRAINING_POOL", "retraining"]

PATIENT: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RetryWhatCanPass(),
}
"""Also for a task that is started before the API server listens, which fails it once."""
BRANCH: dict[str, Any] = {**PATIENT, "map_index_template": DEFAULT_LABEL}
STEPS = ("train", "validate", "convert", "publish")


@task(execution_timeout=timedelta(minutes=30), doc_md=DOCS["find_new_files"], **PATIENT)
def find_new_files() -> list[list[str]]:
    """Landing files not yet ingested, in batches that workers can take side by side."""
    from smartwatts_ml.stages.pipeline import landing_batches

    return landing_batches(root())


@task(
    execution_timeout=timedelta(hours=2),
    map_index_template="{{ label | default(task.op_kwargs['keys'] | length ~ ' files') }}",
    doc_md=DOCS["ingest"],
    **PATIENT,
)
def ingest(keys: list[str]) -> dict[str, Any]:
    """Add a batch of landing files to the readings table. Repeating adds nothing."""
    from smartwatts_ml.stages.pipeline import ingest_stage

    done = ingest_stage(root(), keys)
    left = f", {done['left']} files left" if done["left"] else ""
    label(f"{len(keys)} files: {done['accepted']:,} readings{left}")
    return done


@task(
    trigger_rule="none_failed",
    execution_timeout=timedelta(minutes=30),
    doc_md=DOCS["plan"],
    **PATIENT,
)
def plan(only_due: bool) -> list[dict[str, str]]:
    """Pin the snapshot that every branch reads, and say which models it retrains.

    ``only_due``: those with too few new readings are left out; if that is all of them,
    the run ends as skipped. Only a run by hand retrains on readings that were decided on,
    or while another run is at it.
    """
    from smartwatts_ml.kinds import find_model
    from smartwatts_ml.stages.pipeline import plan_stage

    context = get_current_context()
    form = context["params"]
    by_hand = context["dag_run"].run_type == "manual"
    how = {"only_new": not by_hand, "claim": not form["dry_run"]}
    made = plan_stage(root(), smartwatts_run_id(), form["models"], only_due, **how)
    if only_due and not made["models"]:
        raise AirflowSkipException("; ".join(f"{m}: {why}" for m, why in made["skipped"].items()))
    # The finest readings train for the longest: started last, they would hold up the run.
    longest_first = sorted(made["models"], key=lambda model: find_model(model)[1].period_s)
    branches = [{"model": model} for model in longest_first]
    return branches + [{"model": m, "skipped": why} for m, why in made["skipped"].items()]


@task(
    execution_timeout=timedelta(hours=6),
    doc_md=DOCS["train"],
    **{**BRANCH, "retries": 12},
    **training_placement(),
)
def train(branch: dict[str, str]) -> dict[str, Any]:
    """Train a challenger on the snapshot's training part, in this task's own process."""
    from smartwatts_ml.stages.pipeline import train_stage

    model = branch["model"]
    if "skipped" in branch:
        _skip(f"{model} skipped: {branch['skipped']}")
    epochs = get_current_context()["params"]["epochs"]
    with _explained(model):
        return _unless_over(model, train_stage(root(), smartwatts_run_id(), model, epochs))


@task(execution_timeout=timedelta(hours=2), doc_md=DOCS["validate"], **BRANCH)
def validate(branch: dict[str, str]) -> dict[str, Any]:
    """Judge challenger, champion and baseline on readings that none of them has seen."""
    from smartwatts_ml.stages.pipeline import validate_stage

    model = branch["model"]
    with _explained(model):
        return _unless_over(model, validate_stage(root(), smartwatts_run_id(), model))


@task(execution_timeout=timedelta(hours=2), doc_md=DOCS["convert"], **BRANCH)
def convert(branch: dict[str, str]) -> dict[str, Any]:
    """Make the .tflite file and judge the file itself by the same rules."""
    from smartwatts_ml.stages.pipeline import convert_stage

    model = branch["model"]
    with _explained(model):
        return _unless_over(model, convert_stage(root(), smartwatts_run_id(), model))


@task(
    execution_timeout=timedelta(hours=2),
    outlets=[CHAMPIONS],
    doc_md=DOCS["publish"],
    **BRANCH,
)
def publish(branch: dict[str, str], judged: Any) -> dict[str, Any]:
    """Make the file the champion: version, signed manifest, history entry, pointer.

    ``judged`` is what ``convert`` handed over. Where another champion came into force in
    the meantime, the file is judged again against that one.
    """
    from smartwatts_ml.stages.pipeline import publish_stage, published_metrics

    model = branch["model"]
    if get_current_context()["params"]["dry_run"]:
        _skip(f"{judged['summary']} (dry run, not published)")
    with _explained(model):
        done = publish_stage(root(), smartwatts_run_id(), model, actor())
    if done["outcome"] == "kept":
        _skip(done["summary"])
    label(f"{done['summary']}, v{done['version']} published")
    announce(
        model,
        action="published",
        version=done["version"],
        reason=done["summary"],
        metrics=published_metrics(root(), smartwatts_run_id(), model),
        file=done["file"],
        run_id=smartwatts_run_id(),
    )
    return done


@task(
    trigger_rule="all_done",
    execution_timeout=timedelta(minutes=15),
    doc_md=DOCS["resign"],
    **PATIENT,
)
def resign() -> dict[str, str]:
    """Sign every champion's pointer again, whatever was decided, so that gateways notice a
    store that stands still."""
    from smartwatts_ml.stages.pipeline import resign_stage

    if get_current_context()["params"]["dry_run"]:
        raise AirflowSkipException("a dry run signs nothing")
    return resign_stage(root())


@task(
    trigger_rule="all_done",
    execution_timeout=timedelta(minutes=15),
    doc_md=DOCS["report"],
    **PATIENT,
)
def report() -> dict[str, str]:
    """Say what was decided, make failed models back off, and fail the run if any failed."""
    from smartwatts_ml.stages.pipeline import record_failure, run_report

    context = get_current_context()
    states = context["ti"].get_task_states(
        dag_id=context["dag_run"].dag_id, run_ids=[context["dag_run"].run_id]
    )[context["dag_run"].run_id]
    if states["plan"] == "skipped":
        raise AirflowSkipException("nothing is due")
    failures = _failures(states)
    if not context["params"]["dry_run"]:
        for model, why in failures.items():
            record_failure(root(), smartwatts_run_id(), model, why)
    planned = states["plan"] == "success"
    rows = run_report(root(), smartwatts_run_id())["models"] if planned else []
    decided = {row["model"]: row["summary"] for row in rows}
    for summary in decided.values():
        log.info(summary)
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
        branches = plan(only_due)
        # By keyword: the map name counts a task's files among its keyword arguments.
        ingest.expand(keys=find_new_files()) >> branches
        model.expand(branch=branches) >> [resign(), report()]

    return retrain()


@task_group
def model(branch: dict[str, str]) -> None:
    """One model, from readings to a published file."""
    # By keyword: the map name finds the model among a task's keyword arguments.
    steps = [train(branch=branch), validate(branch=branch), convert(branch=branch)]
    steps.append(publish(branch=branch, judged=steps[-1]))
    chain(*steps)
    for step in steps:
        _operator(step).operator_extra_links = (ReportLink(), ModelLink())


def _operator(step: Any) -> Any:
    return step.operator


def _skip(why: str) -> NoReturn:
    label(why)
    raise AirflowSkipException(why)


def _unless_over(model: str, outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome; but one that ends the branch is recorded, and the rest is skipped."""
    from smartwatts_ml.stages.pipeline import publish_stage

    if outcome["proceed"]:
        return outcome
    if not get_current_context()["params"]["dry_run"]:
        publish_stage(root(), smartwatts_run_id(), model, actor())
    _skip(outcome["summary"])


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
    """Why each model failed; a task that was killed could not say why."""
    context = get_current_context()
    ti = context["ti"]
    for step in ("find_new_files", "ingest", "plan"):
        if any(name.startswith(step) and state == "failed" for name, state in states.items()):
            return dict.fromkeys(context["params"]["models"], f"{step} failed")
    failures = {}
    for index, branch in enumerate(ti.xcom_pull("plan") or ()):
        for step in STEPS:
            if states.get(f"model.{step}_{index}") == "failed":
                why = ti.xcom_pull(f"model.{step}", key="failure", map_indexes=index)
                failures[branch["model"]] = f"{step} failed: {why or 'its process died'}"
    return failures
