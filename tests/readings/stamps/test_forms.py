"""Timestamps of any form that people write are told, read, and written back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.stamps import orders
from smartwatts_ml.readings.stamps.casts import database
from smartwatts_ml.readings.stamps.forms import SERIAL, FileStamps, find_stamps
from smartwatts_ml.readings.stamps.sql import plain_sql, stamp_sql
from smartwatts_ml.readings.stamps.text import StampForm

FORMS = """%Y-%m-%d %H:%M|%Y-%m-%dT%H:%M:%S|%d.%m.%Y %H:%M|%d.%m.%Y %H.%M|%Y-%m-%d %H.%M.%S
%d/%m/%Y %H:%M:%S|%m/%d/%Y %I:%M %p|%-m/%-d/%Y, %-I:%M:%S %p|%-d/%-m/%Y %-H:%M|%Y/%m/%d %H:%M
%d-%b-%Y %H:%M|%b %d, %Y %I:%M %p|%a %d %b %Y %H:%M|%a, %d.%m.%Y %H:%M|%d. %b %Y, %H:%M
%Y%m%d%H%M|%Y%m%d %H%M%S|%Y%m%dT%H%M%S|%Y%m%d %H:%M|%Y%m%d%H|%d.%m.%Y %H:%M Uhr|%H:%M %d/%m/%Y
%y/%m/%d %H:%M|%y-%m-%d %H:%M|%y.%m.%d %H:%M|%d.%m.%y %H:%M|%m/%d/%y %H:%M|%Y. %m. %d. %H:%M
%d/%m/%Y %Hh%M|%Y-%m-%d-%H.%M.%S|%Y-%m-%d 00:00:00 %H:%M|%Y-%b-%d %H:%M""".replace("\n", "|").split(
    "|"
)
NAIVE = datetime(1970, 1, 1)


def read(texts: Sequence[str], stamps: FileStamps) -> list[datetime | None]:
    with database() as connection:
        connection.register("texts", pa.table({"text": list(texts)}))
        return [
            row[0]
            for row in connection.sql(f"SELECT {stamp_sql('text', stamps)} FROM texts").fetchall()
        ]


def understood(*texts: str, **options: object) -> list[str]:
    """What SQL makes of texts, as ISO 8601 to the minute."""
    stamps = find_stamps(texts, "a.csv", **options)  # type: ignore[arg-type]
    return [f"{x:%Y-%m-%d %H:%M}" if x else "" for x in read(texts, stamps)]


def hours(form: str, start: datetime = datetime(2026, 2, 13), count: int = 40) -> list[str]:
    return [(start + timedelta(hours=hour)).strftime(form) for hour in range(count)]


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_told_read_and_written_back(form: str) -> None:
    texts = hours(form)
    stamps = find_stamps(texts, "a.csv")
    instants = [datetime(2026, 2, 13) + timedelta(hours=hour) for hour in range(40)]
    assert read(texts, stamps) == instants
    assert StampForm.like(stamps).write(np.array(instants, "M8[s]"), "UTC") == texts


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(FORMS),
    st.datetimes(datetime(2010, 1, 1), datetime(2026, 1, 1)).map(lambda x: x.replace(minute=0)),
)
def test_what_strptime_takes_is_what_the_pattern_makes_of_it(form: str, start: datetime) -> None:
    stamps = FileStamps(form)
    texts = [start.strftime(form) for start in (start, start + timedelta(minutes=45))]
    plain = plain_sql("text", stamps)
    assert stamps.grammar is not None
    assert all(stamps.grammar.instant(text) is not None for text in texts)
    assert read(texts, stamps) == [stamps.grammar.instant(text) for text in texts]
    if plain is not None:
        with database() as connection:
            connection.register("texts", pa.table({"text": texts}))
            taken = connection.sql(f"SELECT {plain} FROM texts").fetchall()
        pairs = zip(taken, read(texts, stamps), strict=True)
        assert all(fast in (None, careful) for (fast,), careful in pairs)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["29.04.2026 24:00", "30.04.2026 00:15"], "2026-04-30 00:00"),
        (["2026-04-29 24:00", "2026-04-30 00:15"], "2026-04-30 00:00"),
        (["2026-12-31T24:00:00Z"], "2027-01-01 00:00"),
        (["202604292400", "202604300015"], "2026-04-30 00:00"),
        (["13/01/2026 24.00"], "2026-01-14 00:00"),
        (["1/13/2026 12:00 a.m."], "2026-01-13 00:00"),
        (["1/13/2026 12:00 p.m."], "2026-01-13 12:00"),
        (["1/13/2026 12:00:00\u202fAM"], "2026-01-13 00:00"),
        (["13/01/2026 12:15 p. m."], "2026-01-13 12:15"),
        (["1/13/2026 11:15PM"], "2026-01-13 23:15"),
        (["1/13/2026 00:15 AM", "1/13/2026 13:15 PM"], "2026-01-13 00:15"),
        (["13/10/2026 00:30:00.0000000"], "2026-10-13 00:30"),
        (["2026-10-13 00:30:00,000"], "2026-10-13 00:30"),
        (["2026-10-13T00:30:00-05"], "2026-10-13 05:30"),
        (["13/10/2026 00:30 -0530"], "2026-10-13 06:00"),
        (["13.10.2026 00:30 GMT+1"], "2026-10-12 23:30"),
        (["20260101T001500Z"], "2026-01-01 00:15"),
        (["2026-01-01 00:15 CET"], "2025-12-31 23:15"),
        (["13.07.2026 00:15 MESZ"], "2026-07-12 22:15"),
        (["13.07.2026 00:15 UTC"], "2026-07-13 00:15"),
        (["5. März 2026 00:15"], "2026-03-05 00:15"),
        (["05-MAI-2026 00:15"], "2026-05-05 00:15"),
        (["5 août 2026 00:15"], "2026-08-05 00:15"),
        (["5 mrt 2026 00:15"], "2026-03-05 00:15"),
        (["05 ene. 2026 00:15"], "2026-01-05 00:15"),
        (["Mon, 05 Jan 2026 00:15:00 +0100"], "2026-01-04 23:15"),
        (["05/Jan/2026:00:15:00 +0000"], "2026-01-05 00:15"),
        (["26/5/1 10:00", "26/5/1 11:00"], "2026-05-01 10:00"),
        (["1767225600000000"], "2026-01-01 00:00"),
        (["1767225600.25"], "2026-01-01 00:00"),
        (["2026010100", "2026010101"], "2026-01-01 00:00"),
    ],
)
def test_odd_stamps_are_read(texts: list[str], expected: str) -> None:
    assert understood(*texts)[0] == expected


def test_a_range_has_a_start_and_an_end() -> None:
    for texts in (
        ["2026-01-13 23:00 - 2026-01-14 00:00"],
        ["13.01.2026 23:00 – 14.01.2026 00:00"],
        ["2026-01-13T23:00:00/2026-01-14T00:00:00"],
        ["1/13/2026 11:00 PM to 1/14/2026 12:00 AM"],
    ):
        stamps = find_stamps(texts, "a.csv")
        assert read(texts, stamps) == [datetime(2026, 1, 13, 23)]
        assert read(texts, replace(stamps, end=True)) == [datetime(2026, 1, 14)]


def test_an_end_without_a_date_has_that_of_its_start() -> None:
    texts = [f"13/01/2026 {hour:02}:00-{hour:02}:15" for hour in range(5)]
    stamps = find_stamps(texts, "a.csv")
    ends = read(texts, replace(stamps, end=True))
    assert ends == [datetime(2026, 1, 13, hour, 15) for hour in range(5)]


def test_an_offset_is_not_taken_for_an_end() -> None:
    texts = [f"2026-01-13 {hour:02}:00-05:00" for hour in range(5)]
    assert understood(*texts)[0] == "2026-01-13 05:00"
    with pytest.raises(BadInputError, match="an offset or an end"):
        find_stamps(["2026-01-13 00:00-01:00"], "a.csv")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-W01-4", "a week of a year"),
        ("2026-123", "a day of a year"),
        ("2026-01", "a month as a whole"),
        ("1.76723E+12", "a spreadsheet has rounded"),
        ("########", "too narrow"),
        ("2026-01-05 00:15 EST", "several countries"),
        ("46023", "a spreadsheet's number"),
    ],
)
def test_what_is_no_point_in_time_is_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        find_stamps([text] * 5, "a.csv")


def test_the_place_says_what_a_zone_s_word_means() -> None:
    texts = ["2026-01-05 00:15 EST", "2026-07-05 00:15 EDT"]
    expected = ["2026-01-05 05:15", "2026-07-05 04:15"]
    assert understood(*texts, timezone="America/New_York") == expected
    assert understood("2026-07-05 00:15 BST", timezone="Europe/London") == ["2026-07-04 23:15"]


def test_numbers_of_days_are_a_spreadsheet_s_where_they_run_like_a_clock() -> None:
    texts = [f"{46023 + hour / 24:.{digits}f}" for digits in (5, 9) for hour in range(24)]
    assert understood(*texts)[:3] == ["2026-01-01 00:00", "2026-01-01 01:00", "2026-01-01 02:00"]
    assert find_stamps([text.replace(".", ",") for text in texts], "a.csv").form == SERIAL
    for counted in (["40000.5", "40001", "40001.5"], ["40000", "40001", "40002"]):
        with pytest.raises(BadInputError, match="or something else"):
            find_stamps(counted, "a.csv")
        assert find_stamps(counted, "a.csv", SERIAL).form == SERIAL


@pytest.mark.parametrize("mark", "/-.")
def test_a_year_of_two_digits_in_front_is_told_by_hours_that_run_on(mark: str) -> None:
    texts = hours(f"%y{mark}%m{mark}%d %H:%M", datetime(2026, 4, 30, 16), 18)
    assert find_stamps(texts, "a.csv").form == f"%y{mark}%m{mark}%d %H:%M"


def test_a_year_of_two_digits_is_not_guessed_at() -> None:
    with pytest.raises(BadInputError, match=r"may be 25 April 2026 or 26 April 2025"):
        find_stamps(["25.04.26 16:00", "25.04.26 17:00"], "a.csv")


def test_a_year_of_two_digits_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    class Today(date):
        @classmethod
        def today(cls) -> Today:
            return cls(2026, 11, 28)

    monkeypatch.setattr(orders, "date", Today)
    assert find_stamps(["26.04.30 16:00"], "a.csv").form == "%y.%m.%d %H:%M"
    assert find_stamps(["01.05.26 16:00"], "a.csv").form == "%d.%m.%y %H:%M"


def test_a_date_a_day_is_not_a_date_a_year() -> None:
    days = [f"{day:02}.05.26" for day in range(5, 12)]
    assert find_stamps(days, "a.csv").form == "%d.%m.%y"


def test_what_one_column_tells_of_day_and_month_holds_for_the_other() -> None:
    starts = [f"05/06/2026 {hour:02}:00" for hour in range(24)]
    ends = [*starts[1:], "05/07/2026 00:00"]
    assert find_stamps(starts, "a.csv", beside=[ends]).form == "%m/%d/%Y %H:%M"
    like = FileStamps("%d/%m/%Y %H:%M")
    assert find_stamps(starts, "a.csv", like=like).form == "%d/%m/%Y %H:%M"
    read_on = ["31/05/2026"] * len(starts)
    assert find_stamps(starts, "a.csv", beside=[read_on]).form == "%d/%m/%Y %H:%M"


@pytest.mark.parametrize(
    ("sample", "zone", "expected"),
    [
        ("13/01/2026 12:15 p.m.", "Europe/Paris", "01/07/2026 02:00 p.m."),
        ("5 janv. 2026 00:15", "Europe/Paris", "1 juil. 2026 14:00"),
        ("05-JAN-26 00:15", "UTC", "01-JUL-26 12:00"),
        ("January 5, 2026 12:15 AM", "UTC", "July 1, 2026 12:00 PM"),
        ("2026-01-01 00:15 CET", "Europe/Paris", "2026-07-01 14:00 CEST"),
        ("2026-01-01 00:15 CET", "UTC", "2026-07-01 13:00 CET"),
        ("13/01/2026 00:15 +01", "Europe/Paris", "01/07/2026 14:00 +02"),
        ("13/01/2026 00:15 -0530", "UTC", "01/07/2026 06:30 -0530"),
        ("13.01.2026 00:15 - 00:30", "UTC", "01.07.2026 12:00"),
        ("1767225600000000", "Europe/Paris", "1782907200000000"),
    ],
)
def test_stamps_are_written_as_the_file_writes_them(sample: str, zone: str, expected: str) -> None:
    form = StampForm.like(find_stamps([sample], "a.csv"))
    assert form.write(np.array(["2026-07-01T12:00"], "M8[s]"), zone) == [expected]
