"""Workbooks as utilities and people make them; and such as nobody should."""

from __future__ import annotations

import gzip
import io
import re
import resource
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from smartwatts_ml.errors import BadInputError
from tests.readings.formats.scanned import Scanned, scan

START = datetime(2026, 1, 12)
HEADER = ["Date", "Consumption (kWh)"]
HALF_HOUR = timedelta(minutes=30)
STAMPS = [START + HALF_HOUR * i for i in range(1, 4)]
MAINS = "home1/mains"


def workbook(sheets: dict[str, list[list[Any]]], **formats: str) -> bytes:
    """``formats``: the number format of a column, by its letter."""
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        for letter, form in formats.items():
            for cell in sheet[letter]:
                cell.number_format = form
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def read(tmp_path: Path, content: bytes, **source: Any) -> Scanned:
    source = {"device": "home1", "interval_s": 1800.0, **source}
    return scan(tmp_path / "a.xlsx", content, **source)


def rows(values: list[Any], stamps: list[Any] = STAMPS) -> list[list[Any]]:
    return [HEADER, *([stamp, value] for stamp, value in zip(stamps, values, strict=True))]


def test_the_sheet_with_readings_is_read_below_what_stands_above(tmp_path: Path) -> None:
    above = [["Meter", "0001234"], ["Kind of data", "Consumption"], []]
    content = workbook(
        {
            "Cover": [["A file for tests"], [], ["See the next sheet"]],
            "Data": [*above, *rows([0.5, 1.0, 0.25])],
            "Notes": [["x"]],
        }
    )
    scanned = read(tmp_path, content, timezone="Europe/Paris")
    utc = [stamp - timedelta(hours=1) for stamp in STAMPS]
    assert scanned.rows[MAINS] == list(zip(utc, [1000.0, 2000.0, 500.0], strict=True))
    report = scanned.report
    assert (report.lines, report.header, report.blank, report.read) == (11, 6, 2, 3)


def test_formulas_without_saved_values_are_named_as_the_cause(tmp_path: Path) -> None:
    content = workbook({"Data": rows(["=1/2", "=1/4", "=1/8"])})
    with pytest.raises(BadInputError, match=r"column Consumption \(kWh\) has formulas") as refused:
        read(tmp_path, content)
    assert "save it" in str(refused.value)


def test_one_formula_without_a_saved_value_is_rejected_with_its_row(tmp_path: Path) -> None:
    scanned = read(tmp_path, workbook({"Data": rows([0.5, "=1/4", 0.25])}))
    assert scanned.faults == {3: "value_form"}
    assert len(scanned.rows[MAINS]) == 2


def test_rejected_rows_are_numbered_as_in_their_sheet(tmp_path: Path) -> None:
    content = workbook({"Cover": [["x"]], "Data": [["y"], [], *rows([0.5, "n/k", 0.25])]})
    assert read(tmp_path, content).faults == {5: "value_form"}


@pytest.mark.parametrize(
    "values",
    [
        [0.5, 1.0, None],
        ["0.5", "1.0", "NA"],
        ["0,5", "1,0", ""],
        ["0,5", 1.0, "#N/A"],
        [0.5, "1", "-"],
    ],
)
def test_numbers_are_numbers_and_text_may_have_commas(tmp_path: Path, values: list[Any]) -> None:
    scanned = read(tmp_path, workbook({"Data": rows(values)}), unit="kW")
    assert [value for _, value in scanned.rows[MAINS]] == [500.0, 1000.0]
    assert (scanned.report.missing, scanned.report.rejected) == (1, 0)


def test_a_number_with_three_decimals_is_never_a_thousand(tmp_path: Path) -> None:
    scanned = read(tmp_path, workbook({"Data": rows([1.125, 2, 3.375])}), unit="W")
    assert [value for _, value in scanned.rows[MAINS]] == [1.125, 2.0, 3.375]


def test_text_that_may_be_a_thousand_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"'1\.010' may be 1010"):
        read(tmp_path, workbook({"Data": rows(["1.010", "12", "2.020"])}))


@pytest.mark.parametrize(
    ("header", "cells", "form"),
    [
        (["Date", "Time", "kWh"], [date(2026, 1, 12), time(0, 30)], "hh:mm"),
        (["Date", "Time", "kWh"], ["12/01/2026", time(0, 30)], "hh:mm"),
        (["Date", "Time", "kWh"], [date(2026, 1, 12), "00:30"], "@"),
        (["Date", "Time", "kWh"], [date(2026, 1, 12), timedelta(minutes=30)], "[h]:mm"),
    ],
)
def test_date_and_time_may_be_apart(
    tmp_path: Path, header: list[str], cells: list[Any], form: str
) -> None:
    content = workbook({"Data": [header, [*cells, 0.5]]}, B=form)
    scanned = read(
        tmp_path, content, stamp=None if cells[0] != "12/01/2026" else "%d/%m/%Y %H:%M:%S"
    )
    assert scanned.rows[MAINS] == [(STAMPS[0], 1000.0)]


