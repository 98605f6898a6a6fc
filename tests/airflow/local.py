"""The real stack in a folder of its own, through the scripts that ``make run`` calls."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scripts.airflow_api import Airflow, AirflowError
from scripts.stack import REPOSITORY, Stack

__all__ = ["NEW", "QUICK", "WEEKLY", "Local", "eventually", "map_names", "run_script"]

NEW = "retrain_on_new_readings"
WEEKLY = "retrain_weekly"
PATIENCE = 900.0
COUNTED = re.compile(r"([\d,]+) of ([\d,]+) new readings")
"""What the triggerer writes into its log when it has counted anew."""
QUICK = {
    "SMARTWATTS_POKE_SECONDS": "1",
    "SMARTWATTS_NILM_EPOCHS": "3",
    "SMARTWATTS_NILM_MEMBERS": "1",
    "SMARTWATTS_NILM_SIMULATED_HOMES": "8",
    "SMARTWATTS_NILM_WINDOW_MINUTES": "128",
    "SMARTWATTS_FORECASTING_EPOCHS": "1",
    "SMARTWATTS_FORECASTING_EPOCH_WINDOWS": "1024",
    "SMARTWATTS_ANOMALY_EPOCHS": "1",
    # Three homes and two weeks of holdout show little: what is tried is Airflow.
    "SMARTWATTS_GATE_CONFIDENCE": "0.8",
}
"""Settings with which models train within seconds."""


@dataclass(frozen=True)
class Local:
    """A stack that is up, and what the first ``make run`` said."""

    stack: Stack
    environment: dict[str, str]
    first: subprocess.CompletedProcess[str]

    @property
    def airflow(self) -> Airflow:
        record = self.stack.running()
        assert record is not None
        return Airflow(record.port, self.stack.password())

    def script(self, name: str, *options: str) -> subprocess.CompletedProcess[str]:
        return run_script(name, self.stack, self.environment, *options)

    def runs(self, state: str) -> list[dict[str, Any]]:
        return [run for run in self.airflow.runs(NEW) if run["state"] == state]

    def counted(self) -> list[int]:
        """Numbers of new readings that the triggerer has seen so far, each once."""
        log = (self.stack.logs / "triggerer.log").read_text()
        return [int(match[1].replace(",", "")) for match in COUNTED.finditer(log)]


def run_script(
    name: str, stack: Stack, environment: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"scripts.{name}", "--folder", str(stack.folder), *options],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def eventually(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Airflow pushes nothing, so its API is asked until it says so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except AirflowError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


def map_names(local: Local, dag: str, run_id: str) -> dict[str, str]:
    """Map names of the branches by step and model."""
    tasks = local.airflow.tasks(dag, run_id)
    return {
        f"{t['task_id']} {t['rendered_map_index'].split()[0]}": t["rendered_map_index"]
        for t in tasks
        if t["task_id"].startswith("model.")
        and t["map_index"] >= 0
        and t["rendered_map_index"] != str(t["map_index"])
    }
