"""Addresses in Airflow's UI, as people reach it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow.configuration import conf

__all__ = [
    "answer_page",
    "answer_path",
    "base_url",
    "model_page",
    "model_path",
    "models_page",
    "quality_page",
    "report_path",
    "run_page",
]

_PAGE = "/plugin/models"
"""Where Airflow shows the Models page; what follows is the address inside its frame."""


def base_url() -> str:
    """Airflow's own address, without a slash at its end; empty where it is not set."""
    return conf.get("api", "base_url", fallback=None, suppress_warnings=True) or ""


def models_page() -> str:
    """All champions."""
    return f"{base_url().rstrip('/')}{_PAGE}"


def model_page(model: str) -> str:
    """One model's page."""
    return f"{models_page()}/smartwatts/models/{model}"


def model_path(model: str) -> str:
    """The same for whoever is in the UI: what is kept of it outlives a host and a port."""
    return urlsplit(model_page(model)).path


def report_path(run_key: str, model: str) -> str:
    """A run's report on a model, likewise."""
    return f"{urlsplit(models_page()).path}/smartwatts/runs/{run_key}/{model}/report.html"


def quality_page(run_key: str) -> str:
    """A run's page on the quality of its readings."""
    return f"{models_page()}/smartwatts/runs/{run_key}/data_quality.html"


def run_page(dag_id: str, dag_run_id: str) -> str:
    """A run's page."""
    return f"{base_url().rstrip('/')}/dags/{dag_id}/runs/{quote(dag_run_id, safe='')}"


def answer_path(dag_id: str, dag_run_id: str, task_id: str, map_index: int) -> str:
    """Where a person answers what a task of a model's branch asks, below Airflow's address."""
    run = quote(dag_run_id, safe="")
    return f"/dags/{dag_id}/runs/{run}/tasks/{task_id}/mapped/{map_index}/required_actions"


def answer_page(dag_id: str, dag_run_id: str, task_id: str, map_index: int) -> str:
    """The same with that address."""
    return f"{base_url().rstrip('/')}{answer_path(dag_id, dag_run_id, task_id, map_index)}"
