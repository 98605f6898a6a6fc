"""Repeating a judgement offline, from what the run and the store kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from smartwatts_ml.errors import StoreError
from smartwatts_ml.gate.decision import Decision, plain
from smartwatts_ml.gate.judge import judge
from smartwatts_ml.gate.judgement import Case
from smartwatts_ml.judging.opponents import prepare, sha256_of
from smartwatts_ml.judging.record import case_of, read_decision, settings_of
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.objects import Objects
from smartwatts_ml.provenance import code_version
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.settings import Settings

__all__ = ["Replay", "replay"]

MEASURED = ("size", "latency", "parity")
"""Checks of the conversion: facts of that moment, which are taken from the record."""


@dataclass(frozen=True)
class Replay:
    """What was decided and what the repetition gives. ``differences``: what is not the
    same, in words; ``code`` names both versions of the code where they differ."""

    model: str
    run_id: str
    stored: str
    repeated: str
    accepted: bool
    same: bool
    differences: tuple[str, ...]
    holdout_digest: str
    code: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def replay(
    objects: Objects, settings: Settings, run_id: str, model: str, *, stored_scores: bool = False
) -> Replay:
    """Judge again: from the snapshot and the artefacts, everything scored anew, or from the
    scores that were stored. Raises StoreError where an artefact is not what was judged."""
    run = ModelRun(objects, settings, run_id, model)
    stored = read_decision(run)
    if "record" not in stored:
        raise StoreError(f"run {run_id} did not get as far as judging {model}: {stored['summary']}")
    run = replace(run, settings=settings_of(stored, settings))
    case = case_of(run, stored) if stored_scores else _scored_anew(run, stored)
    return _compare(run, stored, judge(case))


def _scored_anew(run: ModelRun, stored: Mapping[str, Any]) -> Case:
    record = stored["record"]
    network = _judged_network(run, record["judged"])
    before = case_of(run, stored, scores={})
    bout = prepare(run, network, before.facts.champion_version)
    if bout.champion_sha256 != record["champion_sha256"]:
        raise StoreError(f"champion v{before.facts.champion_version} is not the one that was met")
    measured = tuple(check for check in before.facts.checks if check.name in MEASURED)
    facts = replace(bout.facts, checks=(*bout.facts.checks, *measured))
    return replace(before, scores=bout.score(run, before.rules.seed), facts=facts)


def _judged_network(run: ModelRun, judged: Mapping[str, str]) -> Network:
    data = run.read(judged["file"])
    if sha256_of(data) != judged["sha256"]:
        raise StoreError(f"{run.objects.uri(run.key(judged['file']))} is not what was judged")
    return load_network(data, judged["file"])


def _compare(run: ModelRun, stored: Mapping[str, Any], again: Decision) -> Replay:
    repeated = plain(again.to_json())
    differences = [
        f"{name}: {stored[name]} then, {repeated[name]} now"
        for name in ("accepted", "outcome", "summary", "holdout_digest")
        if stored[name] != repeated[name]
    ]
    differences += [
        f"{metric} of {system}: {values[metric]} then, {now} now"
        for system, values in stored["metrics"].items()
        for metric, now in (repeated["metrics"][system] or {}).items()
        if values and not _alike(values.get(metric), now)
    ]
    then, now = stored["record"]["code"], code_version()
    return Replay(
        model=run.model,
        run_id=run.run_id,
        stored=stored["summary"],
        repeated=again.summary,
        accepted=again.accepted,
        same=stored["accepted"] == again.accepted and stored["outcome"] == repeated["outcome"],
        differences=tuple(differences),
        holdout_digest=again.holdout_digest,
        code=None if then == now else f"{then} then, {now} now",
    )


def _alike(then: float | None, now: float | None) -> bool:
    """Equal but for the last digits, which differ between machines."""
    if then is None or now is None:
        return then == now
    return abs(then - now) <= 1e-6 * max(1.0, abs(then))
