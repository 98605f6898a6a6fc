"""A last line without an end: kept where it is whole beyond doubt, rejected with a word else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.readings.formats.scanned import Scanned, scan


def read(tmp_path: Path, text: str, **source: Any) -> Scanned:
    assert not text.endswith("\n")
    return scan(tmp_path / "in.csv", text.encode(), **source)


def hours(row: str, count: int = 9) -> str:
    return "\n".join(row.format(hour=hour, value=300 + hour) for hour in range(count))


LONG = "timestamp,consumption,device_id\n"
STAMP_LAST = "device_id,consumption,timestamp\n"
VALUE_LAST = "device_id,timestamp,consumption\n"


@pytest.mark.parametrize(
    "text",
    [
        LONG + hours("2026-01-01T{hour:02}:00:00Z,{value},home1"),
        STAMP_LAST + hours("home1,{value},2026-01-01T{hour:02}:00:00Z"),
        STAMP_LAST + hours("home1,{value},1/13/2026 {hour}:00 AM"),
        VALUE_LAST + hours("home1,2026-01-01 {hour:02}:00,{value}.25"),
        "device_id;timestamp;consumption\n" + hours("home1;2026-01-01 {hour:02}:00;{value},250"),
        "timestamp,consumption,note\n" + hours("2026-01-01 {hour:02}:00,{value},x"),
        "timestamp,kWh,unit\n" + hours("2026-01-01 {hour:02}:00,{value},kWh"),
    ],
)  # fmt: skip
def test_a_whole_last_line_counts(tmp_path: Path, text: str) -> None:
    scanned = read(tmp_path, text)
    assert not scanned.faults
    assert scanned.report.read == 9


@pytest.mark.parametrize(
    "text",
    [
        (LONG + hours("2026-01-01T{hour:02}:00:00Z,{value},home1"))[:-1],
        (STAMP_LAST + hours("home1,{value},2026-01-01T{hour:02}:00:00"))[:-1],
        (STAMP_LAST + hours("home1,{value},1/13/2026 {hour}:00 AM"))[:-1],
        VALUE_LAST + hours("home1,2026-01-01 {hour:02}:00,{value}"),
        (VALUE_LAST + hours("home1,2026-01-01 {hour:02}:00,{value}.25"))[:-1],
        ("timestamp,kWh,unit\n" + hours("2026-01-01 {hour:02}:00,{value},kWh"))[:-2],
    ],
)  # fmt: skip
def test_a_line_that_may_be_cut_is_rejected_with_a_word(tmp_path: Path, text: str) -> None:
    scanned = read(tmp_path, text)
    assert set(scanned.faults) == {10}
    assert scanned.report.read == 8


def test_a_cut_register_makes_no_channel_of_its_own(tmp_path: Path) -> None:
    rows = "\n".join(
        f"home1,2026-01-01 {hour:02}:00,{hour},{register}"
        for hour in range(9)
        for register in ("Import", "Export")
    )
    scanned = read(
        tmp_path,
        f"device_id,timestamp,consumption,register\n{rows}"[:-2],
        register="register",
        channels={"Import": "+mains", "Export": "-mains"},
    )
    assert scanned.faults == {19: "cut"}
    assert set(scanned.rows) == {"home1/mains +Import", "home1/mains -Export"}


def test_of_a_line_of_several_values_only_the_last_is_in_doubt(tmp_path: Path) -> None:
    text = "time,mains [W],fridge [W]\n" + hours("2026-01-01 {hour:02}:00,{value},5{hour}")
    scanned = read(tmp_path, text)
    assert len(scanned.rows["in/mains"]) == 9
    assert len(scanned.rows["in/fridge"]) == 8
    assert (scanned.report.read, scanned.report.rejected_values) == (9, 1)


def test_of_a_day_in_columns_only_the_last_time_is_in_doubt(tmp_path: Path) -> None:
    times = ",".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in range(0, 1440, 30))
    rows = "\n".join(f"2026-01-{day:02}," + ",".join(["250"] * 48) for day in (13, 14, 15))
    scanned = read(tmp_path, f"date,{times}\n{rows}", unit="W")
    assert len(scanned.rows["in/mains"]) == 3 * 48 - 1
    assert scanned.report.rejected_values == 1
    assert scanned.report.read == 3
