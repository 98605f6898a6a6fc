"""JSON: lines, arrays, and arrays wherever in a document they are."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import BadInputError
from tests.readings.formats.scanned import HEADER, Scanned, scan

pytestmark = pytest.mark.slow

START = datetime(2026, 2, 1, 23)
MAINS = "home1/mains"
HOUR_MS = 3_600_000


def record(i: int, value: Any, device: str = "home1") -> dict[str, Any]:
    stamp = f"{(START + timedelta(minutes=i)).isoformat()}Z"
    return {"timestamp": stamp, "consumption": value, "device_id": device}


RECORDS = [record(i, value) for i, value in enumerate([1.125, 2, "3.5", None])]
EXPECTED = {MAINS: [(START + timedelta(minutes=i), v) for i, v in enumerate([1.125, 2.0, 3.5])]}


def lines(*records: Any) -> bytes:
    return "".join(f"{json.dumps(r)}\n" for r in records).encode()


def read(tmp_path: Path, content: Any, name: str = "a.json", **source: Any) -> Scanned:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return scan(tmp_path / name, data, **source)


def test_each_line_is_an_object(tmp_path: Path) -> None:
    scanned = read(tmp_path, lines(*RECORDS), "a.jsonl")
    assert scanned.rows == EXPECTED
    report = scanned.report
    assert (report.lines, report.header, report.missing, report.read) == (4, 0, 1, 3)


def test_a_bad_line_costs_itself(tmp_path: Path) -> None:
    bad = b'{"timestamp": "2026\nnot json\n\n[1]\n' + b"[" * 100_000 + b"\n"
    scanned = read(tmp_path, lines(*RECORDS[:2]) + bad + lines(RECORDS[2]))
    assert scanned.rows == EXPECTED
    assert sorted(scanned.faults) == [3, 4, 6, 7]
    assert scanned.report.blank == 1


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_the_same_as_its_lines(tmp_path: Path, indent: int | None) -> None:
    text = json.dumps(RECORDS, indent=indent)
    scanned = read(tmp_path, text.encode())
    assert scanned.rows == EXPECTED
    assert scanned.report.lines == max(4, len(text.splitlines()))
    packed = read(tmp_path, gzip.compress(text.encode()), "a.json.gz")
    assert packed.rows == EXPECTED
    assert packed.report.digest == scanned.report.digest


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_it_is_the_same_in_any_encoding(tmp_path: Path, codec: str) -> None:
    for text in (json.dumps(RECORDS, indent=2), lines(*RECORDS).decode()):
        assert read(tmp_path, text.encode(codec)).rows == EXPECTED


def test_half_a_character_is_no_text_and_costs_its_object(tmp_path: Path) -> None:
    bad = [record(4, 1, "home\ud800"), record(5, 1, "a\udfffb") | {"x\ud800": 1}]
    scanned = read(tmp_path, lines(*RECORDS, *bad), "a.jsonl")
    assert scanned.rows == EXPECTED
    assert set(scanned.faults.values()) == {"undecodable"}
    around = read(tmp_path, {"m\ud800": bad, "n": [*RECORDS, "\ud800"]})
    assert around.rows == EXPECTED
    assert all(row.text.isprintable() for row in around.rejected)


def test_an_array_may_be_anywhere_in_a_document(tmp_path: Path) -> None:
    document = {"count": 4, "next": None, "data": {"results": RECORDS}}
    assert read(tmp_path, document).rows == EXPECTED


def test_objects_around_an_array_say_whose_it_is(tmp_path: Path) -> None:
    readings = [{"time": r["timestamp"], "power": r["consumption"]} for r in RECORDS]
    by_name = {"home1": readings, "home2": readings[:1]}
    by_field = [
        {"meter": "home1", "readings": readings},
        {"meter": "home2", "readings": readings[:1]},
    ]
    for document in (by_name, by_field):
        rows = read(tmp_path, document).rows
        assert {name: len(several) for name, several in rows.items()} == {
            "home1/mains": 3,
            "home2/mains": 1,
        }


def state(i: int, value: str, **more: Any) -> dict[str, Any]:
    return {
        "state": value,
        "last_changed": f"{(START + timedelta(minutes=i)).isoformat()}+00:00",
    } | more


def test_states_of_home_assistant_belong_to_the_entity_that_the_first_one_names(
    tmp_path: Path,
) -> None:
    watts = {"attributes": {"unit_of_measurement": "W", "friendly_name": "House"}}
    total = {"attributes": {"unit_of_measurement": "kWh"}}
    celsius = {"attributes": {"unit_of_measurement": "°C"}}
    history = [
        [
            state(0, "500", entity_id="sensor.house_power", **watts),
            state(1, "unavailable"),
            state(2, "510"),
        ],
        [state(0, "12.5", entity_id="sensor.heat_pump_energy", **total), state(1, "12.75")],
        [state(0, "21", entity_id="sensor.cellar_temperature", **celsius)],
    ]
    scanned = read(tmp_path, history, device="home1", channels={"sensor.house_power": "mains"})
    assert {name: [v for _, v in rows] for name, rows in scanned.rows.items()} == {
        MAINS: [500.0, 510.0],
        "home1/heat_pump": [12.5, 12.75],
    }
    assert list(scanned.faults.values()) == ["a temperature"]


def test_compressed_states_are_read_by_their_entity(tmp_path: Path) -> None:
    second = START.replace(tzinfo=UTC).timestamp()
    attributes = {"unit_of_measurement": "W"}
    document = {
        "sensor.house_power": [
            {"s": "500", "a": attributes, "lu": second},
            {"s": "510", "lu": second + 60.5},
        ]
    }
    scanned = read(tmp_path, document, device="home1", channels={"sensor.house_power": "mains"})
    assert scanned.rows[MAINS] == [
        (START, 500.0),
        (START + timedelta(seconds=60.5), 510.0),
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[]", "JSON without objects"),
        (b"{}", "JSON without objects"),
        (b"[" * 100_000 + b"]" * 100_000, "inside of each other"),
        (b'[{"a":' + b"[" * 1_000_000, "no JSON"),
        (b'[{"a":"' + b"x" * (12 << 20), "more than 8 MiB"),
        (json.dumps(RECORDS, indent=1).encode()[:-20], "line 17: no JSON"),
        (json.dumps(RECORDS).encode() + b"]", "line 1: no JSON"),
    ],
)
def test_a_document_that_cannot_be_read_is_left(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(BadInputError, match=why) as caught:
        read(tmp_path, content)
    assert "a.json" in str(caught.value)


def test_a_long_array_streams(tmp_path: Path) -> None:
    many = [record(i, i % 100) for i in range(60_000)]
    assert len(read(tmp_path, many).rows[MAINS]) == 60_000


values = st.one_of(
    st.none(),
    st.floats(-1e8, 1e8).map(lambda value: round(value, 3)),
    st.integers(-(10**8), 10**8),
)
stamps = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(
    lambda stamp: stamp.replace(microsecond=0)
)
rows = st.tuples(stamps, values, st.sampled_from(["home1", "home1/kettle", "home2", "日本"]))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(rows, min_size=1, max_size=20))
def test_the_same_rows_are_the_same_readings_in_every_format(
    tmp_path: Path, several: list[tuple[datetime, float | None, str]]
) -> None:
    table: list[dict[str, Any]] = [dict(zip(HEADER.split(","), r, strict=True)) for r in several]
    text = "".join(
        f"{stamp.isoformat()},{'' if value is None else value},{device}\n"
        for stamp, value, device in several
    )
    as_csv = scan(tmp_path / "a.csv", f"{HEADER}\n{text}".encode(), decimal=".")
    objects = [r | {"timestamp": r["timestamp"].isoformat()} for r in table]
    columns: dict[str, Any] = {name: [r[name] for r in table] for name in HEADER.split(",")}
    columns["consumption"] = pa.array(columns["consumption"], pa.float64())
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    for other in (
        read(tmp_path, lines(*objects), "a.jsonl"),
        read(tmp_path, objects),
        scan(tmp_path / "a.parquet"),
    ):
        assert other.rows == as_csv.rows
        assert other.report.missing == as_csv.report.missing


def test_objects_of_more_names_than_columns_are_refused(tmp_path: Path) -> None:
    lines = [
        json.dumps(
            {"timestamp": "2026-05-01", "consumption": 1} | {f"k{i}_{j}": 1 for j in range(50)}
        )
        for i in range(100)
    ]
    with pytest.raises(BadInputError, match="more than 4096 names of values"):
        scan(tmp_path / "a.jsonl", "\n".join(lines).encode())
    one = '{"result": {' + ",\n".join(f'"k{i}": 1' for i in range(5000)) + "}}"
    with pytest.raises(BadInputError, match="an object of more than 4096 values"):
        scan(tmp_path / "b.json", one.encode())


def test_statistics_of_home_assistant_are_totals_at_the_ends_of_hours(tmp_path: Path) -> None:
    first = 1_769_986_800_000
    statistics = [
        {
            "start": first + i * HOUR_MS,
            "end": first + (i + 1) * HOUR_MS,
            "state": 70 + i,
            "sum": total,
        }
        for i, total in enumerate([5.0, 5.5, 6.75])
    ]
    content = {"id": 4, "type": "result", "success": True, "result": {"sensor.meter": statistics}}
    scanned = read(
        tmp_path, content, channels={"sensor.meter": "mains"}, name="home1.json", device="home1"
    )
    ends = [START + timedelta(hours=i + 1) for i in range(3)]
    assert scanned.rows == {MAINS: list(zip(ends, [5.0, 5.5, 6.75], strict=True))}
    assert scanned.report.contents is not None
    assert scanned.report.contents.layout == "home_assistant_statistics_api"


def test_what_stands_beside_statistics_says_whose_they_are(tmp_path: Path) -> None:
    content = {
        "metadata": {"statistic_id": "sensor:meter", "unit_of_measurement": "kWh"},
        "stats": [
            {"start": f"{START + timedelta(hours=i)}Z", "state": i, "sum": 5 + i} for i in range(3)
        ],
    }
    scanned = read(tmp_path, content, channels={"sensor:meter": "mains"}, device="home1")
    assert [value for _, value in scanned.rows[MAINS]] == [5.0, 6.0, 7.0]
