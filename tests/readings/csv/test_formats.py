"""Whatever a file looks like, the table says what it means."""

from __future__ import annotations

import gzip
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.stamps.forms import find_stamps
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source
from smartwatts_ml.stages.ingest import ingest

HEADER = "timestamp,consumption,device_id"
MOMENT = datetime(2026, 12, 31, 14, 5)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def readings(
    objects: Objects, content: str | bytes | dict[str, str], **settings: object
) -> list[tuple[datetime, float]]:
    """Raw rows of one device after an ingest, in order of time (UTC, naive)."""
    from deltalake import DeltaTable

    files = content if isinstance(content, dict) else {"a.csv": content}
    for name, data in files.items():
        objects.write(f"landing/{name}", data.encode() if isinstance(data, str) else data)
    report = ingest(objects, Settings(**settings))  # type: ignore[arg-type]
    assert not report.left, report.left[0].left
    assert not report.rejected, [file.reasons for file in report.files]
    table = DeltaTable(objects.uri("readings")).to_pyarrow_table()
    rows = [(r["timestamp"].replace(tzinfo=None), r["consumption"]) for r in table.to_pylist()]
    return sorted(rows)


def csv(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows, ""])


PLAIN = csv("2026-12-31 14:05,1.5,a", "2026-12-31 14:06,2.5,a")
EXPECTED = [(MOMENT, 1.5), (MOMENT + timedelta(minutes=1), 2.5)]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(PLAIN.encode(), mtime=0),
        bytes(pa.compress(PLAIN.encode(), "zstd", asbytes=True)),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", ";").replace(".5", ",5"),
        PLAIN.replace(",", "\t").replace(".5", ",5"),
        PLAIN.replace(",", "|"),
        PLAIN.replace("1.5", '"1,5"').replace("2.5", '"2,5"'),
        PLAIN.replace(",", '","').replace("\n", '"\n"')[:-1].join(['"', ""]),
        PLAIN.replace("timestamp", " TimeStamp ").replace("device", "DEVICE"),
        csv("x,a,1.5,,2026-12-31 14:05", "y,a,2.5,z,2026-12-31 14:06",
            header="other,device_id,consumption,note,timestamp") ,
    ],
)  # fmt: skip
def test_packing_encoding_ends_separators_quotes_and_order_do_not_matter(
    objects: Objects, content: str | bytes
) -> None:
    assert readings(objects, content) == EXPECTED


@pytest.mark.parametrize(
    "form",
        [
            "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%f",
            "%Y-%m-%d %H:%M UTC", "%Y-%m-%dT%H:%M:%S+00:00", "%d.%m.%Y %H:%M", "%d.%m.%y %H:%M",
            "%d/%m/%Y %H:%M", "%d/%m/%y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M%p",
            "%d-%m-%Y %H:%M", "%Y/%m/%d %H:%M", "%Y%m%dT%H%M", "%Y%m%d %H%M%S", "%Y%m%d%H%M",
            "%Y%m%d%H%M%S", "%d.%m.%YT%H:%M",
    ],
)  # fmt: skip
def test_stamps_of_any_common_form_are_told(objects: Objects, form: str) -> None:
    rows = [f"{stamp:{form}};{value};a" for stamp, value in EXPECTED]
    content = csv(*rows, header=HEADER.replace(",", ";"))
    assert readings(objects, content) == EXPECTED


@pytest.mark.parametrize("scale", [1, 1000])
def test_epochs_are_told_by_their_size(objects: Objects, scale: int) -> None:
    seconds = [(int(stamp.replace(tzinfo=UTC).timestamp()), value) for stamp, value in EXPECTED]
    rows = [f"{second * scale},{value},a" for second, value in seconds]
    assert readings(objects, csv(*rows), timezone="Europe/Paris") == EXPECTED


def test_dates_alone_are_midnights(objects: Objects) -> None:
    for rows in (["2026-12-30,1,a", "2026-12-31,2,a"], ["30.12.2026,1,a", "31.12.2026,2,a"]):
        found = readings(objects, csv(*rows))
        assert found[-1] == (datetime(2026, 12, 31), 2.0)


