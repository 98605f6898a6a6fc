"""The record in a decision: all that repeating the judgement offline needs.

It holds the facts and the rules of the judgement, which run, code, snapshot and settings it
was, and the digests of the files it was made from. The scores lie beside it in ``scores.npz``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smartwatts_ml.errors import StoreError
from smartwatts_ml.gate import Decision, Facts, Judgement, Rules
from smartwatts_ml.jsontext import plain
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.provenance import code_version, sha256_of
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.scores.file import pack_scores, unpack_scores
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.settings import Settings

__all__ = [
    "DECISION",
    "Artefact",
    "Record",
    "StoredDecision",
    "check_spec",
    "check_split",
    "judgement_of",
    "read_decision",
    "record_of",
    "recorded_judgement",
    "rules_of",
    "write_decision",
]

DECISION = "decision.json"
_SCORES = "scores.npz"
_GROUPS = ("holdout_", "gate_")
_SETTINGS = ("timezone", "site_timezones", "max_file_kib", "max_latency_ms", "check_runtimes")
"""Settings of the system that a verdict depends on: those of these groups, and these."""


@dataclass(frozen=True)
class Artefact:
    """The artefact that was judged."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Record:
    """What a decision was made from. ``spec``: of the model, as the settings of its kind,
    ``kind_settings``, had it."""

    run_id: str
    code: str
    snapshot: dict[str, Any]
    settings: dict[str, Any]
    rules: Rules
    facts: Facts
    judged: Artefact
    champion_sha256: str | None
    scores_sha256: str
    kind_settings: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredDecision(Decision):
    """A decision as a run keeps it: with its record, where it came to a judgement, and with
    what is known of the file, where it was converted."""

    record: Record | None = None
    sha256: str | None = None
    quantization: str | None = None
    latency_ms: float | None = None


def rules_of(settings: Settings, seed: int = 0) -> Rules:
    """Those in force."""
    return Rules(**dict(settings.gate), min_sites=settings.holdout.min_sites, seed=seed)


def judgement_of(
    kind: Kind, model: str, scores: Mapping[str, Scores], rules: Rules, facts: Facts
) -> Judgement:
    """What the gate is asked, by the criteria of the kind."""
    required, headline = kind.required_metrics, kind.work.headline
    return Judgement(model, kind.criteria, required, headline, scores, rules, facts)


def write_decision(
    run: ModelRun,
    judgement: Judgement,
    decision: Decision,
    judged: Artefact,
    champion_sha256: str | None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Leave decision and scores in the run. ``more``: what the next stage needs beside them."""
    scores = pack_scores(judgement.scores)
    run.write(_SCORES, scores)
    settings = run.settings.named().items()
    record = Record(
        run_id=run.run_id,
        code=code_version(),
        snapshot=plain(run.snapshot),
        settings={n: v for n, v in settings if n in _SETTINGS or n.startswith(_GROUPS)},
        rules=judgement.rules,
        facts=judgement.facts,
        judged=judged,
        champion_sha256=champion_sha256,
        scores_sha256=sha256_of(scores),
        kind_settings=_kind_settings(run),
        spec=plain(run.spec),
    )
    run.write_json(DECISION, {**plain(decision), "record": record, **(more or {})})


def read_decision(run: ModelRun) -> StoredDecision:
    """The decision as stored. Raises StoreError where it is damaged."""
    return run.read_json(DECISION, StoredDecision)


def record_of(run: ModelRun, decision: StoredDecision) -> Record:
    """The record in a decision. Raises StoreError where it did not come to a judgement."""
    if decision.record is None:
        raise StoreError(
            f"run {run.run_id} did not get as far as judging {run.model}: {decision.summary}"
        )
    return decision.record


def check_spec(run: ModelRun, record: Record) -> None:
    """Raise StoreError where the settings of the kind have changed so that the model is
    another one: it would be judged on other windows than then."""
    if not record.spec or plain(run.spec) == record.spec:
        return
    now = _kind_settings(run)
    changed = (
        f"{name} was {then} and is {now.get(name)}"
        for name, then in record.kind_settings.items()
        if now.get(name) != then
    )
    raise StoreError(
        f"{run.model} is not what it was when it was judged: {', '.join(changed)}",
        fix="set it as it was",
    )


def check_split(run: ModelRun, record: Record) -> None:
    """Raise StoreError where other readings would be held out than then: an earlier version
    held out others, or its decision does not name a setting that is there today."""
    if run.split.digest != record.facts.split:
        raise StoreError(
            f"what was held out when {run.model} was judged is not what would be held out today",
            fix="judge the scores that were kept: --stored-scores",
        )


def recorded_judgement(
    run: ModelRun, record: Record, scores: Mapping[str, Scores] | None = None
) -> Judgement:
    """The judgement that a stored decision was made from, with its stored scores or others.
    Raises StoreError where the scores are not those of the decision."""
    if scores is None:
        data = run.read(_SCORES)
        if sha256_of(data) != record.scores_sha256:
            raise StoreError(f"{run.key(_SCORES)} is not what the decision was made from")
        scores = unpack_scores(data)
    return judgement_of(run.kind, run.model, scores, record.rules, record.facts)


def _kind_settings(run: ModelRun) -> dict[str, Any]:
    settings: dict[str, Any] = plain(run.kind.settings_class.load().named())
    return settings
