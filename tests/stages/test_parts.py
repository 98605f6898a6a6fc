"""A part that is not learned is left out of the published file, and said everywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.judging.replay import replay
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import begin_outputs
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.simulate import simulate
from smartwatts_ml.stages.branch import log_progress, retrain
from smartwatts_ml.stages.ingest import ingest
from smartwatts_ml.stages.start import start_run
from smartwatts_ml.store import Manifest, open_store
from tests.stages.twofold import TwofoldKind, use_twofold

pytestmark = pytest.mark.slow


@dataclass
class Root:
    """Readings, and retrainings on them."""

    objects: Objects
    current: Settings
    kind: TwofoldKind
    left: dict[str, dict[str, str]] = field(default_factory=dict)

    def retrain(self, run_id: str, broken: set[str]) -> dict[str, Any]:
        self.kind.broken = broken
        plan = start_run(self.objects, self.current, run_id, ["light"])
        self.left[run_id] = begin_outputs(plan.snapshot_sha256)
        options = {"options": TrainOptions(), "actor": "ann"}
        assert retrain(self.run(run_id), log_progress, options) is None
        decision: dict[str, Any] = json.loads(self._left(run_id, "decision.json"))
        return decision

    def run(self, run_id: str) -> ModelRun:
        return ModelRun(self.objects, self.current, run_id, "light", self.left.get(run_id))

    def report(self, run_id: str) -> str:
        return self._left(run_id, "report.html").decode()

    def _left(self, run_id: str, name: str) -> bytes:
        return self.objects.read(f"runs/{run_id}/light/{name}").data

    def champion(self) -> tuple[Manifest, LiteRTNetwork]:
        store = open_store(self.objects, self.current)
        champion = store.champion("light")
        assert champion
        return champion.manifest, LiteRTNetwork(store.read_file(champion.manifest))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    simulate(homes=4, days=100, out=tmp_path / "root" / "landing", seed=2, submetered=0)
    folder = str(tmp_path / "root")
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    current = settings(root=folder, keys=str(tmp_path / "keys"), gate_resamples=200)
    made = Root(open_root(current.root), current, use_twofold(monkeypatch))
    ingest(made.objects, made.current)
    return made


def test_what_is_not_learned_does_not_ship_the_rest_does_and_it_comes_back(
    root: Root, tmp_path: Path
) -> None:
    first = root.retrain("run1", {"hour after"})
    assert first["accepted"], first["reasons"]
    assert first["summary"].endswith("; left out: hour after")
    manifest, file = root.champion()
    reason = manifest.decision["left_out"]["hour after"]
    assert reason.startswith("WAPE ") and reason.endswith(" of day_mean")
    assert file.details["left_out"] == {"hour after": reason}
    assert manifest.outputs[0]["shape"] == [1, 1]
    assert file({"history_w": np.ones((1, 24, 1), np.float32)})["power_w"].shape == (1, 1)
    assert f"hour after is left out: {reason}" in first["reasons"]
    assert reason in root.report("run1")
    path = tmp_path / "light.tflite"
    path.write_bytes(root.objects.read("models/light/light_v1.tflite").data)
    for words in (["inspect", str(path)], ["show", "light", "--root", root.current.root]):
        ended = CliRunner().invoke(app, ["models", *words])
        said = ended.output
        assert ended.exit_code == 0, ended.exception
        assert "hour after is left out: WAPE" in " ".join(said.split())
    again = replay(root.run("run1"))
    assert again.same and not again.differences

    second = root.retrain("run2", set())
    assert second["accepted"], second["reasons"]
    assert second["summary"].endswith("; back: hour after")
    assert root.champion()[0].decision["back"] == ["hour after"]
    assert "left_out" not in root.champion()[1].details
    assert "hour after is in the file, which that of the champion lacks" in root.report("run2")

    third = root.retrain("run3", {"hour after"})
    assert not third["accepted"], "it lacks what the champion has"
    assert any("though the champion has it" in reason for reason in third["reasons"])
    assert root.champion()[0].version == 2


def test_nothing_ships_where_no_part_is_learned(root: Root) -> None:
    decision = root.retrain("run1", {"next hour", "hour after"})
    assert not decision["accepted"]
    assert "no part is better than its own baseline" in decision["summary"]
    assert replay(root.run("run1")).same
