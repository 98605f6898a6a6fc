"""What each outcome of a stage does to its branch, to the run, and to what is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.stages import tasks as real_stages
from tests.airflow.webhook import Webhook, webhook
from tests.warm import WarmPython

pytestmark = pytest.mark.slow

Played = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def messages() -> Iterator[Webhook]:
    with webhook() as server:
        yield server


@pytest.fixture(scope="module")
def played(
    warm_airflow: WarmPython,
    tmp_path_factory: pytest.TempPathFactory,
    messages: Webhook,
) -> Played:
    code = "import runpy; runpy.run_module('tests.airflow.outcomes_probe', run_name='__main__')"
    root = tmp_path_factory.mktemp("played") / "root"
    connection = json.dumps({"conn_type": "http", "host": f"http://{messages[0]}"})
    where = {"SMARTWATTS_ROOT": str(root), "AIRFLOW_CONN_SMARTWATTS_NOTIFY": connection}
    run = warm_airflow.run(code, **where)
    lines = [line for line in run.stdout.splitlines() if line.startswith("PLAYED")]
    assert lines, run.stdout[-2000:] + run.stderr[-2000:]
    played: Played = json.loads(lines[0].removeprefix("PLAYED"))
    return played


def branch(played: dict[str, Any], model: str) -> dict[str, str]:
    """States of a model's steps."""
    tasks = played["tasks"]
    names = {key.split()[1]: t["name"] for key, t in tasks.items() if "model.train" in key}
    (index,) = [i for i, name in names.items() if name.split()[0].rstrip(":") == model]
    steps = ("train", "validate", "convert", "refit", "publish")
    return {step: tasks[f"model.{step} {index}"]["state"] for step in steps}


def names(played: dict[str, Any]) -> set[str]:
    return {task["name"] for task in played["tasks"].values()}


def asked(played: dict[str, Any], what: str) -> list[Any]:
    return [call[1:] for call in played["calls"] if call[0] == what]


def test_an_accepted_model_goes_all_the_way(played: Played) -> None:
    run = played["accepted_rejected_failed"]
    assert set(branch(run, "nilm").values()) == {"success"}
    assert "nilm v3 published: accepted: F1 +0.03" in names(run)


def test_each_stage_gets_the_digests_of_what_those_before_it_left(played: Played) -> None:
    run = played["accepted_rejected_failed"]
    names = ["../snapshot.json", "train", "validate", "convert", "refit"]
    assert [sorted(left) for left in run["left"]["nilm"]] == [
        sorted(names[:count]) for count in range(1, 6)
    ]
    assert run["left"]["nilm"][0] == {"../snapshot.json": "ab"}


def test_a_rejected_challenger_is_recorded_and_its_branch_skipped(played: Played) -> None:
    run = played["accepted_rejected_failed"]
    assert branch(run, "anomaly") == {
        "train": "success",
        "validate": "skipped",
        "convert": "skipped",
        "refit": "skipped",
        "publish": "skipped",
    }
    assert "anomaly kept: F1 −0.02" in names(run)
    assert ["anomaly"] in asked(run, "publish")
    # By the task that runs where the keys are, of what validate left and not of what lies there.
    assert sorted(run["left"]["anomaly"][-1]) == ["../snapshot.json", "train", "validate"]


def test_a_failed_model_lets_the_others_finish_and_then_fails_the_run(played: Played) -> None:
    run = played["accepted_rejected_failed"]
    assert branch(run, "forecasting_24h")["train"] == "failed"
    assert branch(run, "forecasting_24h")["publish"] == "skipped"
    assert run["state"] == run["tasks"]["report -1"]["state"] == "failed"
    assert asked(run, "failure") == [["forecasting_24h", "train failed: ValueError: boom"]]


@pytest.mark.parametrize("scenario", ["the_file_is_rejected", "too_little_to_train_on"])
def test_a_rejection_at_any_step_leaves_the_run_a_success(played: Played, scenario: str) -> None:
    run = played[scenario]
    assert run["state"] == "success"
    assert "nilm kept: F1 −0.02" in names(run)
    assert ["nilm"] in asked(run, "publish")
    assert asked(run, "failure") == []


def test_a_refit_that_fails_keeps_nothing_from_being_published(played: Played) -> None:
    run = played["the_refit_fails"]
    assert (branch(run, "nilm")["refit"], branch(run, "nilm")["publish"]) == ("failed", "success")
    assert run["state"] == "success"
    assert "nilm v3 published: accepted: F1 +0.03" in names(run)
    assert asked(run, "failure") == []


def test_what_fails_before_a_stage_that_may_fail_is_not_published(played: Played) -> None:
    run = played["the_file_cannot_be_made"]
    states = branch(run, "nilm")
    assert (states["refit"], states["publish"]) == ("upstream_failed", "skipped")
    assert run["state"] == "failed"
    assert asked(run, "publish") == []
    assert asked(run, "failure") == [["nilm", "convert failed: ValueError: boom"]]


def test_a_challenger_that_is_judged_again_and_rejected_is_skipped(played: Played) -> None:
    run = played["stale_and_then_rejected"]
    assert run["state"] == "success"
    assert branch(run, "nilm")["publish"] == "skipped"
    assert "nilm kept: F1 −0.02" in names(run)


