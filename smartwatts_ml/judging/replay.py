"""Repeating a judgement offline, from what the run and the store kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.errors import StoreError
from smartwatts_ml.gate import Decision, Judgement, judge
from smartwatts_ml.judging.anchors import anchors_then
from smartwatts_ml.judging.opponents import champion_then, prepare
from smartwatts_ml.judging.parts import trimmed
from smartwatts_ml.judging.record import (
    Artefact,
    Record,
    StoredDecision,
    check_spec,
    check_split,
    read_decision,
    record_of,
    recorded_judgement,
)
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.provenance import code_version, sha256_of
from smartwatts_ml.runs.run import ModelRun

__all__ = ["Replay", "replay"]

_MEASURED = ("size", "latency", "parity", "runtime")
"""Checks of the conversion: facts of that moment, taken from the record."""


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


def replay(run: ModelRun, *, stored_scores: bool = False) -> Replay:
    """Judge again: from the snapshot and the artefacts, everything scored anew, or from the
    scores that were stored. Raises StoreError where an artefact is not what was judged, the
    settings of its kind have made the model another one, or other readings are held out."""
    stored = read_decision(run)
    record = record_of(run, stored)
    run = replace(run, settings=run.settings.replaced(record.settings))
    again = recorded_judgement(run, record) if stored_scores else _scored_anew(run, record)
    return _compared(run, stored, record, judge(again))


def _scored_anew(run: ModelRun, record: Record) -> Judgement:
    check_spec(run, record)
    check_split(run, record)
    version = record.facts.champion_version
    anchors = anchors_then(run, record.facts.anchors)
    judged = trimmed(run.kind, _judged_network(run, record.judged), record.facts.parts)
    bout = prepare(run, judged, champion_then(run, version), anchors)
    if bout.champion_sha256 != record.champion_sha256:
        raise StoreError(f"champion v{version} is not the one that was met")
    then = record.facts
    if bout.facts.anchors != then.anchors:
        raise StoreError(bout.facts.unheard, fix="judge the scores that were kept: --stored-scores")
    measured = (check for check in record.facts.checks if check.name in _MEASURED)
    checks = (*bout.facts.checks, *measured)
    facts = replace(
        bout.facts,
        checks=checks,
        parts=then.parts,
        unheard=then.unheard,
        champion_weeks=then.champion_weeks,
        called=then.called,
    )
    scores = bout.score(run, record.rules.seed)
    return replace(recorded_judgement(run, record, scores), facts=facts)


def _judged_network(run: ModelRun, judged: Artefact) -> Network:
    data = run.read(judged.file)
    if sha256_of(data) != judged.sha256:
        raise StoreError(f"{run.uri(judged.file)} is not what was judged")
    return load_network(data, judged.file)


def _compared(run: ModelRun, stored: StoredDecision, record: Record, again: Decision) -> Replay:
    then, now = record.code, code_version()
    return Replay(
        model=run.model,
        run_id=run.run_id,
        stored=stored.summary,
        repeated=again.summary,
        accepted=again.accepted,
        same=(stored.accepted, stored.outcome) == (again.accepted, again.outcome),
        differences=tuple(_differences(stored, again)),
        holdout_digest=again.holdout_digest,
        code=None if then == now else f"{then} then, {now} now",
    )


def _differences(stored: Decision, again: Decision) -> Iterator[str]:
    for name in ("accepted", "outcome", "summary", "holdout_digest"):
        then, now = getattr(stored, name), getattr(again, name)
        if then != now:
            yield f"{name}: {then} then, {now} now"
    for system, metrics in stored.metrics.items():
        for metric, value in (again.metrics[system] or {}).items():
            if metrics and not _alike(metrics.get(metric, np.nan), value):
                yield f"{metric} of {system}: {metrics.get(metric)} then, {value} now"


def _alike(then: float, now: float) -> bool:
    """Equal but for the last digits, which differ between machines."""
    return bool(np.isclose(then, now, rtol=1e-6, atol=1e-6, equal_nan=True))
