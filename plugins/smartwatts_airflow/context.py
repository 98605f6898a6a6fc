"""What a task needs to know about its run, as plain strings."""

from __future__ import annotations

import logging
from textwrap import shorten

from airflow.sdk import get_current_context
from structlog.contextvars import bind_contextvars

from smartwatts_airflow.connection import connect
from smartwatts_airflow.runs import run_key
from smartwatts_ml.settings import settings

__all__ = ["DEFAULT_LABEL", "actor", "by_hand", "in_log", "label", "root", "smartwatts_run_id"]

DEFAULT_LABEL = "{{ label | default(task.op_kwargs.branch.model) }}"
"""Map name of a task: the model's name until the task says more with ``label``."""

_LABEL_LENGTH = 100
"""The task's page has it in its headline."""


def root() -> str:
    """The root that the settings name, read when the task runs, and within its reach."""
    where = settings().root
    connect(where)
    return where


def smartwatts_run_id() -> str:
    """``run_key`` of the run that the current task belongs to; the same on every retry."""
    run = get_current_context()["dag_run"]
    return run_key(run.dag_id, run.run_id)


def by_hand() -> bool:
    """Whether somebody triggered the run."""
    return get_current_context()["dag_run"].run_type == "manual"


def actor() -> str:
    """Who the history names: the user who triggered the run, else the DAG."""
    run = get_current_context()["dag_run"]
    return run.triggering_user_name or run.dag_id


def in_log(model: str) -> None:
    """From here on each line of the task's log carries the model and the run's name in the
    root, beside Airflow's own fields (``dag_id``, ``run_id``, ``task_id``, ``try_number``)."""
    bind_contextvars(model=model, smartwatts_run=smartwatts_run_id())


def label(text: str) -> None:
    """Set the map name of the current task, shortened to a headline; the log has all of it."""
    logging.getLogger("smartwatts").info("%s", text)
    short = shorten(text, _LABEL_LENGTH, placeholder=" …")
    get_current_context()["label"] = short  # type: ignore[typeddict-unknown-key]
