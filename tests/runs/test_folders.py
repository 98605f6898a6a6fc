"""Finding runs: the newest one, and what it has trained."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from smartwatts_ml.errors import NotFoundError, TrustError, UsageError
from smartwatts_ml.judging.trained_on import read_trained_on
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.folders import (
    MAX_RECORD_BYTES,
    check_run_id,
    latest_run,
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
    for age, run_id in enumerate(("retrain_weekly-1", "cli-2", "a-folder-of-reports")):
        for model in ("nilm", "anomaly"):
            objects.write(f"runs/{run_id}/{model}/report.html", b"")
        if run_id != "a-folder-of-reports":
            objects.write(f"runs/{run_id}/snapshot.json", b"{}")
            started = 1_800_000_000 - age * 3600
            os.utime(tmp_path / f"runs/{run_id}/snapshot.json", (started, started))
    return objects


def test_the_newest_run_is_the_one_that_was_started_last(objects: Objects) -> None:
    assert latest_run(objects) == "retrain_weekly-1"


def test_finding_it_lists_no_object_of_any_run(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(prefix: str = "") -> None:
        raise AssertionError(f"every object below {prefix} was listed")

    monkeypatch.setattr(objects, "list", listed)
    assert latest_run(objects) == "retrain_weekly-1"


FORMS = (
    "cli-{:%Y%m%dT%H%M%SZ}-1f3a",
    "retrain_weekly-scheduled__{:%Y-%m-%dT%H-%M-%S}-00-00-78da7a82",
    "retrain_on_new_readings-manual__{:%Y-%m-%dT%H-%M-%S-%f}-00-00_xY-z-78da7a82",
)
OF_A_BACKFILL = "retrain_weekly-backfill__2020-01-01T02-00-00-00-00-78da7a82"


@pytest.mark.parametrize("undated", [(), ("by-hand",), (OF_A_BACKFILL,)])
@pytest.mark.parametrize("younger_folders", [0, 40])
def test_of_many_runs_the_newest_are_looked_at(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undated: tuple[str, ...],
    younger_folders: int,
) -> None:
    """Runs whose pinning failed left folders; whatever has no time in its name is looked at."""
    objects = open_root(str(tmp_path))
    first = datetime(2026, 1, 5, 2, 0, 0, tzinfo=UTC)
    days = [first + timedelta(days=day) for day in range(100)]
    runs = [FORMS[n % 3].format(day) for n, day in enumerate(days)]
    for time, run_id in zip([*days, days[-1] + timedelta(1)], [*runs, *undated], strict=False):
        objects.write(f"runs/{run_id}/snapshot.json", b"{}")
        os.utime(tmp_path / f"runs/{run_id}/snapshot.json", (time.timestamp(),) * 2)
    for n in range(younger_folders):
        objects.write(f"runs/{FORMS[0].format(days[-1] + timedelta(days=n))}-/report.html", b"")
    info = Mock(wraps=objects.info)
    monkeypatch.setattr(objects, "info", info)
    assert latest_run(objects) == (undated[0] if undated else runs[-1])
    assert info.call_count <= 16 + len(undated) + younger_folders


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


def test_a_root_without_runs_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="smartwatts retrain"):
        latest_run(open_root(str(tmp_path)))


def test_the_models_of_a_run_are_those_with_a_challenger(objects: Objects) -> None:
    with pytest.raises(NotFoundError, match="no challenger"):
        models_of_run(objects, "cli-2", ("anomaly", "nilm"))
    objects.write("runs/cli-2/nilm/challenger.keras", b"")
    assert models_of_run(objects, "cli-2", ("anomaly", "nilm")) == ["nilm"]


def test_a_new_run_has_a_name_that_can_be_a_folder() -> None:
    assert check_run_id(new_run_id()).startswith("cli-20")
    with pytest.raises(UsageError, match="characters other than"):
        check_run_id("../elsewhere")
