"""Every physical line is accounted for, and what is accepted is what plain Python accepts."""

from __future__ import annotations

import gzip
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import BadInputError, SmartwattsError
from smartwatts_ml.readings import content as content_module
from smartwatts_ml.readings.csv import blocks as blocks_module
from smartwatts_ml.readings.csv import reader as reader_module
from smartwatts_ml.readings.csv.arrow_parser import parse_fast
from smartwatts_ml.readings.ingest.settling import settle
from smartwatts_ml.readings.ingest.staging import Staging
from smartwatts_ml.readings.parsed import ParsedBlock, labels_of
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.sources import Source
from tests.readings.ingest import oracle

HEADER = "timestamp,consumption,device_id\n"
COLUMNS = ("timestamp", "consumption", "device_id")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scan") / "in.csv"


def scan_bytes(path: Path, content: bytes, **source: Any) -> Any:
    """Report, rows (line, stamp, value, device, label) in the order of lines, faults."""
    path.write_bytes(content)
    scan = FileScan(path, "in.csv", Source(**source))
    rows, faults = [], {}
    for block in scan:
        faults.update({row.line: row.fault for row in block.rejected})
        for parsed in block.rows:
            labels = [None if np.isnan(label) else int(label) for label in labels_of(parsed.labels)]
            stamps = parsed.stamps.astype("M8[us]").tolist()
            names = [parsed.names[device] for device in parsed.devices.tolist()]
            lines, values = parsed.lines.tolist(), parsed.values.tolist()
            rows += list(zip(lines, stamps, values, names, labels, strict=True))
    return scan.report(), rows, faults


def settled(path: Path, content: str, **source: Any) -> Any:
    """Readings of a file, (stamp, value) sorted by device and time, and its faults."""
    path.write_text(content)
    scan = FileScan(path, "in.csv", Source(**source))
    faults = {}
    staging = Staging(path.parent / uuid.uuid4().hex, by_device=True)
    number = staging.open_file(arrival=0)
    for block in scan:
        staging.add(number, block, scan.clock)
        faults.update({row.line: row.fault for row in block.rejected})
    staged = staging.staged(staging.intervals([number]))
    shards = [settle(staging.spill.read(shard), staged) for shard in staging.spill.sizes()]
    staging.close()
    readings = [
        pair
        for shard in shards
        for pair in zip(
            shard.rows.stamps.astype("M8[us]").tolist(), shard.rows.values.tolist(), strict=True
        )
    ]
    duplicates: Counter[int] = sum((shard.duplicates for shard in shards), Counter())
    return readings, faults, dict(duplicates)


good_stamps = st.one_of(
    st.datetimes(datetime(2019, 12, 31), datetime(2020, 1, 2)).map(
        lambda stamp: stamp.isoformat(sep=" ", timespec="seconds")
    ),
    st.sampled_from(
        [
            "2020-01-01 00:00:00",
            "2020-01-01T00:01",
            "2020-01-01T00:02:00Z",
            "2020-01-01 00:02:00 UTC",
            "2020-01-01T00:02:00+02:00",
            "2020-01-01T00:02:00.250-0530",
            "2020-01-01 00:02:00.1234567+01",
            "2020-01-01 24:00:00",
        ]
    ),
)
BAD_STAMPS = """

epoch
now
infinity
1577836800
2020-01-01
2020-1x-1 0:00
2020-01-01  00:00:00
2020-02-30 00:00
0000-00-00 00:00
1970-01-01 00:00:00
1999-12-31 23:59:59
2100-01-01 00:00
2020-01-01 24:00:01
2020-01-01 00:00:60
2020-01-01 00:00:00+25:00
2020-01-01 00:00:00+02:75
2020-01-01 00:00:00 Europe/Paris
"""
ODD_VALUES = """

nan
NaN
inf
-Infinity
1e400
1_000
0x1f
1e3
.5
5.
+5
- 5
1,5
true
NULL
999999999.9
1e9
١
1e
e5
.
1 0
"""
bad_stamps = st.sampled_from(BAD_STAMPS.splitlines())
values = st.one_of(
    st.floats(-1e8, 1e8).map(repr),
    st.integers(-(10**10), 10**10).map(str),
    st.sampled_from(ODD_VALUES.splitlines()),
)
devices = st.sampled_from(
    ["home1", "home1/mains", "home1/", "home1/kettle", "/kettle", "", "home 2", "a/b/c", "日本/x"]
)


def quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


fields = st.tuples(st.one_of(good_stamps, good_stamps, bad_stamps), values, devices)
rows = st.tuples(
    fields, st.lists(st.sampled_from(["", " ", "\t", "q"]), min_size=3, max_size=3)
).map(
    lambda made: ",".join(
        quote(text) if pad == "q" else pad + text + pad for text, pad in zip(*made, strict=True)
    )
)
junk = st.one_of(
    st.text(max_size=30),
    st.text(alphabet='",\r \x00\x01\x1fé\ufeffab;', max_size=12),
    st.sampled_from(["", " ", "\t", ",,", '"', '"a', 'a"b,c,d', HEADER.strip(), "," * 40]),
)
lines = st.lists(
    st.tuples(
        st.one_of(rows, rows, rows, junk).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]),
    ),
    max_size=25,
).map(lambda made: b"".join(text + end for text, end in made))


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


USUAL = b"".join(b"2020-01-01 03:%02d,1.5,usual\n" % minute for minute in range(30))
"""So that what is usual in the file, decimal points too, does not depend on the odd lines."""


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines, st.sampled_from([b"", b"\xef\xbb\xbf"]), st.sampled_from([gzip.compress, zstd]))
@example(b'2020-01-01 00:00,"1,home1\n2020-01-01 00:01,2,home1\n', b"", gzip.compress)
@example(b"\xff\xfe,\x80,\n2020-01-01 00:01,2,home\xff1", b"", gzip.compress)
def test_every_line_is_accounted_for_as_plain_python_does(
    path: Path, body: bytes, mark: bytes, pack: Callable[[bytes], bytes]
) -> None:
    # Packed, so that an odd last line is not taken for a file that was cut off.
    content = mark + HEADER.encode() + USUAL + body
    expected = oracle.read(content, COLUMNS)
    report, accepted, faults = scan_bytes(path, pack(content))
    assert accepted == expected.rows
    assert faults == expected.faults
    assert report.lines == expected.lines
    assert report.blank == expected.blank
    assert report.missing == expected.missing
    assert report.accepted == len(expected.rows)
    assert report.adds_up
    assert sum(report.reasons.values()) == report.rejected == len(expected.faults)


def test_header_order_case_and_extra_columns_are_free(path: Path) -> None:
    content = b" Quality,DEVICE_ID, Consumption ,Timestamp\nok,a,5,2020-01-01 00:00\n"
    _, accepted, _ = scan_bytes(path, content)
    assert accepted == [(2, datetime(2020, 1, 1), 5.0, "a/mains", None)]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs_separate_with_decimal_commas(path: Path, separator: str) -> None:
    content = HEADER.replace(",", separator) + separator.join(["2020-01-01 00:00", "1,5", "a\n"])
    assert scan_bytes(path, content.encode())[1][0][2] == 1.5


@pytest.mark.parametrize("mark", [" ", "'", "’", "\u202f"])
def test_marks_between_thousands_are_none_of_a_number(path: Path, mark: str) -> None:
    stamps = [f"2026-01-01 00:{i:02}" for i in range(4)]
    texts = [f"1{mark}234,5", "n.v.", "n.v.", "800,25"]
    rows = "".join(f"{stamp};{text};h\n" for stamp, text in zip(stamps, texts, strict=True))
    _, accepted, faults = scan_bytes(path, (HEADER.replace(",", ";") + rows).encode())
    assert [row[2] for row in accepted] == [1234.5, 800.25]
    assert faults == {3: "value_form", 4: "value_form"}


def test_between_commas_a_decimal_comma_needs_quotes(path: Path) -> None:
    content = HEADER + '2020-01-01 00:00,"1,5",a\n2020-01-01 00:01,2,a\n'
    assert [row[2] for row in scan_bytes(path, content.encode())[1]] == [1.5, 2.0]


