"""The command line teaches, fails with a clear line and the right exit code."""

from __future__ import annotations

import functools
import inspect
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name

import pytest
import typer
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import WORK, app
from tests.warm import WarmPython

Command = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = {"numpy", "pandas", "boto3", "duckdb", "pyarrow", "tensorflow", "keras", "pydantic"}
MOST_CPU_SECONDS = 1.0
"""Of the help: a third of that on a machine of 2026."""


@pytest.fixture
def smartwatts(warm_smartwatts: WarmPython) -> Command:
    """The command in a process of its own."""
    code = "import sys; from smartwatts_ml.__main__ import main; sys.exit(main())"
    return functools.partial(warm_smartwatts.run, code, COLUMNS="120")


def help_of(*words: str) -> str:
    run = CliRunner().invoke(app, [*words, "--help"])
    assert run.exit_code == 0, run.output
    return run.output


@pytest.mark.parametrize(
    "verb",
    ["", "train nilm", "train forecasting", "train anomaly", "evaluate nilm", "evaluate anomaly",
     "predict forecasting", "predict anomaly", "models", "readings", "keys", "import", *WORK],
)  # fmt: skip
def test_every_verb_explains_itself(verb: str) -> None:
    assert f"Usage: smartwatts {verb}".rstrip() in help_of(*verb.split())


def test_kinds_bring_their_own_options() -> None:
    assert "--forecast-horizon" in help_of("train", "forecasting")
    assert "--threshold" in help_of("train", "anomaly")
    assert "--every" in help_of("predict", "forecasting")


@pytest.mark.parametrize("verb", WORK)
def test_a_verb_is_listed_with_the_first_line_of_its_own_help(verb: str) -> None:
    function, line = WORK[verb]
    work = resolve_name(f"smartwatts_ml.commands.{function}")
    full = work.info.help if isinstance(work, typer.Typer) else inspect.getdoc(work)
    assert full and line == full.splitlines()[0]


def test_the_help_starts_at_once_and_loads_nothing_heavy() -> None:
    code = "import sys, smartwatts_ml.__main__ as command; command.main()"
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, "--help"], capture_output=True, text=True
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.returncode == 0 and "retrain" in run.stdout
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert "smartwatts_ml.commands.cli" in loaded
    assert loaded & HEAVY == set()
    assert ended.ru_utime - started.ru_utime < MOST_CPU_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["retrain", "nlim"], 2, "nilm"),
        (["train", "nilm", "--data-dir", "nowhere"], 2, "nowhere"),
        (["train", "forecasting", "--data-dir", ".", "--forecast-horizon", "721"], 2, "720"),
        (["train", "nilm", "--data-dir", ".", "--quantization", "int8"], 2, "float16"),
        (["train", "nilm", "--data-dir", ".", "--output-dir", "pyproject.toml"], 2, "is a file"),
        (["train", "anomaly", "--data-dir", ".", "--quantization", "float16"], 2, "dynamic"),
        (["convert", "--model-path", "nothing.keras"], 3, "nothing.keras"),
        (["convert", "--model-path", "nothing.keras", "--quantization", "int8"], 2, "float16"),
        (["validate"], 2, "--run"),
        (["validate", "--run", "nope"], 4, "no run nope in"),
        (["publish", "nilm", "--run", "nope"], 4, "no run nope in"),
        (["models", "replay", "nope"], 4, "no run nope in"),
        (["models", "show", "nlim"], 2, "forecasting_24h"),
        (["models", "show", "nlim", "--version", "1"], 2, "forecasting_24h"),
        (["models", "history", "nlim"], 2, "forecasting_24h"),
        (["models", "verify", "nlim"], 2, "forecasting_24h"),
        (["models", "rollback", "nlim", "1", "--reason", "r"], 2, "forecasting_24h"),
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
