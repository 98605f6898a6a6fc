"""What is accepted is trained again on everything up to now, and ships if it behaves the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.errors import TrustError
from smartwatts_ml.judging.opponents import champion_in_force, prepare
from smartwatts_ml.judging.replay import replay
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.stages.branch import log_progress, run_stage
from smartwatts_ml.stages.order import stage_named
from smartwatts_ml.stages.start import start_run
from tests.stages.service import Service

pytestmark = pytest.mark.slow


def details_of(service: Service, version: int) -> dict[str, Any]:
    content = service.store.read_file(service.store.manifest("light", version))
    return dict(load_network(content, "light.tflite").details)


def read(service: Service, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(service.objects.read(f"runs/run1/light/{name}").data)
    return document


def test_what_ships_has_learned_everything_up_to_now(service: Service) -> None:
    run = service.run("run1")
    end = max(span.end for span in run.readings.spans())
    assert details_of(service, 1)["trained"]["to"] == str(end)
    judged = load_network(run.read("light.tflite"), "light.tflite").details["trained"]["to"]
    assert np.datetime64(judged) <= max(run.split.holdout_start.values()) - run.split.embargo


def test_the_manifest_names_what_was_judged_and_the_history_says_that_it_was_refitted(
    service: Service,
) -> None:
    manifest = service.store.manifest("light", 1)
    refit, decision = read(service, "refit.json"), service.decision("run1")
    assert manifest.sha256 == refit["sha256"] != decision["sha256"]
    assert manifest.decision["judged_sha256"] == refit["judged_sha256"] == decision["sha256"]
    assert "light refitted on readings up to 20" in service.store.history("light")[-1].reason
    assert "Refit on everything up to now" in service.report("run1")
    assert any("power_w differs from what was judged by" in said for said in refit["reasons"])


def test_a_challenger_meets_what_was_judged_on_the_whole_holdout(service: Service) -> None:
    decision = service.retrain(seed=2)
    assert decision["record"]["champion_sha256"] == service.decision("run1")["sha256"]
    assert not decision["record"]["facts"]["starts"]
    assert all(replay(service.run(name)).same for name in ("run1", "run2"))


def test_where_the_run_that_judged_is_gone_a_challenger_meets_what_ships(
    service: Service,
) -> None:
    service.objects.delete("runs/run1/light/light.tflite")
    decision = service.retrain(seed=2)
    assert not decision["accepted"]
    assert "champion v1 was trained on all of the holdout" in decision["summary"]


def test_a_judged_file_that_was_replaced_is_not_met(service: Service) -> None:
    service.objects.write("runs/run1/light/light.tflite", service.file.read_bytes())
    start_run(service.objects, service.current, "run2", ["light"])
    run = service.run("run2")
    run_stage(stage_named("train"), run, log_progress)
    challenger = load_network(run.read("challenger.keras"), "challenger.keras")
    with pytest.raises(Exception, match="was trained on all of the holdout"):
        prepare(run, challenger, champion_in_force(run))


def empty_store(service: Service) -> None:
    """So that what is published next meets no champion."""
    service.objects.delete("models/light/champion.json")
    for info in list(service.objects.list("models/light/")):
        service.objects.delete(info.key)


def accepted_again(service: Service, spoil: Callable[[np.ndarray], np.ndarray]) -> str:
    """A better challenger, whose refit learns what ``spoil`` makes of its targets; the reason in
    the history."""
    trainings = 0

    def spoilt(targets: np.ndarray) -> np.ndarray:
        nonlocal trainings
        trainings += 1
        return spoil(targets) if trainings > 1 else targets

    empty_store(service)
    service.light.spoil = spoilt
    decision = service.retrain(seed=2)
    assert decision["accepted"] and trainings == 2
    return service.store.history("light")[-1].reason


@pytest.mark.parametrize("spoil", [lambda y: y / 1000, lambda y: np.roll(y, 12), lambda y: -y])
def test_a_refit_that_behaves_otherwise_does_not_ship(
    service: Service, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    reason = accepted_again(service, spoil)
    assert "light ships as it was judged: the refitted one behaves otherwise: " in reason
    manifest = service.store.manifest("light", 1)
    assert manifest.sha256 == service.decision("run2")["sha256"]
    assert "judged_sha256" not in manifest.decision


def test_without_refits_what_was_judged_ships(service: Service) -> None:
    service.current = service.current.replaced({"refit": False})
    run = service.run("run1")
    assert not run_stage(stage_named("refit"), run, log_progress).accepted  # type: ignore[attr-defined]
    assert "switched off (SMARTWATTS_REFIT)" in read(service, "refit.json")["summary"]


def test_a_rejected_model_is_not_refitted(service: Service) -> None:
    service.retrain(seed=2)
    result = run_stage(stage_named("refit"), service.run("run2"), log_progress)
    assert result.summary == "light is not refitted: it was not accepted"


def test_a_refitted_file_that_was_replaced_is_not_published(service: Service) -> None:
    run = service.run("run1")
    run.write("refitted.tflite", run.read("light.tflite"))
    with pytest.raises(TrustError, match="not the file that was compared with what was judged"):
        run_stage(stage_named("publish"), run, log_progress, actor="ann")


def test_a_refit_of_another_file_is_left_and_that_is_said(service: Service) -> None:
    run = service.run("run1")
    refit = read(service, "refit.json") | {"judged_sha256": sha256_of(b"another")}
    run.write_json("refit.json", refit)
    empty_store(service)
    result = run_stage(stage_named("publish"), run, log_progress, actor="ann")
    assert "refitted" not in result.summary
    assert "ships as it was judged: another file than this one was" in result.summary
