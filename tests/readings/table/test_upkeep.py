"""Upkeep changes files and no reading; pinned snapshots survive it; counts cost metadata."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deltalake.transaction import AddAction
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.table.compaction import SMALL_FILES, compact
from smartwatts_ml.readings.table.retention import drop_before
from smartwatts_ml.readings.table.table import ReadingsTable, open_table
from smartwatts_ml.runs.plan import count_new_readings
from smartwatts_ml.runs.snapshot import pin_snapshot, pinned_versions
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import land, minutes

CURRENT = Settings()


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


def readings_of(table: ReadingsTable) -> dict[str, list[float]]:
    """Every site's mains by minute."""
    readings = table.readings(table.snapshot(), Settings())
    return {site.site: site.channels["mains"].tolist() for site in readings.iterate(60)}


@pytest.mark.slow
def test_many_small_files_of_a_month_become_one_and_no_reading_changes(objects: Objects) -> None:
    for number in range(SMALL_FILES - 1):
        land(objects, f"{number}.csv", *minutes("home1", 30, float(number)))
        ingest(objects, CURRENT)
    table = open_table(objects)
    before, rows = readings_of(table), table.snapshot().rows
    assert len(table.parts()) == SMALL_FILES - 1
    land(objects, "last.csv", *minutes("home1", 5, 900.0))
    ingest(objects, CURRENT)
    table.reload()
    assert len(table.parts()) == 1
    after = readings_of(table)
    assert after["home1"][:5] == [900, 901, 902, 903, 904]
    assert after["home1"][5:] == before["home1"][5:]
    assert table.snapshot().rows == table.arrived() == rows + 5
    (device,) = table.readings(table.snapshot(), Settings()).devices()
    assert (device.rows, device.native) == (rows + 5, 60_000_000)


@pytest.mark.slow
def test_a_part_that_somebody_else_replaced_is_left_to_him(
    objects: Objects, tmp_path: Path
) -> None:
    for number in range(4):
        land(objects, f"{number}.csv", *minutes("home1", 30, float(number)))
        ingest(objects, CURRENT)
    first, second = open_table(objects), open_table(objects)
    expected = readings_of(first)
    assert compact(first, tmp_path, enough=2) == 4
    assert compact(second, tmp_path, enough=2) == 0
    assert readings_of(open_table(objects)) == expected


def vacuum(table: ReadingsTable, hours: int, *, dry_run: bool) -> list[str]:
    return table.vacuum(hours, pinned_versions(table.objects), dry_run=dry_run)


@pytest.mark.slow
def test_dropped_months_stay_in_pinned_snapshots_and_count_as_arrived(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 2880, day="2024-01-31"))
    before = ingest(objects, CURRENT).snapshot
    pin_snapshot(objects, "a-run", before)
    pinned = readings_of(open_table(objects))
    table = open_table(objects)
    waiting = count_new_readings(objects, CURRENT)["rows"]
    assert drop_before(table, "2024-02") == 1440
    assert drop_before(table, "2024-02") == 0
    after = table.snapshot()
    assert (after.rows, after.arrived, after.start) == (1440, 2880, "2024-02-01T00:00:00Z")
    assert count_new_readings(objects, CURRENT)["rows"] == waiting
    assert vacuum(table, 0, dry_run=False) == []
    kept = table.readings(before, Settings()).load("home1", 60)
    assert kept.channels["mains"].tolist() == pinned["home1"]