def test_utf16_with_its_mark_is_read(path: Path) -> None:
    content = (HEADER + "2020-01-01 00:00,5,é\r\n").encode("utf-16")
    assert scan_bytes(path, content)[1][0][3] == "é/mains"


def test_labels_are_kept_and_wrong_ones_rejected(path: Path) -> None:
    rows = [f"2020-01-01 00:0{i},5,a,{label}" for i, label in enumerate(["0", "1", "", "2"])]
    content = "timestamp,consumption,device_id,anomaly\n" + "\n".join([*rows, ""])
    _, accepted, faults = scan_bytes(path, content.encode())
    assert [row[4] for row in accepted] == [0, 1, None]
    assert faults == {5: "anomaly_form"}


def test_an_overlong_line_costs_only_itself(path: Path) -> None:
    content = HEADER.encode() + b"x" * 3_000_000 + b"\n2020-01-01 00:00,5,a\n"
    report, accepted, faults = scan_bytes(path, content)
    assert (report.lines, [row[0] for row in accepted], faults) == (3, [3], {2: "width"})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\n \n", "no line with text"),
        (b"a,b\n1,2\n", "line 1: no header"),
        (b"\ntimestamp,device_id\n", "line 2: no column of consumption"),
        (b"timestamp,timestamp,consumption,device_id\n", "twice"),
        (gzip.compress(HEADER.encode() * 9999, mtime=0)[:60], "cut short"),
        (gzip.compress(HEADER.encode(), mtime=0)[:-9] + b"\0" * 9, "cut short"),
    ],
)
def test_an_unusable_file_says_where_and_what(path: Path, content: bytes, told: str) -> None:
    with pytest.raises(BadInputError, match=told) as caught:
        scan_bytes(path, content)
    assert "in.csv" in str(caught.value)


def test_a_line_lost_by_the_scan_stops_everything(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(*arguments: Any) -> ParsedBlock:
        parsed = parse_fast(*arguments)
        assert parsed is not None
        return replace(parsed, read=parsed.read - 1)

    monkeypatch.setattr(reader_module, "parse_fast", forgetful)
    with pytest.raises(SmartwattsError, match="2 lines from line 2 on, but 1 scanned"):
        scan_bytes(path, (HEADER + "2020-01-01 00:00,5,a\n2020-01-01 00:01,5,a\n").encode())


def dated(form: str, days: range) -> str:
    return "".join(f"{datetime(2026, 1, day):{form}} 10:00,5,a\n" for day in days for _ in range(9))


def test_a_date_that_contradicts_the_others_is_rejected(path: Path) -> None:
    content = HEADER + dated("%d/%m/%Y", range(1, 30)) + "01/31/2026 10:00,5,a\n"
    assert scan_bytes(path, content.encode())[2] == {263: "stamp_swapped"}


def test_day_and_month_that_change_places_refuse_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_module, "_PIECE", 1 << 12)
    content = HEADER + dated("%d/%m/%Y", range(1, 30)) + dated("%m/%d/%Y", range(1, 30))
    with pytest.raises(BadInputError, match="day and month the other way round"):
        scan_bytes(path, content.encode())


def local_scan(path: Path, stamps: list[str]) -> tuple[list[str], dict[int, str]]:
    content = HEADER + "".join(f"{stamp},{i},a\n" for i, stamp in enumerate(stamps))
    rows, faults, _ = settled(path, content, timezone="Europe/Paris")
    return [stamp.isoformat(timespec="minutes")[-5:] for stamp, _ in rows], faults


def test_naive_stamps_are_read_on_the_configured_clock(path: Path) -> None:
    stamps = ["2020-01-01 12:00", "2020-07-01 12:00", "2020-07-01T12:00Z"]
    assert local_scan(path, stamps) == (["11:00", "10:00", "12:00"], {})


def test_a_stamp_in_the_spring_gap_is_rejected(path: Path) -> None:
    stamps = ["2020-03-29 01:59", "2020-03-29 02:00", "2020-03-29 02:59", "2020-03-29 03:00"]
    assert local_scan(path, stamps) == (["00:59", "01:00"], {3: "stamp_gap", 4: "stamp_gap"})


def fold(*times: str) -> list[str]:
    return [f"2020-10-25 {time}" for time in times]


