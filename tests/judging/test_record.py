"""What a decision keeps of itself can be read and repeated, whenever it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.errors import StoreError
from smartwatts_ml.gate import Outcome, not_judged
from smartwatts_ml.jsontext import json_text, parsed, plain
from smartwatts_ml.judging.record import (
    Record,
    StoredDecision,
    check_spec,
    read_decision,
    record_of,
    rules_of,
)
from smartwatts_ml.judging.replay import replay
from smartwatts_ml.judging.trained_on import read_trained_on
from smartwatts_ml.objects import open_root
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.runs.model_report import model_report
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.snapshot import pinned_versions, read_snapshot
from smartwatts_ml.settings import GateSettings, Settings, settings
from smartwatts_ml.stages.branch import force_publish, log_progress, run_stage
from smartwatts_ml.stages.order import stage_named
from smartwatts_ml.stages.publish import publish

WRITTEN = """{
 "accepted": false, "baseline": "mean_power", "champion_version": 3,
 "checks": [{"name": "extremes", "passed": true, "text": "outputs are finite on extreme inputs"}],
 "comparisons": [{
  "challenger": 41.5, "gain": null, "high": null, "label": "MAE", "low": null, "metric": "mae_w",
  "opponent": "champion", "other": null, "p": 1.0, "passed": false, "role": "improve",
  "text": "failed: MAE 41.5 against missing of champion"}],
 "evidence": {"confidence": 0.97, "count": 4, "needed": null, "over": "weeks within 2 sites"},
 "holdout_digest": "d1", "inputs": [{"name": "mains_w"}],
 "intervals": {"challenger": {"mae_w": [40.0, 43.0]}}, "latency_ms": 0.5,
 "metrics": {
  "baseline": {"mae_w": 60.0}, "challenger": {"f1": null, "mae_w": 41.5}, "champion": null},
 "model": "nilm", "notes": ["strongest baseline: mean_power"], "outcome": "no evidence",
 "outputs": [{"name": "power_w"}], "parity": {"power_w": 0.01}, "quantization": "dynamic",
 "reasons": ["failed: MAE 41.5 against missing of champion"], "repairs": [],
 "record": {
  "champion_sha256": "c0", "code": "0.1.0+abc",
  "facts": {
   "champion_version": 3,
   "checks": [{"name": "size", "passed": true, "text": "file of 90 KiB, at most 256"}],
   "drift": [{"before": 300.0, "challenger": null, "chance": 0.1, "feature": "level", "now": 320.0,
    "psi": 0.3, "unit": "W"}],
   "floors": [{"better": "higher", "label": "F1", "limit": 0.1, "metric": "f1"}],
   "left_out": "", "overlap_weeks": null, "split": "s1", "starts": {"home1": "2026-05-01T00:00:00"},
   "troubles": [], "unseen": ["home2"]},
  "judged": {"file": "challenger.keras", "sha256": "a0"},
  "rules": {"confidence": 0.97, "drift": 0.25, "group_loss": 0.1, "least_gain": 0.005,
   "margin": 0.02, "min_sites": 10, "resamples": 1000, "seed": 0, "slice_loss": 0.25},
  "run_id": "run1", "scores_sha256": "b0",
  "settings": {"gate_confidence": 0.9, "holdout_min_sites": 12, "max_file_kib": 200},
  "snapshot": {"digest": "e0", "version": 7}},
 "schema": 2, "sha256": "f0",
 "slice_results": [{"allowed": 0.25, "challenger": null, "champion": 40.0, "judged": true,
  "loss": null, "name": "site home1", "p": 0.0, "passed": false}],
 "slices": {"challenger": {"site home1": {"f1": null, "mae_w": 41.5}}},
 "summary": "nilm kept, not enough evidence: 4 weeks within 2 sites, needs more"
}"""
"""A decision.json as it was before records were typed, and before they had the settings of
time zones and kinds."""
DAMAGED = ("", "{}", "[]", "null", '{"accepted": false}', '"\xdf"', "[" * 99_999)


def written() -> StoredDecision:
    return parsed(StoredDecision, json.loads(WRITTEN))


def recorded() -> Record:
    record = written().record
    assert record is not None
    return record


def test_a_decision_of_earlier_code_reads() -> None:
    decision, record = written(), recorded()
    assert decision.outcome is Outcome.NO_EVIDENCE
    assert np.isnan(decision.comparisons[0].gain) and np.isnan(decision.slice_results[0].loss)
    assert decision.metrics["champion"] is None
    assert (decision.sha256, decision.quantization, decision.latency_ms) == ("f0", "dynamic", 0.5)
    assert record.rules == rules_of(Settings(gate=GateSettings(policy="careful")))
    assert record.facts.unseen == ("home2",) and record.facts.floors[0].limit == 0.1
    assert record.facts.starts == {"home1": np.datetime64("2026-05-01T00:00:00", "s")}
    moved = record.facts.drift[0]
    assert moved.shifted(0.25) and not moved.repaired(0.25)


def test_it_is_written_as_it_was_read() -> None:
    before = json.loads(WRITTEN)
    after = json.loads(json_text(written()))
    del before["inputs"], before["outputs"], before["parity"], before["evidence"]["needed"]
    assert holds(after, before)


def holds(after: Any, before: Any) -> bool:
    """Whether a document has all that an earlier one had, and perhaps more."""
    if isinstance(before, dict):
        return all(name in after and holds(after[name], before[name]) for name in before)
    if isinstance(before, list):
        return len(after) == len(before) and all(map(holds, after, before))
    return bool(after == before)


def test_a_replay_is_under_the_settings_of_then_in_the_root_of_now() -> None:
    now = settings(root="elsewhere", gate_confidence=0.6, max_latency_ms=3.0)
    then = now.replaced(recorded().settings)
    assert (then.gate.confidence, then.holdout.min_sites, then.max_file_kib) == (0.9, 12, 200)
    assert (then.root, then.max_latency_ms) == ("elsewhere", 3.0)


@pytest.fixture
def unjudged(tmp_path: Path) -> ModelRun:
    """A run of which nobody knows more than that it had too few readings."""
    current = settings(root=str(tmp_path / "root"), keys=str(tmp_path / "keys"))
    run = ModelRun(open_root(current.root), current, "run1", "nilm")
    run.write_json("decision.json", not_judged("nilm", "too few activations", 4))
    return run


def test_a_decision_without_a_judgement_reads_and_has_no_record(unjudged: ModelRun) -> None:
    assert read_decision(unjudged).champion_version == 4
    with pytest.raises(StoreError, match="did not get as far as judging nilm: nilm kept: too few"):
        record_of(unjudged, read_decision(unjudged))


@pytest.mark.parametrize("verb", ["convert", "publish by force", "replay"])
def test_what_was_not_judged_is_not_converted_forced_or_replayed(
    unjudged: ModelRun, verb: str
) -> None:
    does = {
        "convert": lambda: run_stage(stage_named("convert"), unjudged, log_progress),
        "publish by force": lambda: force_publish(
            stage_named("publish"), unjudged, log_progress, actor="ann", reason="because"
        ),
        "replay": lambda: replay(unjudged),
    }
    with pytest.raises(StoreError, match="did not get as far as judging nilm: nilm kept: too few"):
        does[verb]()


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_decision_is_refused_with_its_address(unjudged: ModelRun, text: str) -> None:
    unjudged.write("decision.json", text.encode("latin-1"))
    reads: list[Callable[[], object]] = [
        lambda: read_decision(unjudged),
        lambda: replay(unjudged),
        lambda: model_report(unjudged.objects, "run1", "nilm"),
        lambda: publish(unjudged, log_progress, actor="ann"),
        lambda: publish(unjudged, log_progress, actor="ann", force="because"),
        lambda: force_publish(
            stage_named("publish"), unjudged, log_progress, actor="ann", reason="because"
        ),
    ]
    for read in reads:
        with pytest.raises(StoreError, match=r"nilm/decision\.json is damaged: .*\(.*again\)"):
            read()
    assert not Path(unjudged.settings.keys).exists()


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_snapshot_is_refused_with_its_address(unjudged: ModelRun, text: str) -> None:
    unjudged.objects.write("runs/run1/snapshot.json", text.encode("latin-1"))
    for read in (
        lambda: read_snapshot(unjudged.objects, "run1"),
        lambda: pinned_versions(unjudged.objects),
    ):
        with pytest.raises(StoreError, match=r"run1/snapshot\.json is damaged: .*remove"):
            read()


def test_a_training_that_is_not_described_is_refused_with_its_address(unjudged: ModelRun) -> None:
    data = b'{"ends": 5}'
    unjudged.write("trained_on.json", data)
    details = {"trained": {"digest": sha256_of(data)}, "run_id": "run1"}
    with pytest.raises(StoreError, match=r"trained_on\.json is damaged: ends: "):
        read_trained_on(unjudged.objects, "nilm", details)


def test_a_model_that_the_settings_of_its_kind_made_another_one_is_not_replayed(
    unjudged: ModelRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind_settings = unjudged.kind.settings_class.load().named()
    record = Record(
        **{**vars(recorded()), "kind_settings": kind_settings, "spec": plain(unjudged.spec)}
    )
    monkeypatch.setenv("SMARTWATTS_NILM_EPOCHS", "3")
    check_spec(ModelRun(unjudged.objects, unjudged.settings, "run1", "nilm"), record)
    monkeypatch.setenv("SMARTWATTS_NILM_PERIOD_S", "30")
    other = ModelRun(unjudged.objects, unjudged.settings, "run1", "nilm")
    with pytest.raises(StoreError, match="period_s was 60 and is 30"):
        check_spec(other, record)
