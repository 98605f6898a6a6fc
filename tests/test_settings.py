"""Settings come from the environment, then from smartwatts.toml; what nothing reads is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.anomaly.settings import anomaly_settings
from smartwatts_ml.readings.sources import source_of
from smartwatts_ml.settings import check_environment, settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_table_of_the_file_is_read_and_the_others_may_be_absent(folder: Path) -> None:
    (folder / "smartwatts.toml").write_text(
        '[smartwatts]\nnew_readings = 7\n[[smartwatts.sources]]\nmatch = "berlin/*"\n'
        'unit = "kWh-counter"\ntimezone = "Europe/Berlin"\n[anomaly]\nmax_sites = 9\n'
    )
    check_environment()
    assert (settings().new_readings, anomaly_settings().max_sites) == (7, 9)
    berlin, other = (source_of(settings(), f"landing/{key}") for key in ("berlin/a.csv", "b.csv"))
    assert (berlin.unit, berlin.timezone) == ("kWh-counter", "Europe/Berlin")
    assert (other.unit, other.timezone) == ("W", "UTC")


def test_the_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "smartwatts.toml").write_text("[smartwatts]\nnew_readings = 7\n")
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "8")
    monkeypatch.setenv("SMARTWATTS_SOURCES", '[{"match": "x/*", "unit": "Wh"}]')
    assert settings().new_readings == 8
    assert source_of(settings(), "landing/x/a.csv").is_energy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[smartwats]\nnew_readings = 7\n", "did you mean smartwatts"),
        ("[smartwatts]\nnew_reading = 7\n", "SMARTWATTS_NEW_READING"),
        ('[[smartwatts.sources]]\nunit = "MWh"\n', "SMARTWATTS_SOURCES_0_UNIT"),
        ("[smartwatts\n", "no TOML"),
    ],
)
def test_a_wrong_file_is_wrong_use(folder: Path, text: str, told: str) -> None:
    (folder / "smartwatts.toml").write_text(text)
    with pytest.raises(UsageError, match=told):
        check_environment()
        settings()


def test_a_variable_that_should_be_json_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_SOURCES", "berlin")
    with pytest.raises(UsageError, match="JSON"):
        settings()
