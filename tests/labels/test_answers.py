"""Answers of people: each line accounted for, taken once, the latest one holds."""

from __future__ import annotations

import csv
import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.labels.answer import FIELDS, Homes
from smartwatts_ml.labels.answers import count_labels, current_labels, take_labels
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.ingest.landing import list_landing
from smartwatts_ml.readings.labels import Label
from smartwatts_ml.records.intake import RecordsTaken
from smartwatts_ml.records.lines import UnfitError

PARIS = "Europe/Paris"
FIRST, LAST = np.datetime64("2026-01-01T00:00:00"), np.datetime64("2027-01-01T00:00:00")
SPANS = [
    SiteSpan("berlin", ("mains", "kettle", "washing_machine"), FIRST, LAST, 1),
    SiteSpan("paris", ("mains",), FIRST, LAST, 1),
    SiteSpan("twin", ("mains",), FIRST, LAST, 1),
]
PSEUDONYMS = {"berlin": "home aaaaaa", "paris": "home bbbbbb", "twin": "home bbbbbb"}
HOMES = Homes(SPANS, lambda _: PARIS, PSEUDONYMS.__getitem__)


def answer(
    site: str = "paris",
    appliance: str = "kettle",
    since: str = "2026-05-01T07:00+02:00",
    until: str = "2026-05-01T07:10+02:00",
    said: str = "yes",
) -> list[str]:
    return [site, appliance, since, until, said]


def table(*rows: list[str], separator: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def root(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path / "root"))


def land(root: Objects, name: str, data: bytes) -> None:
    root.write(f"landing/labels/{name}", data)


def take(root: Objects) -> RecordsTaken:
    return take_labels(root, lambda: HOMES)


def test_every_line_is_accounted_for_and_what_is_rejected_is_kept_with_its_reason(
    root: Objects,
) -> None:
    bad = [
        answer(site="rome"),
        answer(site="home bbbbbb"),
        answer(appliance="ketle"),
        answer(appliance="mains"),
        answer(said="maybe"),
        answer(since="yesterday"),
        answer(since="2026-05-01T07:10+02:00"),
        answer(since="2026-04-29T07:10+02:00"),
        answer(since="2025-12-31T23:59Z", until="2026-01-01T00:05Z"),
        answer(since="2026-03-29T02:30", until="2026-03-29T04:00"),
        answer(since="2026-10-25T02:30", until="2026-10-25T04:00"),
        ["paris", "kettle"],
        ["paris", "", "2026-05-01", "2026-05-02", "yes"],
        ["x" * 5000, "kettle", "", "", "yes"],
    ]
    good = [
        answer(),
        answer(site="home aaaaaa", appliance="Washing machine", said="Nein"),
        answer(appliance="alert", until="2026-05-12T07:10+02:00", said="0"),
        answer(since="2026-10-25T02:30+01:00", until="2026-10-25T02:40+01:00", said="no"),
    ]
    left_open = [answer(since="2026-05-01T06:00+02:00", said=""), answer(site="rome", said="?")]
    land(root, "a.csv", table(*good, *bad, *left_open, answer()) + b"\n")
    [report] = take(root).files
    assert report.header == 1 and report.blank == len(left_open) + 1
    assert (report.accepted, report.duplicate, report.rejected) == (len(good), 1, len(bad))
    assert report.adds_up and sum(report.reasons.values()) == len(bad)
    kept = gzip.decompress(root.read(f"quarantine/{report.digest}.csv.gz").data).decode()
    assert [row["line"] for row in csv.DictReader(io.StringIO(kept))] == [
        str(2 + len(good) + n) for n in range(len(bad))
    ]
    why = " ".join(report.reasons)
    for words in ("two homes are called so", "jumps over", "comes twice", "within the home's"):
        assert words in why
    labels = current_labels(root)
    assert [label.site for label in labels] == ["berlin", "paris", "paris", "paris"]
    assert labels[0] == Label(
        "berlin",
        "washing_machine",
        np.datetime64("2026-05-01T05:00:00"),
        np.datetime64("2026-05-01T05:10:00"),
        False,
    )


