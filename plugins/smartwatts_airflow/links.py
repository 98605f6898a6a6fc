"""Buttons on a task's page in Airflow: to the model, and to the run's report on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from smartwatts_airflow.addresses import model_path, report_path
from smartwatts_airflow.runs import run_key

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

__all__ = ["ModelLink", "ReportLink"]


class ModelLink(BaseOperatorLink):
    """To the page of the branch's model."""

    name = "Model"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Its address."""
        return model_path(_model(operator))


class ReportLink(BaseOperatorLink):
    """To what this run found out about the branch's model."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Its address."""
        return report_path(run_key(ti_key.dag_id, ti_key.run_id), _model(operator))


def _model(operator: Any) -> str:
    return str(operator.op_kwargs["branch"]["model"])
