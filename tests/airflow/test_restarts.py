"""Components of Airflow die in the middle of trainings: nothing is lost, nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts.airflow_api import Airflow, AirflowError
from scripts.session import members, orphans
from scripts.stack import REPOSITORY, Stack
from scripts.supervise import COMPONENTS
from smartwatts_ml.kinds import model_names
from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.store import Store

pytestmark = [pytest.mark.full, pytest.mark.timeout(2400)]

WEEKLY = "retrain_weekly"
SIZE = ["--homes", "3", "--days", "90", "--submetered", "3", "--epochs", "3", "--slots", "1"]
DYING = ("scheduler", "triggerer", "api-server")
PATIENCE = 1200.0


class Running:
    """``make run`` at work in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.stack = Stack(folder, str(folder / "root"))
        self.log = folder / "run.log"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("SMARTWATTS_")
        } | {
            "SMARTWATTS_ROOT": self.stack.root,
            "SMARTWATTS_KEYS": str(folder / "keys"),
            # Three homes of ninety days show little: what is tried here is Airflow.
            "SMARTWATTS_GATE_CONFIDENCE": "0.8",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command("run", *SIZE),
                cwd=REPOSITORY,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def _command(self, name: str, *options: str) -> list[str]:
        folder = ["--folder", str(self.stack.folder)]
        return [sys.executable, "-m", f"scripts.{name}", *folder, *options]

    @property
    def airflow(self) -> Airflow:
        record = self.stack.running()
        if record is None and self.process.poll() is not None:
            pytest.fail(f"make run ended by itself: {self.log.read_text()}")
        if record is None:
            raise AirflowError("not up")
        return Airflow(record.port, self.stack.password())

    def tasks(self) -> list[dict[str, Any]]:
        """Task instances of the weekly run."""
        return self.airflow.tasks(WEEKLY, self.airflow.runs(WEEKLY)[0]["dag_run_id"])

    def training(self) -> str | None:
        """Name of the training that has begun to read."""
        for task in self.tasks():
            trains = task["task_id"] == "model.train" and task["state"] == "running"
            if trains and any("reading" in line for line in self.airflow.log_lines(task)):
                return str(task["rendered_map_index"])
        return None

    def component(self, name: str) -> psutil.Process:
        """Its process, a child of the supervisor."""
        record = self.stack.running()
        assert record is not None
        # The API server calls itself by another name once it is up.
        names = {COMPONENTS[name][0], COMPONENTS[name][0].replace("-", "_")}
        (found,) = [
            process
            for process in members(record)
            if process.ppid() == record.pid
            and any(name in " ".join(process.cmdline()) for name in names)
        ]
        return found

    def strike(self, how: signal.Signals) -> None:
        """Scheduler, triggerer and API server at once; until each has been started again."""
        dying = {name: self.component(name) for name in DYING}
        for process in dying.values():
            process.send_signal(how)

        def back() -> bool:
            return all(self.component(n).pid != old.pid for n, old in dying.items())

        eventually(back, "components are started again")
        eventually(lambda: self.airflow.healthy(), "all are healthy")
        record = self.stack.running()
        assert record is not None and orphans(record) == []

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        subprocess.run(
            self._command("stop"), cwd=REPOSITORY, env=self.environment, check=True, timeout=120
        )


def eventually(true: Callable[[], Any], what: str) -> Any:
    """Nothing here pushes, so it is asked until it says so; what it said."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            found = true()
        except (AirflowError, LookupError, ValueError, psutil.NoSuchProcess):
            found = None
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {PATIENCE:.0f} s")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    try:
        yield made
    finally:
        made.stop()
        print(made.log.read_text())  # noqa: T201 - shown where the test fails


def test_scheduler_triggerer_and_api_server_die_in_mid_run_and_nothing_is_lost_or_done_twice(
    running: Running,
) -> None:
    first = eventually(running.training, "a model trains")
    running.strike(signal.SIGKILL)
    eventually(
        lambda: (name := running.training()) and name != first and name, "another model trains"
    )
    running.strike(signal.SIGTERM)

    def ended() -> str | None:
        state: str = running.airflow.runs(WEEKLY)[0]["state"]
        return state if state in ("success", "failed") else None

    assert eventually(ended, "the run ends") == "success"
    assert {t["state"] for t in running.tasks()} <= {"success", "skipped"}
    objects = open_root(running.stack.root)
    store = Store(objects, Path(running.environment["SMARTWATTS_KEYS"]))
    outcomes = {}
    for model in model_names():
        state = read_state(objects, model)
        assert state is not None and state.failures == 0, model
        outcomes[model] = state.outcome
        entries = store.history(model)
        assert len(entries) == (1 if state.outcome == "published" else 0), model
        assert [v.version for v in store.versions(model)] == [e.version for e in entries]
        assert not store.verify(model).findings
    assert "published" in outcomes.values()