def test_a_file_is_taken_once_however_often_and_by_however_many(root: Objects) -> None:
    for name in range(4):
        rows = [
            answer(since=f"2026-0{name + 1}-{n:02}T07:00Z", until=f"2026-0{name + 1}-{n:02}T08:00Z")
            for n in range(1, 21)
        ]
        land(root, f"{name}.csv", table(*rows))
    land(root, "again.csv.gz", gzip.compress(root.read("landing/labels/0.csv").data))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: take(root), range(3)))
    assert len(current_labels(root)) == 80 and take(root).unchanged == 5
    root.write("state/labels.json", b"{damaged")
    again = take(root)
    assert (again.accepted, sum(file.duplicate for file in again.files)) == (0, 100)
    assert len(current_labels(root)) == 80


def test_the_latest_answer_holds_and_that_it_changed_is_counted(root: Objects) -> None:
    for name, said in (("a", "yes"), ("b", "no"), ("c", "no"), ("d", "yes")):
        # The content of a.csv again would be a.csv.
        open_line = answer(site="twin", said="", appliance=name)
        land(root, f"{name}.csv", table(answer(said=said), answer(site="berlin"), open_line))
        [report] = take(root).files
        first = name == "a"
        assert report.changed == (name in "bd")
        assert (report.accepted, report.duplicate) == {
            "a": (2, 0), "b": (1, 1), "c": (0, 2), "d": (1, 1)
        }[name]  # fmt: skip
        assert report.adds_up and (first or not report.rejected)
        last = {"a": True, "b": False, "c": False, "d": True}[name]
        assert [label.yes for label in current_labels(root)] == [True, last]
    land(root, "e.csv", table(answer(said="no"), answer(said="yes"), answer(said="no")))
    taken = take(root)
    assert (taken.files[0].accepted, taken.files[0].changed) == (3, 3)
    assert "3 of them say something else" in taken.lines()[0]
    assert [label.yes for label in current_labels(root)] == [True, False]
    [counted] = count_labels(root)
    assert (counted.yes, counted.no, counted.homes, counted.changed) == (1, 1, 2, 5)


def test_what_spreadsheets_make_of_the_file_is_taken(root: Objects) -> None:
    rows = table(answer(), answer(site="berlin"), separator=";").replace(b"\n", b"\r\n")
    land(root, "a.csv", b"\xef\xbb\xbf" + rows.rstrip())
    [report] = take(root).files
    assert (report.header, report.accepted, report.rejected) == (1, 2, 0)


def test_a_line_that_is_cut_short_before_its_answer_is_rejected(root: Objects) -> None:
    text = b"answer,site,appliance,from,to\nyes,paris,kettle,2026-05-01T07:00Z,2026-05-01T07:1"
    land(root, "a.csv", text)
    assert "cut off" in str(take(root).left[0].left)


def test_json_lines_say_the_same(root: Objects) -> None:
    said = [dict(zip(FIELDS, answer(said=said), strict=True)) for said in ("yes", "")]
    unnamed = {"site": "paris", "appliance": "kettle", "from": "x", "to": "y", "anwser": "yes"}
    rows: list[dict[str, Any]] = [*said, said[0] | {"answer": None}, unnamed]
    land(root, "a.jsonl", b"\n".join(json.dumps(row).encode() for row in rows))
    [report] = take(root).files
    assert (report.accepted, report.blank, report.rejected) == (1, 2, 1)
    assert list(report.reasons) == ["has no answer"]


def test_one_home_fills_no_table(root: Objects) -> None:
    start = datetime(2026, 5, 1)
    rows = [
        answer(since=f"{start + timedelta(minutes=n)}", until=f"{start + timedelta(minutes=n + 5)}")
        for n in range(1100)
    ]
    land(root, "a.csv", table(*rows))
    [report] = take(root).files
    assert (report.accepted, report.rejected) == (1000, 100)


def test_a_file_without_an_answer_is_left_until_it_changes(root: Objects) -> None:
    land(root, "a.csv", b"a,b\n1,2\n")
    assert take(root).left[0].key == "landing/labels/a.csv"
    assert take(root).files == () and current_labels(root) == ()
    land(root, "a.csv", table(answer()))
    assert take(root).accepted == 1


def test_nothing_is_made_where_nobody_answers(root: Objects) -> None:
    assert take(root) == RecordsTaken("labels")
    assert (current_labels(root), count_labels(root), list(root.list(""))) == ((), [], [])


