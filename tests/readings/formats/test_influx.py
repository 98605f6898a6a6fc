"""CSV of InfluxDB: several tables in a file, each with its own header."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import BadInputError
from tests.readings.formats.scanned import Scanned, scan

MAINS = "home1/mains"
START = datetime(2026, 2, 10, 6)
COLUMNS = ",result,table,_start,_stop,_time,_value,_field,_measurement"
HOME_ASSISTANT = ",domain,entity_id"


def table(
    tags: str, values: list[Any], field: str = "value", measurement: str = "W", names: str = ""
) -> str:
    """``names``: tags' columns, ``tags``: what they say."""
    lines = [
        "#group,false,false,true,true,false,false,true,true" + ",true" * names.count(","),
        "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string"
        + ",string" * names.count(","),
        "#default,_result,,,,,,," + "," * names.count(","),
        COLUMNS + names,
    ]
    for i, value in enumerate(values):
        stamp = f"{(START + timedelta(minutes=i)).isoformat()}Z"
        span = "2026-02-10T00:00:00Z,2026-02-10T12:00:00Z"
        lines.append(f",,0,{span},{stamp},{value},{field},{measurement}{tags}")
    return "\r\n".join([*lines, "", ""])


def read(tmp_path: Path, *tables: str, **source: Any) -> Scanned:
    content = "".join(tables).encode()
    return scan(tmp_path / "query.csv", content, **{"device": "home1", **source})


def sensor(entity: str, values: list[Any], unit: str = "W") -> str:
    return table(f",sensor,{entity}", values, measurement=unit, names=HOME_ASSISTANT)


def test_each_entity_of_home_assistant_is_a_channel_in_its_unit(tmp_path: Path) -> None:
    scanned = read(
        tmp_path,
        sensor("house_power", [500, 600]),
        sensor("heat_pump_energy", [5513.481, 5513.5], "kWh"),
        sensor("cellar_temperature", [12.5], "°C"),
        channels={"house_power": "mains"},
    )
    assert scanned.rows == {
        "home1/mains": [(START, 500.0), (START + timedelta(minutes=1), 600.0)],
        "home1/heat_pump": [(START, 5513.481), (START + timedelta(minutes=1), 5513.5)],
    }
    assert scanned.faults == {19: "a temperature"}
    report = scanned.report
    assert (report.lines, report.header, report.blank, report.read) == (20, 12, 3, 4)


def test_tags_and_fields_tell_series_apart(tmp_path: Path) -> None:
    scanned = read(
        tmp_path,
        table(",fridge", [90], "power", "plugs", ",device"),
        table(",kettle", [2.0], "power_kw", "plugs", ",device"),
        table(",fridge", [230], "voltage", "plugs", ",device"),
        table("", [400], "value", "mains_power"),
    )
    assert {name: [v for _, v in rows] for name, rows in scanned.rows.items()} == {
        "home1/fridge": [90.0],
        "home1/kettle": [2000.0],
        "home1/mains": [400.0],
    }
    assert list(scanned.faults.values()) == ["a voltage"]


def test_energy_that_may_be_a_total_is_not_guessed_at(tmp_path: Path) -> None:
    plug = table(",fridge", [90.5, 90.6], "energy_kwh", "plugs", ",device")
    [why] = set(read(tmp_path, plug).faults.values())
    assert "of an interval, or in total?" in why
    said = read(tmp_path, plug, unit={"fridge*": "kWh-counter"})
    assert sum(map(len, said.rows.values())) == 2


def test_without_annotations_a_header_begins_the_next_table(tmp_path: Path) -> None:
    plain = "\n".join(
        line
        for line in (sensor("fridge_power", [1]) + sensor("kettle_power", [2])).splitlines()
        if not line.startswith("#")
    )
    scanned = read(tmp_path, plain)
    assert {name: len(rows) for name, rows in scanned.rows.items()} == {
        "home1/fridge": 1,
        "home1/kettle": 1,
    }
    assert scanned.report.header == 2


def test_a_default_stands_where_nothing_does(tmp_path: Path) -> None:
    content = sensor("house_power", ["", 600]).replace(
        "#default,_result,,,,,,", "#default,_result,,,,,7,"
    )
    assert [value for _, value in read(tmp_path, content).rows[MAINS]] == [7.0, 600.0]


def test_a_line_that_is_cut_costs_itself(tmp_path: Path) -> None:
    content = sensor("house_power", [500, 600]).rstrip()[:-30]
    assert read(tmp_path, content).faults == {6: "width"}


def test_an_error_of_influxdb_is_named(tmp_path: Path) -> None:
    content = (
        "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,no bucket,897\n"
    )
    with pytest.raises(BadInputError, match="line 4: InfluxDB says an error"):
        read(tmp_path, content)
