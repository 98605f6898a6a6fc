"""Steps of a rollout: what settings say, what the renewal does with time, what a run publishes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import NotFoundError, UsageError
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.settings.rollout import RolloutSettings
from smartwatts_ml.stages.branch import log_progress
from smartwatts_ml.stages.publish import publish as publish_stage
from smartwatts_ml.store import Store
from smartwatts_ml.store.advancing import advance, first_ring
from tests.store.helpers import Clock, keys_of, new_store, opened, publish
from tests.store.test_publish_stage import judged, run_of


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    return str(tmp_path / "root")


def rollout(root_url: str, tmp_path: Path, **said: Any) -> Settings:
    """Settings of a rollout in steps of two days."""
    current = settings(root=root_url, keys=str(keys_of(tmp_path)))
    steps = RolloutSettings(**{"shares": "5,25,100", **said})
    return current.model_copy(update={"rollout": steps})


@pytest.fixture
def store(root_url: str, tmp_path: Path, clock: Clock) -> Store:
    """One with a candidate beside the champion."""
    made = new_store(root_url, tmp_path, clock=clock)
    publish(made, "nilm", "run1")
    publish(made, "nilm", "run2", ring=first_ring(rollout(root_url, tmp_path)))
    return made


def state(store: Store) -> tuple[int, int | None]:
    """The champion's version, and the candidate's share."""
    champion = store.champion("nilm")
    assert champion
    return champion.version, champion.candidate.share if champion.candidate else None


def test_the_schedule_widens_step_by_step(
    store: Store, root_url: str, tmp_path: Path, clock: Clock
) -> None:
    current, seen = rollout(root_url, tmp_path), []
    for _ in range(6):
        assert advance(store, current, clock()) == {}
        seen.append(state(store))
        clock.advance(days=1)
    assert seen == [(1, 500), (1, 500), (1, 2_500), (1, 2_500), (2, None), (2, None)]
    last = store.history("nilm")[-1]
    assert (last.actor, last.reason) == ("schedule", "2 days at 25 %")


def test_by_hand_nothing_is_widened_and_what_lapses_is_taken_back(
    store: Store, root_url: str, tmp_path: Path, clock: Clock
) -> None:
    current = rollout(root_url, tmp_path, by="hand")
    clock.advance(days=3)
    advance(store, current, clock())
    assert state(store) == (1, 500)
    clock.advance(days=1)
    advance(store, current, clock())
    assert state(store) == (1, 0)
    assert "nobody widened it from 5 % by" in store.history("nilm")[-1].reason


def test_what_was_halted_comes_back_by_no_schedule(
    store: Store, root_url: str, tmp_path: Path, clock: Clock
) -> None:
    store.rollouts.halt("nilm", "ann", "alerts at night")
    for days in (2, 9):
        clock.advance(days=days)
        advance(store, rollout(root_url, tmp_path), clock())
    assert state(store) == (1, 0)


def test_a_run_publishes_a_candidate_and_the_next_one_waits(root_url: str, tmp_path: Path) -> None:
    objects, current = opened(root_url), rollout(root_url, tmp_path)
    store = new_store(root_url, tmp_path)
    publish(store, "nilm", "run0")
    judged(objects, "run1", 1)
    result = publish_stage(run_of(objects, current, "run1"), log_progress, actor="ann")
    assert (result.outcome, result.version, result.candidate) == ("published", 2, True)
    assert "a candidate for 5 % of gateways until" in result.summary
    judged(objects, "run2", 1)
    waits = publish_stage(run_of(objects, current, "run2"), log_progress, actor="ann")
    assert (waits.outcome, waits.version) == ("kept", 1)
    assert "but not published: nilm v2 is a candidate for 5 %" in waits.summary


@pytest.mark.parametrize("shares", ["", "5,25", "25,5,100", "0,100", "5;100", "101", "5,5,100"])
def test_shares_that_do_not_ascend_to_all_are_refused(
    shares: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_ROLLOUT_SHARES", shares)
    with pytest.raises(UsageError, match=r"(?i)rollout_shares"):
        settings()


def test_by_default_a_version_goes_to_everybody(root_url: str) -> None:
    assert first_ring(settings(root=root_url)) is None


def test_the_command_says_who_takes_what_widens_halts_and_promotes(
    store: Store, root_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(keys_of(tmp_path)))

    def told(*words: str) -> str:
        done = CliRunner().invoke(app, ["models", *words, "--root", root_url])
        assert done.exit_code == 0, done.exception
        return done.output

    said = told("rollout", "widen", "nilm", "--to", "99.99", "--reason", "a quiet week")
    assert "nilm v2 is a candidate for 99.99 % of gateways until" in said
    row = json.loads(told("rollout", "list", "--gateway", "home7", "--json"))[0]
    assert (row["champion"], row["version"], row["takes"]) == (1, 2, 2)
    assert "v1, v2 at 99.99 %" in told("list")
    assert "v2 is taken back, v1 stays" in told("rollout", "halt", "nilm", "--reason", "alerts")
    assert "v1, v2 halted" in told("list")
    assert "v2 is in force" in told("rollout", "promote", "nilm", "--reason", "it was the meter")
    assert "no candidates" in told("rollout", "list")
    words = ["rollout", "halt", "nilm", "--reason", "again", "--root", root_url]
    done = CliRunner().invoke(app, ["models", *words])
    assert isinstance(done.exception, NotFoundError)
