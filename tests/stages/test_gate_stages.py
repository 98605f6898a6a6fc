"""The gate at work between real stages, on a kind that trains in a second."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import BusyError, StoreError
from smartwatts_ml.jsontext import plain
from smartwatts_ml.judging.refitted import JUDGED_SHA256
from smartwatts_ml.judging.replay import replay
from smartwatts_ml.kinds.charts import Band, Chart, Line, Panel, Span
from smartwatts_ml.modelfiles.keras_files import converter
from smartwatts_ml.modelfiles.litert import LiteRTNetwork, embed_details
from smartwatts_ml.readings.base import SiteReadings
from smartwatts_ml.readings.holdout import SelectedReadings
from smartwatts_ml.readings.table.snapshot_readings import TableReadings
from smartwatts_ml.runs.claims import other_claim
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.state import read_state
from smartwatts_ml.stages.branch import force_publish, log_progress
from smartwatts_ml.stages.order import stage_named
from smartwatts_ml.stages.start import start_run
from smartwatts_ml.stages.train import train
from smartwatts_ml.stages.validate import validate
from tests.reports.pages import faults_of
from tests.stages.light import LightKind
from tests.stages.service import Service

pytestmark = pytest.mark.slow

HOURS = [float(i) for i in range(168)]
WAVE = [300 + 12_345 * max(np.sin(i / 9), 0) for i in range(168)]
EVERYTHING = Chart(
    "Everything that can be drawn",
    "Lines with gaps, an area and marked stretches, under long titles.",
    tuple(
        Panel(
            f"{word}: a-site-with-a-rather-long-name from 2026-01-05 00:00 UTC, error 123 %",
            "hours since the start of the week",
            "W",
            HOURS,
            (Line("true", "truth", WAVE), Line("P50", "challenger", [None, *WAVE[1:]])),
            (Band("P10–P90", "challenger", [0.8 * w for w in WAVE], [1.2 * w for w in WAVE]),),
            (Span("anomaly", "champion", 20.0, 30.0), Span("alert", "challenger", 167.0, 168.0)),
        )
        for word in ("best", "median", "worst")
    ),
)


def test_another_seed_is_kept_for_lack_of_evidence_and_replayed_to_the_same_verdict(
    service: Service,
) -> None:
    second = service.retrain(seed=2)
    assert not second["accepted"]
    assert second["outcome"] == "no evidence"
    assert "light kept, not enough evidence: " in second["summary"]
    assert [entry.version for entry in service.store.history("light")] == [1]
    for run_id in ("run1", "run2"):
        for stored_scores in (False, True):
            again = replay(service.run(run_id), stored_scores=stored_scores)
            assert again.same and not again.differences
    assert again.holdout_digest == second["holdout_digest"]


def test_a_champion_of_an_older_contract_is_judged_and_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LightKind, "contract", 2)
    monkeypatch.setattr(LightKind, "contract_changes", {2: "its days were those of UTC"})
    second = service.retrain(seed=2)
    assert second["metrics"]["champion"] is not None
    assert (
        "champion v1 is of contract 1, now 2: its days were those of UTC; it is judged on the same "
        "inputs as the challenger"
    ) in second["reasons"]
    assert replay(service.run("run2")).same


@pytest.mark.parametrize(("policy", "other"), [("careful", "fresh"), ("fresh", "careful")])
def test_decisions_of_both_policies_are_repeated_under_whichever_is_set_now(
    service: Service, policy: str, other: str
) -> None:
    service.current = service.current.replaced({"gate_policy": policy})
    decision = service.retrain(seed=2)
    assert decision["record"]["rules"]["policy"] == policy
    assert any(f"policy {policy}" in reason for reason in decision["reasons"])
    now = replace(service.run("run2"), settings=service.current.replaced({"gate_policy": other}))
    for stored_scores in (False, True):
        again = replay(now, stored_scores=stored_scores)
        assert again.same and not again.differences


def test_a_version_that_was_replaced_is_an_anchor_of_the_next_decision_and_of_its_replay(
    service: Service,
) -> None:
    service.retrain(seed=2)
    stage, run = stage_named("publish"), service.run("run2")
    force_publish(stage, run, log_progress, actor="bob", reason="new meters")
    facts = service.retrain(seed=3)["record"]["facts"]
    assert (facts["champion_version"], facts["anchors"]) == (2, ["v1"])
    assert (facts["fleet"], facts["champion_weeks"]) == (4, 0.0)
    for stored_scores in (False, True):
        again = replay(service.run("run3"), stored_scores=stored_scores)
        assert again.same and not again.differences
    lose_what_was_judged(service)
    with pytest.raises(StoreError, match="v1 was trained on a part of the holdout"):
        replay(service.run("run3"))


def test_an_earlier_version_that_has_learned_the_holdout_is_not_held_against_and_named(
    service: Service,
) -> None:
    service.retrain(seed=2)
    stage, run = stage_named("publish"), service.run("run2")
    force_publish(stage, run, log_progress, actor="bob", reason="new meters")
    lose_what_was_judged(service)
    decision = service.retrain(seed=3)
    assert decision["record"]["facts"]["anchors"] == []
    assert (
        "earlier versions that nothing is held against: v1 was trained on a part of the holdout"
        in decision["reasons"]
    )
    assert replay(service.run("run3")).same


def test_a_dry_run_decides_and_records_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_state(service.objects, "light")
    run = command(service, monkeypatch, "retrain", "light", "--seed", "2", "--dry-run", "--json")
    assert run.exit_code == 0, run.output
    assert "light kept, not enough evidence" in json.loads(run.stdout)["models"][0]["summary"]
    assert read_state(service.objects, "light") == before
    assert [entry.version for entry in service.store.history("light")] == [1]


def test_a_failure_is_told_recorded_and_backs_off(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(targets: np.ndarray) -> np.ndarray:
        raise OSError("no space left on device")

    service.light.spoil = full_disk
    run = command(service, monkeypatch, "retrain", "light")
    assert run.exit_code == 1
    assert "light failed: no space left on device" in f"{run.stderr}{run.exception}"
    assert [entry.version for entry in service.store.history("light")] == [1]
    state = read_state(service.objects, "light")
    assert state is not None and state.failures == 1 and state.next_attempt is not None


def test_a_run_that_is_stopped_says_what_is_left_and_holds_nobody_up(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def control_c(targets: np.ndarray) -> np.ndarray:
        raise KeyboardInterrupt

    before = read_state(service.objects, "light")
    service.light.spoil = control_c
    run = command(service, monkeypatch, "retrain", "light")
    assert run.exit_code == 130
    assert "light: stopped; what was ingested, decided and published" in run.stderr
    assert read_state(service.objects, "light") == before
    assert [entry.version for entry in service.store.history("light")] == [1]
    assert other_claim(service.objects, "light", "another-run") is None


def test_a_training_that_another_took_over_leaves_no_challenger(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a machine slept through its lease, and the run's next try is at work."""
    monkeypatch.setattr("smartwatts_ml.stages.train._LEASE_SECONDS", 0.3)

    def overtaken(targets: np.ndarray) -> np.ndarray:
        objects = service.objects
        objects.write("state/light.lease.json", b'{"claim_id":"another"}')
        deadline = time.monotonic() + 60
        while any(thread.name == "lease of light" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)
        return targets

    service.light.spoil = overtaken
    start_run(service.objects, service.current, "run2", ["light"])
    with pytest.raises(BusyError, match="the lease on light ran out while it was held"):
        train(service.run("run2"), log_progress)
    left = {info.key for info in service.objects.list("runs/run2/light/")}
    assert not left, left


