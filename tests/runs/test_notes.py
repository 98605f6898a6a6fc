"""What runs leave for whoever looks: how far they are, what came in, what was found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import StoreError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.runs import at_work as module
from smartwatts_ml.runs.arrivals import arrivals, note_arrival
from smartwatts_ml.runs.at_work import at_work, noting
from smartwatts_ml.runs.notified import Trouble
from smartwatts_ml.runs.trouble_report import keep_troubles, last_troubles

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
PLACES = ("state/at_work/nilm.json", "state/arrivals.json", "state/troubles.json")


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_root(str(tmp_path))


def silent(text: str, share: float) -> None:
    """A progress that nobody sees."""


def test_how_far_a_model_is_counts_all_of_its_stages(objects: Objects) -> None:
    noting(silent, objects, "nilm", "run1", "validate", (0.45, 0.15))("half\nway", 0.5)
    note = at_work(objects, "nilm")
    assert note and (note.run_id, note.stage, note.percent) == ("run1", "validate", 52)
    assert note.text == "half way"
    assert at_work(objects, "anomaly") is None


def test_notes_are_few_however_much_is_said(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[float] = []
    report = noting(lambda _, share: said.append(share), objects, "nilm", "r", "train", (0.0, 1.0))
    for percent in range(100):
        report("epoch", percent / 100)
    assert len(said) == 100
    note = at_work(objects, "nilm")
    assert note and note.percent == 0, "ten seconds are not over"
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 0.0)
    report("epoch", 0.8)
    note = at_work(objects, "nilm")
    assert note and note.percent == 80


def test_a_store_that_cannot_be_written_costs_a_note_and_no_training(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(key: str, data: bytes) -> None:
        raise StoreError("the store is gone")

    monkeypatch.setattr(objects, "write", gone)
    noting(silent, objects, "nilm", "r", "train", (0.0, 1.0))("epoch", 0.1)
    assert "the store is gone" in caplog.text


def test_batches_of_one_run_are_one_line_with_reasons_added_up(objects: Objects) -> None:
    one = FileReport("landing/a.csv", accepted=10, rejected_lines=3, reasons={"value": 3})
    other = FileReport("landing/b.csv", accepted=5, duplicate=2, reasons={"value": 1})
    left = FileReport("landing/c.csv", left="no CSV")
    note_arrival(objects, "run1", [one, left], NOW)
    note_arrival(objects, "run1", [other], NOW + timedelta(minutes=1))
    note_arrival(objects, "run2", [left], NOW)
    (line,) = arrivals(objects)
    assert (line.run_id, line.files, line.accepted, line.duplicate) == ("run1", 2, 15, 2)
    assert list(line.rejected.values()) == [4]


def test_the_newest_arrivals_are_kept_and_come_first(objects: Objects) -> None:
    for number in range(40):
        report = FileReport(f"landing/{number}.csv", accepted=number)
        note_arrival(objects, f"run{number}", [report], NOW)
    kept = arrivals(objects)
    assert len(kept) == 30
    assert kept[0].accepted == 39


def test_what_was_found_last_is_kept_the_worst_first(objects: Objects) -> None:
    assert last_troubles(objects) is None
    warning = Trouble("silent", "warning", "2 sites are silent", "look")
    critical = Trouble("timestamp", "critical", "nobody signed", "sign")
    keep_troubles(objects, [warning, critical], NOW)
    found = last_troubles(objects)
    assert found and found.time == NOW and found.troubles == [critical, warning]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"schema":2}', b"x" * 10])
def test_damaged_notes_say_nothing_and_are_written_anew(objects: Objects, content: bytes) -> None:
    for place in PLACES:
        objects.write(place, content)
    assert (at_work(objects, "nilm"), arrivals(objects), last_troubles(objects)) == (None, [], None)
    note_arrival(objects, "r", [FileReport("landing/a.csv", accepted=1)], NOW)
    keep_troubles(objects, [], NOW)
    noting(silent, objects, "nilm", "r", "train", (0.0, 1.0))("epoch", 0.0)
    assert at_work(objects, "nilm") and arrivals(objects) and last_troubles(objects)
