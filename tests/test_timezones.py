"""Timezones by their names: the same on every machine, or none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smartwatts_ml.errors import UsageError
from smartwatts_ml.localtime import wall_clock
from smartwatts_ml.timezones import find_zone, zone_named


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "UTC+2", "a\0b"])
def test_a_zone_that_is_not_there_is_wrong_use(name: str) -> None:
    with pytest.raises(UsageError, match="no timezone"):
        wall_clock(name)


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "Factory", "right/Europe/Berlin", "posix/Europe/Berlin"]
)
def test_a_name_that_is_another_clock_on_another_machine_is_none(name: str) -> None:
    assert zone_named(name) is None
    with pytest.raises(UsageError, match="no timezone"):
        find_zone(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("right/Europe/Berlin", "did you mean Europe/Berlin?"),
        ("+02:00", "use a name like Europe/Paris"),
    ],
)
def test_who_misspells_a_name_is_told_the_one_that_was_meant(name: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_zone(name)
    assert caught.value.fix == meant


def test_a_machine_without_timezones_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "tzdata").mkdir()  # without zones
    (tmp_path / "tzdata" / "__init__.py").write_text("")
    code = (
        "from smartwatts_ml.errors import UsageError\n"
        "from smartwatts_ml.timezones import find_zone\n"
        "try: find_zone('Europe/Berlin')\n"
        "except UsageError as error: print(error.fix)"
    )
    paths = {"PYTHONTZPATH": "", "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}"}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env=paths, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "this machine knows no timezones: pip install tzdata"
