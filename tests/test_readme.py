"""What README and docs/command-line.md show is there, and README's commands do what it says."""

from __future__ import annotations

import gzip
import re
import shlex
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.simulate import simulate
from tests.test_docs import PAGES, named

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
COMMAND_LINE = (REPOSITORY / "docs" / "command-line.md").read_text()
SHOWN = re.compile(r"`((?:smartwatts|make|docker) [^`]+)`")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

BRIEF = {
    "SMARTWATTS_NILM_EPOCHS": "1",
    "SMARTWATTS_NILM_MEMBERS": "1",
    "SMARTWATTS_NILM_STEPS": "2",
    "SMARTWATTS_NILM_SIMULATED_HOMES": "2",
    "SMARTWATTS_NILM_WINDOW_MINUTES": "128",
    "SMARTWATTS_FORECASTING_EPOCHS": "1",
    "SMARTWATTS_FORECASTING_EPOCH_WINDOWS": "256",
    "SMARTWATTS_FORECASTING_UNITS": "16",
    "SMARTWATTS_FORECASTING_LAYERS": "1",
    "SMARTWATTS_FORECASTING_HEADS": "1",
    "SMARTWATTS_ANOMALY_EPOCHS": "1",
    "SMARTWATTS_ANOMALY_INJECTED_WINDOWS": "1000",
    "SMARTWATTS_ANOMALY_NORMAL_HOURS": "1000",
    "SMARTWATTS_GATE_RESAMPLES": "100",
}
"""Trainings that are over in seconds, by settings that docs/settings.md describes; so that a
number of epochs that README shows does not win over them, it is one here."""

OUTCOMES = {
    "simulate": ".local/smartwatts/landing/*/*.csv.gz",
    "ingest --explain": "FILE",
    "ingest": "root/readings/_delta_log/*.json",
    "readings quality": "root/readings/_delta_log/*.json",
    "retrain nilm": "root/runs/*/nilm/decision.json",
    "retrain": "root/runs/*/*/report.html",
    "train nilm": "O/nilm_model.tflite",
    "train forecasting": "O/forecasting_24h_model.tflite",
    "train anomaly": "O/anomaly_model.tflite",
    "convert": "O/nilm_model.tflite",
    "evaluate nilm": "O/nilm_model.tflite",
    "predict": "P.csv",
    "models list": "root/state/*.json",
}
"""What is there once a command has run; the first that a command begins with counts."""

ELSEWHERE = {
    "make run": "airflow/test_end_to_end.py::test_make_run_ends_with_decisions_and_the_login",
    "make stop": "airflow/test_end_to_end.py::test_stop_leaves_no_process",
    "make test-distributed": "airflow/test_distributed.py::"
    "test_a_worker_that_dies_in_mid_training_costs_time_and_nothing_else",
    "make secrets": "compose/test_compose.py::test_secrets_are_fresh_complete_and_private",
    "docker compose up": "compose/test_compose.py::test_it_has_the_services_that_the_stack_needs",
}
"""What cannot run inside a test, and the tests that do what it does."""

RUN_BY_OTHERS = ("make env", "make check", "make test", "make test-full", "make test-store")
"""What runs the tests, or what they run in."""


def shown(page: str) -> list[str]:
    """Commands in a page's blocks and tables, in its order, each once."""
    lines = [
        line.split("#")[0].strip() for block in BLOCK.findall(page) for line in block.split("\n")
    ]
    return list(dict.fromkeys([*filter(None, lines), *SHOWN.findall(page)]))


README_COMMANDS = [command for command in shown(README) if command.startswith("smartwatts ")]


def entry(table: dict[str, str], command: str) -> str | None:
    """What a table says of the first of its keys that a command begins with."""
    words = command.removeprefix("smartwatts ")
    return next((table[key] for key in table if words.startswith(key)), None)


