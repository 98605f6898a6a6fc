"""Landing files are taken exactly once, whatever happens, and every line is accounted for."""

from __future__ import annotations

import csv
import gzip
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import ChangedError, StoreError
from smartwatts_ml.objects import ObjectInfo, Objects, open_root
from smartwatts_ml.objects.directory import DirectoryObjects
from smartwatts_ml.readings.base import SiteReadings
from smartwatts_ml.readings.ingest import file_batch
from smartwatts_ml.readings.ingest import ledger as ledger_module
from smartwatts_ml.readings.ingest.ingest_report import IngestReport
from smartwatts_ml.readings.ingest.landing import pending
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.readings.stamps import casts
from smartwatts_ml.readings.table.table import ReadingsTable, open_table
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import HEADER, Ingester, land, minutes


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


@pytest.fixture
def any_objects(root_url: str) -> Objects:
    return open_root(root_url)


def run(objects: Objects) -> IngestReport:
    return ingest(objects, Settings())


def load(objects: Objects, site: str, period_s: int = 60) -> SiteReadings:
    table = open_table(objects)
    return table.readings(table.snapshot(), Settings()).load(site, period_s)


@pytest.mark.slow
def test_a_second_run_adds_nothing(any_objects: Objects) -> None:
    land(any_objects, "a.csv", *minutes("home1", 3000))
    land(any_objects, "below/b.csv.gz", *minutes("home1/kettle", 3000), *minutes("home2", 10))
    first = run(any_objects)
    second = run(any_objects)
    assert (first.accepted, second.accepted) == (6010, 0)
    assert (len(first.files), len(second.files), second.unchanged) == (2, 0, 2)
    assert second.snapshot == first.snapshot
    assert (first.snapshot.rows, first.snapshot.sites) == (6010, 2)
    assert (first.snapshot.start, first.snapshot.end) == (
        "2024-01-31T00:00:00Z",
        "2024-02-02T01:59:00Z",
    )
    loaded = load(any_objects, "home1")
    assert loaded.channels.keys() == {"mains", "kettle"}
    assert np.array_equal(loaded.channels["mains"], 1.0 + np.arange(3000) % 7)


def test_the_same_content_under_another_name_is_recognised(objects: Objects) -> None:
    rows = minutes("home1", 50)
    land(objects, "a.csv", *rows)
    land(objects, "b.csv.gz", *rows)
    report = run(objects)
    assert [file.reason for file in report.files] == [None, "same content as landing/a.csv"]
    land(objects, "c.csv", *rows)
    (again,) = run(objects).files
    assert again.reason in ("same content as landing/a.csv", "same content as landing/b.csv.gz")
    assert open_table(objects).arrived() == 50
    assert run(objects).unchanged == 3


def test_a_lost_ledger_costs_reading_and_nothing_else(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 50))
    before = run(objects).snapshot
    (Path(objects.url) / ledger_module._KEY).write_text("{damaged")
    report = run(objects)
    assert (report.accepted, report.snapshot) == (0, before)
    assert run(objects).unchanged == 1


def test_a_file_that_grew_is_taken_again_and_readings_stay_single(objects: Objects) -> None:
    rows = minutes("home1", 100)
    land(objects, "a.csv", *rows[:60])
    run(objects)
    land(objects, "a.csv", *rows)
    assert run(objects).accepted == 100
    assert np.array_equal(load(objects, "home1").channels["mains"], 1.0 + np.arange(100) % 7)


@pytest.mark.slow
def test_a_corrected_reading_of_a_later_file_wins(any_objects: Objects) -> None:
    land(any_objects, "z.csv", *minutes("home1", 4, 110.0))
    run(any_objects)
    land(any_objects, "a.csv", *minutes("home1", 2, 150.0))
    land(any_objects, "b.csv", *minutes("home1", 1, 190.0))
    run(any_objects)
    assert load(any_objects, "home1").channels["mains"].tolist() == [190, 151, 112, 113]


