"""Data sets with a file for each meter: iAWE, ECO, IDEAL, ENERTALK."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smartwatts_ml.errors import BadInputError
from tests.imports.sets import START, read_rows, run

DAY_S = 86_400


def iawe(folder: Path, *meters: int) -> Path:
    (folder / "electricity").mkdir(parents=True)
    for k in meters:
        lines = [f"{START + i},{100 * k + i},1,2,50.0,230,0.9,4" for i in range(5)]
        lines[2] = lines[2].replace(f",{100 * k + 2},", r",\N,")
        text = "\n".join(["timestamp,W,VAR,VA,f,VLN,PF,A", *lines, ""])
        (folder / "electricity" / f"{k}.csv").write_text(text)
    return folder


def test_iawe_adds_up_the_two_meters_of_its_supply(tmp_path: Path) -> None:
    report = run("iawe", iawe(tmp_path / "iawe", 1, 2, 3, 4, 5), tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    names = ("mains", "fridge", "air_conditioner", "air_conditioner_2")
    assert list(rows) == [f"iawe_house1/{name}" for name in names]
    assert [watts for _, watts in rows["iawe_house1/mains"]] == [300, 302, 306, 308]
    assert report.houses[0].channels[0].missing == 2


def test_iawe_without_one_of_the_two_has_no_mains(tmp_path: Path) -> None:
    report = run("iawe", iawe(tmp_path / "iawe", 2, 3), tmp_path / "out")
    assert list(read_rows(tmp_path / "out")) == ["iawe_house1/mains_2_of_2", "iawe_house1/fridge"]
    assert "meter1 of mains is not there: meter2 alone is no mains, but mains_2_of_2" in (
        report.houses[0].notes
    )


def eco(folder: Path, lines: int = DAY_S) -> Path:
    meter = folder / "01_sm_csv" / "01"
    plug = folder / "01_plugs_csv" / "01"
    for path in (meter, plug):
        path.mkdir(parents=True)
    rows = ["1,2" + ",0" * 14] * lines
    rows[0], rows[5], rows[6] = "250.5,1" + ",0" * 14, "-1" + ",0" * 15, "?,0"
    (meter / "2012-06-01.csv").write_text("\n".join([*rows, ""]))
    (plug / "2012-06-01.csv").write_text("\n".join(["38.2", *["-1"] * (DAY_S - 1), ""]))
    return folder


def test_eco_has_a_line_a_second_and_no_stamps(tmp_path: Path) -> None:
    report = run("eco", eco(tmp_path / "ECO"), tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    assert rows["eco_house1/fridge"] == [("2012-06-01T00:00:00Z", 38.2)]
    mains = rows["eco_house1/mains"]
    assert mains[0] == ("2012-06-01T00:00:00Z", 250.5)
    assert [stamp[11:19] for stamp, _ in mains[4:6]] == ["00:00:04", "00:00:07"]
    assert mains[-1][0] == "2012-06-01T23:59:59Z"
    file, _ = report.houses[0].files
    assert file.bad == 1 and "csv:7: '?' is not a number" in file.examples[0]


def test_a_day_of_eco_that_lacks_lines_is_left_out_since_no_line_says_its_second(
    tmp_path: Path,
) -> None:
    report = run("eco", eco(tmp_path / "ECO", DAY_S - 1), tmp_path / "out")
    assert list(read_rows(tmp_path / "out")) == ["eco_house1/fridge"]
    assert report.bad == DAY_S - 1
    assert "86399 lines, not 86400" in report.houses[0].files[0].examples[0]


def ideal(folder: Path) -> Path:
    folder.mkdir()
    mains = [f"2017-06-15 09:21:{45 + i},{267 + i}" for i in range(10)]
    kettle = ["2017-06-15 09:00:00,0", "2017-06-15 09:59:55,2000", "2017-06-15 10:00:02,0"]
    kettle += ["2017-06-15 11:00:00,0", "2017-06-15 20:00:00,5", "2017-06-15 20:00:10,0"]
    files = {
        "hall705_sensor1662c1666_electric-mains_electric-combined.csv.gz": mains,
        "kitchen710_sensor1779_electric-appliance_kettle.csv.gz": kettle,
        "utility9_sensor5313_electric-subcircuit_mains.csv": mains,
        "kitchen710_sensor9_room_temperature.csv.gz": ["2017-06-15 09:21:45,205"],
        "hall2_sensor4112_gas-pulse_gas.csv.gz": ["2017-06-15 09:21:45,111"],
    }
    for name, lines in files.items():
        data = "\n".join([*lines, ""]).encode()
        path = folder / f"home62_{name}"
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return folder


def test_ideal_has_mains_circuits_and_appliances_and_nothing_else(tmp_path: Path) -> None:
    report = run("ideal", ideal(tmp_path / "ideal"), tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    assert {name: len(of) for name, of in rows.items()} == {
        "ideal_home62/mains": 10,
        "ideal_home62/mains_circuit": 10,
        "ideal_home62/kettle": 720 + 720 + 1,  # two hours, two more held, the last
    }
    assert rows["ideal_home62/mains"][0] == ("2017-06-15T09:21:45Z", 267)
    assert [c.power for c in report.houses[0].channels] == ["apparent", "active", "active"]


@pytest.mark.parametrize("period", [10, 60])
def test_a_plug_that_writes_when_it_changes_holds_its_value_but_not_for_ever(
    tmp_path: Path, period: int
) -> None:
    run("ideal", ideal(tmp_path / "ideal"), tmp_path / "out", period_s=period)
    kettle = dict(read_rows(tmp_path / "out")["ideal_home62/kettle"])
    energy = sum(kettle.values()) * period
    last = {10: 50, 60: 0}[period]  # of the last, cut off cell nothing is known
    assert energy == pytest.approx(2000 * 7 + last)
    assert "2017-06-15T13:00:00Z" not in kettle and "2017-06-15T12:59:00Z" in kettle


def enertalk(folder: Path) -> Path:
    for day in (1, 2):
        path = folder / "00" / f"2016110{day}"
        path.mkdir(parents=True)
        first = np.datetime64(f"2016-11-0{day}T00:00:00", "ms").astype(np.int64)
        for name, watts in (("00_total", 250.0), ("01_fridge", 80.0)):
            table = pa.table(
                {
                    "timestamp": first + np.arange(30) * 1000 // 15,
                    "active_power": np.full(30, watts),
                    "reactive_power": np.zeros(30),
                }
            )
            pq.write_table(table, path / f"{name}.parquet.gzip", compression="gzip")
    return folder


def test_enertalk_has_a_parquet_file_for_each_day_and_channel(tmp_path: Path) -> None:
    run("enertalk", enertalk(tmp_path / "enertalk"), tmp_path / "out", period_s=1, houses=(0,))
    rows = read_rows(tmp_path / "out")
    assert list(rows) == ["enertalk_house00/mains", "enertalk_house00/fridge"]
    assert rows["enertalk_house00/fridge"] == [
        (f"2016-11-0{day}T00:00:0{second}Z", 80.0) for day in (1, 2) for second in (0, 1)
    ]


def test_a_damaged_day_of_enertalk_is_named(tmp_path: Path) -> None:
    folder = enertalk(tmp_path / "enertalk")
    (folder / "00" / "20161102" / "01_fridge.parquet.gzip").write_bytes(b"PAR1 no more")
    with pytest.raises(BadInputError, match=r"20161102/01_fridge\.parquet\.gzip is no day"):
        run("enertalk", folder, tmp_path / "out")


@pytest.mark.parametrize("name", ["iawe", "eco", "ideal", "enertalk"])
def test_a_folder_of_something_else_says_what_is_needed(tmp_path: Path, name: str) -> None:
    (tmp_path / "data.zip").touch()
    with pytest.raises(BadInputError, match=r"unpack data\.zip first \("):
        run(name, tmp_path, tmp_path / "out")