def command(service: Service, patch: pytest.MonkeyPatch, *words: str) -> Result:
    """What ``smartwatts`` with these words gives, on the service's root."""
    for name in ("root", "keys", "gate_resamples", "gate_policy"):
        patch.setenv(f"SMARTWATTS_{name.upper()}", str(service.current.named()[name]))
    return CliRunner().invoke(app, list(words))


def test_a_replay_uses_the_settings_of_the_run_not_those_of_now(service: Service) -> None:
    other = service.current.replaced({"holdout_share": 0.5, "gate_confidence": 0.6})
    assert replay(replace(service.run("run1"), settings=other)).same


def test_a_decision_of_before_a_setting_is_not_judged_on_other_readings(service: Service) -> None:
    run, decision = service.run("run1"), service.decision("run1")
    del decision["record"]["settings"]["holdout_max_days"]
    run.write_json("decision.json", decision)
    now = replace(run, settings=service.current.replaced({"holdout_max_days": 10.0}))
    with pytest.raises(StoreError, match="--stored-scores"):
        replay(now)
    assert replay(now, stored_scores=True).same


def test_a_replay_tells_time_as_the_run_did(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    load = SelectedReadings.load

    def noted(self: SelectedReadings, *asked: Any, **grid: Any) -> SiteReadings:
        loaded = load(self, *asked, **grid)
        seen.add(loaded.timezone)
        return loaded

    monkeypatch.setattr(SelectedReadings, "load", noted)
    zones = {"timezone": "Asia/Kolkata", "site_timezones": {"home1": "America/New_York"}}
    elsewhere = replace(service.run("run1"), settings=service.current.replaced(zones))
    assert replay(elsewhere).same
    assert seen == {"UTC"}


def test_a_judgement_reads_each_site_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: Counter[str] = Counter()
    load = TableReadings.load

    def counted(self: TableReadings, site: str, *asked: Any, **grid: Any) -> SiteReadings:
        loads[site] += 1
        return load(self, site, *asked, **grid)

    monkeypatch.setattr(TableReadings, "load", counted)
    validate(service.run("run1"), log_progress)
    assert len(loads) == 4 and set(loads.values()) == {1}


def test_scores_that_were_changed_after_the_decision_are_refused(service: Service) -> None:
    scores = Path(service.current.root) / "runs/run1/light/scores.npz"
    scores.write_bytes((Path(service.current.root) / "runs/run1/snapshot.json").read_bytes())
    with pytest.raises(StoreError, match="not what the decision was made from"):
        replay(replace(service.run("run1"), left=None), stored_scores=True)


def test_a_champion_whose_file_was_truncated_is_kept_and_told(service: Service) -> None:
    service.file.write_bytes(service.file.read_bytes()[:500])
    assert "the file of champion v1 is missing, damaged or was replaced" in kept(service)


def test_a_champion_whose_file_is_gone_is_kept_and_told(service: Service) -> None:
    service.file.unlink()
    assert "the file of champion v1 is missing, damaged or was replaced" in kept(service)


def test_a_champion_replaced_by_another_model_is_kept_and_told(service: Service) -> None:
    details = LiteRTNetwork(service.file.read_bytes()).details
    publish_other(service, {**details, "model": "nilm"})
    assert "champion v2 is not this model but nilm" in kept(service)


def test_a_champion_that_needs_an_input_that_is_gone_is_kept_and_told(service: Service) -> None:
    details = LiteRTNetwork(service.file.read_bytes()).details
    outdoors = {**details["inputs"][0], "name": "outdoor_temperature"}
    publish_other(service, {**details, "inputs": [*details["inputs"], outdoors]}, of_two_inputs())
    said = kept(service)
    assert "champion v2 needs an input that no longer exists: outdoor_temperature" in said


def of_two_inputs() -> bytes:
    """A file that looks at the temperature outside as well."""
    import keras

    given = [
        keras.Input((24, 1), name="history_w"),
        keras.Input((24, 1), name="outdoor_temperature"),
    ]
    both = keras.layers.Flatten()(keras.layers.Concatenate()(given))
    power = keras.layers.Dense(1, name="power_w")(both)
    network = keras.Model(given, {"power_w": power})
    with converter(network) as convert:
        return convert("none")


@pytest.mark.parametrize("inputs", [[], None], ids=["none", "unsaid"])
def test_a_champion_that_cannot_predict_is_kept_and_told(service: Service, inputs: Any) -> None:
    details = LiteRTNetwork(service.file.read_bytes()).details
    publish_other(service, {**details, "inputs": inputs})
    assert "champion v2 cannot be " in kept(service)


def lose_what_was_judged(service: Service) -> None:
    """Of version 1."""
    sha256 = service.decision("run1")["sha256"]
    for key in ("runs/run1/light/light.tflite", f"state/judged/light/{sha256}.tflite"):
        service.objects.delete(key)


def kept(service: Service) -> str:
    """The next run's sentence; nothing came into force by it."""
    before = service.store.history("light")
    decision = service.retrain(seed=3)
    assert not decision["accepted"] and decision["outcome"] == "trouble"
    assert service.store.history("light") == before
    return str(decision["summary"])


def publish_other(service: Service, details: dict[str, Any], content: bytes = b"") -> None:
    """A properly signed version that says something else of itself, with the same network if
    no other is given."""
    manifest = service.store.manifest("light", 1).to_json()
    known = ("code", "snapshot", "inputs", "outputs", "metrics", "quantization")
    decision = {k: v for k, v in manifest["decision"].items() if k != JUDGED_SHA256}
    service.store.publish(
        "light",
        embed_details(content or service.file.read_bytes(), details),
        {name: manifest[name] for name in known} | {"decision": decision},
        run_id="elsewhere",
        actor="eve",
        reason="by other means",
    )


def test_a_forced_version_is_signed_with_a_name_and_red_on_every_page_after(
    service: Service,
) -> None:
    service.retrain(seed=2)
    made = force_publish(
        stage_named("publish"),
        service.run("run2"),
        log_progress,
        actor="bob",
        reason="the meters were replaced",
    )
    assert plain(made)["outcome"] == "published"
    entry = service.store.history("light")[-1]
    assert (entry.action, entry.actor, entry.version) == ("force", "bob", 2)
    assert entry.reason.startswith("the meters were replaced (the gate said: light kept")
    service.retrain(seed=3)
    report = service.report("run3")
    assert 'class="forced"' in report and "forced by bob" in report
    assert 'class="forced"' not in service.report("run1")


def test_a_champion_trained_on_the_holdout_has_that_part_left_out(service: Service) -> None:
    service.current = service.current.replaced({"holdout_share": 0.4})
    decision = service.retrain(seed=2)
    assert any("the champion was trained later" in reason for reason in decision["reasons"])
    starts = decision["record"]["facts"]["starts"]
    assert len(starts) == 4


def test_a_training_that_was_given_the_holdout_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelRun, "training", property(lambda run: run.readings))
    decision = service.retrain(seed=2)
    assert not decision["accepted"] and decision["outcome"] == "trouble"
    assert "the challenger was trained on the holdout" in decision["summary"]
    assert replay(service.run("run2")).same


def test_a_report_is_whole_on_a_phone_and_in_the_dark_and_asks_for_nothing(
    service: Service, tmp_path: Path
) -> None:
    service.light.drawn = (EVERYTHING,)
    service.retrain(seed=2)
    page = tmp_path / "report.html"
    page.write_text(service.report("run2"))
    assert "<h2>Everything" in page.read_text()
    assert faults_of(page) == []


@pytest.mark.parametrize("fault", ["shifted", "wrong unit", "half zero"])
def test_a_corrupted_training_is_never_accepted(service: Service, fault: str) -> None:
    spoils = {
        "shifted": lambda y: np.roll(y, 12),
        "wrong unit": lambda y: y / 1000,
        "half zero": lambda y: np.where(np.arange(len(y)) % 2 == 0, 0, y),
    }
    service.light.spoil = spoils[fault]
    decision = service.retrain(seed=2)
    assert not decision["accepted"]
    assert decision["outcome"] in ("worse", "slice", "not better than the baseline")
