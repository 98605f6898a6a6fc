"""Whatever stands above, between and below the readings, the readings come out."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import BadInputError
from tests.readings.formats.scanned import Scanned, scan

ROWS = "".join(f"01.02.2026 {hour:02}:00;{hour},5;home1\n" for hour in range(24))
POWERS = [hour + 0.5 for hour in range(24)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


def read(path: Path, text: str, **source: Any) -> Scanned:
    return scan(path, text.encode(), **source)


def powers(scanned: Scanned, device: str = "home1/mains") -> list[float]:
    return [value for _, value in scanned.rows[device]]


HEADER = "Zeitpunkt;Leistung (W);device_id\n"


@pytest.mark.parametrize(
    "above",
    [
        "",
        "\n\n \n",
        "sep=;\n",
        '"sep=;"\n\n',
        "# made by a logger\n# version, 3; of it\n",
        "Konto;0000000011\nZähler;T-11;erstellt;02.05.2026 07:00\n\n",
        "Reading Start;3/7/2026 08:00\nReading End;3/8/2026 18:45\nTotal Usage;13.79\n",
        "Start time;Consumption\n\n",
        "".join(f"Zeile {line};{line}\n" for line in range(199)),
    ],
)
def test_what_stands_above_the_header_is_passed_over(path: Path, above: str) -> None:
    scanned = read(path, above + HEADER + ROWS)
    assert powers(scanned) == POWERS
    assert not scanned.faults


def test_a_separator_that_is_said_is_taken(path: Path) -> None:
    rows = ROWS.replace(";", "^")
    assert powers(read(path, "sep=^\n" + HEADER.replace(";", "^") + rows)) == POWERS


def test_a_header_may_begin_like_a_comment(path: Path) -> None:
    scanned = read(path, "# a logger\n#" + HEADER + "# begin\n" + ROWS + "# end, of it; all\n")
    assert powers(scanned) == POWERS
    assert scanned.report.blank == 2


@pytest.mark.parametrize("units", [";kW;", '"";"kW";""', "[-];[kW];[-]", "dd.mm.yyyy hh:mm;kW;id"])
def test_a_row_of_units_below_the_header_is_heeded(path: Path, units: str) -> None:
    header = "Zeitpunkt;Leistung;device_id\n"
    scanned = read(path, f"{header}{units}\n{ROWS}")
    assert powers(scanned) == [1000 * power for power in POWERS]
    assert not scanned.faults
    assert (scanned.report.header, scanned.report.read) == (2, 24)
    named = read(path, f"{header}{units}\n{ROWS}", consumption=["Leistung"])
    assert powers(named) == powers(scanned)


def test_units_tell_power_from_the_rest(path: Path) -> None:
    rows = "".join(f"2026-01-01 {hour:02}:00,230.1,{hour}\n" for hour in range(24))
    scanned = read(path, f"time,grid,power\n,V,W\n{rows}")
    assert list(scanned.rows) == ["in/mains"]
    assert powers(scanned, "in/mains") == list(range(24))


def test_a_header_may_take_two_rows(path: Path) -> None:
    rows = "".join(f"01.02.2026;{hour:02}:00;{hour};7\n" for hour in range(24))
    text = f"Zählerdaten;;Strom;\nDatum;Uhrzeit;Bezug [kW];Einspeisung [kW]\n{rows}"
    assert powers(read(path, text), "in/mains") == [1000 * (hour - 7) for hour in range(24)]
    text = f"Zeit;;Bezug;Einspeisung\nTag;Uhrzeit;kW;kW\n{rows}"
    assert powers(read(path, text), "in/mains") == [1000 * (hour - 7) for hour in range(24)]


def test_a_footer_is_rejected_with_its_reason(path: Path) -> None:
    scanned = read(path, f"{HEADER}{ROWS}Summe;288;home1\n\nGesamt\n")
    assert powers(scanned) == POWERS
    assert scanned.faults == {26: "stamp_form", 28: "width"}


def test_separators_at_the_end_of_some_lines_do_not_matter(path: Path) -> None:
    rows = ROWS.replace("home1\n", "home1;;\n", 7)
    assert powers(read(path, HEADER + rows)) == POWERS
    assert powers(read(path, HEADER.replace("\n", ";\n") + ROWS)) == POWERS


def test_rows_of_separators_alone_are_blank(path: Path) -> None:
    scanned = read(path, HEADER + ROWS + ";;\n;;;;\n")
    assert not scanned.faults
    assert scanned.report.blank == 2


def test_the_header_again_is_no_reading(path: Path) -> None:
    scanned = read(path, (HEADER + ROWS) * 2)
    assert powers(scanned) == POWERS * 2
    assert (scanned.report.header, scanned.report.blank) == (1, 1)


def test_another_header_refuses_the_file(path: Path) -> None:
    other = "Zeitpunkt;Leistung (kW);device_id\n"
    with pytest.raises(BadInputError, match="line 26: another header, with other columns"):
        read(path, HEADER + ROWS + other + ROWS)


def test_columns_named_by_numbers_of_meters_or_registers_are_a_header(path: Path) -> None:
    rows = "".join(f"2026-01-01 {hour:02}:00,{hour},7\n" for hour in range(24))
    scanned = read(
        path,
        f"timestamp,1.8.0,2.8.0\n{rows}",
        channels={"1.8.0": "+mains", "2.8.0": "-mains"},
        consumption=["1.8.0", "2.8.0"],
    )
    assert powers(scanned, "in/mains") == [hour - 7 for hour in range(24)]


@pytest.mark.parametrize(
    "date", ["2026-01-{:02}", "2026-01-{:02} 00:00:00", "{:02}-Jan-2026", "{:02}.01.26"]
)
@pytest.mark.parametrize("time", ["{0:02}:00", "{0:02}:00-{1:02}:00", "{0}:00:00", "{0:02}.00"])
def test_a_date_and_a_time_are_one_stamp(path: Path, date: str, time: str) -> None:
    rows = "".join(
        f"{date.format(day)};{time.format(hour, hour + 1)};{hour}\n"
        for day in (13, 14)
        for hour in range(24)
    )
    scanned = read(path, f"Datum;Uhrzeit;Leistung (W)\n{rows}")
    stamps = [stamp for stamp, _ in scanned.rows["in/mains"]]
    assert stamps == [datetime(2026, 1, 13) + timedelta(hours=hour) for hour in range(48)]
    assert powers(scanned, "in/mains") == list(range(24)) * 2