def test_vacuum_takes_what_nothing_needs_and_spares_what_a_run_pins(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path / "root"))
    for number in range(3):
        land(objects, f"{number}.csv", *minutes("home1", 30, float(number)))
        ingest(objects, CURRENT)
    table = open_table(objects)
    pinned = pin_snapshot(objects, "a-run", table.snapshot())
    compact(table, tmp_path, enough=2)
    land(objects, "later.csv", *minutes("home1", 30, 70.0))
    ingest(objects, CURRENT)
    orphan = tmp_path / "root" / "readings" / "month=2024-01" / "bucket=0" / "killed.parquet"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"of an ingest that was killed")
    assert pinned_versions(objects) == [pinned.version]
    table.reload()
    assert vacuum(table, 24, dry_run=False) == []
    old = time.time() - 48 * 3600
    os.utime(orphan, (old, old))
    assert [Path(path).name for path in vacuum(table, 24, dry_run=True)] == ["killed.parquet"]
    assert orphan.exists()
    vacuum(table, 24, dry_run=False)
    assert not orphan.exists()
    assert table.readings(pinned, Settings()).load("home1", 60).channels["mains"][0] == 2.0
    (tmp_path / "root" / "runs" / "a-run" / "snapshot.json").unlink()
    assert len(vacuum(table, 0, dry_run=False)) == 3
    assert readings_of(open_table(objects))["home1"][0] == 70.0


@pytest.mark.slow
def test_rows_are_counted_within_a_second_at_a_billion(tmp_path: Path) -> None:
    """On a made log of 20,000 parts in 40 commits, whose data files do not exist."""
    objects = open_root(str(tmp_path / "root"))
    table = open_table(objects)
    for commit in range(40):
        parts = [made_part(commit * 500 + number) for number in range(500)]
        table.append(parts, {f"digest-{commit}": commit}, {})
    started = time.perf_counter()
    rows = open_table(objects).arrived()
    took = time.perf_counter() - started
    assert rows == 1_000_000_000
    assert took < 1.0, f"{took:.2f} s"


def made_part(number: int) -> AddAction:
    month, bucket = f"{2000 + number % 60}-01", str(number % 8)
    low = {"timestamp": f"{month}-01T00:00:00.000Z", "site": "home1", "channel": "mains"}
    high = low | {"timestamp": f"{month}-31T00:00:00.000Z", "site": "home9"}
    statistics = {"numRecords": 50_000, "minValues": low, "maxValues": high, "nullCount": {}}
    path = f"month={month}/bucket={bucket}/{number}.parquet"
    values = {"month": month, "bucket": bucket}
    return AddAction(path, 200_000, values, 1_700_000_000_000, True, json.dumps(statistics))


def test_reading_one_site_or_month_opens_only_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = open_root(str(tmp_path / "root"))
    sites = [f"home{number}" for number in range(40)]
    for day in ("2024-01-10", "2024-02-10", "2024-03-10"):
        rows = [row for site in sites for row in minutes(site, 20, day=day)]
        land(objects, f"{day}.csv", *rows)
    snapshot = ingest(objects, CURRENT).snapshot
    readings = open_table(objects).readings(snapshot, Settings())
    readings.spans()
    opened: list[str] = []
    whole = type(objects).open

    def listen(self: Objects, key: str) -> Any:
        opened.append(key)
        return whole(self, key)

    monkeypatch.setattr(type(objects), "open", listen)
    loaded = readings.load("home7", 60)
    assert np.count_nonzero(~np.isnan(loaded.channels["mains"])) == 60
    buckets = {key.split("/")[2] for key in opened}
    assert (len(opened), len(buckets)) == (3, 1)


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path / "root"))
    for number, day in enumerate(("2024-01-10", "2024-01-11", "2024-03-10")):
        land(objects, f"{number}.csv", *minutes("home1", 50, day=day))
        ingest(objects, CURRENT)

    def say(*words: str) -> str:
        result = CliRunner().invoke(app, ["readings", *words, "--root", objects.url])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "2 small files joined; 150 readings in 2 files" in say("compact")
    assert "100 readings before 2024-02 would go" in say("drop", "--before", "2024-02", "--dry-run")
    assert "100 readings before 2024-02 are gone" in say("drop", "--before", "2024-02")
    assert "0 files gone" in say("vacuum")
    assert "3 files would go" in say("vacuum", "--hours", "0", "--dry-run")
    wrong = CliRunner().invoke(app, ["readings", "drop", "--before", "May", "--root", objects.url])
    assert "write it like 2024-05" in str(wrong.exception)