@pytest.mark.parametrize("ledger_lost", [False, True])
def test_files_that_arrive_within_one_tick_of_the_clock_keep_an_order(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, ledger_lost: bool
) -> None:
    tick = datetime(2026, 5, 1, tzinfo=UTC)

    def within_the_tick(self: DirectoryObjects, prefix: str = "") -> Iterator[ObjectInfo]:
        return (replace(info, arrived=tick) for info in whole(self, prefix))

    def info(self: DirectoryObjects, key: str) -> ObjectInfo:
        return replace(whole_info(self, key), arrived=tick)

    whole, whole_info = DirectoryObjects.list, DirectoryObjects.info
    monkeypatch.setattr(DirectoryObjects, "list", within_the_tick)
    monkeypatch.setattr(DirectoryObjects, "info", info)
    for name, value in (("m", 1.0), ("z", 2.0), ("a", 3.0), ("n", 4.0), ("a", 5.0)):
        land(objects, f"{name}.csv", *minutes("home1", 2, 100 * value))
        if ledger_lost:
            objects.delete(ledger_module._KEY)
        run(objects)
        assert load(objects, "home1").channels["mains"].tolist() == [100 * value, 100 * value + 1]
        if name == "z":
            objects.delete("landing/z.csv")
    land(objects, "q.csv", *minutes("home1", 2, 600.0))
    land(objects, "b.csv", *minutes("home1", 2, 700.0))
    run(objects)
    assert load(objects, "home1").channels["mains"].tolist() == [600, 601]


def test_a_correction_wins_by_when_it_arrived_whatever_times_it_bears(objects: Objects) -> None:
    """As ``cp -p``, ``rsync -t`` and ``unzip`` leave it."""
    for name, value in (("a.csv", 100.0), ("b.csv", 200.0), ("a.csv", 300.0)):
        path = Path(objects.url) / land(objects, name, *minutes("home1", 2, value))
        for then in (1_000_000_000 - value, 1_000_000_000):
            os.utime(path, (then, then))
        run(objects)
    assert load(objects, "home1").channels["mains"].tolist() == [300, 301]


def test_rejected_rows_are_kept_with_line_and_reason(any_objects: Objects) -> None:
    good = minutes("home1", 3)
    key = land(any_objects, "a.csv", good[0], "", "noon,5,home1", good[1], '2024-01-31,"nan,x')
    report = run(any_objects)
    (file,) = report.files
    assert (file.lines, file.header, file.blank) == (6, 1, 1)
    assert (file.accepted, file.duplicate, file.rejected) == (2, 0, 2)
    packed = any_objects.read(str(file.quarantine_key)).data
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))
    assert [(row["file"], row["line"], row["column"], row["value"]) for row in rows] == [
        (key, "4", "timestamp", "noon"),
        (key, "6", "", '2024-01-31,"nan,x'),
    ]
    assert rows[0]["reason"] == "not a date and time of the form that the file uses"


