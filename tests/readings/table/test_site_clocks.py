"""By whose clock a site lives: kept with the readings, told where it changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smartwatts_ml.errors import StoreError, UsageError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.site_clocks import ClockChange, SiteClocks, change_lines
from smartwatts_ml.readings.table.clock_changes import apply_settings
from smartwatts_ml.readings.table.table import newest_readings, open_table
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest, reread
from tests.readings.ingest.landing import HEADER, land

LONDON = Source(match="uk/*", timezone="UTC", site_timezone="Europe/London")


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def rows(site: str, day: int = 1) -> list[str]:
    return [f"2026-05-{day:02} {hour:02}:00,5,{site}" for hour in range(24)]


def lived(objects: Objects, *sites: str, version: int | None = None) -> list[str]:
    """Clocks by which sites live in a snapshot, whatever a worker's settings say."""
    table = open_table(objects)
    readings = table.readings(table.snapshot(version), Settings(timezone="Asia/Tokyo"))
    return [readings.timezone(site) for site in sites]


def test_it_is_that_of_the_source_or_of_the_settings_when_the_site_came(objects: Objects) -> None:
    land(objects, "uk/a.csv", *rows("a"))
    land(objects, "b.csv", *rows("b"), *rows("c"))
    current = Settings(
        timezone="Europe/Berlin", site_timezones={"b": "Europe/Lisbon"}, sources=[LONDON]
    )
    report = ingest(objects, current)
    assert not report.clocks
    zones = ["Europe/London", "Europe/Lisbon", "Europe/Berlin"]
    assert lived(objects, *"abc") == zones
    land(objects, "d.csv", *rows("d"))
    other = Settings(timezone="Asia/Kolkata", site_timezones={"b": "Asia/Tokyo"}, sources=[LONDON])
    report = ingest(objects, other)
    assert lived(objects, *"abcd") == [*zones, "Asia/Kolkata"]
    assert {(change.site, change.kept, change.said) for change in report.clocks} == {
        ("b", "Europe/Lisbon", "Asia/Tokyo"),
        ("c", "Europe/Berlin", "Asia/Kolkata"),
    }
    assert "`smartwatts readings clocks --apply` changes it" in change_lines(report.clocks)[0]


def test_settings_move_sites_when_they_are_applied_and_old_snapshots_stay(objects: Objects) -> None:
    land(objects, "uk/a.csv", *rows("a"))
    land(objects, "b.csv", *rows("b"), *rows("c"))
    before = ingest(objects, Settings(sources=[LONDON])).snapshot
    later = Settings(timezone="Europe/Berlin", site_timezones={"c": "Europe/Lisbon"})
    moved = apply_settings(open_table(objects), later)
    assert [(change.site, change.said) for change in moved] == [
        ("b", "Europe/Berlin"),
        ("c", "Europe/Lisbon"),
    ]
    assert lived(objects, *"abc") == ["Europe/London", "Europe/Berlin", "Europe/Lisbon"]
    assert lived(objects, *"abc", version=before.version) == ["Europe/London", "UTC", "UTC"]
    assert apply_settings(open_table(objects), later) == []
    assert not ingest(objects, later).clocks


def test_what_a_source_says_later_is_told_and_comes_with_reread(objects: Objects) -> None:
    land(objects, "uk/a.csv", *rows("a"))
    ingest(objects, Settings())
    current = Settings(sources=[LONDON])
    (outdated,) = ingest(objects, current).outdated
    assert "site_timezone" in outdated.changed
    land(objects, "uk/b.csv", *rows("a", 2))
    (change,) = ingest(objects, current).clocks
    assert (change.site, change.kept, change.said, change.key) == (
        "a",
        "UTC",
        "Europe/London",
        "landing/uk/b.csv",
    )
    assert "`smartwatts readings reread uk/b.csv`" in change_lines([change])[0]
    assert lived(objects, "a") == ["UTC"]
    assert not reread(objects, current, ["uk/a.csv"]).clocks
    assert lived(objects, "a") == ["Europe/London"]


def test_what_settings_say_of_a_site_later_goes_before_what_its_files_say(objects: Objects) -> None:
    land(objects, "a.csv", "# Timezone: Europe/Vienna", HEADER, *rows("a"), *rows("b"), header="")
    land(objects, "uk/c.csv", *rows("c"))
    ingest(objects, Settings(sources=[LONDON]))
    zones = ["Europe/Vienna", "Europe/Vienna", "Europe/London"]
    assert lived(objects, *"abc") == zones
    later = Settings(
        timezone="Asia/Tokyo", site_timezones=dict.fromkeys("ac", "Europe/Lisbon"), sources=[LONDON]
    )
    (change,) = ingest(objects, later).clocks
    assert (change.site, change.kept, change.said) == ("a", "Europe/Vienna", "Europe/Lisbon")
    assert lived(objects, *"abc") == zones
    assert apply_settings(open_table(objects), later) == [change]
    assert lived(objects, *"abc") == ["Europe/Lisbon", *zones[1:]]
    assert not ingest(objects, later).clocks and not apply_settings(open_table(objects), later)


def test_clocks_of_very_many_files_are_told_in_a_few_lines() -> None:
    changes = [ClockChange("a", "UTC", "Europe/Rome", f"{i}.csv") for i in range(1000)]
    lines = change_lines(changes)
    assert len(lines) == 21 and lines[-1] == "… and 980 more lines like these"


def test_two_files_of_one_site_that_disagree_are_told(objects: Objects) -> None:
    land(objects, "1.csv", *rows("a"))
    land(objects, "2.csv", *rows("a", 2))
    zones = {"1.csv": "Europe/Paris", "2.csv": "Europe/Rome"}
    current = Settings(sources=[Source(match=m, timezone=zone) for m, zone in zones.items()])
    (change,) = ingest(objects, current).clocks
    assert (change.kept, change.said) == ("Europe/Paris", "Europe/Rome")


def test_readings_of_an_older_release_get_the_clocks_of_the_settings(objects: Objects) -> None:
    open_table(objects)  # as releases before did: without clocks
    current = Settings(timezone="Europe/Berlin", site_timezones={"b": "Europe/Lisbon"})
    assert newest_readings(objects, current)[0].timezone("b") == "Europe/Lisbon"
    land(objects, "a.csv", *rows("a"), *rows("b"))
    ingest(objects, current)
    assert lived(objects, *"ab") == ["Europe/Berlin", "Europe/Lisbon"]


def test_a_file_of_a_clock_that_is_none_is_left_before_anything_is_taken(objects: Objects) -> None:
    land(objects, "a.csv", *rows("a"))
    (file,) = ingest(objects, Settings(sources=[Source(site_timezone="Mars/Base")])).files
    assert file.left and "no timezone 'Mars/Base'" in file.left
    with pytest.raises(UsageError, match="no timezone 'Mars/Base'"):
        ingest(objects, Settings(site_timezones={"a": "Mars/Base"}))
    assert newest_readings(objects, Settings())[1].rows == 0


def test_a_damaged_property_names_the_table(objects: Objects) -> None:
    table = open_table(objects, SiteClocks("UTC"))
    (log,) = Path(objects.url).glob("readings/_delta_log/*0.json")
    text = log.read_text()
    kept = json.dumps(
        json.dumps({"by_file": {}, "by_settings": {}, "by_source": {}, "default": "UTC"})
    )
    assert kept in text
    log.write_text(text.replace(kept, json.dumps("{}")))
    with pytest.raises(StoreError, match=r"smartwatts\.clocks of .*readings is damaged: default"):
        _ = open_table(objects).clocks
    assert table.clocks == SiteClocks("UTC")