def hourly(form: str, day: datetime, count: int) -> list[str]:
    return [f"{day + timedelta(hours=hour):{form}}" for hour in range(count)]


def test_day_and_month_are_told_by_the_whole_sample() -> None:
    start = datetime(2026, 2, 1)
    for form in ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m-%d-%Y %I:%M %p"):
        assert find_stamps(hourly(form, start, 24 * 20), "a.csv").form == form
        assert find_stamps(hourly(form, start, 24 * 5), "a.csv").form == form
        assert find_stamps(hourly(form, start, 24 * 5)[::-1], "a.csv").form == form


@pytest.mark.parametrize(
    "stamps",
    [
        ["05/06/2026 10:00"],
        [f"01/{month:02}/2026 00:00" for month in range(1, 13)],
        [f"01/{month:02}/2026" for month in range(1, 13)],
        [f"05/06/2026 {hour:02}:00" for hour in range(24)],
        ["13/01/2026 10:00", "01/13/2026 10:00"],
        ["00/00/2026 0:00"],
    ],
)
def test_day_and_month_that_nothing_tells_are_refused(stamps: list[str]) -> None:
    with pytest.raises(BadInputError, match="which is the day"):
        find_stamps(stamps, "a.csv")
    given = "%d/%m/%Y %H:%M"
    assert find_stamps(stamps, "a.csv", given).form == given


def test_a_slip_does_not_make_a_whole_file_ambiguous() -> None:
    stamps = [*hourly("%d/%m/%Y %H:%M", datetime(2026, 2, 13), 200), "01/31/2026 00:00"]
    assert find_stamps(stamps, "a.csv").form == "%d/%m/%Y %H:%M"


def test_sources_differ_by_their_paths(objects: Objects) -> None:
    files = {
        "paris/a.csv": csv("2026-07-01 12:00,1,a"),
        "grid/b.csv": csv("01/07/2026 12:00,2,a"),
        "other/c.csv": csv("2026-07-01 13:00,3,a"),
    }
    sources = [
        Source(match="paris/*", timezone="Europe/Paris", unit="kW"),
        Source(match="grid/*.csv", stamp="%d/%m/%Y %H:%M"),
    ]
    noon = datetime(2026, 7, 1, 12)
    hour = timedelta(hours=1)
    expected = [(noon - 2 * hour, 1000.0), (noon, 2.0), (noon + hour, 3.0)]
    assert readings(objects, files, sources=sources) == expected


