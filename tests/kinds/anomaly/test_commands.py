"""Anomaly detection from the command line: a threshold is taken at its word, alerts are read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.kinds.anomaly import KIND
from smartwatts_ml.modelfiles.litert import LiteRTNetwork

from .conftest import Case, MemoryReadings, made_home, scored_from

pytestmark = pytest.mark.slow


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def write_home(folder: Path, seed: int) -> None:
    site = made_home(f"home{seed}", 45, seed)
    table = pd.DataFrame(
        {"timestamp": site.times, "consumption": site.channels["mains"], "device_id": site.site}
    )
    table.dropna().to_csv(folder / f"home{seed}.csv", index=False)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("homes")
    for seed in range(2):
        write_home(folder, seed)
    return folder


@pytest.mark.full
def test_a_threshold_alone_is_that_quantile_and_every_hour_above_it_an_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned, unseen = tmp_path / "learned", tmp_path / "unseen"
    for folder, seeds in ((learned, range(6)), (unseen, range(6, 9))):
        folder.mkdir()
        for seed in seeds:
            write_home(folder, seed)
    monkeypatch.setenv("SMARTWATTS_ANOMALY_INJECTED_WINDOWS", "1000")
    monkeypatch.setenv("SMARTWATTS_ANOMALY_NORMAL_HOURS", "1000")
    model = tmp_path / "anomaly_model.tflite"
    run("train", "anomaly", "--data-dir", str(learned), "--output-dir", str(tmp_path),
        "--threshold", "0.95", "--epochs", "2", "--quantization", "none")  # fmt: skip
    details = LiteRTNetwork(model.read_bytes()).details
    assert details["threshold"] == pytest.approx(0.95, abs=0.01)
    assert not details["quiet_repeats"]
    files = ("--model-path", str(model), "--input", str(unseen))
    run("predict", "anomaly", *files, "--output", str(tmp_path / "P.csv"))
    run("predict", "anomaly", "--alerts", *files, "--output", str(tmp_path / "A.csv"))
    hours = pd.read_csv(tmp_path / "P.csv")
    clear = (hours["score"] - details["threshold"]).abs() > 1e-4
    clear &= hours.groupby("device_id").cumcount() >= details["min_present_hours"]
    above = hours["score"] >= details["threshold"]
    assert (above == (hours["alert"] == 1))[clear].all()
    # Mostly fewer than one in twenty: each of a few homes counts as odd to the others.
    assert 0.0 < hours["alert"].mean() <= 0.08
    alerts = pd.read_csv(tmp_path / "A.csv", parse_dates=["start", "end"])
    lengths = (alerts["end"] - alerts["start"]) / np.timedelta64(1, "h")
    assert lengths.sum() == hours["alert"].sum()


def test_a_reading_alone_is_told_to_say_nothing(case: Case, tmp_path: Path) -> None:
    model, readings = tmp_path / "anomaly_model.tflite", tmp_path / "a.csv"
    model.write_bytes(case.content)
    readings.write_text("timestamp,consumption,device_id\n2026-01-01T00:00:00Z,9,home1/mains\n")
    words = ["predict", "anomaly", "--model-path", str(model), "--input", str(readings)]
    refused = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "P.csv")])
    assert isinstance(refused.exception, BadInputError)
    assert "home1 has one reading, which does not tell how long" in str(refused.exception)


def test_an_evaluation_writes_pictures_tables_and_json(
    case: Case, homes: Path, tmp_path: Path
) -> None:
    model = tmp_path / "anomaly_model.tflite"
    model.write_bytes(case.content)
    out = tmp_path / "out"
    run("evaluate", "anomaly", "--model-path", str(model), "--test-data", str(homes / "home0.csv"),
        "--output-dir", str(out))  # fmt: skip
    tables = json.loads((out / "evaluation.json").read_text())["tables"]
    by_size = tables["events by size"]
    assert sum(row["events"] for row in by_size.values()) == sum(
        row["events"] for row in tables["events by type"].values()
    )
    promised = [row["promised"] for row in tables["normal hours by score"].values()]
    assert promised[0] == pytest.approx(0.1) and promised[-1] == pytest.approx(1e-4)
    for name in ("alerts", "calibration", "precision_recall"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_on_normal_homes_the_default_budget_keeps_its_word(case: Case) -> None:
    homes = [scored_from(made_home(f"new{i}", 150, 70 + i), 0) for i in range(4)]
    hours = sum(int(np.isfinite(home.channels["mains"]).sum()) for home in homes)
    scorer = KIND.work.predictor(case.file)
    alerts = pd.concat(KIND.work.predict(scorer, MemoryReadings(homes), alerts=True))
    assert len(alerts) / hours * 730.5 <= 2.5
