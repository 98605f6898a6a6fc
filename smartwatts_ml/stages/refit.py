"""Refit: an accepted model is trained again by the same recipe on everything up to now.

What was judged has not seen the newest weeks, nor the sites that were held out. The refitted
file ships in its place if it behaves as the judged one does on the holdout (``gate.refit``);
otherwise the judged one ships, and the reason is told. What later challengers meet is the
judged one in any case: of the two it alone has not learned their holdout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from smartwatts_ml.errors import BadInputError, NotEnoughReadingsError
from smartwatts_ml.gate import CHALLENGER, CHAMPION, Check
from smartwatts_ml.gate.refit import parity_of_behaviour
from smartwatts_ml.judging.agreement import Compared
from smartwatts_ml.judging.files import convert_for, file_checks
from smartwatts_ml.judging.opponents import holdout_from
from smartwatts_ml.judging.parts import stood_in, trimmed
from smartwatts_ml.judging.record import read_decision, record_of, recorded_judgement
from smartwatts_ml.judging.refitted import REFIT, REFIT_FILE, read_judged_file
from smartwatts_ml.judging.trained_on import REFIT_TRAINED_ON
from smartwatts_ml.judging.training import Training, recorded_options, train_network
from smartwatts_ml.kinds.base import Details, Network
from smartwatts_ml.modelfiles.conversion import Converted, ParityError
from smartwatts_ml.modelfiles.golden import needs_of
from smartwatts_ml.modelfiles.needs import Needs
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.modelfiles.tensorflow import start_tensorflow
from smartwatts_ml.progress import Progress
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.reports.run_report import write_report
from smartwatts_ml.runs.lease import hold
from smartwatts_ml.runs.run import ModelRun

__all__ = ["Refit", "refit"]

_LEASE_SECONDS = 180


@dataclass(frozen=True)
class Refit:
    """What became of the refit. ``accepted``: it ships in place of the file ``judged_sha256``;
    ``until``: last stamp of what it learned; ``differences``: by output, how far it is from
    the judged one on the holdout, as a share of the output's spread."""

    accepted: bool
    summary: str
    judged_sha256: str
    reasons: tuple[str, ...] = ()
    sha256: str | None = None
    until: str | None = None
    quantization: str | None = None
    differences: Mapping[str, float] = field(default_factory=dict)
    parity: Mapping[str, float] = field(default_factory=dict)
    latency_ms: float | None = None
    size: int | None = None
    runtime: Needs | None = None

    proceed: ClassVar[bool] = True


def refit(run: ModelRun, progress: Progress) -> Refit:
    """Refit the run's accepted model. Whatever comes of it, the run goes on to publish: a
    refit that fails, or whose process dies, has left that the judged file ships, and why."""
    decision = read_decision(run)
    judged_sha256 = decision.sha256 or ""

    def leave(result: Refit) -> Refit:
        result = replace(result, judged_sha256=judged_sha256)
        run.write_json(REFIT, result)
        return result

    if not decision.accepted:
        result = leave(Refit(False, f"{run.model} is not refitted: it was not accepted", ""))
    elif not run.settings.refit:
        result = leave(_as_judged(run, "refits are switched off (SMARTWATTS_REFIT)"))
    else:
        judged = read_judged_file(run, judged_sha256)
        leave(_as_judged(run, "its refit was broken off"))
        try:
            network = load_network(judged, f"{run.model}.tflite")
            result = leave(_refitted(run, network, progress))
        except Exception as error:
            reason = str(error) or type(error).__name__
            leave(_as_judged(run, f"its refit failed: {reason}"))
            raise
    write_report(run)
    progress(result.summary, 1.0)
    return result


def _as_judged(run: ModelRun, why: str, *reasons: str) -> Refit:
    return Refit(False, f"{run.model} ships as it was judged: {why}", "", reasons)


