"""Hours that a clock shows twice: what comes out is the truth, or rejected with its reason."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
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
from smartwatts_ml.sources import Source
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
            assert "shown twice by the clock" in file.left and "with offsets" in file.left
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


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"])
@pytest.mark.parametrize("spacing", [600, 900, 1800])
@pytest.mark.parametrize("first", [1, 2])
def test_energy_of_small_files_is_of_the_spacing_that_the_clock_shows(
    zone: str, spacing: int, first: int, tmp_path: Path
) -> None:
    """Two lines may lie an hour nearer to each other than they seem to."""
    readings = around(zone, spacing)  # as many Wh
    files = parts_of(readings, list(range(first, len(readings), 2)))
    for number, file in enumerate(files):
        lines = [reading.line(zone) for reading in file]
        if len({line[:16] for line in lines}) > 1:  # or nothing tells, and it is refused
            (tmp_path / f"{number:03}.csv").write_text("\n".join([HEADER, *lines, ""]))
    with FileReadings([tmp_path], Settings(timezone=zone, unit="Wh")) as of_files:
        found = stored(of_files)
    truth = {reading.at: reading.value * 3600 / spacing for reading in readings}
    assert len(found) >= 8  # the others could be either, and are rejected
    assert found == pytest.approx({at: truth[at] for at in found}, rel=1e-6)


AUTUMN = "Europe/Berlin"


def accepted(lines: Sequence[str], **said: Any) -> list[tuple[str, float]]:
    """UTC and value of what is read of a file of that clock; without hours that are untold."""
    header = said.pop("header", HEADER)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.csv").write_text("\n".join([header, *lines, ""]))
        source = Source(timezone=AUTUMN, **said)
        with FileReadings([Path(folder)], Settings(sources=[source])) as readings:
            device = readings.read_devices("a")["mains"]
            texts = device.stamps.astype("M8[us]").astype("M8[m]").astype(str)
            return list(zip((text[5:] for text in texts), device.values.tolist(), strict=True))


def october(*times: str) -> list[str]:
    return [f"2026-10-25 {time},{i},a" for i, time in enumerate(times)]


HOURS = [f"10-2{4 if hour > 20 else 5}T{hour:02}:00" for hour in (22, 23, 0, 1, 2, 3)]
"""From midnight in Berlin on."""


def test_ends_as_labels_and_as_the_clock_shows_them() -> None:
    as_labels = october("01:00", "02:00", "03:00", "03:00", "04:00", "05:00")
    as_shown = october("01:00", "02:00", "02:00", "03:00", "04:00", "05:00")
    for lines in (as_labels, as_shown):
        found = accepted(lines, stamp_is="end")
        assert found == list(zip(HOURS, range(6), strict=True))


def test_doubled_lines_of_one_hour_are_no_two_hours() -> None:
    before = [line for line in october("00:30", "01:00", "01:30", "02:00", "02:30") for _ in "ab"]
    found = accepted(before)
    assert [stamp for stamp, _ in found] == [
        "10-24T22:30",
        "10-24T23:00",
        "10-24T23:30",
        "10-25T00:00",
        "10-25T00:30",
    ]


def test_a_small_disorder_is_no_second_hour() -> None:
    minutes = [f"{h:02}:{m:02}" for h in range(4) for m in range(0, 60, 5)]
    minutes[3], minutes[4] = minutes[4], minutes[3]  # elsewhere
    minutes[27], minutes[28] = minutes[28], minutes[27]  # in the hour
    found = dict(accepted(october(*minutes)))
    assert len(found) == 36  # the hour could be either
    assert found["10-25T02:00"] == 36


def test_lines_in_no_order_tell_totals_alone() -> None:
    lines = [f"2026-10-25 {h:02}:{m:02},{{}},a" for h in (0, 1, 2, 2, 3, 4) for m in (0, 30)]
    totals = [line.format(i / 10) for i, line in enumerate(lines)]
    order = np.random.default_rng(3).permutation(len(totals))
    shuffled = [totals[i] for i in order]
    assert len(accepted(shuffled, unit="kWh-counter")) == 11
    assert len(accepted(shuffled, unit="W")) == 8  # four rows could be either


@pytest.mark.parametrize(("last", "empty"), [(25, []), (24, [24])])
def test_numbered_hours_of_a_day_count_on_over_a_change(last: int, empty: list[int]) -> None:
    """25 columns in autumn; 24 in spring, of which the last is empty."""
    header = ",".join(["date", "device_id", *(f"H{hour}" for hour in range(1, last + 1))])
    day = "2026-10-25" if last == 25 else "2026-03-29"
    values = ["" if hour in empty else str(hour) for hour in range(1, last + 1)]
    other = ",".join(["2026-05-01", "a", *map(str, range(1, 25)), *([""] if last == 25 else [])])
    found = accepted([",".join([day, "a", *values]), other], header=header, unit="W")
    of_day = [value for stamp, value in found if not stamp.startswith(("04-30", "05-01"))]
    assert of_day == [hour for hour in range(1, last + 1) if hour not in empty]
    assert len(found) == len(of_day) + 24


def test_a_value_at_a_time_that_its_day_does_not_have_is_rejected() -> None:
    header = ",".join(["date", "device_id", *(f"{hour:02}:00" for hour in range(24))])
    days = [",".join([f"2026-03-{d}", "a", *map(str, range(24))]) for d in (28, 29)]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.csv").write_text("\n".join([header, *days, ""]))
        current = Settings(sources=[Source(timezone=AUTUMN, unit="W")])
        with FileReadings([Path(folder)], current) as readings:
            (file,) = readings.report.files
    assert file.accepted == 47
    assert file.reasons == {"stamp_gap": 1}


def test_an_hour_with_nothing_around_it_is_rejected_and_so_are_both_in_files_of_their_own() -> None:
    readings = around("Europe/Berlin", 900, 0, 8)
    first, second = readings[:4], readings[4:]
    for files in ([first], [second], [first, second], [second, first]):
        assert check(files, "Europe/Berlin") == sum(map(len, files))


def test_what_leads_on_to_later_readings_is_the_second_hour_and_what_follows_the_first() -> None:
    readings = around("Europe/Berlin", 900, 4, 12)
    before, first, second, after = (readings[i : i + 4] for i in (0, 4, 8, 12))
    for files in ([before, first], [first, before], [second, after], [after, second]):
        assert not check(files, "Europe/Berlin")


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("spacing", [10, 20])
def test_homes_whose_lines_take_turns_are_told_each(order: int, spacing: int) -> None:
    count = 2 * 3600 // spacing
    readings = around("Europe/Berlin", spacing, count, 2 * count)
    lines = [reading.line(AUTUMN, home) for reading in readings for home in "ab"][::order]
    first, step = readings[0].at, timedelta(seconds=spacing)
    expected = [((first + i * step).timestamp(), i + 1) for i in range(3 * count)]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.csv").write_text("\n".join([HEADER, *lines, ""]))
        with FileReadings([Path(folder)], Settings(timezone=AUTUMN)) as read:
            assert not read.report.rejected
            for home in "ab":
                device = read.read_devices(home)["mains"]
                seconds = (device.stamps / 1e6).tolist()
                assert list(zip(seconds, device.values.tolist(), strict=True)) == expected


@pytest.mark.parametrize("hour", [0, 1])
def test_a_reading_a_day_keeps_its_pace_over_the_change(hour: int) -> None:
    days = [datetime(2026, 10, day, hour, 30, tzinfo=UTC) for day in range(20, 31)]
    assert not check([[Reading(day, i + 1) for i, day in enumerate(days)]], "Europe/Berlin")
