"""Two ingesters, killed at random moments: in the end the table is that of one clean run."""

from __future__ import annotations

import gzip
import os
import random
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.objects.directory import DirectoryObjects
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest, reread
from tests.readings.ingest.killed import DEATH, Forks
from tests.readings.ingest.landing import HEADER, minutes

FILES = 20


def land_files(folder: Path) -> None:
    """Twenty files, plain and packed, with corrections, repeats and bad rows, one after the
    other."""
    chance = random.Random(7)
    folder.mkdir(parents=True)
    landed = 0
    for number in range(FILES):
        device = f"home{number % 5}"
        day = f"2024-01-{1 + number:02}"
        rows = minutes(device, 900, float(number), day)
        rows += minutes(f"{device}/kettle", 300, float(number), day) + rows[:7] + ["bad,row,x"]
        if number % 4 == 3:
            rows += minutes(device, 50, 900.0, "2024-01-02")
        chance.shuffle(rows)
        content = "\n".join([HEADER, *rows, ""]).encode()
        packed = number % 3 == 0
        path = folder / f"{number}.csv{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(content) if packed else content)
        while path.stat().st_ctime_ns // 1000 <= landed:  # in a tick of the clock of its own
            os.utime(path)
        landed = path.stat().st_ctime_ns // 1000


def table_of(objects: Objects) -> pa.Table:
    """All rows, in an order that only they determine; of arrivals, which of them comes first."""
    options = objects.storage_options()
    table = DeltaTable(objects.uri("readings"), storage_options=options).to_pyarrow_table()
    ranks = pc.rank(table["arrival"], tiebreaker="dense")
    table = table.set_column(table.column_names.index("arrival"), "arrival", ranks)
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()


def quarantine_of(objects: Objects) -> dict[str, bytes]:
    return {info.key: objects.read(info.key).data for info in objects.list("quarantine/")}


def kill_at_random(
    root: str, kills: int, seed: int, longest_s: float, units: tuple[str, str] = ("", "")
) -> int:
    """Let two ingesters run at once, each until its moment of death; how many died. One that is
    given a unit reads all files again in that."""
    chance = random.Random(seed)
    died = 0
    with Forks() as one, Forks() as other:
        for _ in range(kills // 2):
            for forks, unit in zip((one, other), units, strict=True):
                forks.start(root, chance.uniform(0, longest_s), unit)
            ends = [one.ended(), other.ended()]
            assert set(ends) <= {0, -DEATH}
            died += ends.count(-DEATH)
    return died


def clean_run(tmp_path: Path) -> tuple[Objects, float]:
    """A root that one run filled without harm, and how long that worked."""
    clean = open_root(str(tmp_path / "clean"))
    land_files(tmp_path / "clean" / "landing")
    started = time.process_time()
    report = ingest(clean, Settings())
    assert not report.left
    assert report.rejected == FILES
    return clean, time.process_time() - started


def check_killed(tmp_path: Path, kills: int, seed: int) -> None:
    clean, lasts = clean_run(tmp_path)
    killed = open_root(str(tmp_path / "killed"))
    land_files(tmp_path / "killed" / "landing")
    assert kill_at_random(killed.url, kills, seed, 1.3 * lasts) > 0
    assert not ingest(killed, Settings()).left
    assert table_of(killed).equals(table_of(clean))
    assert quarantine_of(killed) == quarantine_of(clean)
    assert not ingest(killed, Settings()).files


@pytest.mark.slow
def test_two_ingesters_killed_at_random_moments_leave_the_table_of_a_clean_run(
    tmp_path: Path,
) -> None:
    check_killed(tmp_path, 4, seed=1)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_hundred_kills_leave_the_table_of_a_clean_run(tmp_path: Path) -> None:
    check_killed(tmp_path, 100, seed=2)


def check_killed_rereading(tmp_path: Path, kills: int, seed: int, units: tuple[str, str]) -> None:
    root, lasts = clean_run(tmp_path)
    in_watts = table_of(root)
    assert kill_at_random(root.url, kills, seed, 1.3 * lasts, units) > 0
    assert table_of(root).num_rows == in_watts.num_rows
    reread(root, Settings(unit="kW", check_mains=False), ["*"])
    in_kilowatts = table_of(root)
    assert in_kilowatts.drop_columns("consumption").equals(in_watts.drop_columns("consumption"))
    assert pc.all(pc.equal(in_kilowatts["consumption"], pc.multiply(in_watts["consumption"], 1000)))
    report = ingest(root, Settings(unit="kW", check_mains=False))
    assert not report.files and not report.outdated


@pytest.mark.slow
@pytest.mark.parametrize("units", [("kW", "kW"), ("kW", "")])
def test_files_that_are_read_again_while_killed_are_there_once(
    tmp_path: Path, units: tuple[str, str]
) -> None:
    check_killed_rereading(tmp_path, 4, 4, units)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_hundred_kills_while_files_are_read_again_lose_and_double_nothing(tmp_path: Path) -> None:
    check_killed_rereading(tmp_path, 100, 5, ("kW", "kW"))


@pytest.mark.full
def test_killed_ingesters_on_s3_leave_the_readings_of_a_clean_run(
    tmp_path: Path, s3_root: str
) -> None:
    clean, lasts = clean_run(tmp_path)
    killed = open_root(s3_root)
    for info in DirectoryObjects(tmp_path / "clean").list("landing/"):
        killed.write(info.key, clean.read(info.key).data)
    assert kill_at_random(s3_root, 4, 3, 5 * lasts) > 0
    assert not ingest(killed, Settings()).left
    # S3 says itself when a file landed.
    mine, theirs = (table_of(root).drop_columns(["arrival"]) for root in (killed, clean))
    assert mine.equals(theirs)
    assert quarantine_of(killed) == quarantine_of(clean)
