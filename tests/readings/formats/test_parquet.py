"""Parquet files, long and wide, as every writer makes them; and such as nobody should."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.formats import parquet
from tests.readings.formats.scanned import scan

START = datetime(2026, 2, 1, 23)
STAMPS = [START + timedelta(minutes=15 * i) for i in range(4)]
VALUES = [1.125, 2.0, 3.5, 1000.25]


def write(path: Path, table: pa.Table | dict[str, Any], **options: Any) -> Path:
    path = path / "readings.parquet"
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path, **options)
    return path


def long(stamps: Any = STAMPS, values: Any = VALUES, devices: Any = "home1") -> dict[str, Any]:
    devices = [devices] * len(values) if isinstance(devices, str) else devices
    return {"timestamp": stamps, "consumption": values, "device_id": devices}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "Asia/Seoul", "+05:30"])
def test_stamps_of_any_unit_are_instants_where_they_have_a_zone(
    tmp_path: Path, unit: str, zone: str | None
) -> None:
    stamps = pa.array(STAMPS, pa.timestamp("us")).cast(pa.timestamp(unit)).view(
        pa.timestamp(unit, zone)
    )  # fmt: skip
    scanned = scan(write(tmp_path, long(stamps)), timezone="Europe/Berlin")
    shift = timedelta(hours=1 if zone is None else 0)  # naive ones are on the source's clock
    expected = [(stamp - shift, value) for stamp, value in zip(STAMPS, VALUES, strict=True)]
    assert scanned.rows == {"home1/mains": expected}


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_fractions_of_seconds_are_kept(tmp_path: Path, unit: str) -> None:
    moments = [START + timedelta(milliseconds=250 * i) for i in range(4)]
    scanned = scan(write(tmp_path, long(pa.array(moments, pa.timestamp(unit, "UTC")))))
    assert [stamp for stamp, _ in scanned.rows["home1/mains"]] == moments


@pytest.mark.parametrize("name", ["timestamp", "time", None])
def test_the_index_of_pandas_is_a_column(tmp_path: Path, name: str | None) -> None:
    index = pd.DatetimeIndex(STAMPS, tz="UTC", name=name)
    frame = pd.DataFrame({"consumption": VALUES, "device_id": "home1"}, index=index)
    frame.to_parquet(tmp_path / "a.parquet")
    scanned = scan(tmp_path / "a.parquet")
    assert scanned.rows == {"home1/mains": list(zip(STAMPS, VALUES, strict=True))}


def test_the_only_column_of_stamps_is_the_timestamp_whatever_its_name(tmp_path: Path) -> None:
    table = {"ds": STAMPS, "consumption": VALUES, "device_id": ["home1"] * 4}
    assert len(scan(write(tmp_path, table)).rows["home1/mains"]) == 4


def test_wide_columns_are_channels(tmp_path: Path) -> None:
    table = {
        "power_total": pa.array(VALUES, pa.float32()),
        "reactive_power": pa.array(VALUES, pa.float32()),
        "fridge_power": pa.array([90, None, float("nan"), 80], pa.float32()),
        "time": pa.array(STAMPS, pa.timestamp("ms", "UTC")),
    }
    scanned = scan(write(tmp_path, table), channels={"power_total": "mains"}, device="home1")
    assert set(scanned.rows) == {"home1/mains", "home1/fridge"}
    assert scanned.rows["home1/fridge"] == [(STAMPS[0], 90.0), (STAMPS[3], 80.0)]


@pytest.mark.parametrize("kind", ["plain", "dictionary", "large", "view", "binary"])
def test_devices_are_text_of_any_kind(tmp_path: Path, kind: str) -> None:
    names = ["home1", "home2", "home1", "home2/kettle"]
    types = {
        "plain": pa.string(),
        "dictionary": pa.dictionary(pa.int8(), pa.string()),
        "large": pa.large_string(),
        "view": pa.string_view(),
        "binary": pa.binary(),
    }
    devices = pa.array(names).cast(types[kind])
    scanned = scan(write(tmp_path, long(devices=devices)))
    assert {name: len(rows) for name, rows in scanned.rows.items()} == {
        "home1/mains": 2,
        "home2/mains": 1,
        "home2/kettle": 1,
    }


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, None, 3, 4], pa.int16()),
        pa.array([1, None, 3, 4], pa.uint64()),
        pa.array([1.0, None, 3.0, 4.0], pa.float16()),
        pa.array([Decimal("1.00"), None, Decimal("3.00"), Decimal("4.00")]),
        pa.array(["1", None, "3", "4,0"]),
        pa.array([1, float("nan"), 3, 4]),
    ],
    ids=lambda values: str(values.type),
)
def test_values_of_any_type_are_numbers_and_nulls_are_missing(
    tmp_path: Path, values: pa.Array
) -> None:
    scanned = scan(write(tmp_path, long(values=values)))
    assert [value for _, value in scanned.rows["home1/mains"]] == [1.0, 3.0, 4.0]
    assert (scanned.report.lines, scanned.report.missing, scanned.report.rejected) == (4, 1, 0)


def test_numbers_are_what_they_are_where_text_has_decimal_commas(tmp_path: Path) -> None:
    table = {
        "timestamp": STAMPS,
        "use [kW]": ["0,412", "0,5", "1,25", "2"],
        "kettle [kW]": [1.125, 2.25, 3.0, 4.5],
    }
    scanned = scan(write(tmp_path, table), device="home1")
    assert [value for _, value in scanned.rows["home1/mains"]] == [412.0, 500.0, 1250.0, 2000.0]
    assert [value for _, value in scanned.rows["home1/kettle"]] == [1125.0, 2250.0, 3000.0, 4500.0]


def test_dates_and_times_apart_make_a_stamp(tmp_path: Path) -> None:
    table = {
        "date": [date(2026, 2, 1), date(2026, 2, 2)],
        "time": [time(23, 45), time(0, 0)],
        "consumption": [1.0, 2.0],
    }
    scanned = scan(write(tmp_path, table), device="home1")
    assert [stamp for stamp, _ in scanned.rows["home1/mains"]] == [
        datetime(2026, 2, 1, 23, 45),
        datetime(2026, 2, 2),
    ]


def test_a_length_tells_the_interval(tmp_path: Path) -> None:
    table = long(values=[0.25, 0.5, 1.0, 0.0]) | {"lasting": [timedelta(minutes=15)] * 4}
    scanned = scan(write(tmp_path, table), interval="lasting", unit="kWh")
    assert [value for _, value in scanned.rows["home1/mains"]] == [1000.0, 2000.0, 4000.0, 0.0]


def test_lists_and_structures_are_left_out(tmp_path: Path) -> None:
    table = long() | {"a list": [[1]] * 4, "a structure": [{"x": 1}] * 4, "payload": ["y"] * 4}
    assert len(scan(write(tmp_path, table)).rows["home1/mains"]) == 4


def test_names_with_dots_are_no_paths(tmp_path: Path) -> None:
    table = {"timestamp": STAMPS, "power": VALUES, "power.fridge": [1.0] * 4, "power.tv": [2.0] * 4}
    scanned = scan(write(tmp_path, table), channels={"power": "mains"}, device="home1")
    assert [value for _, value in scanned.rows["home1/mains"]] == VALUES


def test_row_groups_follow_each_other_and_rows_are_numbered(tmp_path: Path) -> None:
    stamps: list[Any] = [START + timedelta(seconds=i) for i in range(5_000)]
    values = [float(i % 100) for i in range(5_000)]
    stamps[4_321] = None
    path = write(tmp_path, long(stamps, values), row_group_size=700)
    scanned = scan(path)
    assert scanned.report.lines == 5_000
    assert scanned.faults == {4_322: "stamp_empty"}
    assert len(scanned.rows["home1/mains"]) == 4_999


def test_a_clock_that_goes_back_is_told_by_the_instants(tmp_path: Path) -> None:
    zone = ZoneInfo("Europe/Berlin")
    instants = [datetime(2025, 10, 25, 23, tzinfo=UTC) + timedelta(hours=i) for i in range(4)]
    stamps = pa.array([stamp.astimezone(zone) for stamp in instants])
    scanned = scan(write(tmp_path, long(stamps)), timezone="Europe/Berlin")
    assert [stamp for stamp, _ in scanned.rows["home1/mains"]] == [
        stamp.replace(tzinfo=None) for stamp in instants
    ]


def test_marks_of_our_own_mean_nothing_in_a_device(tmp_path: Path) -> None:
    scanned = scan(write(tmp_path, long(devices="home1/mains\x1f-x\x00\x1e")))
    assert not scanned.rows
    assert set(scanned.faults.values()) == {"undecodable"}


def test_stamps_beyond_the_calendar_are_rejected_with_a_reason(tmp_path: Path) -> None:
    far = pa.array([0, 2_068_117_000_000_000_000, 2**62, -(2**62)], pa.int64())
    stamps = far.cast(pa.timestamp("us", "UTC"), safe=False)
    scanned = scan(write(tmp_path, long(stamps)))
    assert len(scanned.faults) == 4
    assert not scanned.rows


def test_a_column_that_is_there_twice_is_told(tmp_path: Path) -> None:
    table = pa.Table.from_arrays(
        [pa.array(STAMPS), pa.array(VALUES), pa.array(VALUES)],
        names=["timestamp", "consumption", "consumption"],
    )
    with pytest.raises(BadInputError, match="consumption is there twice"):
        scan(write(tmp_path, table))


def test_a_packed_one_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(write(tmp_path, long()).read_bytes())
    with pytest.raises(BadInputError, match="unpack it"):
        scan(tmp_path / "a.parquet.gz", packed)


def test_overlong_cells_of_other_columns_do_no_harm(tmp_path: Path) -> None:
    table = long() | {"payload": ["x" * 5_000_000] * 4}
    assert len(scan(write(tmp_path, table, use_dictionary=False)).rows["home1/mains"]) == 4


def test_pages_that_do_not_fit_into_memory_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_PAGES_AT_ONCE", 6 << 20)
    table = long() | {"payload": ["x" * 2_000_000] * 4}
    with pytest.raises(BadInputError, match="its pages take 7 MiB of memory at once"):
        scan(write(tmp_path, table, use_dictionary=False))


def test_rows_that_cost_no_bytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_MOST_ROWS_A_BYTE", 1)
    monkeypatch.setattr(parquet, "_MOST_ROWS", 0)
    count = 200_000
    table = {
        name: pa.repeat(value, count)
        for name, value in {
            "timestamp": STAMPS[0],
            "consumption": 1.5,
            "device_id": "home1",
        }.items()
    }
    with pytest.raises(BadInputError, match="200,000 rows in"):
        scan(write(tmp_path, table, compression="zstd", row_group_size=count))


def test_a_long_text_is_no_device(tmp_path: Path) -> None:
    devices = ["x" * 2_000, "home1", "home1", "home1"]
    assert scan(write(tmp_path, long(devices=devices))).faults == {1: "device_empty"}


@pytest.mark.parametrize("kept", [4, 12, 100, -1, -5, -60])
def test_a_file_that_is_cut_short_is_left(tmp_path: Path, kept: int) -> None:
    content = write(tmp_path, long()).read_bytes()
    with pytest.raises(BadInputError, match=r"a\.parquet is cut short or damaged"):
        scan(tmp_path / "a.parquet", content[:kept])


def test_a_footer_that_lies_about_its_rows_is_told(tmp_path: Path) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(long()), sink, store_schema=False)
    content = bytearray(sink.getvalue().to_pybytes())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    place = content.index(b"\x16\x08\x19", footer)  # num_rows: 4, then the row groups
    content[place + 1] = 2 * 3
    with pytest.raises(BadInputError, match="damaged"):
        scan(tmp_path / "a.parquet", bytes(content))


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parquet")
    return write(folder, long(STAMPS * 50, VALUES * 50), row_group_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6))
def test_whatever_is_damaged_is_told_or_accounted_for(
    honest: Path, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(honest.read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    try:
        scanned = scan(honest.parent / "damaged.parquet", bytes(content))
    except BadInputError as error:
        assert "damaged.parquet" in str(error)
    else:
        assert scanned.report.lines == 200 or not content.startswith(b"PAR1")
