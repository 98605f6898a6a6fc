"""``smartwatts ingest`` and ``smartwatts readings``, as a user meets them."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands import predict
from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError, NotEnoughReadingsError, NotFoundError, UsageError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.stages import train
from tests.readings.ingest.landing import HEADER, land, minutes
from tests.stages.light import use_light


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def smartwatts(objects: Objects, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--root", objects.url])


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("evaluate", ["--test-data", "a.csv"]),
        ("predict", ["--input", "a.csv", "--output", "out.csv"]),
    ],
)
def test_a_command_that_read_files_gives_up_its_copy_of_them_even_where_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("\n".join((HEADER, *minutes("home1", 100), "")))
    closed: list[FileReadings] = []
    whole = FileReadings.close

    def close(self: FileReadings) -> None:
        closed.append(self)
        whole(self)

    monkeypatch.setattr(FileReadings, "close", close)
    monkeypatch.setattr(predict, "_open", lambda *_: nullcontext((None, None)))
    words = [verb, "nilm", "--model-path", "a.csv", *options]
    assert isinstance(CliRunner().invoke(app, words).exception, AttributeError)
    assert len(closed) == 1


def test_ingest_tells_what_became_of_each_file(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 100), "x,y,z")
    result = smartwatts(objects, "ingest")
    assert result.exit_code == 0
    assert "landing/a.csv" in result.stdout
    assert "100 readings added, 1 rejected" in result.stdout
    assert "not a date and time of the form" in result.stdout
    again = smartwatts(objects, "ingest", "--json")
    assert json.loads(again.stdout)["unchanged"] == 1


def test_ingest_ends_as_bad_input_where_a_file_could_not_be_read(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 100))
    land(objects, "b.csv", header="a,b")
    result = smartwatts(objects, "ingest", "--json")
    assert isinstance(result.exception, BadInputError)
    assert result.exception.exit_code == 3
    assert str(result.exception) == "1 file could not be read: landing/b.csv"
    report = json.loads(result.stdout)
    assert (report["accepted"], report["left"]) == (100, 1)


def in_kw(count: int = 60) -> list[str]:
    return [
        f"2026-05-01T{i // 60:02}:{i % 60:02}:00Z,{0.3 + i * 7 % 53 / 100:.3f},home1"
        for i in range(count)
    ]


def test_mains_where_no_home_is_in_w_are_asked_about_before_anything_is_taken(
    objects: Objects,
) -> None:
    land(objects, "a.csv", *in_kw())
    asked = smartwatts(objects, "ingest")
    assert isinstance(asked.exception, BadInputError) and asked.exception.exit_code == 3
    assert "nobody says the unit" in asked.stdout and 'unit = "kWh"' in asked.stdout
    assert "0 readings added" in asked.stdout
    explained = smartwatts(objects, "ingest", "--explain", f"{objects.url}/landing/a.csv")
    assert "home1/mains: 60 readings" in explained.stdout
    assert 'unit = "kW"  # mains has 5' in explained.stdout
    assert "60 readings added" in smartwatts(objects, "ingest", "--yes").stdout


def test_a_setting_or_a_source_that_says_the_unit_answers_it(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(objects, "a.csv", *in_kw())
    monkeypatch.setenv("SMARTWATTS_UNIT", "W")
    assert "60 readings added" in smartwatts(objects, "ingest").stdout
    land(objects, "b.csv", *in_kw(59))
    monkeypatch.delenv("SMARTWATTS_UNIT")
    monkeypatch.setenv("SMARTWATTS_SOURCES", '[{"match": "*", "unit": "kW"}]')
    assert "59 readings added" in smartwatts(objects, "ingest").stdout


def test_a_retraining_tells_which_files_it_could_not_read(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_light(monkeypatch)
    land(objects, "b.csv", header="a,b")
    told = next(
        line for line in smartwatts(objects, "ingest").stdout.splitlines() if "left:" in line
    )
    again = smartwatts(objects, "retrain", "light", "--dry-run")
    assert "landing/b.csv" in told and told in again.stderr.splitlines()


def test_stats_shows_sites_with_their_coverage(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 100)[::2], *minutes("home2", 60))
    smartwatts(objects, "ingest")
    assert "110 readings of 2 sites" in smartwatts(objects, "readings", "stats").stdout
    stats = json.loads(smartwatts(objects, "readings", "stats", "--json").stdout)
    assert stats["snapshot"]["rows"] == 110
    assert [site["native_s"] for site in stats["sites"]] == [120, 60]
    assert stats["sites"][1]["coverage"] == 1.0


def test_clocks_shows_who_said_them_and_takes_over_what_the_settings_say(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(objects, "a.csv", *minutes("home1", 10))
    smartwatts(objects, "ingest")
    monkeypatch.setenv("SMARTWATTS_TIMEZONE", "Europe/Berlin")
    shown = smartwatts(objects, "readings", "clocks")
    assert re.search(r"home1 .* UTC .* the settings", shown.stdout)
    assert "home1 lives by the clock of UTC as was kept" in shown.stderr
    applied = smartwatts(objects, "readings", "clocks", "--apply")
    assert "home1: Europe/Berlin from now on, UTC before" in applied.stdout
    kept = json.loads(smartwatts(objects, "readings", "clocks", "--json").stdout)
    site = {"site": "home1", "timezone": "Europe/Berlin", "said_by": "settings"}
    assert kept == {"sites": [site], "changes": [], "without_readings": []}


def test_clocks_names_sites_of_the_settings_that_are_not_there(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(objects, "a.csv", *minutes("home1", 10))
    smartwatts(objects, "ingest")
    zones = {"home1": "UTC", "home-1": "Europe/Berlin"}
    monkeypatch.setenv("SMARTWATTS_SITE_TIMEZONES", json.dumps(zones))
    shown = smartwatts(objects, "readings", "clocks")
    assert "site_timezones names sites without readings: home-1\n" in shown.stderr
    kept = json.loads(smartwatts(objects, "readings", "clocks", "--json").stdout)
    assert kept["without_readings"] == ["home-1"]


@pytest.mark.parametrize("verb", ["stats", "quality"])
def test_an_empty_root_is_named_with_the_next_step_and_stays_as_it_is(
    tmp_path: Path, verb: str
) -> None:
    root = tmp_path / "root"
    said = CliRunner().invoke(app, ["readings", verb, "--root", str(root)])
    assert f"the readings of {root} are empty: put files into {root}/landing" in said.stdout
    assert "smartwatts ingest" in said.stdout
    shown = CliRunner().invoke(app, ["readings", verb, "--root", str(root), "--json"])
    assert json.loads(shown.stdout)["snapshot"]["rows"] == 0
    assert not root.exists()


def test_ingest_that_finds_nothing_says_where_it_looked(objects: Objects) -> None:
    assert f"no file of readings in {objects.url}/landing" in smartwatts(objects, "ingest").stderr


@pytest.mark.parametrize("words", [("train", "nilm"), ("retrain", "nilm", "--dry-run")])
def test_training_on_an_empty_root_says_what_to_do_before_it_loads_tensorflow(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr(train, "start_tensorflow", lambda: pytest.fail("TensorFlow was loaded"))
    done = smartwatts(objects, *words)
    said = f"{done.output} {done.exception}"
    assert f"the readings of {objects.url} are empty" in said and "smartwatts ingest" in said


def test_training_on_an_empty_root_leaves_nothing_there(objects: Objects) -> None:
    done = smartwatts(objects, "train", "nilm")
    assert isinstance(done.exception, NotEnoughReadingsError)
    assert not list(objects.list())


def test_a_training_that_is_stopped_says_what_it_leaves(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("commands.train", "stages.train"):
        control_c = Mock(side_effect=KeyboardInterrupt)
        monkeypatch.setattr(f"smartwatts_ml.{name}.start_tensorflow", control_c)
    land(objects, "a.csv", *minutes("home1", 100))
    smartwatts(objects, "ingest")
    on_files = ["train", "nilm", "--data-dir", str(tmp_path), "--output-dir", str(tmp_path / "o")]
    stopped = CliRunner().invoke(app, on_files)
    assert stopped.exit_code == 130
    assert f"train nilm: stopped; nothing was written to {tmp_path}/o\n" in stopped.stderr
    stopped = smartwatts(objects, "train", "anomaly", "--run", "again")
    assert stopped.exit_code == 130
    assert "no challenger was kept; `--run again` trains on the same" in stopped.stderr


def test_export_writes_what_ingest_reads(objects: Objects, tmp_path: Path) -> None:
    land(objects, "a.csv", *minutes("home1", 60), *minutes("home1/kettle", 30))
    smartwatts(objects, "ingest")
    output = tmp_path / "out" / "home1.csv"
    words = ("readings", "export", "home1", "--period", "60", "--output", str(output))
    assert smartwatts(objects, *words).exit_code == 0
    assert output.read_text().splitlines()[:2] == [
        "timestamp,consumption,device_id",
        "2024-01-31T00:00:00Z,1,home1/kettle",
    ]
    other = open_root(str(tmp_path / "other"))
    land(other, "a.csv", *output.read_text().splitlines()[1:])
    assert "90 readings added, 0 rejected" in smartwatts(other, "ingest").stdout


def test_export_refuses_what_is_not_there(objects: Objects, tmp_path: Path) -> None:
    land(objects, "a.csv", *minutes("home1", 60))
    smartwatts(objects, "ingest")
    output = str(tmp_path / "out.csv")
    missing = smartwatts(objects, "readings", "export", "home9", "--output", output)
    finer = smartwatts(objects, "readings", "export", "home1", "--period", "1", "--output", output)
    assert isinstance(missing.exception, NotFoundError)
    assert "known: home1" in str(missing.exception)
    assert isinstance(finer.exception, UsageError)
