"""Whom a challenger meets: the champion, if it can be used, and the baselines.

A champion that cannot be used is a trouble, in words for an operator, and not an error: the
challenger is kept out and the report says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from smartwatts_ml.errors import (
    BadInputError,
    NotEnoughReadingsError,
    NotFoundError,
    TrustError,
    UsageError,
)
from smartwatts_ml.gate import CHALLENGER, CHAMPION, Facts, Part
from smartwatts_ml.gate.drift import Drift, Histogram, drift
from smartwatts_ml.judging.age import Learned, instant, made_at, weeks_older
from smartwatts_ml.judging.anchors import anchor_name
from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.judging.extremes import check_extremes
from smartwatts_ml.judging.parts import stood_in, trimmed
from smartwatts_ml.judging.refitted import met_file
from smartwatts_ml.judging.trained_on import (
    TrainedOn,
    changed_unit,
    later_starts,
    leaks,
    left_out_sentence,
    read_trained_on,
)
from smartwatts_ml.kinds.base import Details, Network
from smartwatts_ml.modelfiles.networks import load_network
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.holdout import hold_out_later, holdout_part
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.store import Manifest, Store, open_store

__all__ = ["Bout", "champion_in_force", "champion_then", "holdout_from", "prepare"]

_ROLL_BACK = "roll back to another version, or force this one"
_UNUSABLE = (
    BadInputError,
    UsageError,
    ArithmeticError,
    LookupError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What a kind's functions raise over details that make no sense."""


@dataclass(frozen=True)
class Bout:
    """A challenger with its ``details``, and its opponents, on one holdout. ``predictors``,
    the kind's own objects, by name; ``anchors``: those of earlier versions; ``said``: what
    the files of champion and anchors say, by name."""

    details: Details
    predictors: dict[str, Any]
    holdout: Readings
    facts: Facts
    champion_sha256: str | None = None
    anchors: dict[str, Any] = field(default_factory=dict)
    said: Mapping[str, Details] = field(default_factory=dict)

    @property
    def baselines(self) -> list[str]:
        """Their names."""
        return [name for name in self.predictors if name not in (CHALLENGER, CHAMPION)]

    def score(self, run: ModelRun, seed: int) -> dict[str, Scores]:
        """Everyone on the same targets; a baseline stands in where a file lacks a part."""
        everyone = {**self.predictors, **self.anchors}
        scores = run.kind.work.evaluate(self.details, everyone, self.holdout, seed)
        said = {**self.said, CHALLENGER: self.details}
        return stood_in(run.kind, scores, said, self.baselines)

    def score_again(
        self, run: ModelRun, seed: int, scores: Mapping[str, Scores]
    ) -> dict[str, Scores]:
        """The same scores, but those of the challenger, which is another than it was."""
        alone = {CHALLENGER: self.predictors[CHALLENGER]}
        ours = run.kind.work.evaluate(self.details, alone, self.holdout, seed)
        said = {CHALLENGER: self.details}
        return stood_in(run.kind, {**scores, **ours}, said, self.baselines)

    def with_parts(self, run: ModelRun, challenger: Network, parts: tuple[Part, ...]) -> Bout:
        """The same with a challenger as it ships: without the parts that do not."""
        network = trimmed(run.kind, challenger, parts)
        return replace(
            self,
            details=run.kind.read_details(network.details),
            predictors={**self.predictors, CHALLENGER: run.kind.work.predictor(network)},
            facts=replace(self.facts, parts=parts),
        )


@dataclass(frozen=True)
class _Champion:
    """The version in force; ``predictor`` None where there is none, or ``trouble`` says why it
    cannot be used. ``sha256``: of the file that is met; ``gone``: that what was judged is not
    there to be met, as a clause; ``contract``: what has to be known of an older one, as a
    sentence."""

    predictor: Any = None
    details: Details | None = None
    sha256: str | None = None
    trouble: str = ""
    gone: str = ""
    contract: str = ""
    starts: dict[str, np.datetime64] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    weeks_older: float | None = None


def champion_in_force(run: ModelRun) -> Manifest | None:
    """The manifest of the version in force; None where there is none."""
    champion = _store(run).champion(run.model)
    return champion.manifest if champion else None


def champion_then(run: ModelRun, version: int | None) -> Manifest | None:
    """The manifest of a version that was met before; None where none was."""
    return None if version is None else _store(run).manifest(run.model, version)


def _store(run: ModelRun) -> Store:
    return open_store(run.objects, run.settings)


def prepare(
    run: ModelRun,
    challenger: Network,
    manifest: Manifest | None,
    anchors: Sequence[Manifest] = (),
) -> Bout:
    """Load the champion of a manifest and its anchors, fit the baselines, and find what all
    of them may be judged on."""
    work, split, details = run.kind.work, run.split, run.kind.read_details(challenger.details)
    learned = read_trained_on(run.objects, run.model, challenger.details)
    now = day_histograms(run.holdout, run.spec.channels)
    champion = _Champion()
    if manifest:
        champion = _load(run, manifest, f"champion v{manifest.version}", learned, now)
    predictors: dict[str, Any] = {CHALLENGER: work.predictor(challenger)}
    if champion.predictor is not None:
        predictors[CHAMPION] = champion.predictor
    predictors |= work.baselines(details, run.training)
    names = {anchor_name(anchor.version): anchor for anchor in anchors}
    earlier = {name: _load(run, anchor, name, learned, now) for name, anchor in names.items()}
    unheard = {name: _why_unheard(name, anchor, champion) for name, anchor in earlier.items()}
    usable = {name: earlier[name].predictor for name in names if not unheard[name]}
    opponents = (champion, *(earlier[name] for name in usable))
    troubles = (
        leaks(split, learned, run.spec.period_s),
        changed_unit(learned, now),
        champion.trouble and f"{champion.trouble} ({_ROLL_BACK})",
    )
    facts = Facts(
        split=split.digest,
        champion_version=manifest.version if manifest else None,
        unseen=tuple(sorted(split.held_out_sites & split.judged_sites)) or None,
        floors=run.kind.floors(details),
        checks=(check_extremes(run.kind, challenger),),
        drift=champion.drift,
        overlap_weeks=run.kind.overlap_weeks(run.spec),
        troubles=tuple(filter(None, troubles)),
        left_out=left_out_sentence(champion.starts, split, run.holdout.spans()),
        starts=champion.starts,
        contract="; ".join(filter(None, (opponent.contract for opponent in opponents))),
        anchors=tuple(usable),
        unheard=_unheard_sentence(unheard),
        fleet=len(split.holdout_start),
        champion_weeks=champion.weeks_older,
        met="; ".join(filter(None, (opponent.gone for opponent in opponents))),
    )
    holdout = holdout_from(run, facts)
    files = {CHAMPION: champion, **{name: earlier[name] for name in usable}}
    said = {name: file.details for name, file in files.items() if file.details is not None}
    return Bout(details, predictors, holdout, facts, champion.sha256, usable, said)


