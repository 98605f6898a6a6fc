"""Readings straight from files: sites, corrections, clocks."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.errors import BadInputError, NotFoundError, UsageError
from smartwatts_ml.localtime import local_time
from smartwatts_ml.readings.file_lines import warning_lines
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.stamps.text import StampForm, parse_stamp
from smartwatts_ml.settings import Settings
from smartwatts_ml.sources import Source

SHARED = Path(__file__).parents[3] / "shared" / "data"
HEADER = "timestamp,consumption,device_id"


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "\n".join([header, *rows, ""]).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def hours(device: str, *values: float, day: str = "2024-01-01") -> list[str]:
    return [f"{day} {hour:02}:00:00,{value},{device}" for hour, value in enumerate(values)]


def test_folders_are_searched_below_for_csv_and_packed_csv(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", *hours("home1", 1, 2, 3))
    write(tmp_path / "below" / "b.csv.gz", *hours("home1/kettle", 4, 5, 6))
    write(tmp_path / "below" / "deep" / "c.CSV", *hours("home2", 7, 8))
    write(tmp_path / "notes.txt", "not a reading")
    with FileReadings([tmp_path], Settings()) as readings:
        spans = readings.spans()
        assert [(s.site, s.channels, s.rows, s.native_s) for s in spans] == [
            ("home1", ("kettle", "mains"), 6, 3600),
            ("home2", ("mains",), 2, 3600),
        ]
        loaded = readings.load("home1", 3600)
        assert loaded.start == np.datetime64("2024-01-01T00:00:00")
        assert loaded.channels["kettle"].tolist() == [4, 5, 6]
        assert readings.load("home1", 3600, ["mains", "oven"]).channels.keys() == {"mains"}
        assert [site.site for site in readings.iterate(3600)] == ["home1", "home2"]
        assert len(readings.load("home1", 60)) == 0
        with pytest.raises(NotFoundError):
            readings.load("home3", 3600)


def test_of_a_repeated_stamp_the_last_reading_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "1.csv", *hours("a", 9, 2, 3), *hours("a/mains", 9))
    second = write(tmp_path / "2.csv", *hours("a", 5, 6))
    with FileReadings([first, second], Settings()) as readings:
        assert readings.load("a", 3600).channels["mains"].tolist() == [5, 6, 3]
        assert [file.duplicate for file in readings.report.files] == [1, 0]
    with FileReadings([second, first], Settings()) as readings:
        assert readings.load("a", 3600).channels["mains"].tolist() == [9, 2, 3]


def test_rejected_rows_are_counted_with_their_reasons(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *hours("a", 1, 2), "2024-01-01 02:00:00,,a", "x,1,a")
    with FileReadings([path], Settings()) as readings:
        assert (readings.report.accepted, readings.report.rejected) == (2, 1)
        assert readings.report.files[0].missing == 1
        (line,) = warning_lines(readings.report.files, Settings())
    assert "by its columns, 1 site, 1 channel, 2 readings, 2024-01-01 00:00 to " in line
    assert "1 line without a value; 1 rejected: 1 × timestamp not a date and time" in line


@pytest.mark.parametrize("row", ["", "2024-01-01 00:00:00,nan,a"])
def test_files_without_a_usable_reading_are_bad_input(tmp_path: Path, row: str) -> None:
    with pytest.raises(BadInputError, match="no usable reading"):
        FileReadings([write(tmp_path / "a.csv", row)], Settings())


def test_nothing_to_read_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no file of readings"):
        FileReadings([tmp_path], Settings())
    with pytest.raises(BadInputError, match="no file or folder"):
        FileReadings([tmp_path / "missing"], Settings())


def test_a_bad_header_names_the_file_and_the_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", header="timestamp,colour,device_id")
    with pytest.raises(BadInputError, match=r"a\.csv, line 1: no column of consumption"):
        FileReadings([path], Settings())


@pytest.mark.parametrize(
    ("match", "inside", "by_itself"),
    [("berlin/*", True, False), ("*.csv", True, True), ("a.csv", False, True), ("*", True, True)],
)
def test_sources_are_matched_against_the_path_below_the_given_folder(
    tmp_path: Path, match: str, inside: bool, by_itself: bool
) -> None:
    path = write(tmp_path / "readings" / "berlin" / "a.csv", *hours("a", 1, 2))
    current = Settings(sources=[Source(match=match, unit="kW")])
    for paths, matched in (([tmp_path / "readings"], inside), ([path], by_itself)):
        with FileReadings(paths, current) as readings:
            mains = readings.load("a", 3600).channels["mains"]
        assert mains.tolist() == ([1000, 2000] if matched else [1, 2])


@pytest.mark.parametrize("below", [".", "berlin", "berlin/a.csv"])
def test_a_file_below_landing_is_the_same_however_it_is_given(tmp_path: Path, below: str) -> None:
    landing = tmp_path / "root" / "landing"
    write(landing / "berlin" / "a.csv", *hours("a", 1, 2))
    current = Settings(sources=[Source(match="berlin/*", unit="kW")])
    with FileReadings([landing / below], current) as readings:
        assert readings.load("a", 3600).channels["mains"].tolist() == [1000, 2000]


def test_labels_come_with_the_mains(tmp_path: Path) -> None:
    rows = [f"{row},{label}" for row, label in zip(hours("a", 1, 2, 3), "010", strict=True)]
    path = write(tmp_path / "a.csv", *rows, header=f"{HEADER},anomaly")
    with FileReadings([path], Settings()) as readings:
        anomaly = readings.load("a", 3600).anomaly
        assert anomaly is not None and anomaly.tolist() == [0, 1, 0]


def test_each_site_has_its_timezone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *hours("a", 1, 2), *hours("b", 1, 2))
    current = Settings(timezone="Europe/Paris", site_timezones={"b": "Europe/Lisbon"})
    with FileReadings([path], current) as readings:
        zones = [readings.load(site, 3600).timezone for site in "ab"]
        assert zones == ["Europe/Paris", "Europe/Lisbon"]
        assert readings.load("b", 3600).start == np.datetime64("2023-12-31T23:00:00")


def written(readings: FileReadings, site: str = "a") -> str:
    """The first stamp of a site as it goes out."""
    start = next(span.start for span in readings.spans() if span.site == site)
    (text,) = readings.stamps_for(site)(np.array([start]))
    return text


@pytest.mark.parametrize(
    ("stamp", "timezone"),
    [
        ("2024-07-01 12:00:00", "Europe/Paris"),
        ("2024-07-01T12:00", "UTC"),
        ("2024-07-01T10:00:00Z", "Europe/Paris"),
        ("2024-07-01T12:00:00+02:00", "Europe/Paris"),
        ("2024-07-01 12:00:00 +0530", "UTC"),
        ("2024-07-01 12:00:00-03", "UTC"),
    ],
)
def test_stamps_go_out_as_they_came_in(tmp_path: Path, stamp: str, timezone: str) -> None:
    path = write(tmp_path / "a.csv", f"{stamp},5,a", "2024-07-02T00:00:00Z,5,a")
    with FileReadings([path], Settings(timezone=timezone)) as readings:
        assert written(readings) == stamp
        assert parse_stamp(stamp, timezone) == readings.spans()[0].start


def test_stamps_go_out_on_the_clock_that_a_source_says(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *hours("a", 1, 2))
    current = Settings(sources=[Source(match="a.csv", timezone="Europe/Paris")])
    with FileReadings([path], current) as readings:
        assert written(readings) == "2024-01-01 00:00:00"
        assert readings.timezone("a") == "Europe/Paris"


def test_stamps_of_a_date_and_a_time_apart_go_out_in_one_column(tmp_path: Path) -> None:
    rows = [f"{day}.05.2026,{hour:02}:00,{hour}" for day in (1, 2) for hour in range(24)]
    path = write(tmp_path / "a.csv", *rows, header="Datum,Zeit,Verbrauch (W)")
    with FileReadings([path], Settings(timezone="Europe/Paris")) as readings:
        assert written(readings) == "2026-05-01T00:00:00"


def test_stamps_of_files_of_different_clocks_go_out_with_offsets(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.csv", *hours(name, 1, 2))
    current = Settings(sources=[Source(match="a.csv", timezone="Europe/Paris")])
    with FileReadings([tmp_path], current) as readings:
        assert written(readings, "a") == "2024-01-01T00:00:00+01:00"
        assert written(readings, "b") == "2024-01-01T00:00:00+00:00"
        assert readings.sites_by_timezone() == {"Europe/Paris": ["a"], "UTC": ["b"]}


@pytest.mark.parametrize(
    ("form", "repeated"),
    [
        ("%Y-%m-%d %H:%M", "2026-10-25 02:30{0}"),
        ("%d.%m.%Y %H:%M", "25.10.2026 02:30 {0}"),
        ("%Y-%m-%dT%H:%M:%S", "2026-10-25T02:30:00{0}"),
    ],
)
def test_a_naive_stamp_has_an_offset_in_the_repeated_hour_alone(
    tmp_path: Path, form: str, repeated: str
) -> None:
    first = np.datetime64("2026-10-24T22:30", "s")
    instants = first + np.arange(6) * np.timedelta64(3600, "s")
    shown = local_time(instants, "Europe/Paris").tolist()
    path = write(tmp_path / "a.csv", *(f"{at:{form}},5,a" for at in shown))
    with FileReadings([path], Settings(timezone="Europe/Paris")) as readings:
        assert readings.report.accepted == 6
        texts = readings.stamps_for("a")(instants)
    assert texts[2:4] == [repeated.format("+02:00"), repeated.format("+01:00")]
    assert [*texts[:2], *texts[4:]] == [f"{at:{form}}" for at in [*shown[:2], *shown[4:]]]


def test_what_goes_out_can_come_in_again(tmp_path: Path) -> None:
    instants = np.datetime64("2026-10-24T22:30", "s") + np.arange(8) * np.timedelta64(1800, "s")
    texts = StampForm(separator=" ").write(instants, "Europe/Paris")
    path = write(tmp_path / "a.csv", *(f"{text},{i},a" for i, text in enumerate(texts)))
    with FileReadings([path], Settings(timezone="Europe/Paris")) as readings:
        assert readings.load("a", 1800).channels["mains"].tolist() == list(range(8))


def test_a_site_lives_by_the_clock_of_its_source_then_of_the_settings(tmp_path: Path) -> None:
    for name in "abcde":
        write(
            tmp_path / f"{name}.csv",
            *(f"2024-01-01T0{i}:00Z,5,{name}" for i in range(2)),
        )
    current = Settings(
        timezone="Europe/Berlin",
        site_timezones={name: "Europe/Lisbon" for name in "abcd"},
        sources=[
            Source(match="a.csv", timezone="UTC", site_timezone="Europe/London"),
            Source(match="b.csv", timezone="Europe/Paris"),
            Source(match="c.csv", timezone="UTC"),
        ],
    )
    with FileReadings([tmp_path], current) as readings:
        zones = [readings.load(site, 3600).timezone.partition("/")[2] for site in "abcde"]
        assert zones == ["London", "Paris", "Lisbon", "Lisbon", "Berlin"]
        assert written(readings, "a") == "2024-01-01T00:00Z"


def test_of_files_that_say_several_clocks_of_a_site_the_first_counts_and_it_is_told(
    tmp_path: Path,
) -> None:
    for name, day in (("1", "2024-01-01"), ("2", "2024-01-02"), ("3", "2024-01-03")):
        write(tmp_path / f"{name}.csv", *hours("a", 1, 2, day=day))
    said = {"2.csv": "Europe/Paris", "3.csv": "Europe/Rome"}
    current = Settings(sources=[Source(match=name, timezone=said[name]) for name in said])
    with FileReadings([tmp_path], current) as readings:
        assert readings.timezone("a") == "Europe/Paris"  # as ingest would keep it
        (told,) = [line for line in readings.warnings() if "site_timezone" in line]
    assert told.startswith("a lives by the clock of Europe/Paris, as is said of the first file")
    assert f"{tmp_path}/3.csv by that of Europe/Rome" in told


def test_it_is_told_where_nobody_says_by_whose_clock_a_home_lives(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *(f"2024-01-01T0{i}:00Z,5,a" for i in range(3)))
    by_source = Source(match="*", site_timezone="Europe/London")
    for current, lines in (
        (Settings(), 1),
        (Settings(timezone="UTC"), 0),
        (Settings(site_timezones={"a": "Europe/London"}), 0),
        (Settings(sources=[by_source]), 0),
    ):
        with FileReadings([path], current) as readings:
            told = readings.warnings()
        assert len(told) == lines and all("by whose clock" in line for line in told)


def test_files_that_warn_of_the_same_share_a_line(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.csv", *hours(name, 1, 2))
    write(tmp_path / "d.csv", *hours("d", 1, 2), "never,5,d")
    with FileReadings([tmp_path], Settings()) as readings:
        shared, alone, which = readings.warnings()
    assert which == f"which lines: smartwatts ingest --explain {tmp_path}/d.csv"
    assert alone.startswith(f"{tmp_path}/d.csv: ") and "1 rejected" in alone
    assert shared.startswith(f"{tmp_path}/a.csv and 2 more files, each: nobody says its timezone")


def test_an_offset_follows_the_clock_by_which_the_site_lives(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *(f"2024-07-01T0{i}:00:00+02:00,5,a" for i in range(3)))
    current = Settings(site_timezones={"a": "Europe/Berlin"})
    with FileReadings([path], current) as readings:
        winter = np.array(["2024-01-01T00:00"], "M8[s]")
        assert readings.stamps_for("a")(winter) == ["2024-01-01T01:00:00+01:00"]


def test_a_stamp_on_the_command_line_is_on_a_clock() -> None:
    assert parse_stamp("2024-07-01", "Europe/Paris") == np.datetime64("2024-06-30T22:00")
    with pytest.raises(UsageError, match="does not exist"):
        parse_stamp("2024-03-31 02:30", "Europe/Paris")
    with pytest.raises(UsageError, match="no ISO 8601"):
        parse_stamp("yesterday", "UTC")


@pytest.mark.parametrize(
    ("day", "zone", "start"),
    [
        ("2026-09-06", "America/Santiago", "2026-09-06T04:00"),  # 00:00 is skipped
        ("2026-04-05", "America/Santiago", "2026-04-05T04:00"),  # 23:00 before it came twice
        ("2026-11-01", "America/Havana", "2026-11-01T04:00"),  # 00:00 comes twice
        ("20260329", "Europe/Berlin", "2026-03-28T23:00"),
    ],
)
def test_a_date_begins_with_the_first_instant_that_it_has(day: str, zone: str, start: str) -> None:
    assert parse_stamp(day, zone) == np.datetime64(start)


def test_a_day_that_a_clock_skips_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="2011-12-30 does not exist in Pacific/Apia"):
        parse_stamp("2011-12-30", "Pacific/Apia")


def test_an_unknown_timezone_is_wrong_use(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *hours("a", 1, 2))
    with pytest.raises(UsageError, match="no timezone 'Mars/Base'"):
        FileReadings([path], Settings(timezone="Mars/Base"))


def test_the_temporary_database_is_gone_after_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with FileReadings([write(tmp_path / "a.csv", *hours("a", 1, 2))], Settings()) as readings:
        readings.load("a", 3600)
        assert list((tmp_path / "temporary").iterdir())
    with pytest.raises(BadInputError):
        FileReadings([write(tmp_path / "b.csv", header="x")], Settings())
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_real_minutes_become_the_hourly_means_that_pandas_computes() -> None:
    import pandas as pd

    path = SHARED / "nilm_refit2" / "refit2_2014-03.csv.gz"
    frame = pd.read_csv(path, parse_dates=["timestamp"])
    mains = frame[frame.device_id == "refit2/mains"].set_index("timestamp").consumption
    hourly = mains.resample("1h").agg(["mean", "count"])
    expected = hourly["mean"].where(hourly["count"] >= 30)
    with FileReadings([path], Settings()) as readings:
        assert readings.report.accepted == len(frame)
        loaded = readings.load("refit2", 3600, ["mains"])
        minutes = readings.load("refit2", 60, ["mains"])
    assert np.allclose(loaded.channels["mains"], expected, rtol=1e-6, equal_nan=True)
    assert np.isfinite(minutes.channels["mains"]).sum() == len(mains)
