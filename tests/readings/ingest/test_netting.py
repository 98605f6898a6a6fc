"""Registers of a meter become mains where all of it is there, against a plain account."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.file_lines import file_lines
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import land

HEADER = "timestamp,consumption,device_id,register"
SOURCE = Source(register="register", channels={"in*": "+mains", "out*": "-mains"})


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


BOTH = {"in 1": 100, "out 1": 30}
Parts = dict[tuple[int, str], float]
"""W by hour and register."""


def take(objects: Objects, parts: Parts, source: Source = SOURCE) -> FileReport:
    first = datetime(2026, 5, 1)
    rows = [f"{first + timedelta(hours=h)},{w},a,{r}" for (h, r), w in parts.items()]
    land(objects, "a.csv", *rows, header=HEADER)
    (file,) = ingest(objects, Settings(sources=[source])).files
    assert file.adds_up and not file.rejected
    return file


def mains(objects: Objects, parts: Parts) -> dict[int, float]:
    """W of the table's rows, by hour."""
    take(objects, parts)
    return rows_of(objects)


def rows_of(objects: Objects) -> dict[int, float]:
    rows = DeltaTable(objects.uri("readings")).to_pyarrow_table().to_pylist()
    first = datetime(2026, 5, 1, tzinfo=UTC)
    return {(r["timestamp"] - first) // timedelta(hours=1): r["consumption"] for r in rows}


def test_tariffs_take_turns_and_directions_are_both_needed(objects: Objects) -> None:
    parts: Parts = {}
    for hour in range(72):
        tariff = "day" if 7 <= hour % 24 < 21 else "night"
        parts[hour, f"in {tariff}"] = 100.0 + hour
        parts[hour, f"out {tariff}"] = 30.0
    del parts[10, "in day"], parts[40, "out day"]
    expected = {hour: 70.0 + hour for hour in range(72) if hour not in (10, 40)}
    assert mains(objects, parts) == expected


def test_phases_are_all_needed_in_each_tariff(objects: Objects) -> None:
    parts: Parts = {}
    for hour in range(72):
        tariff = "day" if 7 <= hour % 24 < 21 else "night"
        for phase in "123":
            parts[hour, f"in {tariff} {phase}"] = 100.0
    del parts[10, "in day 2"], parts[23, "in night 1"], parts[23, "in night 3"]
    assert mains(objects, parts) == {h: 300.0 for h in range(72) if h not in (10, 23)}


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 30), st.sampled_from(["in 1", "in 2", "in 3", "out"])),
        st.integers(0, 5000).map(float),
        max_size=10,
    ),
    st.sets(st.tuples(st.integers(0, 30), st.sampled_from(["in 1", "in 2", "in 3", "out"]))),
)
def test_of_registers_that_are_read_together_all_are_needed(
    tmp_path_factory: pytest.TempPathFactory, others: Parts, lost: set[tuple[int, str]]
) -> None:
    names = ("in 1", "in 2", "in 3", "out")
    parts = {(hour, name): 50.0 for hour in range(400) for name in names} | others
    for place in lost:
        del parts[place]
    by_hour: dict[int, dict[str, float]] = defaultdict(dict)
    for (hour, name), watts in parts.items():
        by_hour[hour][name] = watts
    expected = {
        hour: sum(-w if name == "out" else w for name, w in there.items())
        for hour, there in by_hour.items()
        if len(there) == len(names)
    }
    objects = open_root(str(tmp_path_factory.mktemp("root")))
    assert mains(objects, parts) == pytest.approx(expected)


def test_of_meters_totals_all_are_needed_and_no_energy_is_lost(objects: Objects) -> None:
    totals: Parts = {}
    for hour in range(48):
        totals[hour, "in 1"], totals[hour, "in 2"] = 100 + hour / 2, 7.0
        totals[hour, "out"] = 50 + hour / 4
    del totals[20, "in 2"]
    take(objects, totals, SOURCE.model_copy(update={"unit": "kWh-counter"}))
    readings, _ = newest_readings(objects, Settings())
    assert readings.load("a", 3600).channels["mains"].tolist() == [250.0] * 47


@pytest.mark.parametrize("days", [1, 45])
def test_what_lacks_another_register_is_told(objects: Objects, days: int) -> None:
    """However far from each other the two are there, in another month too."""
    parts: Parts = {(24 * days + h, name): 100.0 for h in range(24) for name in ("in", "out")}
    parts |= {(h, "in"): 70.0 for h in range(3)}
    file = take(objects, parts)
    assert (file.accepted, file.netted, file.incomplete) == (24, 27, 3)
    (line,) = file_lines([file], Settings())
    assert "3 values of one register are no reading" in line
    assert rows_of(objects) == {24 * days + h: 0.0 for h in range(24)}
    with FileReadings([Path(objects.url) / "landing" / "a.csv"], Settings(sources=[SOURCE])) as of:
        assert of.load("a", 3600).channels["mains"].tolist() == [0.0] * 24


def test_a_file_in_which_registers_never_meet_is_left_with_their_names(objects: Objects) -> None:
    lines = [f"2026-0{month}-01 00:00,5,a,{name}" for month, name in ((5, "in"), (6, "out"))]
    land(objects, "a.csv", *lines, header=HEADER)
    (left,) = ingest(objects, Settings(sources=[SOURCE])).left
    assert "at no time do all registers have a value (registers: in, out)" in (left.left or "")


def test_what_is_taken_away_is_no_mains_by_itself(objects: Objects) -> None:
    hours = [f"2026-05-01 {h:02}:00" for h in range(24)]
    current = Settings(sources=[SOURCE])
    land(objects, "in.csv", *(f"{hour},100,a,in 1" for hour in hours), header=HEADER)
    land(objects, "out.csv", *(f"{hour},30,a,out 1" for hour in hours), header=HEADER)
    report = ingest(objects, current)
    (left,) = report.left
    assert left.key == "landing/out.csv"
    assert "24 × consumption a register that is taken away" in (left.left or "")
    assert "(registers: out 1)" in (left.left or "")
    assert rows_of(objects) == dict.fromkeys(range(24), 100.0)
    both = [f"{hour},{watts},a,{name}" for hour in hours for name, watts in BOTH.items()]
    land(objects, "in.csv", *both, header=HEADER)
    objects.delete("landing/out.csv")
    assert not ingest(objects, current).left
    readings, _ = newest_readings(objects, Settings())
    assert readings.load("a", 3600).channels["mains"].tolist() == [70.0] * 24


def test_of_more_registers_than_there_are_bits_all_are_needed(objects: Objects) -> None:
    parts: Parts = {(hour, f"in {n}"): 1.0 for hour in range(30) for n in range(70)}
    del parts[7, "in 69"]
    assert mains(objects, parts) == {hour: 70.0 for hour in range(30) if hour != 7}