class World:
    """A folder with what README's placeholders stand for; commands run there in its order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._results: dict[str, Any] = {}
        simulate(2, 60, folder / "root" / "landing", submetered=1)
        readings = sorted((folder / "root" / "landing").rglob("*.csv.gz"))
        (folder / "D").mkdir()
        for path in readings:
            shutil.copy(path, folder / "D" / f"{path.parent.name}_{path.name}")
        home = simulate(1, 40, folder / "home", submetered=1, seed=5)
        assert home
        months = sorted((folder / "home").rglob("*.csv.gz"))
        for name in ("test.csv", "mains.csv", "FILE"):
            self._join(months, folder / name)

    @staticmethod
    def _join(parts: list[Path], target: Path) -> None:
        texts = [gzip.decompress(part.read_bytes()).decode() for part in parts]
        header = texts[0].splitlines(keepends=True)[0]
        target.write_text(header + "".join(text.split("\n", 1)[1] for text in texts))

    def run(self, command: str) -> Any:
        """The command's result, after all that README shows before it."""
        for earlier in README_COMMANDS[: README_COMMANDS.index(command) + 1]:
            if earlier not in self._results:
                words = shlex.split(re.sub(r"--epochs \d+", "--epochs 1", earlier))
                self._results[earlier] = CliRunner().invoke(app, words[1:])
        return self._results[command]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("readme")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    for name, value in BRIEF.items():
        patch.setenv(name, value)
    patch.setenv("SMARTWATTS_ROOT", str(folder / "root"))
    patch.setenv("SMARTWATTS_KEYS", str(folder / "keys"))
    yield World(folder)
    patch.undo()


@pytest.mark.slow
@pytest.mark.parametrize("command", README_COMMANDS)
def test_a_command_of_readme_ends_well_and_leaves_what_it_says(world: World, command: str) -> None:
    result = world.run(command)
    assert result.exit_code == 0, result.output
    assert result.output.strip()
    pattern = entry(OUTCOMES, command)
    assert pattern, f"say in OUTCOMES what `{command}` leaves behind"
    assert any(path.stat().st_size for path in world.folder.glob(pattern)), pattern


def test_what_cannot_run_here_is_tried_by_a_test_of_its_own() -> None:
    others = [command for command in shown(README) if not command.startswith("smartwatts ")]
    assert len(others) > 8
    for command in others:
        place = entry(ELSEWHERE, command)
        if place is None:
            assert command in RUN_BY_OTHERS, f"no test is named for `{command}`"
            continue
        path, name = place.split("::")
        assert f"def {name}(" in (REPOSITORY / "tests" / path).read_text(), place


@cache
def verbs() -> dict[str, Any]:
    """Every command of the command line by its words, ``models list``."""
    root = typer.main.get_command(app)
    return dict(_verbs(root, root.make_context("smartwatts", [], resilient_parsing=True), ""))


def _verbs(group: Any, context: Any, words: str) -> Iterator[tuple[str, Any]]:
    for name in group.list_commands(context):
        command = group.resolve_command(context, [name])[1]  # loads what it names
        if hasattr(command, "list_commands"):
            inner = command.make_context(name, [], parent=context, resilient_parsing=True)
            yield from _verbs(command, inner, f"{words} {name}".strip())
        else:
            yield f"{words} {name}".strip(), command


def split(command: str) -> tuple[str, set[str]]:
    """The verb of a command that a page shows, and its options."""
    words = [word for word in command.split()[1:] if word != "…"]
    names = (" ".join(words[:count]) for count in (3, 2))
    verb = next((name for name in names if name in verbs()), words[0])
    return verb, {word.split("=")[0] for word in words if re.match(r"--\w", word)}


def options(command: Any) -> set[str]:
    return {name for option in command.params for name in option.opts} | {"--help"}


OF_A_RUN = ("validate", "convert", "refit", "publish")
"""Verbs that work on no run unless it is named."""


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_a_page_shows_exists_with_its_options(page: Path) -> None:
    for command in shown(page.read_text()):
        if not command.startswith("smartwatts "):
            continue
        verb, given = split(re.sub(r"(\w)\|[\w|-]+", r"\1", command))
        if verb.startswith("--"):
            assert given <= {"--help", "--version"}, command
        elif verb in verbs():
            assert given <= options(verbs()[verb]), command
            assert verb not in OF_A_RUN or given & {"--run", "--model-path", "--help"}, command
        else:
            assert any(name.startswith(f"{verb} ") for name in verbs()), command
            assert given <= {"--help"}, command


def test_every_verb_stands_in_readme_or_in_the_page_of_the_command_line() -> None:
    texts = shown(README) + shown(COMMAND_LINE)
    missing = [v for v in verbs() if not any(re.match(rf"smartwatts {v}\b", t) for t in texts)]
    assert missing == []


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_help_teaches(verb: str) -> None:
    command = verbs()[verb]
    assert re.search(r"\w{3,} .*\.", command.help or ""), f"{verb} says nothing"
    for option in command.params:
        if option.param_type_name == "option":
            assert option.help, f"{verb} {option.opts[0]}"
