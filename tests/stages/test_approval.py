"""A champion that changes while a person thinks: the challenger is judged again, and what was
approved is published if the gate still says so. What a person is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from smartwatts_ml.errors import SmartwattsError, UnapprovedError
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.approval import Answer, Request
from smartwatts_ml.kinds.base import TrainOptions
from smartwatts_ml.runs.claims import standing_claim
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.stage_outputs import begin_outputs
from smartwatts_ml.stages.approve import ask
from smartwatts_ml.stages.branch import StageResult, force_publish, log_progress, retrain, run_stage
from smartwatts_ml.stages.order import stage_named
from smartwatts_ml.stages.start import start_run
from tests.stages.service import Service

pytestmark = pytest.mark.slow


@pytest.fixture
def asked(service: Service) -> ModelRun:
    """A run that waits: what it made is better than v2, which is in force since it was forced."""
    force_worse(service)
    service.current = service.current.model_copy(update={"approval": "all"})
    run = begun(service, "waits")
    for name in ("train", "validate", "convert", "refit"):
        run_stage(stage_named(name), run, log_progress, **options(name, seed=3))
    return run


def force_worse(service: Service) -> None:
    """A version that knows nothing comes into force against the gate."""
    service.light.spoil = lambda targets: targets * 3
    service.retrain(seed=service.runs + 1)
    service.light.spoil = lambda targets: targets
    run = service.run(f"run{service.runs}")
    force_publish(stage_named("publish"), run, log_progress, actor="bob", reason="a mistake")


def begun(service: Service, run_id: str) -> ModelRun:
    plan = start_run(service.objects, service.current, run_id, ["light"])
    service.left[run_id] = begin_outputs(plan.snapshot_sha256)
    return service.run(run_id)


def options(name: str, seed: int) -> dict[str, Any]:
    return {"options": TrainOptions(seed=seed)} if name == "train" else {}


def approved(run: ModelRun, request: Request) -> StageResult:
    """Ann says yes to what she was shown."""
    answer = Answer(True, request.sha256, "2026-11-30 03:12 UTC", by="ann")
    return run_stage(stage_named("approve"), run, log_progress, answer=plain(answer))


def published(run: ModelRun) -> StageResult:
    return run_stage(stage_named("publish"), run, log_progress, judge=False, actor="ann")


def test_a_person_is_shown_what_decides(service: Service, asked: ModelRun) -> None:
    request = ask(asked)
    assert (request.version, request.champion_version) == (3, 2)
    assert request.label == "WAPE" and request.summary.startswith("light accepted")
    assert request.metric["challenger"] != request.metric["champion"] != ""
    assert "than the champion" in request.worst
    assert "refitted" in request.refit
    claim = standing_claim(service.objects, "light")
    assert claim is not None and claim.run_id == "waits" and claim.answer_by is not None
    assert ask(asked) == request


def test_what_was_approved_against_another_champion_is_judged_again_and_published(
    service: Service, asked: ModelRun
) -> None:
    request = ask(asked)
    service.current = service.current.model_copy(update={"approval": ""})
    force_worse(service)
    result = approved(asked, request)
    assert result.proceed and "approved by ann" in result.summary
    assert service.decision("waits")["champion_version"] == 3
    assert published(asked).proceed
    entry = service.store.history("light")[-1]
    assert entry.version == 4 and "approved by ann" in entry.reason


def test_what_does_not_beat_the_champion_of_today_is_kept_though_it_was_approved(
    service: Service, asked: ModelRun
) -> None:
    request = ask(asked)
    service.store.rollback("light", 1, "bob", "v2 knows nothing")
    result = approved(asked, request)
    assert not result.proceed and "light kept" in result.summary
    kept = published(asked)
    assert not kept.proceed and kept.summary == result.summary
    assert [entry.version for entry in service.store.history("light")] == [1, 2, 1]


def test_a_run_asks_about_one_state_of_a_model_alone(service: Service, asked: ModelRun) -> None:
    ask(asked)
    for name in ("train", "validate", "convert", "refit"):
        run_stage(stage_named(name), asked, log_progress, **options(name, seed=9))
    with pytest.raises(SmartwattsError, match=r"asked about another state .*start a new run"):
        ask(asked)


def test_on_the_command_line_a_retraining_ends_before_what_a_person_has_to_say(
    service: Service,
) -> None:
    force_worse(service)
    service.current = service.current.model_copy(update={"approval": "light"})
    run = begun(service, "alone")
    failed = retrain(run, log_progress, {"options": TrainOptions(seed=3), "actor": "ann"})
    assert failed is not None and "`smartwatts approve light --run alone`" in failed
    with pytest.raises(UnapprovedError):
        published(replace(run, left=service.left["alone"]))
    assert service.store.history("light")[-1].version == 2