def _why_unheard(name: str, anchor: _Champion, champion: _Champion) -> str:
    """Why an earlier version cannot be judged on what the champion is judged on, as a clause;
    empty where it can."""
    if anchor.trouble:
        return anchor.trouble
    never = np.datetime64("1900-01-01", "s")
    if all(start <= champion.starts.get(site, never) for site, start in anchor.starts.items()):
        return ""
    return f"{name} was trained on a part of the holdout"


def _unheard_sentence(unheard: Mapping[str, str]) -> str:
    clauses = "; ".join(filter(None, unheard.values()))
    return clauses and f"earlier versions that nothing is held against: {clauses}"


def holdout_from(run: ModelRun, facts: Facts) -> Readings:
    """The run's holdout less what the champion was trained on."""
    starts = facts.starts
    if all(span.site in starts and starts[span.site] >= span.end for span in run.holdout.spans()):
        raise NotEnoughReadingsError(
            f"champion v{facts.champion_version} was trained on all of the holdout; it can be "
            "judged on readings that arrive from now on" + (facts.met and f" ({facts.met})")
        )
    return holdout_part(run.holdout, hold_out_later(run.split, starts))


def _load(
    run: ModelRun,
    manifest: Manifest,
    name: str,
    learned: TrainedOn | None,
    now: Mapping[str, Histogram],
) -> _Champion:
    """A version, which sentences call ``name``."""
    try:
        shipped = _store(run).read_file(manifest)
        met = met_file(run, manifest, shipped)
        network = load_network(met.content, manifest.file)
    except (NotFoundError, TrustError):
        trouble = f"the file of {name} is missing, damaged or was replaced"
        return _Champion(trouble=trouble, sha256=manifest.sha256)
    except BadInputError as error:
        trouble = f"{name} cannot be run: {error}"
        return _Champion(trouble=trouble, sha256=manifest.sha256)
    predictor, details, contract = None, None, ""
    try:
        trouble = _unfit(run, network.details)
        if not trouble:
            predictor = run.kind.work.predictor(network)
            details = run.kind.read_details(network.details)
            contract = run.kind.older_contract(details)
    except _UNUSABLE as error:
        trouble = f"cannot be used: {str(error) or type(error).__name__}"
    if trouble:
        return _Champion(trouble=f"{name} {trouble}", sha256=manifest.sha256)
    trained_on = read_trained_on(run.objects, run.model, network.details, met.judged)
    snapshot_end, made = str(manifest.snapshot.get("to", "")), made_at(manifest)
    spans = run.holdout.spans()
    starts = later_starts(run.split, spans, network.details, trained_on, snapshot_end, made)
    moved: tuple[Drift, ...] = ()
    if trained_on:
        moved = drift(trained_on.features, now, learned.features if learned else {})
    sentence = f"{name} {contract}; it is judged on the same inputs as the challenger"
    return _Champion(
        predictor,
        details,
        sha256_of(met.content),
        gone=f"{name} is met as it ships, for the file that was judged is gone" if met.gone else "",
        contract=contract and sentence,
        starts=starts,
        drift=moved,
        weeks_older=_age(run, manifest, trained_on, learned),
    )


def _age(
    run: ModelRun, manifest: Manifest, before: TrainedOn | None, after: TrainedOn | None
) -> float | None:
    """By how many weeks a version learned less than the challenger."""
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "s")
    return weeks_older(
        Learned(before, instant(manifest.snapshot.get("to")), made_at(manifest)),
        Learned(after, instant(run.snapshot.end), now),
        run.split.holdout_start.keys(),
    )


def _unfit(run: ModelRun, embedded: Mapping[str, Any]) -> str:
    """Why a file is no champion of this model, as the end of a clause; empty if it is.
    Raises one of ``_UNUSABLE`` where its details make no sense."""
    if embedded.get("model") != run.model:
        return f"is not this model but {embedded.get('model') or 'an unknown one'}"
    details = run.kind.read_details(embedded)
    inputs = run.kind.work.sample_inputs(details, 1, 0)
    for needed in details.inputs:
        if needed.name not in inputs:
            return f"needs an input that no longer exists: {needed.name}"
        if needed.shape[1:] != inputs[needed.name].shape[1:]:
            shape = list(needed.shape)
            return f"needs input {needed.name} of shape {shape}, which no longer exists"
    period_s = run.kind.spec_of(details).period_s
    if period_s != run.spec.period_s:
        return f"reads {period_s} s, the settings now say {run.spec.period_s} s"
    return ""
