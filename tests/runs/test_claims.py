"""A claim that cannot be read claims nothing, and is in nobody's way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.claims import Claim, drop_claim, other_claim, take_claim
from smartwatts_ml.runs.state import record_decision, record_failure
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


@dataclass(frozen=True)
class Decided:
    """The snapshot that a run decided on."""

    version: int = 1
    digest: str = "d"
    arrived: int = 1000
    sites: int = 1
    rows: int = 1000


def test_a_claim_is_over_once_its_run_has_decided_whatever_others_decide_later(
    objects: Objects,
) -> None:
    take_claim(objects, "nilm", "first", heed=True)
    record_decision(objects, "nilm", Decided(), run_id="first", outcome="kept")
    assert other_claim(objects, "nilm", "third") is None
    record_decision(objects, "nilm", Decided(), run_id="second", outcome="kept")
    assert other_claim(objects, "nilm", "third") is None


def test_a_decision_of_one_run_leaves_the_claim_of_another(objects: Objects) -> None:
    take_claim(objects, "nilm", "first", heed=True)
    record_failure(objects, "nilm", run_id="second")
    assert other_claim(objects, "nilm", "third") is not None


def test_a_claim_of_a_run_that_is_gone_is_released_by_hand(objects: Objects) -> None:
    take_claim(objects, "nilm", "gone", heed=True)
    ask = ["models", "release", "nilm", "--root", objects.url]
    said = CliRunner().invoke(app, ask)
    assert said.exit_code == 0 and "nilm: released, gone claimed it" in said.stdout
    assert other_claim(objects, "nilm", "next") is None
    assert "no run has claimed" in CliRunner().invoke(app, ask).stdout
    assert CliRunner().invoke(app, ["models", "release", "heat"]).exit_code != 0


@pytest.mark.parametrize("time", NO_TIMES)
def test_a_claim_whose_time_is_none_claims_nothing(objects: Objects, time: object) -> None:
    objects.create(KEY, json.dumps({"run_id": "x", "time": time}).encode())
    assert other_claim(objects, "nilm", "y", NOW) is None
    assert take_claim(objects, "nilm", "y", heed=True) is None
    assert Claim.parse(objects.read(KEY).data).run_id == "y"


def test_a_claim_that_waits_for_an_answer_at_the_end_of_time_ends_all_the_same(
    objects: Objects,
) -> None:
    times = {"time": "2026-11-28T20:00:00Z", "answer_by": "9999-12-31T23:59:59Z"}
    objects.create(KEY, json.dumps({"run_id": "x", **times}).encode())
    assert other_claim(objects, "nilm", "y", NOW) is not None
    assert other_claim(objects, "nilm", "y", NOW + timedelta(days=8)) is None


def test_a_claim_that_is_too_large_claims_nothing(objects: Objects) -> None:
    objects.create(KEY, padded(Claim("x", datetime.now(UTC)).to_bytes()))
    assert other_claim(objects, "nilm", "y") is None
    assert take_claim(objects, "nilm", "y", heed=True) is None
    assert Claim.parse(objects.read(KEY).data).run_id == "y"