def test_days_of_few_digits_are_whole_seconds(tmp_path: Path) -> None:
    days = [46034 + i / 48 for i in range(1, 4)]
    content = workbook(
        {"Data": rows([1, 2, 3], [round(day, 9) for day in days])}, A="dd/mm/yyyy hh:mm"
    )
    scanned = read(tmp_path, content)
    assert [stamp for stamp, _ in scanned.rows[MAINS]] == STAMPS


def test_a_workbook_of_1904_is_read_by_its_own_calendar(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = datetime(1904, 1, 1)
    for row in rows([1, 2, 3]):
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    scanned = read(tmp_path, made.getvalue())
    assert [stamp for stamp, _ in scanned.rows[MAINS]] == STAMPS


def test_a_table_may_begin_anywhere(tmp_path: Path) -> None:
    table = [["", "", *row, "", f"note {i}"] for i, row in enumerate(rows([1, 2, 3]))]
    table[0][-1] = ""
    scanned = read(tmp_path, workbook({"Data": [[], [], *table]}), unit="W")
    assert [value for _, value in scanned.rows[MAINS]] == [1.0, 2.0, 3.0]


def test_columns_of_times_of_day_are_a_day(tmp_path: Path) -> None:
    times = [time(i // 2, i % 2 * 30) for i in range(48)]
    content = workbook({"Data": [["Date", *times], [START, *[0.5] * 48]]})
    assert len(read(tmp_path, content).rows[MAINS]) == 48


def test_days_that_excel_took_for_months_are_not_guessed_at(tmp_path: Path) -> None:
    stamps = [datetime(2026, 1, 12), "13/01/2026", "14/01/2026"]
    with pytest.raises(BadInputError, match="days for months"):
        read(tmp_path, workbook({"Data": rows([1, 2, 3], stamps)}))


def month(number: int) -> list[list[Any]]:
    first = datetime(2026, number, 1)
    return [HEADER, *([first + HALF_HOUR * i, 0.5] for i in range(50))]


def days() -> list[list[Any]]:
    return [["Day", "Total (kWh)"], *([START + timedelta(days=i), 24.0] for i in range(10))]


def test_a_sheet_a_month_is_read_whole(tmp_path: Path) -> None:
    scanned = read(tmp_path, workbook({"Jan": month(1), "Feb": month(2), "Cover": [["x"]]}))
    assert len(scanned.rows[MAINS]) == 100
    assert scanned.report.lines == 103


def test_totals_of_days_on_another_sheet_are_not_added(tmp_path: Path) -> None:
    scanned = read(tmp_path, workbook({"Days": days(), "Half hours": month(1)}))
    assert len(scanned.rows[MAINS]) == 50
    assert scanned.report.header == 12


def test_two_sheets_of_the_same_time_are_asked_about(tmp_path: Path) -> None:
    content = workbook({"A": month(1), "B": month(1)})
    with pytest.raises(BadInputError, match=r"which of the sheets.*A, B") as caught:
        read(tmp_path, content)
    assert 'sheet = "A"' in str(caught.value)
    assert len(read(tmp_path, content, sheet="B").rows[MAINS]) == 50
    assert len(read(tmp_path, content, sheet="*").rows[MAINS]) == 100


def test_a_workbook_without_readings_shows_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no sheet has a header.*Cover \(Hello \| there\)"):
        read(tmp_path, workbook({"Cover": [["Hello", None, "there"]]}))


def test_lines_above_the_header_may_be_said(tmp_path: Path) -> None:
    content = workbook({"Data": [["Date", "kWh"], ["in short", ""], *rows([0.5, 1.0, 0.25])]})
    assert len(read(tmp_path, content, skip=2).rows[MAINS]) == 3


def test_formulas_count_by_what_they_came_to(tmp_path: Path) -> None:
    content = changed(
        workbook({"Data": rows([1, 2, 3])}),
        "xl/worksheets/sheet1.xml",
        lambda text: text.replace("<v>2</v>", "<f>1+1</f><v>2</v>"),
    )
    scanned = read(tmp_path, content, unit="W")
    assert [value for _, value in scanned.rows[MAINS]] == [1.0, 2.0, 3.0]


def changed(content: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """A workbook with one of its parts written anew."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, change(data.decode()) if info.filename == part else data)
        if part not in old.namelist():
            new.writestr(part, change("<sst></sst>"))
    return made.getvalue()


def test_rows_that_are_not_there_are_blank(tmp_path: Path) -> None:
    content = changed(
        workbook({"Data": rows([1, 2, 3])}),
        "xl/worksheets/sheet1.xml",
        lambda text: re.sub(r'="?([A-Z]?)4"', r'="\g<1>1000004"', text),
    )
    report = read(tmp_path, content).report
    assert (report.lines, report.blank, report.read) == (1_000_004, 1_000_000, 3)


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (
            "xl/worksheets/sheet1.xml",
            lambda text: ENTITIES + text.replace("<v>2</v>", "<v>&b;</v>"),
        ),
        ("xl/workbook.xml", lambda text: ENTITIES + text),
        ("xl/styles.xml", lambda text: ENTITIES + text),
        ("xl/worksheets/sheet1.xml", lambda text: text.replace('r="3"', 'r="99999999999"')),
        ("xl/worksheets/sheet1.xml", lambda text: text.replace('r="3"', 'r="2"')),
        ("xl/worksheets/sheet1.xml", lambda text: text[: len(text) // 2]),
        ("xl/worksheets/sheet1.xml", lambda text: text.replace('t="n"><v>2', 't="s"><v>2')),
        ("xl/worksheets/sheet1.xml", lambda text: text.replace("<v>2</v>", "<v>two</v>")),
        ("xl/worksheets/sheet1.xml", lambda text: f'<?xml version="1.0" encoding="x"?>{text}'),
        ("xl/workbook.xml", lambda text: ""),
        ("[Content_Types].xml", lambda text: "<a/>"),
    ],
)
def test_a_damaged_workbook_is_left(
    tmp_path: Path, part: str, change: Callable[[str], str]
) -> None:
    content = changed(workbook({"Data": rows([1, 2, 3])}), part, change)
    with pytest.raises(BadInputError, match=r"a\.xlsx is cut short or damaged"):
        read(tmp_path, content)


@pytest.mark.parametrize("kept", [10, 1000, -10, -100])
def test_a_workbook_that_is_cut_short_is_left(tmp_path: Path, kept: int) -> None:
    with pytest.raises(BadInputError, match=r"a\.xlsx is cut short or damaged"):
        read(tmp_path, workbook({"Data": rows([1, 2, 3])})[:kept])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "pattern", "filler", "why"),
    [
        ("xl/worksheets/sheet1.xml", "</row>", "<c><v>1</v></c>", "a row of more than 1 MiB"),
        ("xl/worksheets/sheet1.xml", "</sheetData>", "<x>", "a row of more than 1 MiB"),
        ("xl/sharedStrings.xml", "</sst>", "<si><t>a</t></si>", "unpacks to"),
        ("xl/styles.xml", "<fonts", "<x/>", "unpacks to"),
        ("xl/styles.xml", "</cellXfs>", "<xf/>", "its xl/styles.xml has too much in it"),
        ("xl/workbook.xml", "</workbook>", "<x/>", "its xl/workbook.xml has too much in it"),
        ("[Content_Types].xml", "</Types>", "<x/>", "Content_Types].xml has too much in it"),
    ],
)
def test_what_unpacks_to_much_more_is_refused_in_little_memory(
    tmp_path: Path, part: str, pattern: str, filler: str, why: str
) -> None:
    size = (80_000_000 if why == "unpacks to" else 3_000_000) // len(filler)
    content = changed(
        workbook({"Data": rows([1, 2, 3])}),
        part,
        lambda text: text.replace(pattern, filler * size + pattern, 1),
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInputError, match=why):
        read(tmp_path, content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_packed_workbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="unpack it"):
        scan(tmp_path / "a.xlsx.gz", gzip.compress(workbook({"Data": rows([1, 2, 3])})))


@pytest.mark.parametrize(
    ("files", "what"),
    [
        (
            {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b""},
            "OpenDocument",
        ),
        ({"xl/workbook.bin": b"", "[Content_Types].xml": b""}, "xlsb"),
        ({"word/document.xml": b"", "[Content_Types].xml": b""}, "a ZIP archive"),
        ({"a.csv": b"timestamp"}, "a ZIP archive"),
    ],
)
def test_what_else_is_zipped_is_named(tmp_path: Path, files: dict[str, bytes], what: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(BadInputError, match=what):
        read(tmp_path, made.getvalue())


def test_rejected_rows_name_their_sheet(tmp_path: Path) -> None:
    later = [stamp + timedelta(days=1) for stamp in STAMPS]
    content = workbook({"May": rows([0.5, "n/k", 0.25]), "June": rows([0.5, 0.25, "n/k"], later)})
    scanned = read(tmp_path, content, sheet="*")
    assert [row.where for row in scanned.rejected] == [
        "sheet 'May', line 3",
        "sheet 'June', line 4",
    ]
