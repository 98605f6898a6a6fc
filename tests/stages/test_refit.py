"""What is accepted is trained again on everything up to now, and ships if it behaves the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.errors import TrustError
from smartwatts_ml.judging.opponents import champion_in_force, prepare
from smartwatts_ml.judging.refitted import drop_judged_files
from smartwatts_ml.judging.replay import replay
from smartwatts_ml.modelfiles.golden import serve_vectors
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.reports.bom import BOM_PREDICATE
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.stages.branch import log_progress, run_stage
from smartwatts_ml.stages.order import stage_named
from smartwatts_ml.stages.start import start_run
from smartwatts_ml.store.slsa import PROVENANCE_PREDICATE
from smartwatts_ml.store.statements import predicate_in
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


def test_what_is_signed_says_how_the_file_was_made_and_what_it_computes(service: Service) -> None:
    manifest = service.store.manifest("light", 1)
    content = service.store.read_file(manifest)
    assert manifest.runtime and manifest.runtime["vectors"]
    (worst,) = serve_vectors(content, "light.tflite", manifest.runtime)
    assert worst.tolerable
    bundle = service.store.statement("light", 1)
    made = predicate_in(bundle, PROVENANCE_PREDICATE, "it")
    asked, given = (made["buildDefinition"][f"{way}Parameters"] for way in ("external", "internal"))
    assert (asked["model"], asked["seed"], asked["judged_against"]) == ("light", 1, None)
    assert given["settings"]["judging"]["gate_policy"] == "careful"
    made_of = {one["name"] for one in made["buildDefinition"]["resolvedDependencies"]}
    assert made_of >= {"readings", "smartwatts-ml", "tensorflow", "keras"}
    left = {one["name"]: one["digest"]["sha256"] for one in made["runDetails"]["byproducts"]}
    assert left["refitted.tflite"] == manifest.sha256
    bom = predicate_in(bundle, BOM_PREDICATE, "it")
    assert bom["metadata"]["component"]["hashes"][0]["content"] == manifest.sha256


def test_a_challenger_meets_what_was_judged_on_the_whole_holdout(service: Service) -> None:
    decision = service.retrain(seed=2)
    assert decision["record"]["champion_sha256"] == service.decision("run1")["sha256"]
    assert not decision["record"]["facts"]["starts"]
    assert all(replay(service.run(name)).same for name in ("run1", "run2"))


def test_a_refit_goes_as_the_judged_training_went(service: Service) -> None:
    empty_store(service)
    service.retrain(seed=2)
    judged, refitted = service.light.asked
    assert judged.recipe == {} and refitted.recipe["hours"] > 0
    assert replace(refitted, recipe={}) == judged


def kept(service: Service) -> list[str]:
    """What is kept of judged files."""
    return sorted(info.key for info in service.objects.list("state/judged/light/"))


def test_where_runs_were_cleaned_a_challenger_still_meets_what_was_judged(
    service: Service,
) -> None:
    judged = service.decision("run1")["sha256"]
    names = (f"{judged}.tflite", f"{judged}.trained_on.json")
    assert kept(service) == [f"state/judged/light/{name}" for name in names]
    for info in list(service.objects.list("runs/run1/")):
        service.objects.delete(info.key)
    record = service.retrain(seed=2)["record"]
    assert record["champion_sha256"] == judged
    assert record["facts"]["drift"], "what it was trained on is known as well"
    assert not record["facts"]["starts"] and not record["facts"]["met"]


def test_where_what_was_judged_is_gone_a_challenger_meets_what_ships_and_that_is_said(
    service: Service,
) -> None:
    for key in ("runs/run1/light/light.tflite", *kept(service)):
        service.objects.delete(key)
    decision = service.retrain(seed=2)
    assert not decision["accepted"]
    assert "champion v1 was trained on all of the holdout" in decision["summary"]
    assert (
        "champion v1 is met as it ships, for the file that was judged is gone"
        in decision["summary"]
    )


def test_what_was_judged_goes_with_its_version_and_not_before(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = service.decision("run1")["sha256"]
    service.objects.write(f"state/judged/light/{'0' * 64}.tflite", b"of a version that was pruned")
    before = kept(service)
    assert drop_judged_files(service.objects, service.store, "light") == 0, "they are young"
    monkeypatch.setattr("smartwatts_ml.judging.refitted._UNFINISHED_FOR", timedelta(0))
    assert drop_judged_files(service.objects, service.store, "light") == 1
    assert kept(service) == [key for key in before if judged in key]
    manifest = service.objects.read("models/light/light_v1.json").data
    service.objects.write("models/light/light_v1.json", manifest[:-1])
    assert drop_judged_files(service.objects, service.store, "light") == 0, "it does not verify"


def test_a_judged_file_that_was_replaced_is_not_met(service: Service) -> None:
    for key in ("runs/run1/light/light.tflite", kept(service)[0]):
        service.objects.write(key, service.file.read_bytes())
    start_run(service.objects, service.current, "run2", ["light"])
    run = service.run("run2")
    run_stage(stage_named("train"), run, log_progress)
    challenger = load_network(run.read("challenger.keras"), "challenger.keras")
    with pytest.raises(Exception, match="was trained on all of the holdout"):
        prepare(run, challenger, champion_in_force(run))


def empty_store(service: Service) -> None:
    """So that what is published next meets no champion."""
    for info in list(service.objects.list("models/")):
        service.objects.delete(info.key)
    shutil.rmtree(service.current.keys)


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


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda y: y / 1000, id="a thousandth"),
        pytest.param(lambda y: np.roll(y, 12), id="half a day late", marks=pytest.mark.full),
        pytest.param(lambda y: -y, id="negative", marks=pytest.mark.full),
    ],
)
def test_a_refit_that_behaves_otherwise_does_not_ship(
    service: Service, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    reason = accepted_again(service, spoil)
    assert "light ships as it was judged: the refitted one behaves otherwise: " in reason
    manifest = service.store.manifest("light", 1)
    assert manifest.sha256 == service.decision("run2")["sha256"]
    assert "judged_sha256" not in manifest.decision


def test_a_refit_that_fails_keeps_nothing_waiting_and_is_told(service: Service) -> None:
    def exhausted(_: np.ndarray) -> np.ndarray:
        raise MemoryError("no memory left")

    reason = accepted_again(service, exhausted)
    assert "light ships as it was judged: its refit failed: no memory left" in reason
    assert service.store.manifest("light", 1).sha256 == service.decision("run2")["sha256"]
    state = read_state(service.objects, "light")
    assert state is not None and (state.outcome, state.failures) == ("published", 0)


def test_a_refit_whose_process_died_keeps_nothing_waiting_and_can_be_done_again(
    service: Service,
) -> None:
    def killed(_: np.ndarray) -> np.ndarray:
        raise SystemExit

    run = service.run("run1")
    service.light.spoil = killed
    with pytest.raises(SystemExit):
        run_stage(stage_named("refit"), run, log_progress)
    empty_store(service)
    publish = stage_named("publish")
    first = run_stage(publish, run, log_progress, actor="ann")
    assert "ships as it was judged: its refit was broken off" in first.summary
    empty_store(service)
    service.light.spoil = lambda targets: targets
    run_stage(stage_named("refit"), run, log_progress)
    again = run_stage(publish, run, log_progress, actor="ann")
    assert "refitted on readings up to" in again.summary


def test_what_nobody_refitted_is_published_and_that_is_said(service: Service) -> None:
    service.objects.delete("runs/run1/light/refit.json")
    empty_store(service)
    publish = stage_named("publish")
    result = run_stage(publish, service.run("run1"), log_progress, actor="ann")
    assert "ships as it was judged: nobody trained it again" in result.summary


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
