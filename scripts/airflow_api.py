"""The few calls to Airflow's REST API that the scripts need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlencode

__all__ = ["Airflow", "AirflowError", "NotThereError", "UnreachableError"]

_USER = "admin"
_PATIENCE = 120.0
"""Seconds for one answer: the first one takes long on a machine that is busy starting up."""


_PAGE = 100
"""Airflow gives no more task instances at once."""


class AirflowError(Exception):
    """Airflow answered with an error."""


class NotThereError(AirflowError):
    """Airflow does not know this, or not yet."""


class UnreachableError(AirflowError):
    """Nobody answers at the address, or the answer broke off."""


class Airflow:
    """One Airflow on loopback, as the user ``admin``."""

    def __init__(self, port: int, password: str) -> None:
        self._port = port
        self._password = password
        self._token: str | None = None

    def healthy(self) -> bool:
        """Whether every component has reported in lately."""
        try:
            health = self._call("GET", "/api/v2/monitor/health")
        except AirflowError:
            return False
        return all(part["status"] == "healthy" for part in health.values())

    def dag_known(self, dag: str) -> bool:
        """Whether the DAG has been parsed."""
        try:
            self.call("GET", f"/dags/{dag}")
        except (NotThereError, UnreachableError):
            return False
        return True

    def set_pool(self, name: str, slots: int, description: str) -> None:
        """Create the pool, or set its size."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        try:
            self.call("PATCH", f"/pools/{name}", body)
        except NotThereError:
            self.call("POST", "/pools", body)

    def pause(self, dag: str, paused: bool) -> None:
        self.call("PATCH", f"/dags/{dag}?update_mask=is_paused", {"is_paused": paused})

    def active_run(self, dag: str) -> dict[str, Any] | None:
        """The oldest run of the DAG that has not ended."""
        query = urlencode([("state", "running"), ("state", "queued"), ("order_by", "run_after")])
        runs = self.call("GET", f"/dags/{dag}/dagRuns?{query}")["dag_runs"]
        return runs[0] if runs else None

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The DAG's runs, newest first."""
        return self.call("GET", f"/dags/{dag}/dagRuns?order_by=-run_after")["dag_runs"]

    def trigger(self, dag: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """Start a run by hand."""
        body = {"conf": dict(form), "logical_date": None}
        return self.call("POST", f"/dags/{dag}/dagRuns", body)

    def run(self, dag: str, run_id: str) -> dict[str, Any]:
        return self.call("GET", f"/dags/{dag}/dagRuns/{quote(run_id)}")

    def tasks(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        """Every task instance of a run; mapped ones each by itself."""
        tasks: list[dict[str, Any]] = []
        while True:
            # By id, or a task that ends between two pages would move from one to the other.
            page = urlencode({"limit": _PAGE, "offset": len(tasks), "order_by": "id"})
            path = f"/dags/{dag}/dagRuns/{quote(run_id)}/taskInstances?{page}"
            answer = self.call("GET", path)
            tasks += answer["task_instances"]
            if len(tasks) >= answer["total_entries"] or not answer["task_instances"]:
                return tasks

    def log_lines(self, task: Mapping[str, Any]) -> list[str]:
        """The log of a task's last try."""
        path = (
            f"/dags/{task['dag_id']}/dagRuns/{quote(task['dag_run_id'])}/taskInstances/"
            f"{task['task_id']}/logs/{task['try_number']}?map_index={task['map_index']}"
        )
        content = self.call("GET", path)["content"]
        return [line for entry in content for line in _log_lines(entry)]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the public API, logging in first."""
        if self._token is None:
            login = {"username": _USER, "password": self._password}
            self._token = self._call("POST", "/auth/token", login)["access_token"]
        return self._call(method, f"/api/v2{path}", body)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, HTTPException) as error:
            raise UnreachableError(f"Airflow on port {self._port}: {error}") from error
        finally:
            connection.close()
        if response.status == 404:
            raise NotThereError(f"{method} {path}: not found")
        if response.status >= 400:
            raise AirflowError(f"{method} {path}: {response.status} {data.decode()[:500]}")
        return json.loads(data) if data else None


def _log_lines(entry: Any) -> list[str]:
    """A structured log entry as text, with those frames of its traceback that are ours."""
    if isinstance(entry, str):
        return [entry]
    event = str(entry.get("event", ""))
    lines = [] if event.startswith("::") else [event]
    for error in entry.get("error_detail") or ():
        for frame in error.get("frames", ()):
            if "site-packages/airflow" not in frame["filename"]:
                lines.append(f"  {frame['filename']}:{frame['lineno']} in {frame['name']}")
        lines.append(f"{error.get('exc_type')}: {error.get('exc_value')}")
    return lines
