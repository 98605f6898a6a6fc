"""A model that a person has to approve: publish ships nothing of it that nobody approved."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.environment import check_environment
from smartwatts_ml.errors import TrustError, UnapprovedError, UsageError
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.claims import hold_claim, standing_claim, take_claim
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import write_outputs
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.settings import Settings, settings
from smartwatts_ml.stages.approve import approve
from smartwatts_ml.stages.branch import log_progress
from smartwatts_ml.stages.publish import publish
from smartwatts_ml.stages.troubles import find_troubles
from smartwatts_ml.store import Store
from smartwatts_ml.store.metadata import digest
from tests.store.helpers import content, keys_of, opened, with_keys
from tests.store.test_publish_stage import judged, run_of

WHEN = "2026-11-30 03:12 UTC"


@pytest.fixture
def current(tmp_path: Path) -> Settings:
    return settings(root=str(tmp_path / "root"), keys=str(keys_of(tmp_path)), approval="nilm")


@pytest.fixture
def objects(current: Settings) -> Objects:
    made = opened(current.root)
    with_keys(Store(made, Path(current.keys)))
    return made


def answer(run_id: str, **changes: Any) -> dict[str, Any]:
    """Ann approves the run's file."""
    shown = {"sha256": digest(content(run_id)), "time": WHEN}
    return {"approved": True, "by": "ann", "user": "7", **shown} | changes


def answered(objects: Objects, current: Settings, run_id: str, **changes: Any) -> ModelRun:
    run = run_of(objects, current, run_id)
    approve(run, log_progress, answer=answer(run_id, **changes))
    return run


def in_force(objects: Objects, current: Settings) -> int | None:
    champion = Store(objects, Path(current.keys)).champion("nilm")
    return champion.version if champion else None


def test_what_a_person_approved_is_published_in_their_name(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    run = answered(objects, current, "run1")
    assert publish(run, log_progress, actor="retrain_weekly").version == 1
    store = Store(objects, Path(current.keys))
    (entry,) = store.history("nilm")
    assert entry.actor == "retrain_weekly"
    assert f"approved by ann, {WHEN}" in entry.reason
    assert store.manifest("nilm", 1).decision["approval"] == {"by": "ann", "time": WHEN}


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"approved": False}, f"nilm kept: rejected by ann, {WHEN}; the gate had said: nilm acc"),
        ({"approved": False, "by": None}, f"nilm kept: nobody approved it until {WHEN}"),
        ({"by": None}, f"nilm kept: nobody approved it until {WHEN}"),
        ({"sha256": "0" * 64}, "nilm kept: ann approved another file than was judged since"),
    ],
)
def test_what_nobody_approved_is_kept_and_says_who_and_when(
    objects: Objects, current: Settings, changes: dict[str, Any], why: str
) -> None:
    judged(objects, "run1")
    result = publish(answered(objects, current, "run1", **changes), log_progress, actor="x")
    assert (result.outcome, result.version) == ("kept", None)
    assert result.summary.startswith(why)
    state = read_state(objects, "nilm")
    assert state is not None and (state.outcome, state.reason) == ("kept", result.summary)
    assert in_force(objects, current) is None


def test_only_those_whom_the_setting_names_approve(objects: Objects, current: Settings) -> None:
    some = current.model_copy(update={"approval_users": {"3": "bob"}})
    judged(objects, "run1")
    result = publish(answered(objects, some, "run1"), log_progress, actor="x")
    assert result.summary.startswith("nilm kept: ann may not approve it")
    answered(objects, some, "run1", user="3", by="bob")
    assert publish(run_of(objects, some, "run1"), log_progress, actor="x").version == 1


def test_whom_the_settings_of_the_signer_do_not_name_has_approved_nothing(
    objects: Objects, current: Settings
) -> None:
    judged(objects, "run1")
    some = current.model_copy(update={"approval_users": {"3": "bob"}})
    run = answered(objects, current, "run1")
    with pytest.raises(UnapprovedError, match="ann may not approve nilm"):
        publish(replace(run, settings=some), log_progress, actor="x")
    run = answered(objects, current, "run1", by="bob", user="3")
    assert publish(replace(run, settings=some), log_progress, actor="x").version == 1


