"""All stages in their order, on a directory and on a real S3 server, from the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.objects import open_root
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.simulate import simulate
from smartwatts_ml.store import Store

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Root:
    """A root with simulated homes in ``landing/``, and the command line on it."""

    url: str
    keys: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SMARTWATTS_ROOT": self.url,
            "SMARTWATTS_KEYS": str(self.keys),
            "SMARTWATTS_GATE_RESAMPLES": "100",
            "SMARTWATTS_GATE_CONFIDENCE": "0.8",  # what three weeks of three homes can show
            "SMARTWATTS_FORECASTING_EPOCH_WINDOWS": "512",
            "SMARTWATTS_FORECASTING_UNITS": "16",
            "SMARTWATTS_FORECASTING_LAYERS": "1",
            "SMARTWATTS_FORECASTING_HEADS": "1",
        }

    def in_a_process(self, *arguments: str) -> Any:
        """A command as a shell starts it, with nothing but the root to know the rest from."""
        run = subprocess.run(
            [sys.executable, "-m", "smartwatts_ml", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | self.environment,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def smartwatts(self, *arguments: str) -> Any:
        """A command in this process, which need not load TensorFlow again."""
        run = CliRunner().invoke(app, list(arguments), env=self.environment)
        assert run.exit_code == 0, run.output
        return json.loads(run.stdout) if "--json" in arguments else run

    @property
    def store(self) -> Store:
        return Store(open_root(self.url), self.keys)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return fill(str(tmp_path / "root"), tmp_path)


@pytest.fixture
def root_on_s3(s3_root: str, tmp_path: Path) -> Root:
    return fill(s3_root, tmp_path)


def fill(root_url: str, tmp_path: Path) -> Root:
    simulate(homes=3, days=90, out=tmp_path / "homes", seed=2, submetered=1)
    objects = open_root(root_url)
    for path in sorted((tmp_path / "homes").rglob("*.csv.gz")):
        objects.upload(f"landing/{path.relative_to(tmp_path / 'homes').as_posix()}", path)
    return Root(root_url, tmp_path / "keys")


def test_a_retraining_publishes_what_wins_and_a_repetition_keeps_it(root: Root) -> None:
    models = ("forecasting_24h", "forecasting_30d")
    first = root.in_a_process("retrain", *models, "--epochs", "3", "--json")
    rows = {row["model"]: row for row in first["models"]}
    assert rows["forecasting_24h"]["accepted"], rows["forecasting_24h"]["reasons"]
    assert rows["forecasting_24h"]["version"] == 1
    challenger, baseline = (
        rows["forecasting_24h"]["metrics"][name]["wape"] for name in ("challenger", "baseline")
    )
    assert challenger < baseline
    # Ninety days cannot teach thirty days ahead: a decision, said and recorded, not a failure.
    assert not rows["forecasting_30d"]["accepted"]
    assert read_state(open_root(root.url), "forecasting_30d") is not None
    serial = root.store.history("forecasting_24h")[-1].serial

    again = root.smartwatts("retrain", "forecasting_24h", "--epochs", "3", "--json")
    assert not again["models"][0]["accepted"]
    assert again["models"][0]["metrics"]["champion"]["wape"] == pytest.approx(challenger, rel=0.02)
    assert root.store.history("forecasting_24h")[-1].serial == serial
    state = read_state(open_root(root.url), "forecasting_24h")
    assert state is not None and state.run_id == again["run_id"]


@pytest.mark.full
def test_the_stages_one_by_one_give_the_same_on_s3(root_on_s3: Root) -> None:
    root = root_on_s3
    root.smartwatts("keys", "init")
    root.smartwatts("ingest")
    trained = root.in_a_process("train", "forecasting_24h", "--epochs", "3", "--json")
    run = ("--run", trained["run_id"], "--json")
    validated = root.smartwatts("validate", *run)["models"]["forecasting_24h"]
    dynamic = ("--quantization", "dynamic")
    converted = root.smartwatts("convert", *run, *dynamic)["models"]["forecasting_24h"]
    assert validated["accepted"] and converted["accepted"]
    refitted = root.smartwatts("refit", *run)["models"]["forecasting_24h"]
    assert refitted["accepted"], refitted["summary"]
    root.smartwatts("publish", *run)
    champion = root.store.champion("forecasting_24h")
    assert champion is not None and champion.manifest.sha256 == refitted["sha256"]
    assert champion.manifest.decision["judged_sha256"] == converted["sha256"]

    file = root.keys.parent / champion.file
    file.write_bytes(root.store.read_file(champion.manifest))
    assert not re.search(rb"home\d", file.read_bytes()), "what ships names no home"
    described = root.smartwatts("models", "inspect", str(file), "--json")["details"]
    assert described["snapshot"]["digest"] == champion.manifest.snapshot["digest"]
    assert described["code"] == champion.manifest.code
    assert described["run_id"] == trained["run_id"]
    assert (described["horizon"], described["inputs"][0]["period_s"]) == (24, 3600)
    assert {"name", "shape", "unit"} <= set(described["inputs"][0])
    shown = root.smartwatts("models", "show", "forecasting_24h", "--json")
    slices = shown["metrics"]["challenger"]["slices"]
    assert slices and not any(name.startswith("site ") for name in slices)
