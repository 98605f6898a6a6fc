"""NEM12 files: each record is a day of a channel, on one clock all year."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import BadInputError
from tests.readings.formats.scanned import scan

METER = "NTST990011"
START = datetime(2026, 1, 17, 14)  # midnight of the 18th in EST


def meter(suffix: str = "E1", unit: str = "KWH", minutes: int = 30) -> str:
    return f"200,{METER},E1B1,1,{suffix},N1,METERX1,{unit},{minutes},"


def day(count: int = 48, value: str = "0.5", quality: str = "A", date: str = "20260118") -> str:
    return f"300,{date},{','.join([value] * count)},{quality},,,20260121060512,"


def file(*records: str) -> bytes:
    return "\n".join(["100,NEM12,202601210911,MDP,RET", *records, "900", ""]).encode()


def test_a_day_is_on_eastern_standard_time_whatever_the_source_says(tmp_path: Path) -> None:
    content = file(meter(), day())
    scanned = scan(tmp_path / "a.csv", content, timezone="Australia/Sydney")
    rows = scanned.rows[f"{METER}/mains +E1"]
    assert rows == [(START + timedelta(minutes=30 * i), 1000.0) for i in range(48)]
    assert (scanned.report.lines, scanned.report.header, scanned.report.read) == (4, 3, 1)


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
def test_intervals_are_as_long_as_the_meter_says(tmp_path: Path, minutes: int) -> None:
    content = file(meter(minutes=minutes), day(1440 // minutes))
    rows = scan(tmp_path / "a.csv", content).rows[f"{METER}/mains +E1"]
    assert len(rows) == 1440 // minutes
    assert {value for _, value in rows} == {0.5 * 1000 * 60 / minutes}


def test_channels_have_their_own_units_directions_and_lengths(tmp_path: Path) -> None:
    records = [meter(), day(), meter("B1", "Wh", 15), day(96, "250"), meter("Q1", "kVArh"), day()]
    scanned = scan(tmp_path / "a.csv", file(*records))
    assert {name: len(rows) for name, rows in scanned.rows.items()} == {
        f"{METER}/mains +E1": 48,
        f"{METER}/mains -B1": 96,
    }
    assert scanned.rows[f"{METER}/mains -B1"][0][1] == 1000.0
    assert scanned.faults == {7: "reactive energy"}


def test_intervals_of_quality_n_are_missing(tmp_path: Path) -> None:
    content = file(meter(), day(quality="V"), "400,1,20,A,,", "400,21,26,N,,", "400,27,48,S14,,")
    scanned = scan(tmp_path / "a.csv", content)
    rows = scanned.rows[f"{METER}/mains +E1"]
    assert [stamp for stamp, _ in rows] == [
        START + timedelta(minutes=30 * i) for i in range(48) if not 20 <= i < 26
    ]
    assert (scanned.report.read, scanned.report.header) == (1, 6)
    assert scan(tmp_path / "a.csv", file(meter(), day(quality="N"))).report.missing == 1


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (day(quality="V"), "its quality varies, and no 400 record says how"),
        (day(47), "not 48 values and their quality"),
        (day(96), "not 48 values and their quality"),
        (day(date="20261341"), "stamp_form"),
        ("301,x", "no record of NEM12"),
        ('300,"20260118', "no record of NEM12"),
    ],
)
def test_a_record_that_is_not_as_it_should_be_costs_itself(
    tmp_path: Path, record: str, why: str
) -> None:
    scanned = scan(tmp_path / "a.csv", file(meter(), day(), record, "", day(date="20260119")))
    assert scanned.faults == {4: why}
    assert len(scanned.rows[f"{METER}/mains +E1"]) == 96
    assert scanned.report.blank == 1


def test_records_without_their_meter_are_rejected(tmp_path: Path) -> None:
    odd = f"200,{METER},E1B1,1,E1,N1,METERX1,KWH,{'9' * 5000},"
    records = (day(), meter(minutes=7), day(), odd, day(), meter(), day())
    assert set(scan(tmp_path / "a.csv", file(*records)).faults) == {2, 4, 6}


def test_packed_and_of_another_name_it_is_the_same(tmp_path: Path) -> None:
    content = file(meter(), day())
    assert scan(tmp_path / "a.txt.gz", gzip.compress(content)).report.values == 48


def test_nem13_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="NEM13"):
        scan(tmp_path / "a.csv", b"100,NEM13,202601210911,MDP,RET\n250,x\n900\n")
