"""A run's folder: what it has trained, and what is too large to be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smartwatts_ml.errors import NotFoundError, TrustError, UsageError
from smartwatts_ml.judging.trained_on import read_trained_on
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.folders import (
    MAX_RECORD_BYTES,
    check_run_id,
    models_of_run,
    new_run_id,
)
from smartwatts_ml.runs.model_report import model_report
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.snapshot import pinned_versions, read_snapshot
from smartwatts_ml.settings import Settings


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    objects = open_root(str(tmp_path))
    for run_id in ("retrain_weekly-1", "cli-2"):
        for model in ("nilm", "anomaly"):
            objects.write(f"runs/{run_id}/{model}/report.html", b"")
        objects.write(f"runs/{run_id}/snapshot.json", b"{}")
    return objects


def test_what_is_too_large_is_not_read(objects: Objects, tmp_path: Path) -> None:
    os.truncate(tmp_path / "runs/cli-2/snapshot.json", MAX_RECORD_BYTES + 1)
    with pytest.raises(TrustError, match=r"snapshot\.json is larger than"):
        read_snapshot(objects, "cli-2")
    with pytest.raises(TrustError, match=r"snapshot\.json is larger than"):
        pinned_versions(objects)
    objects.write("runs/cli-2/nilm/decision.json", b"")
    os.truncate(tmp_path / "runs/cli-2/nilm/decision.json", MAX_RECORD_BYTES + 1)
    with pytest.raises(TrustError, match=r"decision\.json is larger than"):
        model_report(objects, "cli-2", "nilm")
    objects.write("runs/cli-2/nilm/trained_on.json", b"")
    os.truncate(tmp_path / "runs/cli-2/nilm/trained_on.json", MAX_RECORD_BYTES + 1)
    details = {"trained": {"digest": "0"}, "run_id": "cli-2"}
    with pytest.raises(TrustError, match=r"trained_on\.json is larger than"):
        read_trained_on(objects, "nilm", details)
    objects.write("runs/cli-2/nilm/challenger.keras", b"")
    os.truncate(tmp_path / "runs/cli-2/nilm/challenger.keras", (1 << 30) + 1)
    with pytest.raises(TrustError, match=r"challenger\.keras is larger than"):
        ModelRun(objects, Settings(), "cli-2", "nilm").read("challenger.keras")


def test_the_models_of_a_run_are_those_with_a_challenger(objects: Objects) -> None:
    with pytest.raises(NotFoundError, match="no challenger"):
        models_of_run(objects, "cli-2", ("anomaly", "nilm"))
    objects.write("runs/cli-2/nilm/challenger.keras", b"")
    assert models_of_run(objects, "cli-2", ("anomaly", "nilm")) == ["nilm"]


def test_a_new_run_has_a_name_that_can_be_a_folder() -> None:
    assert check_run_id(new_run_id()).startswith("cli-20")
    with pytest.raises(UsageError, match="characters other than"):
        check_run_id("../elsewhere")