def test_a_file_of_open_questions_is_taken_with_nothing_in_it(root: Objects) -> None:
    land(root, "a.csv", table(answer(said="")))
    [report] = take(root).files
    assert (report.blank, report.accepted, report.left, report.adds_up) == (1, 0, None, True)
    assert take(root).unchanged == 1


def test_answers_are_no_readings(root: Objects) -> None:
    land(root, "a.csv", table(answer()))
    assert list_landing(root) == ([], ())


def test_a_take_that_dies_before_its_commit_is_made_up_for(
    root: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(root, "a.csv", table(answer(), answer(site="rome")))

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("smartwatts_ml.records.table.DeltaTable.create_write_transaction", dies)
        with pytest.raises(KeyboardInterrupt):
            take(root)
    assert current_labels(root) == ()
    [report] = take(root).files
    assert (report.accepted, report.rejected, len(current_labels(root))) == (1, 1, 1)


TIMES = ("from", "to")
MINUTES = st.integers(0, 364 * 1440)
TEXT = st.text(max_size=40)


@settings(max_examples=200, deadline=None)
@given(MINUTES, st.integers(1, 1440), st.sampled_from(["yes", "No", "1", "false"]))
def test_a_period_is_the_same_with_its_offset_and_by_the_clock_of_the_home(
    begin: int, length: int, said: str
) -> None:
    zone = ZoneInfo(PARIS)
    times = [
        datetime.fromisoformat("2026-01-01T00:00:00+00:00") + timedelta(minutes=n)
        for n in (begin, begin + length)
    ]
    local = [time.astimezone(zone) for time in times]
    fields = {"site": "paris", "appliance": "kettle", "answer": said}
    whole = {"from": local[0].isoformat(), "to": local[1].isoformat()}
    naive = {name: text[:-6] for name, text in whole.items()}
    label = HOMES.label(fields | whole)
    assert label is not None and label.yes == (said in ("yes", "1"))
    assert label.start == FIRST + np.timedelta64(begin, "m")
    assert label.end - label.start == np.timedelta64(length, "m")
    twice = any(
        (time.utcoffset() != time.replace(fold=1 - time.fold).utcoffset()) for time in local
    )
    if twice:
        with pytest.raises(UnfitError, match="comes twice"):
            HOMES.label(fields | naive)
    else:
        assert HOMES.label(fields | naive) == label


def test_a_day_on_which_the_clock_is_changed_is_a_day() -> None:
    fields = {"site": "paris", "answer": "no"}
    for day, hours in ((datetime(2026, 10, 25), 25), (datetime(2026, 3, 29), 23)):
        for appliance, days, longest in (("kettle", 1, hours), ("alert", 14, 13 * 24 + hours)):
            times = [f"{day}", f"{day + timedelta(days=days)}"]
            label = HOMES.label(
                fields | {"appliance": appliance} | dict(zip(TIMES, times, strict=True))
            )
            assert label is not None and label.end - label.start == np.timedelta64(longest, "h")
    times = ["2026-10-25T00:00", "2026-10-26T00:01"]
    with pytest.raises(UnfitError, match="of more than 1 day"):
        HOMES.label(fields | {"appliance": "kettle"} | dict(zip(TIMES, times, strict=True)))


def test_a_home_that_is_named_like_the_pseudonym_of_another_takes_no_answer_of_it() -> None:
    thief = SiteSpan("home aaaaaa", ("mains",), FIRST, LAST, 1)
    called = PSEUDONYMS | {thief.site: "home cccccc"}
    homes = Homes([*SPANS, thief], lambda _: PARIS, called.__getitem__)
    said = dict(zip(FIELDS, answer(), strict=True))
    with pytest.raises(UnfitError, match="two homes are called so"):
        homes.label(said | {"site": "home aaaaaa"})
    for name, site in (("berlin", "berlin"), ("home cccccc", thief.site)):
        label = homes.label(said | {"site": name})
        assert label is not None and label.site == site


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({name: st.one_of(TEXT, st.none(), st.floats()) for name in FIELDS}))
def test_whatever_a_line_says_it_is_a_label_within_readings_or_unfit(said: dict[str, Any]) -> None:
    try:
        label = HOMES.label({name: value for name, value in said.items() if value is not None})
    except (UnfitError, KeyError) as error:
        assert isinstance(error, UnfitError) or set(said) - {k for k in said if said[k] is not None}
        return
    assert label is None or FIRST <= label.start < label.end <= LAST
