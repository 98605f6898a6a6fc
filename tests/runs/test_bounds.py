"""Unsigned state from the future, or beyond all counting, holds nobody up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.claims import Claim, other_claim, take_claim
from smartwatts_ml.runs.lease import hold
from smartwatts_ml.runs.plan import plan_run
from smartwatts_ml.runs.state import (
    ModelState,
    backoff,
    may_attempt,
    read_state,
    record_failure,
)
from smartwatts_ml.settings import settings

FAR = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


def test_a_claim_from_the_future_claims_nothing(objects: Objects) -> None:
    objects.write("state/claims/nilm.json", Claim("thief", FAR).to_bytes())
    assert other_claim(objects, "nilm", "run1") is None
    assert take_claim(objects, "nilm", "run1", heed=True) is None
    soon = datetime.now(UTC) + timedelta(minutes=10)  # another machine's clock is ahead
    objects.write("state/claims/nilm.json", Claim("run2", soon).to_bytes())
    assert other_claim(objects, "nilm", "run1") is not None


def test_a_lease_from_the_future_holds_nobody_up(objects: Objects) -> None:
    lease = (
        '{"claim_id":"x","expires":"2999-01-01T00:00:00+00:00","model":"nilm","owner":"thief",'
        '"schema":1}'
    )
    objects.write("state/nilm.lease.json", lease.encode())
    with hold(objects, "nilm", owner="run1", seconds=60) as held:
        held.check()


def test_a_back_off_that_is_longer_than_any_is_none(objects: Objects) -> None:
    state = record_failure(objects, "nilm", run_id="run1")
    assert not may_attempt(state)
    put_off = ModelState("nilm", next_attempt=FAR, failures=3)
    objects.write("state/nilm.json", put_off.to_bytes())
    assert may_attempt(read_state(objects, "nilm"))
    longest = datetime.now(UTC) + timedelta(seconds=backoff(100))
    assert not may_attempt(ModelState("nilm", next_attempt=longest))


def test_more_readings_than_ever_arrived_were_not_decided_on(objects: Objects) -> None:
    decided = ModelState("nilm", rows=10**18, run_id="run1", outcome="kept")
    objects.write("state/nilm.json", decided.to_bytes())
    current = settings(root=objects.url)
    assert plan_run(objects, current, "run2", ["nilm"], only_new=True).models == ("nilm",)
