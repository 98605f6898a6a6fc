"""Addresses in Airflow's UI, as people reach it."""

from __future__ import annotations

from urllib.parse import quote

from airflow.configuration import conf

__all__ = ["base_url", "model_page", "models_page", "report_page", "run_page"]

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


def report_page(run_key: str, model: str) -> str:
    """A run's report on a model."""
    return f"{models_page()}/smartwatts/runs/{run_key}/{model}/report.html"


def run_page(dag_id: str, dag_run_id: str) -> str:
    """A run's page."""
    return f"{base_url().rstrip('/')}/dags/{dag_id}/runs/{quote(dag_run_id, safe='')}"
