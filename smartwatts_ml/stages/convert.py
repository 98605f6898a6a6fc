"""Convert: an accepted challenger becomes a LiteRT file, and the file is judged again.

What ships is what was judged: the same holdout, the same rules, the same opponents, with
the file's own predictions; then its parity, its outputs on extremes, its size and latency,
and how it runs on other releases of LiteRT.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from smartwatts_ml.gate import CHALLENGER, Check, Judgement, judge
from smartwatts_ml.judging.files import convert_for, file_checks
from smartwatts_ml.judging.opponents import holdout_from
from smartwatts_ml.judging.parts import stood_in, trimmed
from smartwatts_ml.judging.record import (
    Artefact,
    Record,
    read_decision,
    record_of,
    recorded_judgement,
    write_decision,
)
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.modelfiles.conversion import Converted, ParityError
from smartwatts_ml.modelfiles.golden import needs_of
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import library_versions, sha256_of
from smartwatts_ml.reports.run_report import write_report
from smartwatts_ml.runs.run import ModelRun

__all__ = ["JudgedFile", "convert"]

_UNLIKE_KERAS = "the converted file does not compute what the trained model computes"


@dataclass(frozen=True)
class JudgedFile:
    """What was decided on a converted file, and what it is: None where no file computes what
    Keras computes. ``size`` in bytes; ``parity`` and ``latency_ms`` as ``Converted`` says."""

    accepted: bool
    summary: str
    reasons: tuple[str, ...]
    uri: str | None = None
    sha256: str | None = None
    quantization: str | None = None
    parity: dict[str, float] | None = None
    latency_ms: float | None = None
    size: int | None = None

    @property
    def proceed(self) -> bool:
        return self.accepted


def convert(
    run: ModelRun, progress: Progress, *, quantization: str = "auto", seed: int = 0
) -> JudgedFile:
    """Convert the run's challenger and judge the file."""
    record = record_of(run, read_decision(run))
    start_tensorflow()
    trained = load_network(run.read("challenger.keras"), "challenger.keras")
    challenger = trimmed(run.kind, trained, record.facts.parts)
    progress("converting", 0.1)
    before = recorded_judgement(run, record)
    try:
        converted = convert_for(run, challenger, quantization, seed)
    except ParityError as error:
        judged = _unlike_keras(run, before, record, str(error))
    else:
        progress("judging the file", 0.4)
        judged = _judge_file(run, before, record, challenger, converted)
    write_report(run)
    progress(judged.summary, 1.0)
    return judged


def _judge_file(
    run: ModelRun,
    before: Judgement,
    record: Record,
    challenger: Network,
    converted: Converted,
) -> JudgedFile:
    network = load_network(converted.content, f"{run.model}.tflite")
    work, details = run.kind.work, run.kind.read_details(network.details)
    predictor = {CHALLENGER: work.predictor(network)}
    holdout = holdout_from(run, before.facts)
    scores = work.evaluate(details, predictor, holdout, before.rules.seed)
    scores = stood_in(
        run.kind, {**before.scores, **scores}, {CHALLENGER: details}, before.baselines
    )
    needs = needs_of(converted.content)
    checks = file_checks(run, converted, network, needs)
    judgement = replace(before, scores=scores, facts=replace(before.facts, checks=checks))
    decision = judge(judgement)
    judged = Artefact(f"{run.model}.tflite", sha256_of(converted.content))
    uri = run.write(judged.file, converted.content)
    more = {
        "sha256": judged.sha256,
        "quantization": converted.quantization,
        "latency_ms": converted.latency_ms,
        "parity": converted.parity,
        "inputs": challenger.details["inputs"],
        "outputs": challenger.details["outputs"],
        "runtime": needs,
        "libraries": library_versions(),
    }
    write_decision(run, judgement, decision, judged, record.champion_sha256, more)
    return JudgedFile(
        decision.accepted,
        decision.summary,
        decision.reasons,
        uri,
        judged.sha256,
        converted.quantization,
        converted.parity,
        converted.latency_ms,
        size=len(converted.content),
    )


def _unlike_keras(run: ModelRun, before: Judgement, record: Record, why: str) -> JudgedFile:
    parity = Check("parity", False, f"{_UNLIKE_KERAS}: {why}")
    judgement = replace(before, facts=replace(before.facts, checks=(parity,)))
    decision = judge(judgement)
    write_decision(run, judgement, decision, record.judged, record.champion_sha256)
    return JudgedFile(decision.accepted, decision.summary, decision.reasons)
