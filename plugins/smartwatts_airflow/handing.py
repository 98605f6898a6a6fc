"""What the tasks of a model's branch hand to each other, and how each ends.

A task hands over digests of what it left; what lies in the run's folder beside that is not
believed. One that ends its branch is skipped, and leaves its word to the stage that records it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from smartwatts_airflow.context import in_log, label, root, smartwatts_run_id
from smartwatts_airflow.lazily import tasks
from smartwatts_ml.stages.order import Stage, model_stages

__all__ = ["do_stage", "explained", "left_before", "skip"]

_ENDED = "ended"
"""What a stage that ends its branch hands to the stage that records that."""
_Branch = Mapping[str, Any]


def left_before(
    stage: Stage, branch: _Branch, before: Sequence[Mapping[str, Any] | None]
) -> dict[str, str]:
    """What the stages before have left, by digest. ``before``: what those handed over that this
    one may follow, the last first, None where one had nothing to hand over. Skips the task where
    there is nothing to do for it."""
    model = branch["model"]
    handed = next((each for each in before if each), None)
    if "skipped" in branch:
        skip(f"{model} skipped: {branch['skipped']}")
    if not stage.in_dry_run and get_current_context()["params"]["dry_run"]:
        if handed is None:
            raise AirflowSkipException("a dry run records nothing")
        skip(f"{handed['summary']} (dry run, not published)")
    if stage == model_stages()[0]:
        return dict(branch["left"])
    left = (stage.always and _left_by_what_ended(stage)) or (handed and handed["left"])
    if left is None:
        skip(f"{model} failed before this")
    return dict(left)


def _left_by_what_ended(stage: Stage) -> dict[str, str] | None:
    """What was left by the stage that ended the branch, if one did."""
    ti = get_current_context()["ti"]
    stages = model_stages()
    for other in stages[: stages.index(stage)]:
        name = f"model.{other.name}"
        left: dict[str, str] | None = ti.xcom_pull(name, key=_ENDED, map_indexes=ti.map_index)
        if left is not None:
            return left
    return None


def do_stage(stage: Stage, model: str, left: Mapping[str, str], **options: Any) -> dict[str, Any]:
    """Do the stage, in this task's own process, with what the stages before it left; what it
    hands over. One that ends the branch is skipped, and so is the rest but for what is always
    done."""
    outcome = tasks.model_stage(
        root(), smartwatts_run_id(), model, stage.name, left, **stage.own(options)
    )
    if not outcome["proceed"]:
        get_current_context()["ti"].xcom_push(_ENDED, outcome["left"])
        skip(outcome["summary"])
    return outcome


def skip(why: str) -> NoReturn:
    """End the task as skipped, for the reason in its map name."""
    label(why)
    raise AirflowSkipException(why)


@contextmanager
def explained(model: str) -> Iterator[None]:
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
