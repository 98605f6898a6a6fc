"""A claim that cannot be read claims nothing, and is in nobody's way."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.claims import Claim, drop_claim, other_claim, take_claim
from tests.runs.helpers import NO_TIMES, padded

NOW = datetime(2026, 11, 28, 20, 0, 0, tzinfo=UTC)
KEY = "state/claims/nilm.json"


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)


def test_a_claim_holds_against_others(objects: Objects) -> None:
    objects.create(KEY, b'{"run_id":"x","time":"2026-11-28T20:00:00Z"}')
    assert other_claim(objects, "nilm", "y", NOW) == Claim("x", NOW)


def test_a_claim_that_its_run_drops_holds_nobody_up(objects: Objects) -> None:
    drop_claim(objects, "nilm", "x")
    assert not objects.exists(KEY)
    assert take_claim(objects, "nilm", "x", heed=True) is None
    drop_claim(objects, "nilm", "another")
    assert other_claim(objects, "nilm", "y") is not None
    drop_claim(objects, "nilm", "x")
    assert other_claim(objects, "nilm", "y") is None


@pytest.mark.parametrize("time", NO_TIMES)
def test_a_claim_whose_time_is_none_claims_nothing(objects: Objects, time: object) -> None:
    objects.create(KEY, json.dumps({"run_id": "x", "time": time}).encode())
    assert other_claim(objects, "nilm", "y", NOW) is None
    assert take_claim(objects, "nilm", "y", heed=True) is None
    assert Claim.parse(objects.read(KEY).data).run_id == "y"


def test_a_claim_that_is_too_large_claims_nothing(objects: Objects) -> None:
    objects.create(KEY, padded(Claim("x", datetime.now(UTC)).to_bytes()))
    assert other_claim(objects, "nilm", "y") is None
    assert take_claim(objects, "nilm", "y", heed=True) is None
    assert Claim.parse(objects.read(KEY).data).run_id == "y"