def test_a_form_with_an_offset_is_not_moved_by_the_clock(objects: Objects) -> None:
    source = Source(stamp="%d.%m.%Y %H:%M %z", timezone="America/New_York")
    rows = csv("31.12.2026 15:05 +0100,1.5,a", "31.12.2026 14:06 +0000,2.5,a")
    assert readings(objects, rows, sources=[source]) == EXPECTED


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"stamp": "%Q"}, "'%Q' is no form of timestamps"),
        ({"timezone": "Europe/Brusels"}, "did you mean Europe/Brussels?"),
        ({"site_timezone": "Mars/X"}, "no timezone 'Mars/X'"),
        ({"layout": "homewizzard"}, "did you mean homewizard?"),
    ],
)
def test_a_slip_in_one_source_names_it_and_is_no_matter_of_other_files(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Any, problem: str
) -> None:
    lines = [f'{name} = "{text}"' for name, text in said.items()]
    text = "\n".join(["[[smartwatts.sources]]", 'match = "a.csv"', *lines, ""])
    (tmp_path / "smartwatts.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        objects.write(f"landing/{name}", csv(f"2026-12-31 14:05,1.5,{name}").encode())
    report = ingest(objects, Settings.load())
    assert report.accepted == 1
    (left,) = report.left
    assert f'its source "a.csv" ({tmp_path}/smartwatts.toml, line 2): ' in str(left.left)
    assert problem in str(left.left)
    assert not ingest(objects, Settings(sources=[Source(match="a.csv")])).left


@pytest.mark.parametrize(("unit", "value"), [("W", 1500), ("kW", 1.5), ("Wh", 375), ("kWh", 0.375)])
def test_units_become_watts(objects: Objects, unit: str, value: float) -> None:
    rows = csv(*(f"2026-12-31 14:{minute:02},{value},a" for minute in (0, 15, 30)))
    assert [power for _, power in readings(objects, rows, unit=unit)] == [1500.0] * 3


def test_energy_is_of_its_own_interval_which_a_hole_does_not_stretch(objects: Objects) -> None:
    minutes = [0, 15, 30, 45, 120, 135, 151, 165, 180]
    lasting = [15, 15, 15, 15, 15, 16, 14, 15, 15]
    rows = csv(*(f"2026-12-31 {m // 60:02}:{m % 60:02},0.25,a" for m in minutes))
    powers = [power for _, power in readings(objects, rows, unit="kWh")]
    assert powers == pytest.approx([250 * 60 / length for length in lasting])


ZONES = {
    "Europe/Paris": datetime(2026, 10, 25),
    "America/New_York": datetime(2026, 11, 1),
    "Australia/Lord_Howe": datetime(2026, 4, 5),
    "Pacific/Auckland": datetime(2029, 4, 1),  # the fold is in UTC's March
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("minutes", [1, 10, 30])
def test_a_day_with_a_fold_comes_out_whole(objects: Objects, zone: str, minutes: int) -> None:
    midnight = ZONES[zone].replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    instants = [midnight + timedelta(minutes=minutes) * i for i in range(26 * 60 // minutes)]
    rows = [
        f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M},{i},a"
        for i, instant in enumerate(instants)
    ]
    found = readings(objects, csv(*rows), timezone=zone)
    assert found == [(instant.replace(tzinfo=None), i) for i, instant in enumerate(instants)]


def test_the_gap_of_each_clock_is_rejected(objects: Objects) -> None:
    objects.write("landing/ny/a.csv", csv("2026-03-08 01:59,1,a", "2026-03-08 02:30,1,a").encode())
    objects.write("landing/lh/b.csv", csv("2026-10-04 02:29,1,a", "2026-10-04 02:30,1,a").encode())
    sources = [
        Source(match="ny/*", timezone="America/New_York"),
        Source(match="lh/*", timezone="Australia/Lord_Howe"),
    ]
    report = ingest(objects, Settings(sources=sources))
    assert [file.reasons for file in report.files] == [{"stamp_gap": 1}] * 2


def counted(hours: range, start_kwh: float = 0.0, unit_per_kwh: float = 1.0) -> list[str]:
    """A meter's total at each hour: 1 kWh the hour."""
    first = datetime(2026, 3, 30)
    return [
        f"{first + timedelta(hours=hour):%Y-%m-%d %H:%M},{(start_kwh + hour) * unit_per_kwh:g},a"
        for hour in hours
    ]


def power(objects: Objects, unit: str, *files: list[str]) -> np.ndarray:
    for number, rows in enumerate(files):
        objects.write(f"landing/{number}.csv", csv(*rows).encode())
        ingest(objects, Settings(unit=unit))  # type: ignore[arg-type]
    table = open_table(objects)
    return table.readings(table.snapshot(), Settings()).load("a", 3600).channels["mains"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_counter_over_several_files_has_the_right_power_at_the_joints(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    files = [counted(range(0, 30)), counted(range(30, 50)), counted(range(50, 72))]
    found = power(open_root(str(tmp_path)), "kWh-counter", *(files[place] for place in order))
    assert found.tolist() == [1000.0] * 71


def test_a_counter_of_wh_rolls_over_resets_and_has_holes(objects: Objects) -> None:
    rolled = [row.replace(",1e+06", ",0") for row in counted(range(0, 5), 996, 1000)]
    reset = counted(range(5, 9), -5.0, 1000)
    after_a_hole = counted(range(20, 24), 0, 1000)
    found = power(objects, "Wh-counter", rolled, reset, after_a_hole)
    assert found[:4].tolist() == [1000.0] * 4
    assert found[5:8].tolist() == [1000.0] * 3
    assert found[8:20] == pytest.approx([17_000 / 12] * 12)  # what the hole has used, evenly
    assert found[20:].tolist() == [1000.0] * 3
