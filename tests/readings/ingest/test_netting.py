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


Parts = dict[tuple[int, str], float]
"""W by hour and register."""


def take(objects: Objects, parts: Parts, source: Source = SOURCE) -> None:
    rows = [f"2026-05-{1 + h // 24:02} {h % 24:02}:00,{w},a,{r}" for (h, r), w in parts.items()]
    land(objects, "a.csv", *rows, header=HEADER)
    (file,) = ingest(objects, Settings(sources=[source])).files
    assert file.adds_up and not file.rejected


def mains(objects: Objects, parts: Parts) -> dict[int, float]:
    """W of the table's rows, by hour."""
    take(objects, parts)
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