def test_one_of_two_hours_between_others_could_be_either(path: Path) -> None:
    assert local_scan(path, fold("01:30", "02:00", "02:30", "03:00"))[0] == ["23:30", "02:00"]


def test_one_of_two_hours_is_told_by_what_is_on_one_side(path: Path) -> None:
    assert local_scan(path, fold("01:30", "02:00", "02:30"))[0] == ["23:30", "00:00", "00:30"]
    assert local_scan(path, fold("02:00", "02:30", "03:00"))[0] == ["01:00", "01:30", "02:00"]


def test_a_fold_takes_the_second_hour_once_the_sequence_goes_back(path: Path) -> None:
    found, _ = local_scan(path, fold("02:00", "02:20", "02:40", "02:10", "02:30", "03:00"))
    assert found == ["00:00", "00:20", "00:40", "01:10", "01:30", "02:00"]


def test_an_hourly_series_shows_the_second_hour_by_repeating_it(path: Path) -> None:
    found, _ = local_scan(path, fold("01:00", "02:00", "02:00", "03:00"))
    assert found == ["23:00", "00:00", "01:00", "02:00"]


def test_energy_per_interval_becomes_mean_power(path: Path) -> None:
    rows = "2020-01-01 00:00,0.5,a\n2020-01-01 00:30,1,a\n2020-01-01 00:00,1,b\n"
    found, _, _ = settled(path, HEADER + rows, unit="kWh")
    assert [value for _, value in found] == [1000.0, 2000.0, 2000.0]
    found, _, _ = settled(path, HEADER + rows, unit="Wh", interval_s=60.0)
    assert [value for _, value in found] == [30.0, 60.0, 60.0]


@pytest.mark.parametrize("odd", ["0", "PT0S", "", "-5", "x", "9" * 5000, f"PT{'9' * 5000}H"])
def test_energy_of_an_interval_without_its_length_is_rejected(path: Path, odd: str) -> None:
    lengths = ["PT1H", odd, "PT1H", "PT1H"]
    rows = "".join(f"2026-01-01 {i:02}:00,0.5,h,{text}\n" for i, text in enumerate(lengths))
    header = HEADER.replace("\n", ",lasting\n")
    _, accepted, faults = scan_bytes(path, (header + rows).encode(), interval="lasting", unit="kWh")
    assert [row[2] for row in accepted] == [500.0] * 3
    assert faults == {3: "interval_none"}
    _, accepted, faults = scan_bytes(path, (header + rows).encode(), interval="lasting")
    assert (len(accepted), faults) == (4, {})  # of power nothing hangs on it


def test_an_interval_of_more_than_a_day_is_rejected_however_it_is_said(path: Path) -> None:
    rows = "".join(f"2026-01-01 {i:02}:00,0.5,h,{3600 * i or 999999}\n" for i in range(3))
    header = HEADER.replace("\n", ",lasting\n")
    _, _, faults = scan_bytes(path, (header + rows).encode(), interval="lasting", unit="kWh")
    assert faults == {2: "interval_long"}


def test_kilowatts_become_watts(path: Path) -> None:
    content = (HEADER + "2020-01-01 00:00,1.5,a\n").encode()
    assert scan_bytes(path, content, unit="kW")[1][0][2] == 1500.0


def test_the_digest_is_of_the_content_and_not_of_its_packing(path: Path) -> None:
    content = (HEADER + "2020-01-01 00:00,1.5,a\n").encode()
    plain, packed = (scan_bytes(path, data)[0] for data in (content, gzip.compress(content)))
    assert plain.digest == packed.digest


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grows = tmp_path / "grows.csv"
    grows.write_text(HEADER + "2020-01-01 00:00,1.5,a\n")
    count = blocks_module._count_lines

    def grow(data: bytes) -> int:
        with grows.open("a") as file:
            file.write("2020-01-01 00:01,1.5,a\n")
        return count(data)

    monkeypatch.setattr(blocks_module, "_count_lines", grow)
    with pytest.raises(BadInputError, match="changed while it was read"):
        list(FileScan(grows, "grows.csv", Source(unit="W", timezone="UTC")))