def _refitted(run: ModelRun, judged: Network, progress: Progress) -> Refit:
    start_tensorflow()
    quantization = read_decision(run).quantization or "auto"
    try:
        parts = record_of(run, read_decision(run)).facts.parts
        network = trimmed(run.kind, _train(run, progress).network, parts)
        _check_layout(run, judged, network)
        progress("converting", 0.9)
        converted = convert_for(run, network, quantization, recorded_options(run).seed)
    except (BadInputError, NotEnoughReadingsError, ParityError) as error:
        return _as_judged(run, str(error))
    return _compared(run, judged, converted, progress)


def _train(run: ModelRun, progress: Progress) -> Training:
    """By the same recipe as the challenger was. No two runs train one model at once."""
    with hold(run.objects, run.model, owner=run.run_id, seconds=_LEASE_SECONDS) as lease:
        training = train_network(
            run,
            run.everything,
            recorded_options(run),
            lambda text, share: progress(text, 0.85 * share),
            refit=True,
        )
        lease.check()
        run.write(REFIT_TRAINED_ON, training.trained_on.to_bytes())
    return training


def _check_layout(run: ModelRun, judged: Network, refitted: Network) -> None:
    """Raise BadInputError where more readings have made another model of it."""
    then, now = (run.kind.read_details(network.details) for network in (judged, refitted))
    if (then.inputs, then.outputs) != (now.inputs, now.outputs):
        raise BadInputError(
            "on everything up to now it has other inputs or outputs than what was judged: "
            f"{_channels(now)} instead of {_channels(then)}"
        )


def _channels(details: Details) -> str:
    """What a model says, by output."""
    return "; ".join(
        f"{tensor.name} {list(tensor.shape)} {', '.join(tensor.channels or ())}".rstrip()
        for tensor in details.outputs
    )


def _compared(run: ModelRun, judged: Network, converted: Converted, progress: Progress) -> Refit:
    progress("comparing it with what was judged", 0.95)
    network = load_network(converted.content, REFIT_FILE)
    needs = needs_of(converted.content)
    checks, differences = _checks(run, judged, network, converted, needs)
    failed = [check.text for check in checks if not check.passed]
    reasons = tuple(f"{'passed' if c.passed else 'failed'}: {c.text}" for c in checks)
    result = _as_judged(run, f"the refitted one behaves otherwise: {failed[0]}") if failed else None
    until = str(run.snapshot.end or "")
    accepted = f"{run.model} refitted on readings up to {until[:10]}, behaves as it was judged"
    run.write(REFIT_FILE, converted.content)
    return replace(
        result or Refit(True, accepted, ""),
        reasons=reasons,
        sha256=sha256_of(converted.content),
        until=until,
        quantization=converted.quantization,
        differences=differences,
        parity=converted.parity,
        latency_ms=converted.latency_ms,
        size=len(converted.content),
        runtime=needs,
    )


def _checks(
    run: ModelRun, judged: Network, network: Network, converted: Converted, needs: Needs
) -> tuple[tuple[Check, ...], dict[str, float]]:
    """Parity of behaviour on the holdout that the judged file was judged on, and the file's own
    checks; with how far the two are apart."""
    before = recorded_judgement(run, record_of(run, read_decision(run)))
    work, details = run.kind.work, run.kind.read_details(judged.details)
    beside = Compared(network, judged)
    holdout = holdout_from(run, before.facts)
    predictor = {CHALLENGER: work.predictor(beside)}
    scores = work.evaluate(details, predictor, holdout, before.rules.seed)
    both = {**before.scores, **scores}
    scores = stood_in(run.kind, both, {CHALLENGER: details}, before.baselines)
    known = {name: s for name, s in before.scores.items() if name not in before.facts.anchors}
    judgement = replace(
        before,
        scores={**known, CHAMPION: before.scores[CHALLENGER], CHALLENGER: scores[CHALLENGER]},
        facts=replace(
            before.facts, checks=file_checks(run, converted, network, needs), drift=(), anchors=()
        ),
    )
    differences = beside.differences()
    most = run.settings.refit_difference
    return parity_of_behaviour(judgement, differences, most), differences
