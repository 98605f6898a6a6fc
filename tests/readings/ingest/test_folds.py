"""Hours that a clock shows twice: what comes out is the truth, or rejected with its reason."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.objects import open_root
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.report import FileReport, ReadReport
from smartwatts_ml.readings.sites import StoredReadings
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import HEADER, land

FOLDS = {
    "Europe/Berlin": datetime(2026, 10, 25, 0, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 14, 30, tzinfo=UTC),
    "America/St_Johns": datetime(2026, 11, 1, 3, 30, tzinfo=UTC),
    "Atlantic/Azores": datetime(2026, 10, 25, 0, tzinfo=UTC),
    "America/Havana": datetime(2026, 11, 1, 4, tzinfo=UTC),
    "America/Santiago": datetime(2026, 4, 5, 2, tzinfo=UTC),
    "Africa/Casablanca": datetime(2026, 2, 15, 1, tzinfo=UTC),
}
"""When the first of the two hours begins."""


@dataclass(frozen=True)
class Reading:
    at: datetime
    value: int

    def line(self, zone: str, device: str = "a") -> str:
        return f"{self.at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S},{self.value},{device}"


def around(zone: str, spacing_s: int, before: int = 8, after: int = 14) -> list[Reading]:
    """One value for each interval around the fold, all of them different."""
    step = timedelta(seconds=spacing_s)
    start = FOLDS[zone] - before * step
    return [Reading(start + i * step, i + 1) for i in range(before + after)]


def stored(readings: StoredReadings) -> dict[datetime, float]:
    if not readings.spans():
        return {}
    device = readings.read_devices("a")["mains"]
    stamps = device.stamps.astype("M8[us]").astype(datetime)
    return {at.replace(tzinfo=UTC): v for at, v in zip(stamps, device.values.tolist(), strict=True)}


def rejected_of(report: ReadReport, sizes: Sequence[int]) -> int:
    """How many readings were rejected, each with its reason; the others are accounted for."""
    rejected = 0
    for file, size in zip(report.files, sizes, strict=True):
        if file.left:
            assert "shown twice by the clock" in file.left
            rejected += size
        else:
            assert file.accepted + file.duplicate + file.rejected == file.values == size
            assert set(file.reasons) <= {"fold_untold"}
            rejected += file.rejected
    return rejected


def check(files: Sequence[Sequence[Reading]], zone: str) -> int:
    """Read files in their order: what is there is the truth; how much was rejected."""
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            lines = [HEADER, *(reading.line(zone) for reading in file), ""]
            Path(folder, f"{number:03}.csv").write_text("\n".join(lines))
        try:
            with FileReadings([Path(folder)], Settings(timezone=zone)) as readings:
                return compare(files, readings, readings.report)
        except BadInputError as error:
            assert "shown twice by the clock" in str(error)
            return sum(map(len, files))


def check_ingest(files: Sequence[Sequence[Reading]], zone: str) -> int:
    """Likewise, each file by an ingest of its own."""
    current = Settings(timezone=zone)
    reports: list[FileReport] = []
    with tempfile.TemporaryDirectory() as root:
        objects = open_root(root)
        for number, file in enumerate(files):
            land(objects, f"{number:03}.csv", *(reading.line(zone) for reading in file))
            reports += ingest(objects, current).files
        return compare(files, newest_readings(objects, current)[0], ReadReport(tuple(reports)))


def compare(
    files: Sequence[Sequence[Reading]], readings: StoredReadings, report: ReadReport
) -> int:
    truth = {reading.at: float(reading.value) for file in files for reading in file}
    found = stored(readings)
    assert not {at: value for at, value in found.items() if truth.get(at) != value}
    rejected = rejected_of(report, [len(file) for file in files])
    assert len(found) + rejected == len(truth)
    return rejected


SPACINGS = (60, 300, 900, 1800, 3600)


@pytest.mark.parametrize("zone", FOLDS)
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_whole_file_is_told_both_ways(zone: str, spacing: int, order: int) -> None:
    count = 3 * 3600 // spacing
    assert not check([around(zone, spacing, count, 2 * count)[::order]], zone)


def parts_of(readings: list[Reading], cuts: list[int]) -> list[list[Reading]]:
    edges = [0, *sorted(set(cuts)), len(readings)]
    return [readings[a:b] for a, b in itertools.pairwise(edges) if b > a]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_files_cut_anywhere_in_the_order_of_time_or_the_reverse(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(sorted(FOLDS)))
    spacing = data.draw(st.sampled_from([300, 900, 1800]))
    count = 2 * 3600 // spacing
    readings = around(zone, spacing, count, 2 * count)
    cuts = data.draw(st.lists(st.integers(1, len(readings) - 1), max_size=5))
    files = parts_of(readings, cuts)
    order = data.draw(st.sampled_from([1, -1]))
    within = data.draw(st.sampled_from([1, -1]))
    files = [file[::within] for file in files][::order]
    check(files, zone)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_holes_and_files_in_any_order_are_right_or_rejected(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe"]))
    spacing = data.draw(st.sampled_from([300, 900]))
    count = 2 * 3600 // spacing
    readings = around(zone, spacing, count, 2 * count)
    gone = data.draw(st.sets(st.integers(0, len(readings) - 1), max_size=len(readings) // 4))
    files = parts_of([r for i, r in enumerate(readings) if i not in gone], [count, 2 * count])
    check(data.draw(st.permutations(files)), zone)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("spacing", [900, 1800])
def test_files_of_half_an_hour_each_by_ingests_of_their_own(order: int, spacing: int) -> None:
    count = 2 * 3600 // spacing
    readings = around("Europe/Berlin", spacing, count, 2 * count)
    files = parts_of(readings, list(range(0, len(readings), 1800 // spacing)))
    assert not check_ingest(files[::order], "Europe/Berlin")