def test_a_file_of_which_nothing_can_be_used_is_left_until_it_or_its_settings_change(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = "timestamp,import kWh,export kWh,device_id"
    land(objects, "missing.csv", "2024-01-31T00:00:00,,home1", header="time,kWh,device_id")
    land(objects, "form.csv", "31~01~2024,5,home1")
    land(objects, "parts.csv", "2024-01-31T00:00:00,,5,a", "2024-01-31T00:15:00,5,,a", header=parts)
    left = [str(file.left) for file in run(objects).left]
    reasons = ("none has a value", "timestamp not a date", "none has a value")
    for text, why in zip(left, reasons, strict=True):
        assert "no usable reading" in text and why in text
    assert open_table(objects).arrived() == 0
    assert not list(objects.list("quarantine/"))
    with monkeypatch.context() as reading:
        reading.setattr(FileScan, "__iter__", lambda scan: pytest.fail("it is read again"))
        again = run(objects)
    assert [str(file.left) for file in again.left] == left
    assert again.unchanged == 0
    report = ingest(objects, Settings(sources=[Source(match="form*", stamp="%d~%m~%Y")]))
    assert (report.accepted, len(report.left)) == (1, 2)
    whole = [f"2024-01-31T00:{minute}:00,1,5,a" for minute in ("00", "15")]
    land(objects, "parts.csv", *whole, header=parts)
    assert run(objects).accepted == 2


def test_a_quiet_month_in_our_own_columns_is_no_error(objects: Objects) -> None:
    land(objects, "header.csv")
    land(objects, "missing.csv", "2024-01-31T00:00:00,,home1")
    first = run(objects)
    assert not first.left
    assert [(file.accepted, file.missing) for file in first.files] == [(0, 0), (0, 1)]
    assert run(objects).unchanged == 2


def test_what_one_file_did_to_the_database_is_nothing_to_the_next(objects: Objects) -> None:
    for name in ("a", "b"):
        land(objects, f"{name}.csv", *minutes(name, 10), f"x,1,{name}")
    casts._opened().close()  # as an error that it calls fatal does
    report = run(objects)
    assert [file.key for file in report.left] == ["landing/a.csv"]
    assert "a.csv cannot be read" in (report.left[0].left or "")
    assert (report.accepted, report.rejected) == (10, 1)


def test_files_that_cannot_be_read_are_left_and_the_others_taken(objects: Objects) -> None:
    whole = gzip.compress("\n".join([HEADER, *minutes("home2", 500)]).encode())
    objects.write("landing/cut.csv.gz", whole[:-20])
    objects.write("landing/empty.csv", b"")
    objects.write("landing/notes.md", b"hello")
    land(objects, "headless.csv", header="a,b,c")
    land(objects, "good.csv", *minutes("home1", 5))
    report = run(objects)
    assert {file.key for file in report.left} == {
        "landing/cut.csv.gz",
        "landing/empty.csv",
        "landing/headless.csv",
    }
    assert (report.accepted, report.ignored) == (5, ("landing/notes.md",))
    assert pending(objects).files == 0
    assert len(run(objects).left) == 3
    objects.write("landing/cut.csv.gz", whole)
    assert run(objects).accepted == 500


def test_a_file_that_changes_after_the_listing_is_left_for_the_next_run(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = land(objects, "a.csv", *minutes("home1", 5))

    @contextmanager
    def change(self: DirectoryObjects, name: str, folder: Path) -> Iterator[Path]:
        land(objects, "a.csv", *minutes("home1", 6))
        yield Path(self.uri(name))

    monkeypatch.setattr(DirectoryObjects, "at_hand", change)
    (left,) = run(objects).left
    assert (left.key, "changed" in str(left.left)) == (key, True)
    monkeypatch.undo()
    assert run(objects).accepted == 6


def test_a_store_that_fails_is_not_the_files_fault(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(objects, "a.csv", *minutes("home1", 5))

    def fail(self: DirectoryObjects, name: str, folder: Path) -> None:
        raise StoreError("cannot reach the store")

    monkeypatch.setattr(DirectoryObjects, "at_hand", fail)
    with pytest.raises(StoreError, match="cannot reach"):
        run(objects)


def test_a_file_that_may_not_be_read_is_left(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(objects, "a.csv", *minutes("home1", 5))

    def deny(self: DirectoryObjects, name: str) -> None:
        raise StoreError("cannot read a.csv") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(DirectoryObjects, "open", deny)
    assert len(run(objects).left) == 1


def test_what_waits_is_estimated_from_sizes(objects: Objects) -> None:
    land(objects, "a.csv", *minutes("home1", 4000))
    land(objects, "a.csv.gz", *minutes("home2", 4000))
    waiting = pending(objects)
    assert waiting.files == 2
    assert waiting.bytes == sum(info.size for info in objects.list("landing/"))
    assert waiting.estimated_rows > 0
    run(objects)
    assert pending(objects).files == 0
    land(objects, "b.csv", *minutes("home1", 2000, day="2024-02-20"))
    land(objects, "b.csv.gz", *minutes("home2", 2000, day="2024-02-20"))
    assert pending(objects).estimated_rows == pytest.approx(4000, rel=0.2)


def test_a_big_landing_is_taken_in_several_commits(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_batch, "_COMMIT_ROWS", 100)
    for number in range(5):
        land(objects, f"{number}.csv", *minutes(f"home{number}", 60))
    land(objects, "again.csv", *minutes("home0", 60))
    texts: list[str] = []
    report = ingest(objects, Settings(), lambda text, share: texts.append(f"{text} {share:.2f}"))
    assert texts[0] == "0.csv 0.00"
    assert texts[6:] == ["writing 1.00"]
    assert report.snapshot.version == 3
    assert report.snapshot.rows == 300
    assert run(objects).unchanged == 6


def test_a_table_that_others_change_all_the_time_is_given_up_after_pauses(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    pauses: list[Any] = []

    def lose(*_: object) -> None:
        tried.append(1)
        assert len(tried) < 1000, "no end"
        raise ChangedError("somebody else was quicker")

    monkeypatch.setattr(ReadingsTable, "append", lose)
    monkeypatch.setattr(time, "sleep", pauses.append)
    land(objects, "a.csv", *minutes("home1", 10))
    with pytest.raises(ChangedError, match="without a pause"):
        run(objects)
    assert len(tried) == len(pauses)
    assert 0 < max(pauses) <= 0.5


@pytest.mark.slow
def test_two_processes_at_once_add_each_reading_once(any_objects: Objects) -> None:
    for number in range(4):
        land(any_objects, f"{number}.csv", *minutes(f"home{number}", 200))
    ingesters = [Ingester.start(any_objects) for _ in range(3)]
    for ingester in ingesters:
        ingester.go()
    reports = [ingester.result() for ingester in ingesters]
    assert sum(report["accepted"] for report in reports) == 800
    assert open_table(any_objects).arrived() == 800


@pytest.mark.slow
@pytest.mark.parametrize(
    "death",
    [
        "while scanning",
        "while writing",
        "while uploading",
        "before the commit",
        "after the commit",
        "before the ledger",
    ],
)
def test_a_killed_run_is_completed_by_the_next(objects: Objects, death: str) -> None:
    land(objects, "a.csv", *minutes("home1", 200), "bad,row,here")
    land(objects, "b.csv", *minutes("home1", 100, 50.0))
    killed = Ingester.start(objects, death)
    killed.go()
    assert killed.was_killed()
    run(objects)
    assert open_table(objects).arrived() == 300
    expected = np.concatenate([50.0 + np.arange(100) % 7, 1.0 + np.arange(100, 200) % 7])
    assert np.array_equal(load(objects, "home1").channels["mains"], expected)
    assert len(list(objects.list("quarantine/"))) == 1
    assert run(objects).unchanged == 2


@pytest.mark.slow
def test_a_killed_run_on_s3_is_completed_by_the_next(s3_root: str) -> None:
    objects = open_root(s3_root)
    land(objects, "a.csv", *minutes("home1", 200))
    killed = Ingester.start(objects, "after the commit")
    killed.go()
    assert killed.was_killed()
    assert run(objects).accepted == 0
    assert open_table(objects).arrived() == 200


made_files = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["a", "a/kettle", "b"]), st.integers(0, 8), st.integers(0, 999)),
        max_size=12,
        unique_by=lambda reading: reading[:2],
    ),
    min_size=1,
    max_size=5,
)


def test_a_copy_of_an_old_file_does_not_undo_a_correction(tmp_path: Path) -> None:
    objects = open_root(str(tmp_path))
    old = "2024-01-01 00:00:00,0,a"
    land(objects, "0.csv", old)
    land(objects, "1.csv", "2024-01-01 00:00:00,1,a")
    land(objects, "2.csv", old)
    run(objects)
    assert every_hour(objects) == {("a", 0): 1}


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(made_files, st.data())
def test_any_files_in_any_runs_end_as_the_last_word_on_each_reading(
    files: list[list[tuple[str, int, int]]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects = open_root(folder)
        expected: dict[tuple[str, int], int] = {}
        contents: list[list[str]] = []
        for number, readings in enumerate(files):
            rows = [f"2024-01-01 0{hour}:00:00,{value},{name}" for name, hour, value in readings]
            again = data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
            land(objects, f"{number}.csv", *rows, *again)
            if [*rows, *again] not in contents:  # what was there before says nothing new
                expected |= {(name, hour): value for name, hour, value in readings}
            contents.append([*rows, *again])
            if data.draw(st.booleans()):
                run(objects)
        run(objects)
        found = every_hour(objects)
    assert found == expected


def every_hour(objects: Objects) -> dict[tuple[str, int], int]:
    """Raw rows of the table, the last arrival of each device and stamp."""
    import pyarrow.compute as pc
    from deltalake import DeltaTable

    rows = DeltaTable(objects.uri("readings")).to_pyarrow_table().sort_by("arrival")
    found = {}
    for row in rows.to_pylist():
        name = row["site"] if row["channel"] == "mains" else f"{row['site']}/{row['channel']}"
        found[name, row["timestamp"].hour] = int(row["consumption"])
    assert pc.all(pc.equal(rows["month"], "2024-01")).as_py() in (True, None)
    return found


@pytest.mark.slow
def test_a_disk_without_room_ends_an_ingest_with_its_cause_and_the_next_one_goes_on(
    objects: Objects,
) -> None:
    land(objects, "a.csv", *minutes("home1", 20_000))

    def no_more_than() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    ended = subprocess.run(
        [sys.executable, "-m", "smartwatts_ml", "ingest"],
        env=os.environ | {"SMARTWATTS_ROOT": objects.url, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=no_more_than,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 4
    assert "cannot write temporary files below" in ended.stderr
    assert "TMPDIR" in ended.stderr
    assert open_table(objects).snapshot().rows == 0
    assert run(objects).accepted == 20_000
