"""The command line teaches, fails with a clear line and the right exit code."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.warm import WarmPython

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def smartwatts(warm_smartwatts: WarmPython) -> Command:
    """The command in a process of its own."""
    code = "import sys; from smartwatts_ml.__main__ import main; sys.exit(main())"
    return functools.partial(warm_smartwatts.run, code, COLUMNS="120")


@pytest.mark.parametrize(
    "verb",
    ["", "ingest", "train", "train nilm", "train forecasting", "train anomaly", "validate",
     "convert", "publish", "retrain", "evaluate nilm", "predict forecasting", "predict anomaly",
     "models", "models rollback", "readings", "keys", "simulate"],
)  # fmt: skip
def test_every_verb_explains_itself(smartwatts: Command, verb: str) -> None:
    run = smartwatts(*verb.split(), "--help")
    assert run.returncode == 0
    assert "Usage" in run.stdout


def test_kinds_bring_their_own_options(smartwatts: Command) -> None:
    assert "--forecast-horizon" in smartwatts("train", "forecasting", "--help").stdout
    assert "--threshold" in smartwatts("train", "anomaly", "--help").stdout
    assert "--every" in smartwatts("predict", "forecasting", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["retrain", "nlim"], 2, "nilm"),
        (["train", "nilm", "--data-dir", "nowhere"], 2, "nowhere"),
        (["train", "forecasting", "--data-dir", ".", "--forecast-horizon", "721"], 2, "720"),
        (["convert", "--model-path", "nothing.keras"], 3, "nothing.keras"),
        (["validate"], 4, "no run"),
        (["retrain", "--root", "ftp://host/x"], 2, "s3://"),
    ],
)
def test_wrong_use_is_one_line_with_the_fix(
    smartwatts: Command, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    run = smartwatts(*arguments, SMARTWATTS_ROOT=str(tmp_path / "root"))
    assert run.returncode == code, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr


def test_a_misspelt_setting_is_an_error_that_names_the_right_one(smartwatts: Command) -> None:
    run = smartwatts("readings", "stats", SMARTWATTS_NEW_READING="5")
    assert run.returncode == 2
    assert "SMARTWATTS_NEW_READINGS" in run.stderr


def test_a_wrong_value_of_a_setting_names_the_variable(smartwatts: Command, tmp_path: Path) -> None:
    run = smartwatts(
        "readings", "stats", SMARTWATTS_ROOT=str(tmp_path), SMARTWATTS_HOLDOUT_SHARE="2"
    )
    assert run.returncode == 2
    assert "SMARTWATTS_HOLDOUT_SHARE" in run.stderr


def test_a_file_of_another_make_is_refused_with_its_name(
    smartwatts: Command, tmp_path: Path
) -> None:
    (tmp_path / "m.tflite").write_bytes(b"nothing of the kind")
    (tmp_path / "d.csv").write_text("timestamp,consumption,device_id\n2026-01-01,1,a\n")
    run = smartwatts(
        "evaluate", "nilm", "--model-path", str(tmp_path / "m.tflite"),
        "--test-data", str(tmp_path / "d.csv"),
    )  # fmt: skip
    assert run.returncode == 3
    assert "m.tflite" in run.stderr
