"""What tasks do, loaded when a task first does it.

Airflow parses the DAG files again and again, in a process that it forks from, and kills a
parse that takes long: neither may load what the work needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["observed", "tasks"]


class _Lazy:
    """A module by its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    from smartwatts_ml.stages import observed, tasks
else:
    observed = _Lazy("smartwatts_ml.stages.observed")
    tasks = _Lazy("smartwatts_ml.stages.tasks")