def test_without_an_answer_nothing_is_published(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    run = run_of(objects, current, "run1")
    with pytest.raises(UnapprovedError, match=r"person has to approve it .*`smartwatts approve"):
        approve(run, log_progress)
    with pytest.raises(UnapprovedError, match="nobody approved nilm in run run1"):
        publish(run, log_progress, actor="x")
    with pytest.raises(UnapprovedError):
        publish(run, log_progress, actor="x", force="I am in a hurry")
    assert in_force(objects, current) is None and read_state(objects, "nilm") is None


def test_an_answer_that_was_planted_is_none(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    unanswered = run_of(objects, current, "run1")
    answered(objects, current, "run1")
    with pytest.raises(UnapprovedError):
        publish(unanswered, log_progress, actor="x")
    rejected = answered(objects, current, "run1", approved=False)
    answered(objects, current, "run1")
    with pytest.raises(TrustError, match=r"approval\.json is not what the stage before left"):
        publish(rejected, log_progress, actor="x")


@pytest.mark.parametrize("change", ["run", "file", "refit"])
def test_an_answer_about_something_else_is_none(
    objects: Objects, current: Settings, change: str
) -> None:
    judged(objects, "run1")
    answered(objects, current, "run1")
    if change == "run":
        judged(objects, "run2", sha256=digest(content("run1")))
        objects.write("runs/run2/nilm/nilm.tflite", content("run1"))
        approval = objects.read("runs/run1/nilm/approval.json").data
        objects.write("runs/run2/nilm/approval.json", approval)
    elif change == "file":
        judged(objects, "run1", sha256=digest(content("new")))
        objects.write("runs/run1/nilm/nilm.tflite", content("new"))
    else:
        objects.write("runs/run1/nilm/refit.json", b"{}")
    run = run_of(objects, current, "run2" if change == "run" else "run1")
    with pytest.raises(UnapprovedError, match="about other files of nilm"):
        publish(run, log_progress, actor="x")
    assert in_force(objects, current) is None


def test_a_rejection_holds_though_the_setting_is_gone(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    run = answered(objects, current, "run1", approved=False)
    nobody = current.model_copy(update={"approval": ""})
    assert publish(replace(run, settings=nobody), log_progress, actor="x").outcome == "kept"


def test_nobody_is_asked_about_other_models_or_what_was_rejected(
    objects: Objects, current: Settings
) -> None:
    other = current.model_copy(update={"approval": "anomaly"})
    judged(objects, "run1")
    run = run_of(objects, other, "run1")
    assert approve(run, log_progress).proceed
    assert publish(run, log_progress, actor="x").version == 1
    judged(objects, "run2", 1, accepted=False, summary="nilm kept: F1 −0.02")
    run = run_of(objects, current, "run2")
    assert not approve(run, log_progress).proceed
    assert publish(run, log_progress, actor="x").summary == "nilm kept: F1 −0.02"


@pytest.mark.parametrize("name", ["a\nb\x1b[31m\u202e", "x" * 5000])
def test_a_name_is_signed_as_it_may_be_shown(
    objects: Objects, current: Settings, name: str
) -> None:
    judged(objects, "run1")
    assert publish(answered(objects, current, "run1", by=name), log_progress, actor="x").version
    by = Store(objects, Path(current.keys)).manifest("nilm", 1).decision["approval"]["by"]
    assert by.isprintable() and len(by) <= 100


def smartwatts(current: Settings, *arguments: str) -> Result:
    environment = {
        "SMARTWATTS_ROOT": current.root,
        "SMARTWATTS_KEYS": current.keys,
        "SMARTWATTS_APPROVAL": "all",
        "LOGNAME": "bob",
    }
    return CliRunner().invoke(app, list(arguments), env=environment)


def test_on_the_command_line_a_person_says_so(objects: Objects, current: Settings) -> None:
    judged(objects, "run1")
    write_outputs(run_of(objects, current, "run1"))
    refused = smartwatts(current, "publish", "nilm", "--run", "run1")
    assert isinstance(refused.exception, UnapprovedError)
    rejected = smartwatts(current, "approve", "nilm", "--run", "run1", "--reject", "--json")
    said = json.loads(rejected.stdout)["models"]["nilm"]
    assert not said["proceed"] and said["by"] == "bob"
    assert smartwatts(current, "approve", "nilm", "--run", "run1").exit_code == 0
    assert smartwatts(current, "publish", "nilm", "--run", "run1").exit_code == 0
    (entry,) = Store(objects, Path(current.keys)).history("nilm")
    assert "approved by bob" in entry.reason


def test_a_model_that_there_is_not_is_an_error_of_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMARTWATTS_APPROVAL", "nilm, anomalie")
    with pytest.raises(UsageError, match=r"APPROVAL: anomalie .*did you mean anomaly"):
        check_environment()
    monkeypatch.setenv("SMARTWATTS_APPROVAL", "nilm, anomaly")
    check_environment()


def now() -> datetime:
    return datetime.now(UTC)


HOUR = timedelta(hours=1)


def test_a_claim_holds_while_a_person_is_waited_for_and_is_not_late(
    objects: Objects, current: Settings
) -> None:
    take_claim(objects, "nilm", "run1", heed=True)
    hold_claim(objects, "nilm", "run1", answer_by=now() + 72 * HOUR)
    claim = standing_claim(objects, "nilm", now() + 72 * HOUR)
    assert claim is not None and claim.run_id == "run1" and claim.waits(now() + 71 * HOUR)
    assert standing_claim(objects, "nilm", now() + 74 * HOUR) is None
    assert not find_troubles(objects, current, now() + 60 * HOUR)
    hold_claim(objects, "nilm", "run1")
    assert standing_claim(objects, "nilm", now() + 17 * HOUR) is not None
    assert standing_claim(objects, "nilm", now() + 19 * HOUR) is None


def test_a_claim_from_whoever_writes_there_ends_all_the_same(objects: Objects) -> None:
    take_claim(objects, "nilm", "run1", heed=True)
    hold_claim(objects, "nilm", "run1", answer_by=now() + timedelta(days=4000))
    assert standing_claim(objects, "nilm", now() + timedelta(days=9)) is None


def test_what_another_run_has_claimed_meanwhile_is_left_to_it(objects: Objects) -> None:
    take_claim(objects, "nilm", "run2", heed=True)
    hold_claim(objects, "nilm", "run1", answer_by=now() + HOUR)
    claim = standing_claim(objects, "nilm")
    assert claim is not None and claim.run_id == "run2"