@pytest.mark.parametrize(
    "scenario",
    ["accepted_rejected_failed", "the_file_is_rejected", "one_is_not_due", "bad_landing_file"],
)
def test_every_run_that_decides_renews_the_timestamp(played: Played, scenario: str) -> None:
    run = played[scenario]
    assert run["tasks"]["renew -1"]["state"] == "success"
    assert len(asked(run, "renew")) == 1


def test_a_dry_run_publishes_and_records_nothing(played: Played) -> None:
    run = played["dry_run"]
    assert run["state"] == "success"
    assert asked(run, "publish") == asked(run, "renew") == []
    assert branch(run, "nilm") == {
        "train": "success",
        "validate": "success",
        "convert": "success",
        "refit": "skipped",
        "publish": "skipped",
    }
    assert "nilm accepted: F1 +0.03 (dry run, not published)" in names(run)
    assert "anomaly kept: F1 −0.02" in names(run)


def test_a_dry_run_that_fails_does_not_back_off(played: Played) -> None:
    run = played["dry_run_that_fails"]
    assert run["state"] == "failed"
    assert asked(run, "failure") == []


def test_the_form_chooses_models_and_epochs(played: Played) -> None:
    run = played["chosen_models_and_epochs"]
    assert asked(run, "train") == [["nilm"]]
    assert asked(run, "epochs") == [[7]]


def test_a_model_that_is_not_due_is_skipped_and_says_why(played: Played) -> None:
    run = played["one_is_not_due"]
    assert run["state"] == "success"
    assert "anomaly skipped: 5 new readings" in names(run)
    assert ["anomaly"] not in asked(run, "train")
    assert ["anomaly"] not in asked(run, "publish")


def test_with_nothing_due_the_run_ends_as_skipped(played: Played) -> None:
    run = played["nothing_is_due"]
    assert run["tasks"]["plan -1"]["state"] == "skipped"
    assert run["tasks"]["report -1"]["state"] == "skipped"
    assert run["tasks"]["model.publish -1"]["state"] == "skipped"
    assert run["tasks"]["renew -1"]["state"] == "skipped", "nothing is signed for nothing"
    assert run["state"] == "success"
    assert asked(run, "train") == asked(run, "failure") == []


def test_a_run_by_hand_does_what_its_form_says_whatever_is_due(played: Played) -> None:
    run = played["by_hand"]
    assert asked(run, "plan") == [[{"only_due": False, "only_new": False, "claim": True}]]
    assert asked(run, "train") == [["nilm"]] and asked(run, "epochs") == [[7]]


def told(messages: Webhook, title: str) -> list[dict[str, Any]]:
    return [each for each in messages[1] if title in each["title"]]


def test_a_run_whose_report_dies_is_told_all_the_same(played: Played, messages: Webhook) -> None:
    run = played["the_report_dies"]
    assert run["state"] == run["tasks"]["report -1"]["state"] == "failed"
    (message,) = told(messages, "ended without a report")
    assert message["severity"] == "warning" and "boom" in message["text"]


def test_a_run_that_fails_is_told_once_with_what_failed(played: Played, messages: Webhook) -> None:
    assert played["accepted_rejected_failed"]["state"] == "failed"
    (message,) = [m for m in told(messages, "1 failed") if "forecasting_24h failed" in m["text"]]
    assert message["severity"] == "warning"


def test_readings_that_want_a_look_are_in_the_message(played: Played, messages: Webhook) -> None:
    assert played["readings_want_a_look"]["state"] == "success"
    (message,) = [m for m in messages[1] if "landing/x.csv" in m["text"]]
    assert message["severity"] == "warning"
    assert "data_quality.html" in message["text"]


def test_so_are_those_of_a_run_that_has_too_few_to_retrain_on(
    played: Played, messages: tuple[str, list[dict[str, Any]]]
) -> None:
    assert played["nothing_is_due"]["tasks"]["report -1"]["state"] == "skipped"
    (message,) = [m for m in messages[1] if "landing/y.csv" in m["text"]]
    assert message["severity"] == "warning" and "nothing decided" in message["title"]


def test_a_map_name_is_a_headline(played: Played) -> None:
    (failed,) = [name for name in names(played["a_long_reason"]) if "boom" in name]
    assert failed.startswith("nilm failed: boom")
    assert len(failed) <= 100 and failed.endswith("…")


def test_new_files_are_ingested_in_batches_side_by_side(played: Played) -> None:
    run = played["many_new_files"]
    found = {name: told for name, told in run["tasks"].items() if name.startswith("ingest")}
    assert {told["state"] for told in found.values()} == {"success"}
    assert [told["name"] for told in found.values()] == [
        "2 files: 5 readings",
        "1 file: 5 readings",
    ]
    assert asked(run, "train")


def test_without_new_files_the_models_are_trained_on_what_is_there(played: Played) -> None:
    run = played["no_new_files"]
    assert run["tasks"]["ingest -1"]["state"] == "skipped"
    assert run["tasks"]["plan -1"]["state"] == "success"
    assert asked(run, "train")


def test_when_ingest_fails_every_chosen_model_backs_off(played: Played) -> None:
    run = played["bad_landing_file"]
    assert run["state"] == "failed"
    assert run["tasks"]["ingest 0"]["state"] == "failed"
    assert {tuple(call) for call in asked(run, "failure")} >= {("nilm", "ingest failed")}


def test_the_probe_stands_in_for_real_stages_only() -> None:
    from tests.airflow.outcomes_probe import Stages

    for name in vars(Stages):
        if not name.startswith("_"):
            assert callable(getattr(real_stages, name)), name
    assert Path(real_stages.__file__).exists()
