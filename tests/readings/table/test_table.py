"""Snapshots stay what they were, and tell what they hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from smartwatts_ml.errors import ChangedError, NotFoundError, StoreError, UsageError
from smartwatts_ml.jsontext import parsed, plain
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.columns import BUCKETS, site_bucket
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.sites import summarise
from smartwatts_ml.readings.table.part_files import PART_SCHEMA, write_part
from smartwatts_ml.readings.table.schema import SCHEMA
from smartwatts_ml.readings.table.table import Snapshot, open_table
from smartwatts_ml.readings.table.written_part import WrittenPart
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import land, minutes


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def part(folder: Path, site: str, count: int) -> WrittenPart:
    """A part with so many seconds of a site."""
    stamps = np.datetime64("2024-01-01", "us").astype(np.int64) + np.arange(count) * 1_000_000
    device = summarise(site, "mains", stamps)
    made = {
        "timestamp": stamps,
        "site": [site] * count,
        "channel": ["mains"] * count,
        "consumption": [1.0] * count,
        "anomaly": [None] * count,
        "arrival": [1] * count,
        "total_kwh": [None] * count,
        "interval_s": [None] * count,
        "held": [None] * count,
    }
    path = folder / f"{site}.parquet"
    write_part(path, [pa.table(made).cast(PART_SCHEMA)], [device])
    return WrittenPart.of_devices(path, "2024-01", site_bucket(site), (device,), (1, 1))


def test_an_empty_root_has_an_empty_table(objects: Objects) -> None:
    table = open_table(objects)
    snapshot = table.snapshot()
    assert (table.arrived(), snapshot.rows, snapshot.sites, snapshot.start) == (0, 0, 0, None)
    assert table.readings(snapshot, Settings()).spans() == ()


def test_a_snapshot_survives_json_and_later_ingests(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 100))
    before = ingest(objects, Settings()).snapshot
    land(objects, "b.csv", *minutes("home1", 100, 500.0))
    after = ingest(objects, Settings()).snapshot
    assert parsed(Snapshot, plain(before)) == before
    assert after.version == before.version + 1
    assert after.digest != before.digest
    table = open_table(objects)
    assert table.snapshot(before.version) == before
    old = table.readings(before, Settings()).load("home1", 60).channels["mains"]
    new = table.readings(after, Settings()).load("home1", 60).channels["mains"]
    assert (old.max(), new.min()) == (7.0, 500.0)


def test_a_look_at_the_table_changes_nothing_even_where_columns_are_missing(
    objects: Objects,
) -> None:
    schema = SCHEMA.remove(SCHEMA.get_field_index("total_kwh"))
    DeltaTable.create(objects.uri("readings"), schema, partition_by=["month", "bucket"])
    before = {info.key: info.etag for info in objects.list()}
    table = open_table(objects)
    assert table.readings(table.snapshot(), Settings()).spans() == ()
    assert {info.key: info.etag for info in objects.list()} == before


def test_sites_keep_the_clocks_that_they_came_with(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 100))
    snapshot = ingest(objects, Settings(timezone="Europe/Berlin")).snapshot
    readings = open_table(objects).readings(snapshot, Settings(timezone="Asia/Tokyo"))
    assert readings.load("home1", 60).timezone == "Europe/Berlin"


def test_a_table_made_anew_is_not_mistaken_for_the_old_one(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 100))
    snapshot = ingest(objects, Settings()).snapshot
    shutil.rmtree(Path(objects.url) / "readings")
    assert ingest(objects, Settings()).accepted == 100
    with pytest.raises(StoreError, match="not what was snapshot"):
        open_table(objects).readings(snapshot, Settings())
    later = Snapshot(9, "", 0, None, None, 0)
    with pytest.raises(NotFoundError, match="no version 9"):
        open_table(objects).readings(later, Settings())


def test_a_digest_recorded_by_somebody_else_refuses_the_commit(
    root_url: str, tmp_path: Path
) -> None:
    objects = open_root(root_url)
    first, second = open_table(objects), open_table(objects)
    assert not first.has("digest-1")
    assert not second.has("digest-1")
    first.append(first.upload([part(tmp_path, "a", 3)]), {"digest-0": 10, "digest-1": 11}, {})
    with pytest.raises(ChangedError):
        second.append(second.upload([part(tmp_path, "a", 3)]), {"digest-1": 12, "digest-2": 13}, {})
    second.reload()
    assert (second.has("digest-1"), second.has("digest-2")) == (True, False)
    first.append(first.upload([part(tmp_path, "b", 1)]), {"digest-3": 14}, {})
    second.append(second.upload([part(tmp_path, "c", 1)]), {"digest-4": 15}, {})
    assert open_table(objects).arrived() == 5


def test_sites_of_the_table_are_those_of_the_files(objects: Objects, tmp_path: Path) -> None:
    rows = [
        *minutes("home1", 1500),
        *minutes("home1/kettle", 700, 3.0),
        *minutes("home2/oven", 90)[::3],
        *minutes("home2/car", 90)[::2],
        *(f"2024-01-01 {hour:02}:00,{hour},home3" for hour in range(24)),
    ]
    key = land(objects, "a.csv", *rows)
    snapshot = ingest(objects, Settings(site_timezones={"home2": "Asia/Tokyo"})).snapshot
    table = open_table(objects)
    kept = table.readings(snapshot, Settings())
    with FileReadings([Path(objects.url) / key], Settings()) as read:
        assert kept.spans() == read.spans()
        assert [span.native_s for span in kept.spans()] == [60, 120, 3600]
        for span in kept.spans():
            for period_s in (60, 3600):
                ours = kept.load(span.site, period_s)
                theirs = read.load(span.site, period_s)
                assert (ours.start, ours.channels.keys()) == (theirs.start, theirs.channels.keys())
                for channel, values in ours.channels.items():
                    assert np.array_equal(values, theirs.channels[channel], equal_nan=True)
    assert [kept.load(f"home{i}", 3600).timezone for i in (1, 2)] == ["UTC", "Asia/Tokyo"]


def test_labels_survive_the_table(objects: Objects) -> None:
    rows = [f"{row},{i % 2}" for i, row in enumerate(minutes("home1", 4))]
    land(objects, "a.csv", *rows, header="timestamp,consumption,device_id,anomaly")
    snapshot = ingest(objects, Settings()).snapshot
    loaded = open_table(objects).readings(snapshot, Settings()).load("home1", 60)
    assert loaded.anomaly is not None
    assert loaded.anomaly.tolist() == [0, 1, 0, 1]


@pytest.mark.slow
def test_one_ingest_writes_few_files(objects: Objects) -> None:
    for number in range(30):
        land(objects, f"{number}.csv", *minutes(f"home{number}", 3000))
    ingest(objects, Settings())
    files = list((Path(objects.url) / "readings").rglob("*.parquet"))
    assert len(files) <= 2 * BUCKETS


def test_a_root_may_have_spaces_and_signs_in_its_path(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path / "my räum #1? 5%"))
    land(objects, "a b%20c.csv", *minutes("my home 100%/co2 plug", 10))
    snapshot = ingest(objects, Settings()).snapshot
    loaded = open_table(objects).readings(snapshot, Settings()).load("my home 100%", 60)
    assert len(loaded.channels["co2 plug"]) == 10
    with pytest.raises(UsageError, match="rename the folder"):
        open_table(open_root(str(tmp_path / "my%20root")))
