"""Files are read for the same thing by train, evaluate and predict as by ingest."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import smartwatts_ml
from smartwatts_ml.errors import BadInputError
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source, Unit
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import HEADER
from tests.readings.layouts.test_layouts import FIXTURES, said_of
from tests.readings.test_exports import EXPORTS, FOLDERS, source_of

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not FOLDERS, reason="needs ../shared/exports")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(EXPORTS)))
def test_readings_of_files_are_those_of_the_table_with_the_same_account(
    folder: Path, tmp_path: Path
) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    files, given = expected["files"], expected["given"]
    settings = Settings(sources=[source_of(name, given, files) for name in files])
    check({name: (folder / name).read_bytes() for name in files}, settings, tmp_path)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_so_are_those_of_each_known_layout(path: Path, tmp_path: Path) -> None:
    settings = Settings(sources=[Source(**said_of(path))])
    check({path.name: path.read_bytes()}, settings, tmp_path)


def test_no_verb_has_a_reader_of_its_own() -> None:
    """All that read files do it by one class each for files and for landing/."""
    package = Path(smartwatts_ml.__file__).parent
    texts = {path: path.read_text() for path in package.rglob("*.py")}
    scanning = {path.name for path, text in texts.items() if re.search(r"\bFileScan\(\w", text)}
    assert scanning == {"files.py", "file_batch.py"}
    reading = {
        path.name for path, text in texts.items() if re.search(r"\bFileReadings\(\[?\w+[],]", text)
    }
    assert reading == {"explain.py", "predict.py", "train.py"}


@pytest.mark.parametrize("unit", ["W", "kWh", "kWh-counter"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Brussels"])
@pytest.mark.parametrize("ends", [False, True])
def test_the_end_of_a_month_makes_no_difference(
    tmp_path: Path, unit: Unit, zone: str, ends: bool
) -> None:
    parts = [("2026-03-27", "2026-04-01T00", 60), ("2026-04-01T00", "2026-04-03", 15)]
    parts += [("2026-04-03T05", "2026-04-04", 15)]
    minutes = [
        np.arange(np.datetime64(start, "m"), np.datetime64(end, "m"), np.timedelta64(step, "m"))
        for start, end, step in parts
    ]
    stamps = np.concatenate(minutes)
    lines = [f"{stamp},{100 + i % 7 + i},home1" for i, stamp in enumerate(stamps)]
    source = Source(unit=unit, timezone=zone, stamp_is="end" if ends else "start")
    text = "\n".join(["timestamp,consumption,device_id", *lines, ""])
    check({"a.csv": text.encode()}, Settings(sources=[source]), tmp_path)


EDGES = ("2026-04-01T00:00", "2026-10-25T01:00", "2026-11-01T06:00", "2027-01-01T00:00")
"""Of months and years, and hours that come twice."""
MINUTES = st.sampled_from([1, 5, 7, 15, 30, 60, 1440])
CHANGES = st.lists(st.tuples(MINUTES, st.integers(1, 40), st.booleans()), min_size=1, max_size=5)
ORDERS: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "up": lambda lines, chance: lines,
    "down": lambda lines, chance: lines[::-1],
    "any": lambda lines, chance: chance.sample(lines, len(lines)),
}


@st.composite
def series(draw: st.DrawFn) -> list[np.datetime64]:
    """Stamps whose spacing changes anywhere around the edge of a month."""
    changes = draw(CHANGES)
    stamps = [np.datetime64(draw(st.sampled_from(EDGES)), "m")]
    for minutes, count, hole in changes:
        stamps += [stamps[-1] + np.timedelta64(minutes, "m") * (i + 1) for i in range(count)]
        if hole:
            stamps.append(stamps[-1] + np.timedelta64(draw(st.integers(1, 3000)), "m"))
    before = draw(st.integers(0, len(stamps) - 1))
    return [stamp - (stamps[before] - stamps[0]) for stamp in stamps]


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    several=st.lists(series(), min_size=1, max_size=3),
    meaning=st.sampled_from(["W", "kWh", "kWh-counter", "held", "registers"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    ends=st.booleans(),
    cuts=st.lists(st.integers(0, 200), max_size=2),
    order=st.sampled_from(sorted(ORDERS)),
    chance=st.randoms(use_true_random=False),
)
def test_wherever_the_spacing_changes_and_however_files_are_cut(
    tmp_path_factory: pytest.TempPathFactory,
    several: list[list[np.datetime64]],
    meaning: str,
    zone: str,
    ends: bool,
    cuts: list[int],
    order: str,
    chance: random.Random,
) -> None:
    lines = []
    for number, stamps in enumerate(several):
        local = np.array(stamps, "M8[m]")
        for place, stamp in enumerate(local):
            register = ("in 1", "in 2", "out")[place % 3] if meaning == "registers" else "in"
            at = local[place - place % 3] if meaning == "registers" else stamp
            lines.append(f"{at},{100 + place},home{number},{register}")
    lines = ORDERS[order](lines, chance)
    edges = sorted({0, *(cut for cut in cuts if cut < len(lines)), len(lines)})
    files = {
        f"{number}.csv": "\n".join([f"{HEADER},register", *lines[first:end], ""]).encode()
        for number, (first, end) in enumerate(itertools.pairwise(edges))
    }
    source = Source(
        unit="W" if meaning in ("held", "registers") else cast(Unit, meaning),
        timezone=zone,
        stamp_is="end" if ends else "start",
        held=meaning == "held",
        register="register",
        channels={"in": "mains", "in *": "+mains", "out": "-mains"},
    )
    check(files, Settings(sources=[source]), tmp_path_factory.mktemp("root"), native=False)


def check(files: dict[str, bytes], settings: Settings, tmp_path: Path, native: bool = True) -> None:
    """Files give the same by themselves as by way of the table. ``native``: the same spacing, of
    which the table knows that of its largest part."""
    objects = open_root(str(tmp_path / "root"))
    for name, data in files.items():
        objects.write(f"landing/{name}", data)
    report = ingest(objects, settings)
    landing = tmp_path / "root" / "landing"
    for left in report.left:
        with pytest.raises(BadInputError) as refused:
            FileReadings([landing.parent / left.key], settings)
        assert str(refused.value).replace(f"{landing.parent}/", "") == left.left
    taken = [file for file in report.files if not file.left]
    if not any(file.accepted for file in taken):
        return
    with FileReadings([landing.parent / file.key for file in taken], settings) as of_files:
        of_table, _ = newest_readings(objects, settings)
        if native:
            assert [*map(held, of_files.spans())] == [*map(held, of_table.spans())]
        for span in of_files.spans():
            devices, others = of_files.read_devices(span.site), of_table.read_devices(span.site)
            assert devices.keys() == others.keys()
            for channel, device in devices.items():
                np.testing.assert_array_equal(device.stamps, others[channel].stamps)
                np.testing.assert_allclose(device.values, others[channel].values, rtol=1e-6)
                np.testing.assert_array_equal(device.ends, others[channel].ends)
        assert [*map(accounts, of_files.report.files)] == [*map(accounts, taken)]


def held(span: SiteSpan) -> SiteSpan:
    """Without what the table estimates from its parts."""
    return replace(span, covered_s=0, finest_s=0)


def accounts(file: FileReport) -> FileReport:
    return replace(file, key="")
