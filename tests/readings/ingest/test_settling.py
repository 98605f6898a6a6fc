"""What is known only once all rows of a device are together: hours that come twice, wrong totals,
contradictions."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.ingest import series, writing
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.table.compaction import SMALL_FILES
from smartwatts_ml.readings.table.table import newest_readings
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest
from tests.readings.ingest.landing import land

BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(2026, 10, 24, 22, tzinfo=UTC)  # 00:00 in Berlin, three hours before the fold
CURRENT = Settings(timezone="Europe/Berlin")


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def quarters(first: int, last: int, device: str = "a") -> list[str]:
    """A line for each quarter hour since midnight in Berlin; its value is its number."""
    instants = {i: (MIDNIGHT + i * timedelta(minutes=15)).astimezone(BERLIN) for i in range(40)}
    return [f"{instants[i]:%Y-%m-%d %H:%M},{i},{device}" for i in range(first, last)]


def by_quarter(objects: Objects, site: str = "a") -> list[float]:
    """What each quarter hour since midnight has; NaN where nothing is."""
    readings, _ = newest_readings(objects, CURRENT)
    loaded = readings.load(site, 900)
    start = loaded.index(np.datetime64("2026-10-24T22:00"))
    assert start == 0
    before = int((loaded.start - np.datetime64("2026-10-24T22:00")) / np.timedelta64(900, "s"))
    return [np.nan] * before + loaded.channels["mains"].tolist()


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_lines_tells_the_hours_upwards_and_downwards(
    objects: Objects, order: int
) -> None:
    land(objects, "a.csv", *quarters(0, 24)[::order])
    (file,) = ingest(objects, CURRENT).files
    assert (file.accepted, file.rejected) == (24, 0)
    assert by_quarter(objects) == list(range(24))


@pytest.mark.parametrize("order", [1, -1])
def test_hours_whose_quarters_stand_side_by_side_are_told(objects: Objects, order: int) -> None:
    rows = quarters(0, 24)
    pairs = [row for i in range(4) for row in (rows[8 + i], rows[12 + i])]
    land(objects, "a.csv", *[*rows[:8], *pairs, *rows[16:]][::order])
    ingest(objects, CURRENT)
    assert by_quarter(objects) == list(range(24))


def test_equal_lines_of_a_repeated_hour_are_two_hours(objects: Objects) -> None:
    rows = [row.replace(f",{i},", ",5,") for i, row in enumerate(quarters(0, 24))]
    land(objects, "a.csv", *rows)
    (file,) = ingest(objects, CURRENT).files
    assert (file.accepted, file.duplicate) == (24, 0)
    assert by_quarter(objects) == [5] * 24


@pytest.mark.parametrize("at_once", [True, False])
def test_files_of_one_hour_each_keep_both_hours(objects: Objects, at_once: bool) -> None:
    for hour in range(6):
        land(objects, f"{hour}.csv", *quarters(4 * hour, 4 * hour + 4))
        if not at_once:
            ingest(objects, CURRENT)
    ingest(objects, CURRENT)
    assert by_quarter(objects) == list(range(24))


def test_a_part_of_a_day_is_told_by_what_is_next_to_it(objects: Objects) -> None:
    land(objects, "late.csv", *quarters(12, 24))  # begins with the second of the two hours
    ingest(objects, CURRENT)
    expected = [*[np.nan] * 12, *range(12, 24)]
    assert np.array_equal(by_quarter(objects), expected, equal_nan=True)
    land(objects, "early.csv", *quarters(0, 12))
    ingest(objects, CURRENT)
    assert by_quarter(objects) == list(range(24))


@pytest.mark.parametrize("at_once", [True, False])
def test_a_third_file_of_the_hour_is_rejected_and_overwrites_nothing(
    objects: Objects, at_once: bool
) -> None:
    land(objects, "a.csv", *quarters(0, 24))
    if not at_once:
        ingest(objects, CURRENT)
    key = land(objects, "b.csv", *[row.replace(",a", ".5,a") for row in quarters(8, 12)])
    report = ingest(objects, CURRENT)
    file = next(file for file in report.files if file.key == key)
    assert "4 × timestamp shown twice by the clock" in str(file.left)
    assert by_quarter(objects) == list(range(24))


def quarantined(objects: Objects, file: FileReport) -> list[dict[str, str]]:
    assert file.quarantine_key is not None
    packed = objects.read(file.quarantine_key).data
    return list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode(), newline="")))


def hours(*values: float | str, device: str = "a") -> list[str]:
    first = datetime(2026, 5, 30)
    return [f"{first + i * timedelta(hours=1)},{v},{device}" for i, v in enumerate(values)]


def test_a_total_that_leaps_and_comes_back_is_kept_with_its_line(objects: Objects) -> None:
    totals = [100 + i / 2 for i in range(30)]
    rows = hours(*totals[:10], 0, *totals[11:20], 99_999, 0, *totals[22:], "x")
    land(objects, "a.csv", *rows)
    current = Settings(unit="kWh-counter")
    (file,) = ingest(objects, current).files
    assert file.reasons == {"total_glitch": 3, "value_form": 1}
    assert (file.accepted, file.rejected, file.lines) == (27, 4, 32)
    kept = quarantined(objects, file)
    assert [(row["line"], row["value"]) for row in kept] == [
        ("12", "0 kWh"),
        ("22", "99999 kWh"),
        ("23", "0 kWh"),
        ("32", "x"),
    ]
    readings, _ = newest_readings(objects, current)
    assert readings.load("a", 3600).channels["mains"].tolist() == [500] * 29


def test_two_values_for_one_stamp_are_both_kept_out_with_their_lines(objects: Objects) -> None:
    rows = [*hours(*range(400)), hours(7.5)[0], hours(0, 1)[1]]
    land(objects, "a.csv", *rows)
    (file,) = ingest(objects, Settings()).files
    assert (file.accepted, file.duplicate, file.reasons) == (399, 1, {"value_two": 2})
    assert [(row["line"], row["value"]) for row in quarantined(objects, file)] == [
        ("2", "0 W"),
        ("402", "7.5 W"),
    ]


@pytest.mark.parametrize("months", [1, 3])
def test_a_value_holds_until_the_next_row_or_one_without_a_value(
    objects: Objects, months: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_ROWS_TOGETHER": 2, "_ROWS_A_GROUP": 2, "_SAMPLE": 1}.items():
        monkeypatch.setattr(series, name, value)  # so that a device is cut in time
    monkeypatch.setattr(series, "_ROWS_OF_CONTEXT", 2)
    late = "2026-05-01" if months == 1 else "2026-07-03"
    rows = [
        "2026-05-01 00:00,100,a",
        "2026-05-01 01:30,200,a",
        "2026-05-01 01:45,unavailable,a",
        "2026-05-01 03:00,0,a",
        f"{late} 20:00,50,a",
        f"{late} 21:00,,a",
        f"{late} 22:00,70,a",
        "2026-05-01 00:00,5,a/x",
    ]
    land(objects, "a.csv", *rows)
    current = Settings(sources=[Source(held=True)])
    (file,) = ingest(objects, current).files
    assert (file.accepted, file.missing, file.rejected) == (6, 2, 0)
    readings, _ = newest_readings(objects, current)
    found = readings.load("a", 900).channels
    assert found.keys() == {"mains"}  # nobody knows how long the only value of the other holds
    watts = found["mains"]
    days = 0 if months == 1 else 63
    zeros = 4 * (17 + 24 * days)
    expected = [100.0] * 6 + [200] + [np.nan] * 5 + [0] * zeros + [50] * 4
    assert np.array_equal(watts, expected, equal_nan=True)
    with FileReadings([Path(objects.url) / "landing" / "a.csv"], current) as files:
        assert np.array_equal(files.load("a", 900).channels["mains"], expected, equal_nan=True)


def test_lengths_that_a_file_says_are_kept(objects: Objects) -> None:
    rows = [
        f"2026-05-{day:02} {hour:02}:00,2026-05-{day:02} {hour:02}:15,0.25,a"
        for day in range(1, 4)
        for hour in range(0, 24, 3)  # as if hours without consumption were left out
    ]
    land(objects, "a.csv", *rows, header="timestamp,until,kWh,device_id")
    current = Settings(sources=[Source(consumption={"kWh": "kWh"}, until="until")])  # type: ignore[arg-type]
    ingest(objects, current)
    readings, _ = newest_readings(objects, current)
    watts = readings.load("a", 900).channels["mains"]
    assert set(watts[::12]) == {1000}
    assert np.isfinite(watts).sum() == 24


def test_any_number_of_lengths_is_kept(objects: Objects, tmp_path: Path) -> None:
    """Each reading lasts as long as its line says, however many lengths a file has."""
    start = datetime(2026, 5, 1, tzinfo=UTC)
    lasting = [60 + 7 * i for i in range(50)]
    rows, at, power = [], start, []
    for i, seconds in enumerate(lasting):
        end = at + timedelta(seconds=seconds)
        rows.append(f"{at:%Y-%m-%d %H:%M:%S},{end:%Y-%m-%d %H:%M:%S},{i * seconds / 3600:.9f},a")
        power.append((at, end, float(i)))
        at = end + timedelta(seconds=300)  # a hole, which no reading reaches into
    land(objects, "a.csv", *rows, header="timestamp,until,kWh,device_id")
    current = Settings(sources=[Source(consumption={"kWh": "kWh"}, until="until")])  # type: ignore[arg-type]
    ingest(objects, current)
    of_table, _ = newest_readings(objects, current)
    with FileReadings([Path(objects.url) / "landing" / "a.csv"], current) as of_files:
        for readings in (of_table, of_files):
            device = readings.read_devices("a")["mains"]
            first, last = ((t.astype("M8[us]").tolist()) for t in (device.stamps, device.ends))
            assert [s.replace(tzinfo=UTC) for s in first] == [begin for begin, _, _ in power]
            assert [s.replace(tzinfo=UTC) for s in last] == [end for _, end, _ in power]
            assert device.values.tolist() == pytest.approx([1000 * watts for *_, watts in power])


def test_the_interval_that_a_source_says_holds_for_power_too(objects: Objects) -> None:
    """However its lines are parsed: those of a block with a flaw one by one."""
    minutes = [0, 10, 30, 70, 75]
    for name, flaw in (("a", []), ("b", ["x,1,b"])):
        land(
            objects,
            f"{name}.csv",
            *(f"2026-05-01 {m // 60:02}:{m % 60:02},5,{name}" for m in minutes),
            *flaw,
        )
    ingest(objects, Settings(sources=[Source(interval_s=120, stamp_is="end")]))
    readings, _ = newest_readings(objects, Settings())
    for site in ("a", "b"):
        device = readings.read_devices(site)["mains"]
        assert ((device.ends - device.stamps) // 1_000_000).tolist() == [120] * 5
        assert np.diff(device.stamps // 60_000_000).tolist() == [10, 20, 40, 5]


@pytest.mark.slow
def test_a_table_of_an_older_version_is_read_and_gets_the_new_columns(objects: Objects) -> None:
    land(objects, "a.csv", *hours(*range(50)))
    ingest(objects, Settings())
    for part in Path(objects.url).joinpath("readings").rglob("*.parquet"):
        table = pq.ParquetFile(part)
        old = table.read().drop_columns(["interval_s", "held"])
        part.unlink()
        pq.write_table(old, part)
    readings, _ = newest_readings(objects, Settings())
    assert readings.load("a", 3600).channels["mains"].tolist() == list(range(50))
    for number in range(SMALL_FILES):
        land(objects, f"{number}.csv", *hours(number, device=f"b{number}"))
        ingest(objects, Settings())
    readings, _ = newest_readings(objects, Settings())
    assert readings.load("a", 3600).channels["mains"].tolist() == list(range(50))


HEADER = "timestamp,consumption,device_id,phase,note"


def test_a_file_that_contradicts_itself_is_left_and_says_which_column_tells(
    objects: Objects, tmp_path: Path
) -> None:
    rows = [
        f"{row},{phase},n{i}"
        for phase in "RST"
        for i, row in enumerate(hours(*(ord(phase) + np.arange(20.0))))
    ]
    land(objects, "a.csv", *rows, header=HEADER)
    land(objects, "b.csv", *hours(*range(30), device="b"))
    report = ingest(objects, Settings())
    (left,) = report.left
    assert left.left is not None
    assert "60 of 60 values contradict another one" in left.left
    assert 'match = "a.csv"\nregister = "phase"' in left.left
    assert "note" not in left.left
    assert report.accepted == 30
    assert ingest(objects, Settings()).accepted == 0
    with pytest.raises(BadInputError, match='register = "phase"'):
        FileReadings([Path(objects.url) / "landing" / "a.csv"], Settings())


def test_more_values_of_one_stamp_than_fit_into_memory_are_no_other_files_trouble(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_ROWS_A_PART", 50)
    land(objects, "a.csv", *(f"2026-05-01 00:00,{i},a" for i in range(300)))
    land(objects, "b.csv", *hours(*range(45), device="b") * 3)
    report = ingest(objects, Settings())
    (left,) = report.left
    assert "a.csv: 300 of 300 values contradict" in (left.left or "")
    assert (report.accepted, report.duplicate) == (45, 90)


def test_a_correction_of_all_rejected_lines_is_taken(objects: Objects) -> None:
    land(objects, "a.csv", *hours(*range(400)), hours(7.5)[0])
    ingest(objects, Settings())
    land(objects, "a.csv", *hours(*range(400)))
    assert ingest(objects, Settings()).accepted == 400


def test_energy_is_rejected_where_its_interval_may_have_become_longer_and_nothing_tells(
    objects: Objects,
) -> None:
    start = datetime(2026, 5, 1)
    quarters = [(start + timedelta(minutes=15 * i), 0.125) for i in range(96)]
    hours = [(start + timedelta(hours=24 + i), 0.5) for i in range(3)]
    land(objects, "a.csv", *(f"{at},{kwh},a" for at, kwh in [*quarters, *hours]))
    current = Settings(unit="kWh")
    (file,) = ingest(objects, current).files
    assert file.reasons == {"interval_untold": 3}
    assert file.quarantine_key is not None
    text = gzip.decompress(objects.read(file.quarantine_key).data).decode()
    assert [int(row["line"]) for row in csv.DictReader(io.StringIO(text))] == [98, 99, 100]
    readings, _ = newest_readings(objects, current)
    assert set(readings.read_devices("a")["mains"].values.tolist()) == {500}


@pytest.mark.parametrize("kwh", [0.12, 0.125])
def test_a_hole_before_the_last_reading_is_one_where_no_more_energy_is_in_it(
    objects: Objects, kwh: float
) -> None:
    start = datetime(2026, 5, 1)
    rows = [f"{start + timedelta(minutes=15 * i)},0.125,a" for i in range(96)]
    late = [f"{start + timedelta(hours=24 + i)},{kwh},a" for i in range(2)]
    land(objects, "a.csv", *rows, *late)
    (file,) = ingest(objects, Settings(unit="kWh")).files
    assert (file.accepted, file.rejected) == (98, 0)
