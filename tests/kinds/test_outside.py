"""Kinds of other distributions: found by their entry point, held to the same contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = "import json; from smartwatts_ml.kinds import kinds; print(json.dumps(list(kinds())))"


def install(folder: Path, entries: str, name: str = "water-meters") -> None:
    """Make ``folder`` a place on ``sys.path`` where a distribution is installed."""
    if not (folder / "water").exists():
        shutil.copytree(ROOT / "tests" / "kinds" / "water", folder / "water")
    info = folder / f"{name.replace('-', '_')}-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text(f"[smartwatts.kinds]\n{entries}\n")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python process that sees what is installed in ``folder``."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def listed(folder: Path) -> tuple[list[str], str]:
    """The kinds that there are, and what was said on the way."""
    done = run(folder, "-c", LIST)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_a_kind_of_another_distribution_has_the_commands_of_every_kind(tmp_path: Path) -> None:
    install(tmp_path, "water = water:KIND")
    assert listed(tmp_path) == (["anomaly", "forecasting", "nilm", "water"], "")
    for verb in ("train", "evaluate", "predict"):
        done = run(tmp_path, "-m", "smartwatts_ml", verb, "water", "--help")
        assert done.returncode == 0, done.stderr
        assert "next hour of water" in done.stdout


@pytest.mark.slow
def test_its_headline_of_nothing_is_undefined_and_not_perfect(tmp_path: Path) -> None:
    install(tmp_path, "water = water:KIND")
    code = (
        "import numpy as np; from smartwatts_ml.kinds import find_kind; "
        "print(find_kind('water').work.headline(np.zeros((2, 1, 2))))"
    )
    assert run(tmp_path, "-c", code).stdout.strip() == "{'wape': nan}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("marks", "expected"),
    [("not slow", 0), pytest.param("slow", 0, marks=pytest.mark.full)],
    ids=["light", "trained"],
)
def test_it_keeps_the_contract_of_kinds(tmp_path: Path, marks: str, expected: int) -> None:
    install(tmp_path, "water = water:KIND")
    contract = ("-m", "pytest", "tests/kinds/test_contract.py", "-p", "no:cacheprovider")
    done = run(tmp_path, *contract, "-k", "water", "-m", marks)
    assert done.returncode == expected, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("water = water.nowhere:KIND", "No module named 'water.nowhere'"),
        ("water = water:WaterSettings", "is no Kind"),
        ("water = smartwatts_ml.kinds.nilm:KIND", "there is a kind 'nilm' already"),
    ],
    ids=["broken", "no kind", "name taken"],
)
def test_one_that_cannot_be_used_is_told_with_its_distribution_and_spoils_no_other(
    tmp_path: Path, entry: str, reason: str
) -> None:
    install(tmp_path, entry)
    names, said = listed(tmp_path)
    assert names == ["anomaly", "forecasting", "nilm"]
    assert "kind 'water' of water-meters 0.3 is left out" in said and reason in said
    asked = run(tmp_path, "-c", "from smartwatts_ml.kinds import find_kind; find_kind('water')")
    assert "UsageError" in asked.stderr and "water-meters 0.3 is left out" in asked.stderr


CARD = """
from pydantic_settings import SettingsConfigDict
from water import WaterKind, WaterSettings
from smartwatts_ml.settings.base import TomlSettings
from smartwatts_ml.kinds.base import ModelSpec

def settings(table="other", prefix="SMARTWATTS_OTHER_"):
    parts = {"table": table, "model_config": SettingsConfigDict(env_prefix=prefix)}
    return type("Own", (TomlSettings,), {**parts, "__module__": __name__})

class Other(WaterKind):
    name = "other"
    settings_class = settings()
    names = ("other",)
    def models(self):
        return tuple(ModelSpec(n, "other", "other", 3600, 90_000, 604_800) for n in self.names)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise SystemExit('bye')", "SystemExit('bye')"),
        ("Other.settings_class = None", "it has no settings_class"),
        ("Other.work_name = None", "it has no work_name"),
        ("Other.trainer_name = None", "it has no trainer_name"),
        ("Other.title = None", "it has no title"),
        ("Other.criteria = None", "it has no criteria"),
        ("Other.models = lambda self: exit(3)", "SystemExit(3)"),
        ("Other.models = lambda self: ('other',)", "its models() are no ModelSpec"),
        ("Other.name = '../evil'", "'../evil' is no name"),
        ("Other.names = ('../../x',)", "'../../x' is no name"),
        ("Other.names = ('other', 'other')", "there is a model other already"),
        ("Other.names = ('anomaly',)", "there is a model anomaly already"),
        (
            "Other.settings_class = settings(prefix='SMARTWATTS_HOLDOUT_')",
            "prefix of its settings is not SMARTWATTS_OTHER_",
        ),
        (
            "Other.name = 'holdout'; Other.settings_class = settings(prefix='SMARTWATTS_HOLDOUT_')",
            "there are settings SMARTWATTS_HOLDOUT_* already",
        ),
        ("Other.settings_class = settings('smartwatts')", "a table 'smartwatts' of settings"),
        ("Other.settings_class = settings('nilm')", "a table 'nilm' of settings"),
        ("Other.settings_class = settings(None)", "its settings name no table"),
    ],
)
def test_a_faulty_card_is_left_out_with_one_warning(
    tmp_path: Path, fault: str, reason: str
) -> None:
    install(tmp_path, "water = water:KIND")
    install(tmp_path, "other = other:KIND", name="zz-other")
    (tmp_path / "other.py").write_text(f"{CARD}\n{fault}\nKIND = Other()\n")
    names, said = listed(tmp_path)
    assert names == ["anomaly", "forecasting", "nilm", "water"]
    assert said.count("is left out") == said.count("kind 'other' of zz-other 0.3") == 1
    assert reason in said


def test_settings_are_checked_beside_a_faulty_card(tmp_path: Path) -> None:
    install(tmp_path, "exits = exits:KIND\nother = other:KIND")
    (tmp_path / "exits.py").write_text("raise SystemExit('bye')\n")
    (tmp_path / "other.py").write_text(f"{CARD}\nOther.settings_class = None\nKIND = Other()\n")
    checked = "from smartwatts_ml.environment import check_environment; check_environment()"
    done = run(tmp_path, "-c", checked)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is left out") == 2


def test_the_card_that_these_faults_are_of_is_none_itself(tmp_path: Path) -> None:
    install(tmp_path, "other = other:KIND", name="zz-other")
    (tmp_path / "other.py").write_text(f"{CARD}\nKIND = Other()\n")
    assert listed(tmp_path) == (["anomaly", "forecasting", "nilm", "other"], "")


def test_of_two_with_the_same_model_the_second_is_left_out(tmp_path: Path) -> None:
    install(tmp_path, "water = water:KIND")
    install(tmp_path, "water = water:KIND", name="water-meters-too")
    names, said = listed(tmp_path)
    assert names == ["anomaly", "forecasting", "nilm", "water"]
    assert "of water-meters-too 0.3 is left out" in said
