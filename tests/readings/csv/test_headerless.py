"""Files without a header, and files with a home in each column, by a few lines of a source."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.sources import Source
from tests.readings.formats.scanned import Scanned, scan
from tests.readings.formats.test_excel import workbook

FIRST, SECOND = datetime(2026, 5, 1), datetime(2026, 5, 1, 1)
ROWS = ["2026-05-01T00:00:00Z,412.5", "2026-05-01T01:00:00Z,300"]


def read(tmp_path: Path, *lines: str, name: str = "home1.csv", **source: Any) -> Scanned:
    return scan(tmp_path / name, "\n".join([*lines, ""]).encode(), **source)


def test_a_source_names_the_columns_of_a_file_without_a_header(tmp_path: Path) -> None:
    scanned = read(tmp_path, *ROWS, columns=["timestamp", "consumption"])
    assert scanned.rows == {"home1/mains": [(FIRST, 412.5), (SECOND, 300.0)]}
    assert (scanned.report.lines, scanned.report.header, scanned.report.read) == (2, 0, 2)


def test_names_may_be_those_that_other_keys_use(tmp_path: Path) -> None:
    lines = ["Logger 5", "", "7;01.05.26 00:00;0,4125;x", "8;01.05.26 01:00;0,3;x"]
    scanned = read(
        tmp_path,
        *lines,
        skip=1,
        columns=["No", "When", "Supply", "Remark"],
        timestamp="When",
        stamp="%d.%m.%y %H:%M",
        consumption={"Supply": "kW"},
    )
    assert scanned.rows == {"home1/mains": [(FIRST, 412.5), (SECOND, 300.0)]}
    report = scanned.report
    assert (report.lines, report.header, report.blank, report.read) == (4, 1, 1, 2)


def test_a_header_that_is_there_all_the_same_is_none_of_the_readings(tmp_path: Path) -> None:
    columns = ["timestamp", "consumption"]
    scanned = read(tmp_path, "Timestamp,Consumption", *ROWS, columns=columns)
    assert (scanned.report.header, scanned.report.read, scanned.rejected) == (1, 2, [])


def test_columns_that_do_not_fit_are_refused_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="line 1: its source names 3 columns, but there are 2"):
        read(tmp_path, *ROWS, columns=["timestamp", "consumption", "device_id"])


def test_a_sheet_may_have_no_header(tmp_path: Path) -> None:
    content = workbook({"Data": [[FIRST, 412.5], [SECOND, 300]]})
    scanned = scan(tmp_path / "home1.xlsx", content, columns=["timestamp", "consumption"])
    assert scanned.rows == {"home1/mains": [(FIRST, 412.5), (SECOND, 300.0)]}
    assert (scanned.report.lines, scanned.report.read) == (2, 2)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (ROWS, ["timestamp", "consumption"]),
        (["5;2026-05-01 00:00;412,5", "5;2026-05-01 01:00;300,5"] * 2, None),
        (["m1,2026-05-01,00:00,0.5", "m1,2026-05-01,01:00,0.25"], None),
        (["1777593600\t412.5", "1777597200\t300.25"], ["timestamp", "consumption"]),
        (["2026-05-01T00:00:00Z,412.5,W,m1", "2026-05-01T01:00:00Z,300,W,m1"], None),
    ],
)
def test_lines_of_readings_without_a_header_are_asked_about_with_names(
    tmp_path: Path, rows: list[str], columns: list[str] | None
) -> None:
    with pytest.raises(BadInputError, match="line 1: no header") as asked:
        read(tmp_path, *rows)
    (answer,) = asked.value.settle
    names = answer.removeprefix("columns = [").removesuffix("]").replace('"', "").split(", ")
    assert names == (columns or names)
    scanned = read(tmp_path, *rows, columns=names, unit="kWh")
    assert scanned.report.read == len(rows)
    Source(columns=tuple(names))


def test_each_column_may_be_a_home(tmp_path: Path) -> None:
    lines = ['"";"MT_001 [kW]";"MT_002 [kW]";"Note"', '"2026-05-01 00:00:00";0,5;1,5;2']
    with pytest.raises(BadInputError) as asked:
        read(tmp_path, *lines)
    assert 'device = "{column}"  # each column is a site' in asked.value.settle
    scanned = read(tmp_path, *lines, device="{column}")
    assert scanned.rows == {"MT_001/mains": [(FIRST, 500.0)], "MT_002/mains": [(FIRST, 1500.0)]}


def test_columns_may_be_channels_of_several_homes(tmp_path: Path) -> None:
    lines = ["Time,a/mains,a/kettle,b,Temp", "2026-05-01T00:00:00Z,5,6,7,8"]
    scanned = read(tmp_path, *lines, device="{folder}-{column}", channels={"Temp": ""})
    assert set(scanned.rows) == {"home1-a/mains", "home1-a/kettle", "home1-b/mains"}


def test_a_minute_called_24_is_no_end_of_a_day(tmp_path: Path) -> None:
    rows = [f"2026-05-01T02:{minute}:00Z,{minute},home1" for minute in (23, 24, 25)]
    scanned = read(tmp_path, "timestamp,consumption,device_id", *rows)
    assert scanned.rows["home1/mains"][0][0] == datetime(2026, 5, 1, 2, 23)
    assert scanned.report.rejected == 0
