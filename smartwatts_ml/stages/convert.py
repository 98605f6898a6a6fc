"""Convert: an accepted challenger becomes a LiteRT file, and the file is judged again.

What ships is what was judged: the same holdout, the same rules, the same opponents, with
the file's own predictions; then its size and its latency.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from smartwatts_ml.conversion import Converted, convert_network
from smartwatts_ml.errors import SmartwattsError
from smartwatts_ml.gate import CHALLENGER, Decision, judge
from smartwatts_ml.kinds.base import Progress, Scores
from smartwatts_ml.networks import LiteRTNetwork, load_keras
from smartwatts_ml.objects import Objects
from smartwatts_ml.reports.run_report import write_report
from smartwatts_ml.runs import ModelRun
from smartwatts_ml.settings import Settings

__all__ = ["JudgedFile", "convert"]

PARITY_SAMPLES = 64


@dataclass(frozen=True)
class JudgedFile:
    """A converted file and the decision on it."""

    decision: Decision
    uri: str
    sha256: str
    converted: Converted

    def to_json(self) -> dict[str, Any]:
        return {
            "accepted": self.decision.accepted,
            "summary": self.decision.summary,
            "reasons": list(self.decision.reasons),
            "uri": self.uri,
            "sha256": self.sha256,
            **self.converted.to_json(),
        }


def convert(
    objects: Objects,
    settings: Settings,
    run_id: str,
    model: str,
    progress: Progress,
    *,
    quantization: str = "auto",
    seed: int = 0,
) -> JudgedFile:
    """Convert the run's challenger and judge the file."""
    run = ModelRun(objects, settings, run_id, model)
    before = run.read_json("decision.json")
    with run.local("challenger.keras") as path:
        challenger = load_keras(path)
    progress("converting", 0.1)
    samples = run.kind.sample_inputs(challenger.details, PARITY_SAMPLES, seed)
    converted = convert_network(challenger, samples, quantization)
    progress("judging the file", 0.4)
    scores = run.read_scores()
    file_network = LiteRTNetwork(converted.content, f"{model}.tflite")
    judged = run.kind.evaluate(
        run.spec, {CHALLENGER: run.kind.predictor(file_network)}, run.holdout, seed
    )[CHALLENGER]
    _check_same_targets(judged, scores[CHALLENGER])
    decision = judge(
        run.kind,
        model,
        {**scores, CHALLENGER: judged},
        settings,
        holdout_digest=run.split.digest,
        champion_version=before["champion_version"],
        seed=seed,
    )
    decision = _within_budget(decision, converted, settings)
    sha256 = hashlib.sha256(converted.content).hexdigest()
    uri = run.write(f"{model}.tflite", converted.content)
    details = challenger.details
    run.write_json(
        "decision.json",
        {
            **decision.to_json(),
            "sha256": sha256,
            "quantization": converted.quantization,
            "latency_ms": converted.latency_ms,
            "parity": converted.parity,
            "inputs": details["inputs"],
            "outputs": details["outputs"],
        },
    )
    write_report(run)
    progress(decision.summary, 1.0)
    return JudgedFile(decision, uri, sha256, converted)


def _check_same_targets(file_scores: Scores, scores: Scores) -> None:
    same = (
        file_scores.channels == scores.channels
        and np.array_equal(file_scores.sites, scores.sites)
        and np.array_equal(
            file_scores.weeks.astype("datetime64[D]"), scores.weeks.astype("datetime64[D]")
        )
    )
    if not same:
        raise SmartwattsError("the file was scored on other targets than its opponents")


def _within_budget(decision: Decision, converted: Converted, settings: Settings) -> Decision:
    """Reject a file that is too large or too slow for the gateway."""
    size_kib = len(converted.content) / 1024
    problems = []
    if size_kib > settings.max_file_kib:
        problems.append(f"failed: file of {size_kib:.0f} KiB, at most {settings.max_file_kib}")
    if converted.latency_ms > settings.max_latency_ms:
        problems.append(
            f"failed: {converted.latency_ms:.2f} ms a call, at most {settings.max_latency_ms}"
        )
    if not problems:
        return decision
    return replace(
        decision,
        accepted=False,
        reasons=(*decision.reasons, *problems),
        summary=f"{decision.model} kept: {problems[0].removeprefix('failed: ')}",
    )
