"""A root with readings, and retrainings of the light kind on it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import begin_outputs
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.branch import log_progress, retrain
from smartwatts_ml.stages.start import start_run
from smartwatts_ml.store import Store
from tests.stages.light import LightKind, use_light


@dataclass
class Service:
    """A root with readings, and retrainings on it."""

    objects: Objects
    current: Settings
    light: LightKind
    runs: int = 0
    left: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the stages of each run have left, as a scheduler hands it on."""

    def retrain(self, seed: int = 0) -> dict[str, Any]:
        """One run, as the command makes it; its decision."""
        self.runs += 1
        run_id = f"run{self.runs}"
        plan = start_run(self.objects, self.current, run_id, ["light"])
        self.left[run_id] = begin_outputs(plan.snapshot_sha256, plan.labels_sha256)
        options = {"options": TrainOptions(seed=seed), "actor": "ann"}
        failed = retrain(self.run(run_id), log_progress, options)
        assert failed is None, failed
        return self.decision(run_id)

    def run(self, run_id: str) -> ModelRun:
        return ModelRun(self.objects, self.current, run_id, "light", self.left.get(run_id))

    def decision(self, run_id: str) -> dict[str, Any]:
        decision: dict[str, Any] = json.loads(
            self.objects.read(f"runs/{run_id}/light/decision.json").data
        )
        return decision

    def report(self, run_id: str) -> str:
        return self.objects.read(f"runs/{run_id}/light/report.html").data.decode()

    @property
    def store(self) -> Store:
        return Store(self.objects, Path(self.current.keys))

    @property
    def file(self) -> Path:
        return Path(self.current.root) / "models/light/light_v1.tflite"


def service_in(folder: Path, patch: pytest.MonkeyPatch) -> Service:
    current = settings(
        root=str(folder / "root"),
        keys=str(folder / "keys"),
        gate_resamples=200,
        gate_policy="careful",
    )
    return Service(open_root(current.root), current, use_light(patch))
