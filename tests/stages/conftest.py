"""An empty root, and a service whose first model is in force, made once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.simulate import simulate
from smartwatts_ml.stages.ingest import ingest
from tests.stages.service import Service, service_in


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a root and a folder of keys below ``tmp_path``."""
    monkeypatch.setenv("SMARTWATTS_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    return settings()


@pytest.fixture
def objects(current: Settings) -> Objects:
    return open_root(current.root)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ``root`` has readings and, by run1, a champion."""
    folder = tmp_path_factory.mktemp("made")
    simulate(homes=4, days=100, out=folder / "root" / "landing", seed=2, submetered=0)
    with pytest.MonkeyPatch.context() as patch:
        made = service_in(folder, patch)
        ingest(made.objects, made.current)
        decision = made.retrain(seed=1)
    assert decision["accepted"], decision["reasons"]
    (folder / "left.json").write_text(json.dumps(made.left))
    return folder


@pytest.fixture
def service(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    shutil.copytree(published, tmp_path / "made")
    made = service_in(tmp_path / "made", monkeypatch)
    made.runs = 1
    made.left = json.loads((published / "left.json").read_text())
    return made
