"""Settings come from the environment, then from smartwatts.toml; what nothing reads is an error."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from smartwatts_ml.environment import check_environment
from smartwatts_ml.errors import UsageError
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.settings import settings


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
    assert (settings().new_readings, AnomalySettings.load().max_sites) == (7, 9)
    berlin, other = (settings().source_of(f"landing/{key}") for key in ("berlin/a.csv", "b.csv"))
    assert (berlin.unit, berlin.timezone) == ("kWh-counter", "Europe/Berlin")
    assert (other.unit, other.timezone) == (None, None)


def test_a_file_elsewhere_is_named_by_a_variable_and_it_is_said_which_was_read(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "smartwatts")
    (folder / "away").mkdir()
    (folder / "away" / "our.toml").write_text("[smartwatts]\nnew_readings = 9\n")
    check_environment()
    assert settings().new_readings == 0
    assert f"variables alone, no smartwatts.toml in {folder}" in caplog.text
    monkeypatch.setenv("SMARTWATTS_CONFIG", str(folder / "away" / "our.toml"))
    check_environment()
    assert settings().new_readings == 9
    assert str(folder / "away" / "our.toml") in caplog.text
    monkeypatch.setenv("SMARTWATTS_CONFIG", "nowhere.toml")
    with pytest.raises(UsageError, match=r"SMARTWATTS_CONFIG names .*nowhere\.toml"):
        settings()


def test_the_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "smartwatts.toml").write_text("[smartwatts]\nnew_readings = 7\n")
    monkeypatch.setenv("SMARTWATTS_NEW_READINGS", "8")
    monkeypatch.setenv("SMARTWATTS_SOURCES", '[{"match": "x/*", "unit": "Wh"}]')
    assert settings().new_readings == 8
    assert settings().source_of("landing/x/a.csv").unit == "Wh"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[smartwats]\nnew_readings = 7\n", "did you mean smartwatts"),
        ("[smartwatts]\nnew_reading = 7\n", "new_reading .did you mean new_readings"),
        ("[nilm]\nepocs = 3\n", "key of .nilm. .*: epocs .did you mean epochs"),
        ("smartwatts = 5\n", "smartwatts is no table"),
        ("[[smartwatts.sources]]\nunit = 5\n", "SMARTWATTS_SOURCES_0_UNIT"),
        ("[smartwatts\n", "no TOML"),
        ('[smartwatts]\nroot = "\xdf"\n', r"smartwatts\.toml is no TOML in UTF-8"),
        ("a = " + 9999 * "[", "no TOML"),
        ("[[smartwatts]]\nnew_readings = 7\n", "is no table"),
        ("[smartwatts]\ngate = 5\ngate_confidence = 0.9\n", "gate_confidence, gate_resamples"),
        ("[smartwatts.gate]\nconfidence = 0.9\n", "is no setting .*gate_confidence"),
        ("[smartwatts.quality]\nstuck_hours = 9\n", "is no setting .*stuck_hours"),
    ],
)
def test_a_wrong_file_is_wrong_use(folder: Path, text: str, told: str) -> None:
    (folder / "smartwatts.toml").write_text(text, "latin-1")
    with pytest.raises(UsageError, match=told):
        check_environment()
        settings()


def test_a_file_of_another_name_is_the_one_that_an_error_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ours.toml").write_bytes("[smartwatts]\nroot = 'gr\xfcn'\n".encode("latin-1"))
    monkeypatch.setenv("SMARTWATTS_CONFIG", "ours.toml")
    with pytest.raises(UsageError, match=r"ours\.toml is no TOML"):
        settings()
    (folder / "ours.toml").write_text("[smartwats]\n")
    with pytest.raises(UsageError, match=r"table in .*ours\.toml: smartwats"):
        check_environment()


def test_a_variable_that_should_be_json_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_SOURCES", "berlin")
    with pytest.raises(UsageError, match="JSON"):
        settings()


def test_settings_that_belong_together_keep_their_names_outside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "smartwatts.toml").write_text(
        "[smartwatts]\ngate_confidence = 0.9\ngate_resamples = 300\nstuck_hours = 5\n"
        "[smartwatts.site_fuse_watts]\nhome1 = 9000\n"
    )
    monkeypatch.setenv("SMARTWATTS_GATE_RESAMPLES", "400")
    monkeypatch.setenv("SMARTWATTS_NEGATIVE_CHANNELS", '["roof"]')
    check_environment()
    current = settings(gate_drift=0.5)
    assert (current.gate.confidence, current.gate.resamples, current.gate.drift) == (0.9, 400, 0.5)
    quality = current.quality
    assert (quality.stuck_hours, quality.site_fuse_watts["home1"]) == (5, 9000)
    assert quality.negative_channels == ("roof",)
    assert current.named()["gate_resamples"] == 400
    changed = current.replaced({"holdout_share": 0.5, "root": "there"})
    assert (changed.holdout.share, changed.root, changed.gate) == (0.5, "there", current.gate)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMARTWATTS_GATE_CONFIDENCE", "0.2"),
        ("SMARTWATTS_STUCK_HOURS", "-1"),
        ("SMARTWATTS_HOLDOUT_SHARE", "much"),
        ("SMARTWATTS_SITE_FUSE_WATTS", '{"home1": "x"}'),
    ],
)
def test_an_error_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    check_environment()
    with pytest.raises(UsageError, match=f"setting {name}"):
        settings()


@pytest.mark.parametrize("name", ["SMARTWATTS_GATE", "SMARTWATTS_QUALITY_GAP_HOURS"])
def test_a_group_has_no_variable_of_its_own(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "{}")
    with pytest.raises(UsageError, match="unknown setting"):
        check_environment()


@pytest.mark.parametrize("name", ["smartwatts_approval", "Smartwatts_Pull_Token"])
def test_a_variable_has_no_other_spelling(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It would win over the one in capitals, unseen by whatever checks that."""
    monkeypatch.setenv("SMARTWATTS_APPROVAL", "nilm")
    monkeypatch.setenv(name, "")
    with pytest.raises(UsageError, match=f"unknown setting {name} .*did you mean {name.upper()}"):
        check_environment()


def test_a_group_has_no_other_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"is no setting .*gate_confidence"):
        settings(gate={"confidence": 0.9})
    monkeypatch.setenv("SMARTWATTS_GATE", '{"confidence": 0.9}')
    with pytest.raises(UsageError, match=r"SMARTWATTS_GATE. is no setting"):
        settings()
