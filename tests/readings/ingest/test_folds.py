"""Hours that a clock shows twice: what comes out is the truth, or rejected with its reason."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import Settings
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import land

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


def stored(objects: Objects, current: Settings) -> dict[datetime, float]:
    readings, _ = newest_readings(objects, current)
    if not readings.spans():
        return {}
    device = readings.read_devices("a")["mains"]
    stamps = device.stamps.astype("M8[us]").astype(datetime)
    return {at.replace(tzinfo=UTC): v for at, v in zip(stamps, device.values.tolist(), strict=True)}


def check(files: Sequence[Sequence[Reading]], zone: str, separately: bool) -> int:
    """Ingest files in their order: what is there is the truth; how much was rejected."""
    truth = {reading.at: float(reading.value) for file in files for reading in file}
    current = Settings(timezone=zone)
    with tempfile.TemporaryDirectory() as root:
        objects = open_root(root)
        rejected = 0
        for number, file in enumerate(files):
            land(objects, f"{number:03}.csv", *(reading.line(zone) for reading in file))
            if separately or number == len(files) - 1:
                report = ingest(objects, current)
                for done in report.files:
                    if done.left:
                        assert "shown twice by the clock" in done.left
                        rejected += len(files[int(done.key[-7:-4])])
                    else:
                        assert done.accepted + done.duplicate + done.rejected == done.values
                        assert set(done.reasons) <= {"fold_untold"}
                        rejected += done.rejected
        found = stored(objects, current)
    wrong = {at: value for at, value in found.items() if truth.get(at) != value}
    assert not wrong
    assert len(found) + rejected >= len(truth)
    return rejected


SPACINGS = (60, 300, 900, 1800, 3600)


@pytest.mark.parametrize("zone", FOLDS)
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_whole_file_is_told_both_ways(zone: str, spacing: int, order: int) -> None:
    count = 3 * 3600 // spacing
    assert not check([around(zone, spacing, count, 2 * count)[::order]], zone, False)


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
    check(files, zone, data.draw(st.booleans()))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_holes_and_files_in_any_order_are_right_or_rejected(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe"]))
    spacing = data.draw(st.sampled_from([300, 900]))
    count = 2 * 3600 // spacing
    readings = around(zone, spacing, count, 2 * count)
    gone = data.draw(st.sets(st.integers(0, len(readings) - 1), max_size=len(readings) // 4))
    files = parts_of([r for i, r in enumerate(readings) if i not in gone], [count, 2 * count])
    check(data.draw(st.permutations(files)), zone, False)
