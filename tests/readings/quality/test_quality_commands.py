"""``smartwatts readings quality``, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.site_names import site_names
from smartwatts_ml.settings import Settings
from tests.readings.ingest.landing import land, minutes


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def smartwatts(objects: Objects, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--root", objects.url])


@pytest.fixture
def two_homes(objects: Objects) -> Objects:
    """home1 misses two days and has a kettle that goes negative; home2 is as it should be."""
    kettle = minutes("home1/kettle", 200)
    kettle[50] = kettle[50].replace(",2.0,", ",-700,")
    days = minutes("home1", 600, 200) + minutes("home1", 600, 200, "2024-02-03")
    land(objects, "a.csv", *days, *kettle, *minutes("home2", 600, 200))
    assert smartwatts(objects, "ingest").exit_code == 0
    return objects


def test_a_table_tells_in_plain_words_what_is_wrong(two_homes: Objects) -> None:
    shown = smartwatts(two_homes, "readings", "quality")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    kettle = next(line for line in lines if "home1/kettle" in line)
    assert "negative power: 1 min, 2024-01-31" in kettle
    mains = next(line for line in lines if "home1/mains" in line)
    assert "long gap: 1, 62.0 h, 2024-01-31" in mains
    assert "nothing" in next(line for line in lines if "home2/mains" in line)
    assert lines[-1].startswith("1 of 2,000 readings in doubt")


def test_json_has_every_device_and_day(two_homes: Objects) -> None:
    shown = smartwatts(two_homes, "readings", "quality", "home1", "--json")
    (site,) = json.loads(shown.stdout)["sites"]
    assert (site["site"], site["timezone"], site["rows"]) == ("home1", "UTC", 1400)
    kettle, mains = site["devices"]
    assert kettle["findings"] == [
        {
            "flag": "negative",
            "readings": 1,
            "hours": 0.017,
            "first": "2024-01-31T00:50:00Z",
            "last": "2024-01-31T00:50:00Z",
        }
    ]
    assert mains["gaps"] == [
        {"start": "2024-01-31T10:00:00Z", "end": "2024-02-03T00:00:00Z", "hours": 62.0}
    ]
    assert mains["native_s"] == 60
    assert site["days"]["first"] == "2024-01-31"
    assert site["days"]["coverage"] == pytest.approx([800 / 2880, 0, 0, 600 / 2880], abs=1e-3)
    assert site["days"]["flagged"] == {"negative": ["2024-01-31"], "gap": ["2024-01-31"]}


def test_the_page_is_written_where_it_was_asked_for(two_homes: Objects, tmp_path: Path) -> None:
    page = tmp_path / "out" / "quality.html"
    shown = smartwatts(two_homes, "readings", "quality", "home2", "--html", str(page))
    assert shown.exit_code == 0
    text = page.read_text()
    assert f"<h3>{site_names(two_homes, Settings())('home2')}</h3>" in text
    assert "home2" not in text and text.count("<h3>") == 1
    assert "quality.html" in shown.stdout


def test_a_site_that_is_not_there_is_refused(two_homes: Objects) -> None:
    shown = smartwatts(two_homes, "readings", "quality", "home9")
    assert isinstance(shown.exception, NotFoundError)
    assert "known: home1, home2" in str(shown.exception)


def test_an_empty_root_says_so(objects: Objects, tmp_path: Path) -> None:
    page = tmp_path / "quality.html"
    shown = smartwatts(objects, "readings", "quality", "--html", str(page))
    assert "empty" in shown.stdout
    assert "no readings" in page.read_text()


def test_thresholds_are_settings(two_homes: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTWATTS_GAP_HOURS", "100")
    monkeypatch.setenv("SMARTWATTS_NEGATIVE_CHANNELS", '["kettle"]')
    assert "0 of 2,000 readings in doubt" in smartwatts(two_homes, "readings", "quality").stdout
