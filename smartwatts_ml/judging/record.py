"""The record in a decision: all that repeating the judgement offline needs.

It holds the facts and the rules of the case, which run, code, snapshot and settings it was,
and the digests of the files it was made from. The scores lie beside it in ``scores.npz``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from smartwatts_ml.errors import StoreError
from smartwatts_ml.gate.decision import Decision, plain
from smartwatts_ml.gate.judgement import Case, Facts, Rules
from smartwatts_ml.judging.opponents import sha256_of
from smartwatts_ml.provenance import code_version
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import Settings

__all__ = ["case_of", "read_decision", "settings_of", "write_decision"]

DECISION = "decision.json"
SETTINGS = (
    "holdout_share",
    "holdout_days",
    "holdout_site_share",
    "holdout_min_sites",
    "holdout_max_sites",
    "gate_confidence",
    "gate_resamples",
    "gate_slice_loss",
    "gate_group_loss",
    "gate_least_gain",
    "gate_margin",
    "gate_drift",
    "max_file_kib",
    "max_latency_ms",
)
"""Settings of the system that a verdict depends on."""


def write_decision(
    run: ModelRun,
    case: Case,
    decision: Decision,
    *,
    judged: str,
    judged_sha256: str,
    champion_sha256: str | None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Leave decision and scores in the run. ``judged``: name of the artefact that was
    judged; ``more``: what the next stage needs beside them."""
    run.write_scores(dict(case.scores))
    settings = run.settings.named()
    record = {
        "run_id": run.run_id,
        "code": code_version(),
        "snapshot": run.snapshot.to_json(),
        "settings": {name: settings[name] for name in SETTINGS},
        "rules": asdict(case.rules),
        "facts": case.facts.to_json(),
        "judged": {"file": judged, "sha256": judged_sha256},
        "champion_sha256": champion_sha256,
        "scores_sha256": sha256_of(run.read("scores.npz")),
    }
    run.write_json(DECISION, {**decision.to_json(), "record": plain(record), **(more or {})})


def read_decision(run: ModelRun) -> dict[str, Any]:
    """The decision as stored."""
    decision: dict[str, Any] = run.read_json(DECISION)
    return decision


def settings_of(decision: Mapping[str, Any], current: Settings) -> Settings:
    """The settings that were in force, on the root and keys of now."""
    return current.replaced(decision["record"]["settings"])


def case_of(
    run: ModelRun, decision: Mapping[str, Any], scores: Mapping[str, Scores] | None = None
) -> Case:
    """The case that a stored decision was made from, with its stored scores or others.
    Raises StoreError where the scores are not those of the decision."""
    record = decision["record"]
    if scores is None:
        data = run.read("scores.npz")
        if sha256_of(data) != record["scores_sha256"]:
            raise StoreError(f"{run.key('scores.npz')} is not what the decision was made from")
        scores = run.read_scores()
    return Case(
        run.kind, run.model, scores, Rules(**record["rules"]), Facts.from_json(record["facts"])
    )
