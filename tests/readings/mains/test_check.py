"""Mains that is not like that of a home is asked about, before anything is taken of its file."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.file_lines import file_lines
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import QualitySettings, Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest, reread
from tests.readings.ingest.landing import land

OURS = "timestamp,consumption,device_id"
QUARTERS = 4 * 96


DAYS = range(1, 31)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def watts(place: int) -> float:
    """What a home draws in some quarter of an hour."""
    return 200.0 + place * 337 % 701


def total(place: int) -> float:
    """kWh that its meter has counted until then."""
    return 4000 + sum(watts(i) / 4000 for i in range(place))


def made(place: int) -> float:
    """W of panels, at a longitude where it is noon at 9 UTC."""
    hour = place / 4 % 24
    return max(0.0, math.sin((hour - 3) / 12 * math.pi)) * (2000 + watts(place))


def lines(value: Callable[[int], float], device: str = "", count: int = QUARTERS) -> list[str]:
    """A line for each quarter of an hour."""
    day = np.datetime64("2026-05-01", "m")
    stamps = [f"{day + 15 * i}:00Z" for i in range(count)]
    end = f",{device}" if device else ""
    return [f"{stamp},{value(i):.10g}{end}" for i, stamp in enumerate(stamps)]


def question(objects: Objects, header: str, *rows: str, **said: Any) -> BadInputError | None:
    """What ingest asks of a file, if anything; ``FileReadings`` has to ask the same."""
    land(objects, "home1.csv", *rows, header=header)
    settings = Settings(sources=[Source(**said)] if said else [])
    (file,) = ingest(objects, settings).files
    path = Path(objects.url) / "landing" / "home1.csv"
    if file.left is None:
        assert file.accepted
        FileReadings([path], settings).close()
        return None
    with pytest.raises(BadInputError) as asked:
        FileReadings([path], settings)
    assert ingest(objects, settings).snapshot.rows == 0
    return asked.value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("header", "value", "unit"),
    [
        ("Time,Usage (kWh)", lambda i: watts(i) / 4, "Wh"),
        ("Time,Usage (Wh)", lambda i: watts(i) / 4000, "kWh"),
        ("Time,Power (kW)", watts, "W"),
        ("Time,Meter reading (Wh)", total, "kWh-counter"),
        (
            "Time,Meter reading (kWh)",
            lambda i: 1000 * total(i),
            "Wh-counter",
        ),
    ],
)
def test_energy_and_totals_are_judged_by_the_power_that_they_are(
    objects: Objects, header: str, value: Callable[[int], float], unit: str
) -> None:
    asked = question(objects, header, *lines(value))
    assert asked is not None and "in the middle of its mains" in str(asked)
    assert [a for a in asked.settle if re.match(rf'unit = "{unit}"  # mains has 5\d\d W', a)]
    assert question(objects, header, *lines(value), unit=unit) is None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Time,Usage (kWh)", lambda i: watts(i) / 4000),
        ("Time,Meter reading (kWh)", total),
        (OURS, watts),
        (OURS, lambda i: 0.0 if i % 40 else 3.0 + i),
    ],
)
def test_a_home_is_not_asked_about(
    objects: Objects, header: str, value: Callable[[int], float]
) -> None:
    device = "home1" if header == OURS else ""
    assert question(objects, header, *lines(value, device)) is None


def test_a_building_above_a_homes_fuse_is_asked_about_but_for_who_knows(objects: Objects) -> None:
    rows = lines(lambda i: 600_000 + 100 * watts(i), "hall")
    asked = question(objects, OURS, *rows)
    assert asked is not None and "above its fuse" in str(asked)
    assert question(objects, OURS, *rows, check_mains=False) is None
    land(objects, "other.csv", *rows[:-1])
    fuse = Settings(quality=QualitySettings(site_fuse_watts={"hall": 900_000}))
    assert not ingest(objects, fuse).left
    land(objects, "third.csv", *rows[:-2])
    assert ingest(objects, Settings()).left
    assert not ingest(objects, Settings(quality=QualitySettings(fuse_watts=900_000))).left


def test_yes_takes_what_was_left_and_nothing_else_changes(objects: Objects) -> None:
    land(objects, "a.csv", *lines(lambda i: made(i) / 1000, "home1"))
    asked = CliRunner().invoke(app, ["ingest", "--root", objects.url])
    assert isinstance(asked.exception, BadInputError) and "nobody says the unit" in asked.stdout
    again = CliRunner().invoke(app, ["ingest", "--root", objects.url, "--yes"])
    assert f"{QUARTERS} readings added" in again.stdout
    later = CliRunner().invoke(app, ["ingest", "--root", objects.url])
    assert later.exit_code == 0 and "was taken for" not in later.stderr


@pytest.mark.parametrize(
    ("value", "unit"), [(total, "kWh-counter"), (lambda i: 1000 * total(i), "Wh-counter")]
)
def test_a_total_of_which_nobody_says_the_unit_is_asked_about(
    objects: Objects, value: Callable[[int], float], unit: str
) -> None:
    asked = question(objects, "Time,Total", *lines(value))
    assert asked is not None and "nobody says the unit" in str(asked)
    assert re.match(rf'unit = "{unit}"  # mains has 5\d\d W', asked.settle[0])
    assert question(objects, "Time,Total", *lines(value), unit=unit) is None


def test_of_a_total_in_columns_of_ours_it_is_told(objects: Objects) -> None:
    land(objects, "a.csv", *lines(total, "home1"))
    assert "hardly ever falls" in file_lines(ingest(objects, Settings()).files, Settings())[0]
    said = Settings(sources=[Source(unit="kWh-counter")])
    assert "hardly ever falls" not in file_lines(reread(objects, said, ["*"]).files, said)[0]


def test_power_that_only_rises_may_be_said_to_be_power(objects: Objects) -> None:
    rows = lines(lambda i: 500 + i)
    asked = question(objects, "Time,Usage", *rows)
    assert asked is not None and "hardly ever falls" in str(asked)
    assert 'unit = "W"  # it is power' in asked.settle
    assert question(objects, "Time,Usage", *rows, unit="W") is None


@pytest.mark.parametrize("count", [1, 3, 10])
def test_few_readings_above_any_fuse_are_enough(objects: Objects, count: int) -> None:
    rows = lines(lambda i: 5_000_000 + i, "home1", count)
    asked = question(objects, OURS, *rows)
    assert asked is not None and "above its fuse" in str(asked)


def test_few_fractions_are_enough_where_nobody_says_the_unit(objects: Objects) -> None:
    rows = lines(lambda i: watts(i) / 1000, "home1", 4)
    asked = question(objects, OURS, *rows)
    assert asked is not None and 'unit = "kW"' in str(asked)
    assert question(objects, OURS, *rows, unit="kW") is None
    assert question(objects, "Time,Power (W)", *lines(lambda i: watts(i) / 1000, "", 4)) is None


@pytest.mark.parametrize("stamp_is", ["start", "end"])
@pytest.mark.parametrize("zone", ["", "+01:00"])
def test_days_that_end_at_midnight_are_asked_about(
    objects: Objects, zone: str, stamp_is: str
) -> None:
    day = np.datetime64("2026-01-05", "m")
    rows = [f"{day + 15 * i}:00{zone},{watts(i)}" for i in range(1, QUARTERS + 1)]
    said = {} if zone else {"timezone": "Europe/Paris"}
    asked = question(objects, "Horodate,Valeur (W)", *rows, **said)
    assert asked is not None and "15 minutes after midnight" in str(asked)
    assert asked.settle[0] == 'stamp_is = "end"'
    assert question(objects, "Horodate,Valeur (W)", *rows, stamp_is=stamp_is, **said) is None


@pytest.mark.parametrize(("first", "count"), [(0, 96), (1, 95), (1, 97), (2, 95), (5, 200)])
def test_days_that_begin_at_midnight_or_are_cut_are_not(
    objects: Objects, first: int, count: int
) -> None:
    day = np.datetime64("2026-01-05", "m")
    rows = [f"{day + 15 * i}:00Z,{watts(i)}" for i in range(first, first + count)]
    assert question(objects, "Time,Power (W)", *rows) is None


def test_a_meter_that_counts_coarsely_is_asked_about_likewise(objects: Objects) -> None:
    rows = lines(lambda i: 0.1 * (1 + i * 7 % 4), "home1")
    asked = question(objects, OURS, *rows)
    assert asked is not None and "nobody says the unit" in str(asked)
    assert question(objects, OURS, *rows, unit="kWh") is None


def test_so_is_a_total_that_moves_now_and_then(objects: Objects) -> None:
    asked = question(objects, "Time,Total", *lines(lambda i: 4000 + i // 8))
    assert asked is not None and "hardly ever falls" in str(asked)


def test_so_is_a_young_meters_total_though_a_layout_says_that_it_is_energy(
    objects: Objects,
) -> None:
    days = [
        f"1,2,{5 + 0.4 * d:.1f},Active Import Register (kWh),{d:02}-05-2026 00:00" for d in DAYS
    ]
    header = "MPRN,Meter Serial Number,Read Value,Read Type,Read Date and End Time"
    asked = question(objects, header, *days)
    assert asked is not None and "hardly ever falls" in str(asked)
    assert question(objects, header, *days, unit="kWh-counter") is None


def test_registers_are_judged_together(objects: Objects) -> None:
    rows = [
        f"{row},{register}"
        for row in lines(lambda i: watts(i) / 8_000)
        for register in ("Offtake Day", "Offtake Night")
    ]
    assert question(objects, "Time,kWh,Register", *rows) is None


def test_what_panels_make_is_no_mains(objects: Objects) -> None:
    header = "Time,Usage (kWh)"
    asked = question(objects, header, *lines(lambda i: made(i) / 4000))
    assert asked is not None and "nothing every night" in str(asked)
    path = Path(objects.url) / "landing" / "home1.csv"
    for answer in asked.settle:
        FileReadings([path], Settings(sources=[Source(**tomllib.loads(answer))])).close()


def test_a_meter_of_what_is_fed_in_is_that_of_the_same_home(objects: Objects) -> None:
    rows = [*lines(made, "m2"), *lines(watts, "m1")]
    header = "Time,Power (W),Meter"
    asked = question(objects, header, *rows)
    assert asked is not None and "m2: nothing every night" in str(asked)
    said = tomllib.loads(asked.settle[0])
    assert said == {"device": "home1", "channels": {"m2": "-mains", "*": "+mains"}}
    assert question(objects, header, *rows, **said) is None
    readings, _ = newest_readings(objects, Settings())
    mains = readings.read_devices("home1")["mains"].values
    assert mains.min() < -1000 and mains.max() > 500


def test_each_of_many_homes_is_looked_at(objects: Objects) -> None:
    homes = [row for home in range(60) for row in lines(watts, f"m{home}")]
    rows = [*homes, *lines(made, "roof"), *lines(watts, "last")]
    asked = question(objects, "Time,Power (W),Meter", *rows)
    assert asked is not None and "roof: nothing every night" in str(asked)


def test_of_what_a_file_calls_consumption_it_is_told(objects: Objects) -> None:
    land(objects, "a.csv", *lines(made, "roof"), *lines(watts, "flat"))
    report = ingest(objects, Settings())
    assert "roof: nothing every night" in file_lines(report.files, Settings())[0]
    assert report.accepted == 2 * QUARTERS


def test_a_home_that_draws_at_night_alone_is_one(objects: Objects) -> None:
    def storage_heater(place: int) -> float:
        return watts(place) * 4 if place // 4 % 24 < 7 else 0.0

    assert question(objects, OURS, *lines(storage_heater, "home1")) is None


@pytest.mark.parametrize("nights", [True, False])
@pytest.mark.parametrize("header", ["Time,Import (kWh)", OURS])
def test_one_register_of_several_is_asked_about_or_warned_of(
    objects: Objects, nights: bool, header: str
) -> None:
    def counted(place: int) -> float:
        hour = place // 4 % 24
        idle = hour < 7 if nights else 8 <= hour < 14
        return 0.0 if idle else watts(place) / (4000 if header != OURS else 1)

    rows = lines(counted, "home1" if header == OURS else "")
    asked = question(objects, header, *rows)
    if header == OURS:  # which says that it is all that the home draws
        assert asked is None
        file = reread(objects, Settings(), ["*"]).files
        assert "all registers of a meter into one file" in file_lines(file, Settings())[0]
    else:
        assert asked is not None and "all registers of a meter into one file" in str(asked)
        assert question(objects, header, *rows, check_mains=False) is None
    said = Settings(sources=[Source(check_mains=False)])
    assert "registers" not in file_lines(reread(objects, said, ["*"]).files, said)[0]


@pytest.mark.parametrize("name", ["Register", "Phase"])
def test_a_phase_alone_is_no_mains(objects: Objects, name: str) -> None:
    rows = [f"{row},L1" for row in lines(lambda i: watts(i) / 4000)]
    asked = question(objects, f"Time,kWh,{name}", *rows)
    assert asked is not None and "other phases" in str(asked)
    (answer,) = asked.settle
    assert question(objects, f"Time,kWh,{name}", *rows, **tomllib.loads(answer)) is None
    readings, _ = newest_readings(objects, Settings())
    assert set(readings.read_devices("home1")) == {"mains_1_of_3"}


def test_registers_of_feed_in_alone_are_no_mains(objects: Objects) -> None:
    rows = [f"{row},Injection {i % 2}" for i, row in enumerate(lines(lambda i: watts(i) / 4000))]
    asked = question(objects, "Time,kWh,Register", *rows)
    assert asked is not None and "is only fed in" in str(asked)
    assert "into one file" in str(asked)
    (answer, _) = asked.settle
    assert answer.startswith("channels = {")
