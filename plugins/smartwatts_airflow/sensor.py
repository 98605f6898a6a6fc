"""The sensor that starts a retraining when enough new readings have arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator

from smartwatts_airflow.context import root
from smartwatts_airflow.trigger import NewReadingsTrigger
from smartwatts_ml.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["NewReadingsSensor"]


class NewReadingsSensor(BaseSensorOperator):
    """Defers at once, so that waiting takes no worker slot; a run by hand does not wait."""

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Hand over to the triggerer, however long it takes."""
        if context["dag_run"].run_type == "manual":
            return None
        self._wait(root(), settings().poke_seconds)

    def _wait(self, where: str, poke_seconds: float) -> NoReturn:
        self.defer(
            trigger=NewReadingsTrigger(root=where, poke_seconds=poke_seconds),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Say what was found: ``rows``, ``threshold`` and the ``models`` that are due."""
        self.log.info("%(seen)s: %(models)s are due", event)
        return event
