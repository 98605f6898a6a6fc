"""What a model's state remembers, and when a failing model may try again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from smartwatts_ml.errors import StoreError, UsageError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.state import (
    DecidedSnapshot,
    ModelState,
    may_attempt,
    read_state,
    record_decision,
    record_failure,
)
from tests.runs.helpers import NO_TIMES, padded

NOW = datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    version: int
    digest: str
    arrived: int
    sites: int = 17
    rows: int = 400


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


def test_a_model_never_run_has_no_state_and_may_be_attempted(objects: Objects) -> None:
    assert read_state(objects, "nilm") is None
    assert may_attempt(None)


def test_a_decision_moves_the_state(objects: Objects) -> None:
    record_decision(
        objects, "nilm", Facts(41, "d", 1000), run_id="r1", outcome="kept", reason="tie", now=NOW
    )
    assert json.loads(objects.read("state/nilm.json").data) == {
        "schema": 1,
        "model": "nilm",
        "snapshot": {"version": 41, "digest": "d"},
        "rows": 1000,
        "sites": 17,
        "held": 400,
        "run_id": "r1",
        "time": "2026-11-22T02:00:00Z",
        "outcome": "kept",
        "reason": "tie",
        "failures": 0,
        "next_attempt": None,
    }
    assert read_state(objects, "nilm") == ModelState(
        "nilm",
        DecidedSnapshot(41, "d"),
        1000,
        "r1",
        NOW,
        "kept",
        "tie",
        0,
        None,
        sites=17,
        held=400,
    )


def test_a_failure_keeps_the_snapshot_and_backs_off_longer_each_time(objects: Objects) -> None:
    record_decision(objects, "nilm", Facts(41, "d", 1000), run_id="r1", outcome="kept", now=NOW)
    waits = []
    for number in range(7):
        state = record_failure(objects, "nilm", run_id=f"f{number}", reason="no luck", now=NOW)
        assert state.next_attempt is not None
        waits.append((state.next_attempt - NOW) / timedelta(hours=1))
        assert not may_attempt(state, state.next_attempt - timedelta(seconds=1))
        assert may_attempt(state, state.next_attempt)
    assert waits == [1, 2, 4, 8, 16, 24, 24]
    kept = read_state(objects, "nilm")
    assert kept is not None
    assert (kept.snapshot, kept.rows, kept.failures) == (DecidedSnapshot(41, "d"), 1000, 7)


def test_one_run_fails_once_however_often_it_is_recorded(objects: Objects) -> None:
    first = record_failure(objects, "nilm", run_id="r1", now=NOW)
    assert record_failure(objects, "nilm", run_id="r1", now=NOW + timedelta(hours=1)) == first


def test_a_decision_ends_the_backing_off(objects: Objects) -> None:
    record_failure(objects, "nilm", run_id="r1", now=NOW)
    record_decision(objects, "nilm", Facts(1, "d", 10), run_id="r2", outcome="published", now=NOW)
    state = read_state(objects, "nilm")
    assert state is not None
    assert (state.failures, state.next_attempt) == (0, None)


def test_a_late_run_on_an_older_snapshot_does_not_turn_the_count_back(objects: Objects) -> None:
    record_decision(objects, "nilm", Facts(9, "new", 900), run_id="r2", outcome="kept", now=NOW)
    state = record_decision(
        objects, "nilm", Facts(5, "old", 500), run_id="r1", outcome="kept", now=NOW
    )
    assert (state.snapshot, state.rows) == (DecidedSnapshot(9, "new"), 900)
    assert state.run_id == "r1"


def test_no_failure_is_lost_between_threads(objects: Objects) -> None:
    with ThreadPoolExecutor(3) as pool:
        runs = [f"r{n}" for n in range(6)]
        list(pool.map(lambda run: record_failure(objects, "nilm", run_id=run), runs))
    state = read_state(objects, "nilm")
    assert state is not None
    assert state.failures == 6


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"schema":2}'])
def test_a_state_that_cannot_be_read_is_named(objects: Objects, data: bytes) -> None:
    objects.create("state/nilm.json", data)
    with pytest.raises(StoreError, match=r"state/nilm\.json cannot be read"):
        read_state(objects, "nilm")


@pytest.mark.parametrize("time", NO_TIMES)
@pytest.mark.parametrize("name", ["time", "next_attempt"])
def test_a_state_whose_time_is_none_is_named(objects: Objects, name: str, time: object) -> None:
    objects.create("state/nilm.json", json.dumps({"model": "nilm", name: time}).encode())
    for use in (read_state, lambda *args: record_failure(*args, run_id="r1")):
        with pytest.raises(StoreError, match=rf"state/nilm\.json cannot be read: {name} "):
            use(objects, "nilm")


def test_a_state_that_is_too_large_is_named(objects: Objects) -> None:
    objects.create("state/nilm.json", padded(ModelState("nilm").to_bytes()))
    for use in (read_state, lambda *args: record_failure(*args, run_id="r1")):
        with pytest.raises(StoreError, match=r"state/nilm\.json is larger than"):
            use(objects, "nilm")


def test_a_name_that_is_no_model_is_wrong_use(objects: Objects) -> None:
    with pytest.raises(UsageError):
        read_state(objects, "../nilm")
