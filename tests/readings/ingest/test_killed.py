"""Two ingesters, killed at random moments: in the end the table is that of one clean run."""

from __future__ import annotations

import gzip
import os
import random
import signal
import time
from pathlib import Path

import pyarrow as pa
import pytest

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.objects.directory import DirectoryObjects
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.killed import Forks
from tests.readings.ingest.landing import HEADER, minutes

FILES = 20
LANDED = 1_700_000_000


def land_files(folder: Path) -> None:
    """Twenty files, plain and packed, with corrections, repeats and bad rows, of set times."""
    chance = random.Random(7)
    folder.mkdir(parents=True)
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
        os.utime(path, (LANDED + number // 2, LANDED + number // 2))


def table_of(objects: Objects) -> pa.Table:
    """All rows, in an order that only they determine."""
    from deltalake import DeltaTable

    options = objects.storage_options()
    table = DeltaTable(objects.uri("readings"), storage_options=options).to_pyarrow_table()
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()


def quarantine_of(objects: Objects) -> dict[str, bytes]:
    return {info.key: objects.read(info.key).data for info in objects.list("quarantine/")}


def kill_at_random(root: str, kills: int, seed: int, longest_s: float) -> int:
    """Let two ingesters run at once, and kill both, each at its moment; how many died."""
    chance = random.Random(seed)
    died = 0
    with Forks() as one, Forks() as other:
        for _ in range(kills // 2):
            moments = sorted((chance.uniform(0, longest_s), forks) for forks in (one, other))
            started = time.monotonic()
            for _, forks in moments:
                forks.start(root)
            for moment, forks in moments:
                time.sleep(max(0.0, started + moment - time.monotonic()))  # the moment of death
                forks.kill()
            ends = [one.ended(), other.ended()]
            assert set(ends) <= {0, -signal.SIGKILL}
            died += ends.count(-signal.SIGKILL)
    return died


def clean_run(tmp_path: Path) -> tuple[Objects, float]:
    """A root that one run filled without harm, and how long that took."""
    clean = open_root(str(tmp_path / "clean"))
    land_files(tmp_path / "clean" / "landing")
    started = time.monotonic()
    report = ingest(clean, Settings())
    assert not report.left
    assert report.rejected == FILES
    return clean, time.monotonic() - started


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
    check_killed(tmp_path, 8, seed=1)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_hundred_kills_leave_the_table_of_a_clean_run(tmp_path: Path) -> None:
    check_killed(tmp_path, 100, seed=2)


@pytest.mark.slow
def test_killed_ingesters_on_s3_leave_the_readings_of_a_clean_run(
    tmp_path: Path, s3_root: str
) -> None:
    clean, lasts = clean_run(tmp_path)
    killed = open_root(s3_root)
    for info in DirectoryObjects(tmp_path / "clean").list("landing/"):
        killed.write(info.key, clean.read(info.key).data)
    assert kill_at_random(s3_root, 6, 3, 5 * lasts) > 0
    assert not ingest(killed, Settings()).left
    # S3 says itself when a file landed.
    mine, theirs = (table_of(root).drop_columns(["arrival"]) for root in (killed, clean))
    assert mine.equals(theirs)
    assert quarantine_of(killed) == quarantine_of(clean)
