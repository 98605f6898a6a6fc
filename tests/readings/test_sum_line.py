"""A last line of sums is no reading, whatever its timestamp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.sources import Source

HOURS = [0.31, 0.28, 0.25, 0.24, 0.26, 0.42, 0.77, 0.93, 0.61, 0.48, 0.55, 0.71, 0.82]


def lines_of(values: Sequence[float], name: str = "home1") -> list[str]:
    return [f"2026-05-{1 + h // 24:02} {h % 24:02}:00,{v:g},{name}" for h, v in enumerate(values)]


def rejected(path: Path, lines: Sequence[str], header: str = "timestamp,kWh,device_id") -> object:
    """Faults by line, and how many readings there are."""
    path.write_text("\n".join([header, *lines, ""]))
    scan = FileScan(path, path.name, Source(timezone="UTC"))
    faults = {row.line: row.fault for block in scan for row in block.rejected}
    assert scan.report().adds_up
    return faults, scan.report().values


@pytest.mark.parametrize("rows", [13, 200_001], ids=["short", "over several blocks"])
def test_energy_that_is_the_sum_of_all_before_is_rejected(tmp_path: Path, rows: int) -> None:
    values = [HOURS[row % len(HOURS)] for row in range(rows)]
    minutes = [
        f"2026-{1 + m // 40_320:02}-{1 + m // 1440 % 28:02} {m // 60 % 24:02}:{m % 60:02}"
        for m in range(rows + 1)
    ]
    values.append(round(sum(values), 2))
    lines = [f"{at},{value},home1" for at, value in zip(minutes, values, strict=True)]
    assert rejected(tmp_path / "a.csv", lines) == ({rows + 2: "sum"}, rows)


def test_a_rounded_sum_of_a_day_is_one(tmp_path: Path) -> None:
    day = [*HOURS, *HOURS[:11]]
    assert rejected(tmp_path / "a.csv", lines_of([*day, round(sum(day), 1)])) == ({26: "sum"}, 24)


def test_each_column_has_its_own_sum(tmp_path: Path) -> None:
    lines = [f"2026-05-01 {h:02}:00,{v:g},{v / 2:g}" for h, v in enumerate(HOURS)]
    sums = f"2026-05-01 13:00,{sum(HOURS):g},{sum(HOURS) / 2:g}"
    header = "timestamp,mains [kWh],fridge [kWh]"
    assert rejected(tmp_path / "a.csv", [*lines, sums], header) == ({15: "sum"}, 26)
    other = f"2026-05-01 13:00,{sum(HOURS):g},0.2"
    assert rejected(tmp_path / "a.csv", [*lines, other], header) == ({}, 28)


def test_days_alike_are_no_sum_but_the_sum_of_a_week_is(tmp_path: Path) -> None:
    header = ",".join(["device_id", "date", *(f"{h:02}:00" for h in range(24))])
    day = [*HOURS, *HOURS[:11]]
    lines = [
        ",".join([f"home1,2026-05-{date:02}", *(f"{value:g}" for value in values)])
        for date, values in enumerate([*[day] * 7, [7 * value for value in day]], 1)
    ]
    path = tmp_path / "a.csv"
    for count, faults in ((2, {}), (7, {}), (8, {9: "sum"})):
        path.write_text("\n".join([header, *lines[:count], ""]))
        scan = FileScan(path, path.name, Source(timezone="UTC", unit="kWh"))
        assert {row.line: row.fault for block in scan for row in block.rejected} == faults


def test_newest_first_and_followed_by_lines_without_readings(tmp_path: Path) -> None:
    lines = [*lines_of([sum(HOURS), *HOURS])[::-1], "2026-05-02 03:00,,home1"]
    assert rejected(tmp_path / "a.csv", lines) == ({15: "sum"}, 13)


@pytest.mark.parametrize(
    "values",
    [
        [*HOURS, 1.9],
        [0.2, 0.1, 0.1, 0.4],
        [*[0.0] * 30, 0.5, 0.5],
        [*HOURS, sum(HOURS), 0.4],
    ],
    ids=["high", "by chance", "hardly any before", "not the last"],
)
def test_other_last_readings_stay(tmp_path: Path, values: list[float]) -> None:
    assert rejected(tmp_path / "a.csv", lines_of(values)) == ({}, len(values))
