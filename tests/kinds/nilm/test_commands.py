"""train, predict and evaluate on files, as a data scientist runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.simulate import simulate

pytestmark = pytest.mark.slow
run = CliRunner().invoke


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model file trained for a moment, and the folder of readings behind it."""
    folder = tmp_path_factory.mktemp("nilm")
    simulate(homes=1, days=24, out=folder / "readings", seed=3, submetered=1, clean=True)
    settings = {
        "STEPS": 40,
        "SIMULATED_HOMES": 4,
        "WINDOW_MINUTES": 128,
        "MIN_ACTIVATIONS": 3,
        "MEMBERS": 1,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"SMARTWATTS_NILM_{name}", str(value))
        args = ["--data-dir", folder / "readings", "--output-dir", folder, "--epochs", 2]
        quick = ["--quantization", "dynamic"]
        found = run(app, ["train", "nilm", *map(str, args), *quick])
    assert found.exit_code == 0, found.output
    return folder / "nilm_model.tflite", folder / "readings"


def predict(made: tuple[Path, Path], output: Path, *flags: str) -> pd.DataFrame:
    args = ["--model-path", made[0], "--input", made[1], "--output", output, *flags]
    found = run(app, ["predict", "nilm", *map(str, args)])
    assert found.exit_code == 0, found.output
    return pd.read_csv(output)


def test_activations_and_energy_tell_the_same_story_as_power(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    power = predict(made, tmp_path / "power.csv")
    activations = predict(made, tmp_path / "activations.csv", "--activations")
    energy = predict(made, tmp_path / "energy.csv", "--energy")
    assert list(activations.columns) == [
        "site", "appliance", "start", "end", "energy_kwh", "mean_w",
    ]  # fmt: skip
    assert (pd.to_datetime(activations.end) > pd.to_datetime(activations.start)).all()
    kwh = power.groupby("device_id").consumption.sum() / 60e3
    for device, total in kwh.items():
        appliance = str(device).split("/")[1]
        by_day = energy[energy.appliance == appliance].energy_kwh.sum()
        assert by_day == pytest.approx(total, abs=0.02)
        by_run = activations[activations.appliance == appliance].energy_kwh.sum()
        assert by_run <= total + 0.02
    assert set(energy.appliance) > {"base_load", "other"}


def test_no_activation_is_an_answer_and_no_mains_is_bad_input(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    stamps = pd.date_range("2026-03-01", periods=600, freq="60s").strftime("%Y-%m-%dT%H:%M:%S")
    quiet = pd.DataFrame({"timestamp": stamps, "consumption": 5.0, "device_id": "h/mains"})
    quiet.to_csv(tmp_path / "quiet.csv", index=False)
    found = predict((made[0], tmp_path / "quiet.csv"), tmp_path / "a.csv", "--activations")
    assert len(found) == 0
    quiet.assign(device_id="h/kettle").to_csv(tmp_path / "kettle.csv", index=False)
    args = [made[0], "--input", tmp_path / "kettle.csv", "--output", tmp_path / "b.csv"]
    result = run(app, ["predict", "nilm", "--model-path", *map(str, args)])
    assert isinstance(result.exception, BadInputError)
    assert not (tmp_path / "b.csv").exists()


def test_an_evaluation_writes_json_a_table_and_a_figure(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    args = ["--model-path", made[0], "--test-data", made[1], "--output-dir", tmp_path / "out"]
    found = run(app, ["evaluate", "nilm", *map(str, args), "--json"])
    assert found.exit_code == 0, found.output
    report = json.loads(found.stdout)
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["metrics"]
    for name in ("mae_w", "f1", "precision", "recall", "accuracy", "sae", "nde", "teca"):
        assert name in report["metrics"]
    low, high = report["intervals"]["mae_w"]
    assert low <= report["metrics"]["mae_w"] <= high
    assert set(report["by_site_and_channel"]) == {"home01"}
    assert any("mistaken" in title for title in report["tables"])
    assert (tmp_path / "out" / "activations.png").read_bytes().startswith(b"\x89PNG")
    assert "| f1 |" in (tmp_path / "out" / "evaluation.md").read_text()
