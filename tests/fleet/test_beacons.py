"""Beacons: unsigned lines of homes, each accounted for, taken once."""

from __future__ import annotations

import csv
import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.fleet.beacon import FIELDS, NEEDED
from smartwatts_ml.fleet.beacons import existing_beacons, take_beacons
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.ingest.landing import list_landing
from smartwatts_ml.records.lines import UnfitError, fields_of_json

NOW = datetime.now(UTC).replace(microsecond=0)


def beacon(gateway: str = "g1", hours_ago: float = 30, **fields: Any) -> dict[str, Any]:
    time = NOW - timedelta(hours=hours_ago)
    return {"gateway": gateway, "model": "nilm", "version": 3, "time": time.isoformat()} | fields


def text(*beacons: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in beacons)


@pytest.fixture
def root(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def land(root: Objects, name: str, data: bytes) -> None:
    root.write(f"landing/beacons/{name}", data)


def rows(root: Objects) -> int:
    table = existing_beacons(root)
    return int(table.query("SELECT count(*) AS n FROM beacons")[0]["n"]) if table else 0


def test_every_line_is_accounted_for_and_what_is_rejected_is_kept_with_its_reason(
    root: Objects,
) -> None:
    good = text(beacon("a"), beacon("b", runs=1440, failures=2, latency_ms=3.5))
    bad = [
        b'{"gateway": "a"}',
        b"not json",
        b"[" * 4000,
        b'{"gateway": "a", "gateway": "b"}',
        b"x" * 5000,
        text(beacon(error=float("nan"), scale=1.0)).strip(),
        text(beacon(version=0)).strip(),
        text(beacon(gateway="../x")).strip(),
        text(beacon(error=5.0)).strip(),
        text(beacon(runs=1, failures=2)).strip(),
    ]
    land(root, "a.jsonl", good + b"\n".join([*bad, b"", b""]) + text(beacon("a")))
    taken = take_beacons(root)
    report = taken.files[0]
    assert (report.lines, report.blank, report.accepted) == (2 + len(bad) + 1 + 1, 1, 2)
    assert (report.duplicate, report.rejected) == (1, len(bad))
    assert report.adds_up and sum(report.reasons.values()) == len(bad)
    kept = gzip.decompress(root.read(f"quarantine/{report.digest}.csv.gz").data).decode()
    assert [row["line"] for row in csv.DictReader(io.StringIO(kept))] == [
        str(3 + n) for n in range(len(bad))
    ]
    assert rows(root) == 2


def test_a_file_is_taken_once_however_often_and_by_however_many(root: Objects) -> None:
    land(root, "first.jsonl", text(beacon("first")))
    take_beacons(root)
    for name in range(6):
        land(root, f"{name}.jsonl", text(*(beacon(f"g{name}-{n}") for n in range(20))))
    land(root, "again.jsonl.gz", gzip.compress(root.read("landing/beacons/0.jsonl").data))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: take_beacons(root), range(3)))
    assert rows(root) == 121
    assert take_beacons(root).unchanged == 8
    root.delete("state/beacons.json")
    again = take_beacons(root)
    assert (again.accepted, sum(file.duplicate for file in again.files)) == (0, 141)
    assert rows(root) == 121


def test_what_was_told_before_in_another_file_is_a_duplicate(root: Objects) -> None:
    land(root, "a.jsonl", text(beacon("a"), beacon("b")))
    take_beacons(root)
    land(root, "b.jsonl", text(beacon("a"), beacon("a", hours_ago=5), beacon("b", version=4)))
    report = take_beacons(root).files[0]
    assert (report.accepted, report.duplicate, report.adds_up) == (2, 1, True)


def test_csv_says_the_same(root: Objects) -> None:
    named = [beacon("a", loaded=False, trouble="no, memory", runs=0, failures=1), beacon("b")]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(FIELDS), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(named)
    land(root, "a.csv", table.getvalue().encode() + b"cut,nilm,3")
    report = take_beacons(root).files[0]
    assert (report.header, report.accepted, report.rejected, report.adds_up) == (1, 2, 1, True)
    table_ = existing_beacons(root)
    assert table_
    said = table_.query("SELECT gateway, loaded, trouble FROM beacons ORDER BY gateway")
    assert said[0] == {"gateway": "a", "loaded": False, "trouble": "no, memory"}
    assert said[1]["loaded"] is True


def test_a_beacon_from_the_future_counts_as_of_when_its_file_came(root: Objects) -> None:
    land(root, "a.jsonl", text(beacon("a", hours_ago=-24 * 400)))
    assert take_beacons(root).files[0].clamped == 1
    table = existing_beacons(root)
    assert table
    [times] = table.query("SELECT time, arrived FROM beacons")
    assert times["time"] == times["arrived"]


def test_one_gateway_fills_no_table(root: Objects) -> None:
    land(root, "a.jsonl", text(*(beacon("a", hours_ago=n + 1) for n in range(1200))))
    report = take_beacons(root).files[0]
    assert (report.accepted, report.rejected) == (1000, 200)


def test_a_file_without_a_beacon_is_left_until_it_changes(root: Objects) -> None:
    land(root, "a.jsonl", b"{}\n")
    assert take_beacons(root).left[0].key == "landing/beacons/a.jsonl"
    assert (take_beacons(root).files, rows(root)) == ((), 0)
    land(root, "a.jsonl", text(beacon()))
    assert take_beacons(root).accepted == 1


def test_beacons_are_no_readings(root: Objects) -> None:
    land(root, "a.csv", b"gateway\n")
    root.write("landing/home.csv", b"timestamp,consumption,device_id\n")
    assert [info.key for info in list_landing(root)[0]] == ["landing/home.csv"]


@pytest.mark.parametrize("depth", [10, 1000])
def test_nothing_nested_is_taken(depth: int) -> None:
    line = b'{"gateway": ' + b"[" * depth + b"]" * depth + b', "model": "nilm"}'
    with pytest.raises(UnfitError):
        fields_of_json(line, NEEDED)


def test_a_take_that_dies_before_its_commit_is_made_up_for(
    root: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(root, "a.jsonl", text(beacon(), {"gateway": "bad"}))

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("smartwatts_ml.records.table.DeltaTable.create_write_transaction", dies)
        with pytest.raises(KeyboardInterrupt):
            take_beacons(root)
    assert rows(root) == 0
    report = take_beacons(root).files[0]
    assert (report.accepted, report.rejected, rows(root)) == (1, 1, 1)


def test_old_months_leave_the_table_and_do_not_come_back(root: Objects) -> None:
    days = (400, 40, 1)
    land(root, "a.jsonl", text(*(beacon(f"g{n}", hours_ago=24 * n) for n in days)))
    take_beacons(root)
    land(root, "b.jsonl", text(beacon("late", hours_ago=24 * 500)))
    take_beacons(root, kept_months=6)
    assert rows(root) == 2
    land(root, "again.jsonl", root.read("landing/beacons/a.jsonl").data)
    assert take_beacons(root, kept_months=6).accepted == 0
    assert rows(root) == 2
