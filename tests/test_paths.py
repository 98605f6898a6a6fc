"""Several files after one option, as a shell's ``*`` gives them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands import predict, train
from smartwatts_ml.commands.cli import app
from smartwatts_ml.settings import Settings


class ReadError(Exception):
    """What a command was about to read."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def read(paths: list[Path], settings: Settings) -> None:
        raise ReadError([path.name for path in paths])

    for module in (predict, train):
        monkeypatch.setattr(module, "FileReadings", read)
    monkeypatch.setattr(predict, "_open", lambda *_: nullcontext((None, None)))
    monkeypatch.setattr(train, "start_tensorflow", lambda: None)
    for name in ("b.csv", "a.csv", "c.csv"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "options",
    [
        ["train", "nilm", "--data-dir", "PATHS", "--epochs", "1"],
        ["evaluate", "nilm", "--test-data", "PATHS", "--model-path", "m.tflite"],
        ["predict", "nilm", "--input", "PATHS", "--model-path", "m.tflite", "--output", "p.csv"],
    ],
    ids=["train", "evaluate", "predict"],
)
@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.csv", "b.csv", "c.csv"], ["a.csv", "b.csv", "c.csv"]),
        (["*.csv"], ["a.csv", "b.csv", "c.csv"]),
        (["[bc].csv", "a.csv"], ["b.csv", "c.csv", "a.csv"]),
        (["/*.csv"], ["a.csv", "b.csv", "c.csv"]),
    ],
)
def test_an_option_of_files_takes_several(
    folder: Path, options: list[str], paths: list[str], names: list[str]
) -> None:
    at = options.index("PATHS")
    words = [f"{folder}{path}" if path.startswith("/") else path for path in paths]
    done = CliRunner().invoke(app, [*options[:at], *words, *options[at + 1 :]])
    assert isinstance(done.exception, ReadError) and done.exception.args == (names,)


@pytest.mark.parametrize("path", ["nowhere.csv", "*.nothing"])
def test_a_path_that_is_not_there_is_wrong_use(folder: Path, path: str) -> None:
    done = CliRunner().invoke(app, ["train", "nilm", "--data-dir", "a.csv", path])
    assert done.exit_code == 2 and path in done.stderr
