"""A person is asked before a model is published: by a real task, answered through Airflow's API."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.warm import WarmPython

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Played = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def played(warm_airflow: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> Played:
    code = "import runpy; runpy.run_module('tests.airflow.approval_probe', run_name='__main__')"
    connection = json.dumps({"conn_type": "http", "host": "http://127.0.0.1:1"})
    run = warm_airflow.run(
        code,
        APPROVAL_FOLDER=str(tmp_path_factory.mktemp("approval")),
        AIRFLOW_CONN_SMARTWATTS_NOTIFY=connection,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("PLAYED")]
    assert lines, run.stdout[-4000:] + run.stderr[-4000:]
    played: Played = json.loads(lines[0].removeprefix("PLAYED"))
    return played


def state(run: dict[str, Any], task: str) -> str:
    return str(run["tasks"][f"model.{task}"]["state"])


def name(run: dict[str, Any], task: str) -> str:
    return str(run["tasks"][f"model.{task}"]["name"])


def versions(run: dict[str, Any]) -> list[int]:
    return [version for version, _, _ in run["history"]]


def test_what_is_approved_is_published_and_the_history_says_by_whom(played: Played) -> None:
    run = played["approved"]
    assert run["state"] == "success" and run["seen"]["statuses"] == [200]
    assert versions(run) == [1, 2]
    assert re.search(r"approved by ann, 20\d\d-\d\d-\d\d \d\d:\d\d UTC", run["history"][-1][2])
    assert run["approval"]["by"] == "ann"
    assert "approved by ann" in name(run, "approve")


def test_the_request_says_what_a_person_has_to_know(played: Played) -> None:
    seen = played["approved"]["seen"]
    assert seen["subject"] == "Publish nilm v2?"
    assert seen["defaults"] == ["Reject"]
    for fact in ("12.5 W", "14 W", "champion v1", "/nilm/report.html", "/smartwatts/models/nilm"):
        assert fact in seen["body"], fact
    assert "](http" not in seen["body"], "no link and no picture of anybody else's"
    assert 71 < seen["hours"] < 73


def test_the_models_page_says_who_is_waited_for_and_where_to_answer(played: Played) -> None:
    page = played["approved"]["seen"]["page"]
    card = page.split('id="now-nilm"')[1].split("</div>")[0]
    assert "waits for approval" in card and "whoever may edit" in card
    assert played["approved"]["seen"]["path"] in card
    health = page.split('id="health"')[1].split("</p>")[0]
    assert "nilm waits for approval" in health


def test_somebody_is_told_and_the_claim_holds_meanwhile(played: Played) -> None:
    run = played["approved"]
    assert run["sent"][0] == "SmartWatts nilm: v2 waits for approval"
    assert run["seen"]["claim"]


@pytest.mark.parametrize(
    "scenario, why",
    [
        ("rejected", "nilm kept: rejected by ann, "),
        ("not_answered", "nilm kept: nobody approved it until "),
        ("moved_and_worse", "nilm kept: F1 −0.02"),
        ("gate_rejected", "nilm kept: F1 −0.02"),
    ],
)
def test_what_is_not_approved_is_kept_and_recorded_with_the_reason(
    played: Played, scenario: str, why: str
) -> None:
    run = played[scenario]
    assert run["state"] == "success"
    assert state(run, "approve") == state(run, "publish") == "skipped"
    assert name(run, "publish").startswith(why)
    assert 2 not in versions(run) or scenario == "moved_and_worse"
    assert not any("accepted" in reason for _, _, reason in run["history"])


def test_a_rejection_stays_one_where_publish_is_cleared(played: Played) -> None:
    assert played["rejected"]["again"] == "skipped"
    assert versions(played["rejected"]) == [1]


def test_a_champion_that_moved_meanwhile_has_the_challenger_judged_again(played: Played) -> None:
    run = played["champion_moved"]
    assert run["judgements"] == 2
    assert versions(run) == [1, 2, 3]
    assert "approved by ann" in run["history"][-1][2]
    assert played["moved_and_worse"]["judgements"] == 2
    assert versions(played["moved_and_worse"]) == [1, 2]


@pytest.mark.parametrize("scenario", ["set_to_success", "set_to_skipped"])
def test_a_state_that_was_set_by_hand_approves_nothing(played: Played, scenario: str) -> None:
    run = played[scenario]
    assert run["seen"]["status"] == 200
    assert state(run, "publish") == "failed" and run["state"] == "failed"
    assert "nobody approved nilm" in name(run, "publish")
    assert versions(run) == [1]


def test_publish_alone_done_again_ships_nothing_without_an_answer(played: Played) -> None:
    assert played["set_to_success"]["again"] == "failed"
    assert versions(played["set_to_success"]) == [1]


def test_nobody_answers_but_those_whom_the_setting_names(played: Played) -> None:
    run = played["by_somebody_else"]
    assert run["seen"]["statuses"] == [403, 200]
    assert run["seen"]["who"] == ["bob"]
    assert name(run, "publish").startswith("nilm kept: rejected by bob")


def test_another_model_than_settings_name_is_published_as_ever(played: Played) -> None:
    run = played["other_model"]
    assert state(run, "approve") == "skipped" and name(run, "approve") == "nilm needs no approval"
    assert versions(run) == [1, 2]
    assert not any("waits for approval" in title for title in run["sent"])


def test_where_nobody_is_asked_there_is_no_such_task(played: Played) -> None:
    run = played["nobody"]
    assert "model.approve" not in run["tasks"]
    assert versions(run) == [1, 2]


def test_a_dry_run_asks_nobody(played: Played) -> None:
    run = played["dry_run"]
    assert run["state"] == "success" and state(run, "approve") == "skipped"
    assert versions(run) == [1] and run["sent"][0].startswith("SmartWatts retrain_weekly (dry run)")
