"""Files are read for the same thing by train, evaluate and predict as by ingest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source, Unit
from smartwatts_ml.stages.ingest import ingest
from tests.readings.test_exports import EXPORTS, FOLDERS, source_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDERS, reason="needs ../shared/exports"),
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(EXPORTS)))
def test_readings_of_files_are_those_of_the_table_with_the_same_account(
    folder: Path, tmp_path: Path
) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    files, given = expected["files"], expected["given"]
    settings = Settings(sources=[source_of(name, given, files) for name in files])
    check({name: (folder / name).read_bytes() for name in files}, settings, tmp_path)


@pytest.mark.parametrize("unit", ["W", "kWh", "kWh-counter"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Brussels"])
@pytest.mark.parametrize(
    "ends", [False, pytest.param(True, marks=pytest.mark.xfail(reason="ends at a month's start"))]
)
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


def check(files: dict[str, bytes], settings: Settings, tmp_path: Path) -> None:
    """Files give the same by themselves as by way of the table."""
    objects = open_root(str(tmp_path / "root"))
    for name, data in files.items():
        objects.write(f"landing/{name}", data)
    report = ingest(objects, settings)
    landing = tmp_path / "root" / "landing"
    for left in report.left:
        with pytest.raises(BadInputError) as refused:
            FileReadings([landing.parent / left.key], settings)
        assert str(refused.value).replace(f"{tmp_path}/root/", "") == left.left
    taken = [file for file in report.files if not file.left]
    if not any(file.accepted for file in taken):
        return
    with FileReadings([landing.parent / file.key for file in taken], settings) as of_files:
        of_table, _ = newest_readings(objects, settings)
        assert [*map(held, of_files.spans())] == [*map(held, of_table.spans())]
        for span in of_files.spans():
            devices, others = of_files.read_devices(span.site), of_table.read_devices(span.site)
            assert devices.keys() == others.keys()
            for channel, device in devices.items():
                np.testing.assert_array_equal(device.stamps, others[channel].stamps)
                np.testing.assert_allclose(device.values, others[channel].values, rtol=1e-6)
        assert [*map(accounts, of_files.report.files)] == [*map(accounts, taken)]


def held(span: SiteSpan) -> SiteSpan:
    """Without what the table estimates from its parts."""
    return replace(span, covered_s=0, finest_s=0)


def accounts(file: FileReport) -> FileReport:
    return replace(file, key="")
