"""The gate: whether a challenger may replace the champion. Pure functions on scores.

Challenger, champion and baselines are scored on the same targets, so every comparison is
paired. Chance is measured by a bootstrap (Efron 1979; paired, over clusters as in Field
and Welsh 2007): over sites where there are enough of them, else over weeks within each
site. Anything missing, not finite or tied keeps the champion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from smartwatts_ml.kinds.base import Criterion, Kind, Scores
from smartwatts_ml.resampling import Over, resample, site_sums, slices_of
from smartwatts_ml.settings import Settings

__all__ = ["CHALLENGER", "CHAMPION", "Comparison", "Decision", "judge", "not_judged"]

CHALLENGER = "challenger"
CHAMPION = "champion"
MIN_SLICE_BLOCKS = 4
"""A slice with fewer weeks than this is shown but cannot block: it proves nothing."""

Metrics = dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """One metric of the challenger against one opponent.

    ``gain`` > 0 means that the challenger is better, in the metric's unit. ``confidence``
    is the share of bootstrap samples in which the challenger is better.
    """

    opponent: str
    metric: str
    label: str
    role: str
    challenger: float
    other: float
    gain: float
    confidence: float
    passed: bool
    text: str


@dataclass(frozen=True)
class Decision:
    """Accepted or not, and everything that led to it."""

    model: str
    accepted: bool
    summary: str
    reasons: tuple[str, ...]
    holdout_digest: str
    metrics: dict[str, Metrics | None]
    comparisons: tuple[Comparison, ...] = ()
    slices: dict[str, dict[str, Metrics]] = field(default_factory=dict)
    champion_version: int | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; a metric that is not finite becomes null."""
        return {"schema": 1, **_finite(asdict(self))}


def not_judged(model: str, reason: str, champion_version: int | None = None) -> Decision:
    """The decision where there was not enough to train on or to judge with."""
    return Decision(
        model=model,
        accepted=False,
        summary=f"{model} kept: {reason}",
        reasons=(reason,),
        holdout_digest="",
        metrics={CHALLENGER: None, CHAMPION: None, "baseline": None},
        champion_version=champion_version,
    )


def judge(
    kind: Kind,
    model: str,
    scores: Mapping[str, Scores],
    settings: Settings,
    *,
    holdout_digest: str,
    champion_version: int | None,
    seed: int = 0,
) -> Decision:
    """Decide from the scores of ``challenger``, ``champion`` (if there is one) and every
    baseline, all on the same blocks."""
    metrics = {name: _headline(kind, score) for name, score in scores.items()}
    n_sites = len(np.unique(scores[CHALLENGER].sites))
    over: Over = "sites" if n_sites >= settings.holdout_min_sites else "weeks"
    missing = [
        f"{metric} of the {name} is {_number(metrics[name].get(metric, float('nan')))}"
        for name in (CHALLENGER, CHAMPION)
        if name in scores
        for metric in kind.required_metrics
        if not np.isfinite(metrics[name].get(metric, float("nan")))
    ]
    opponents = [name for name in scores if name != CHALLENGER]
    comparisons = tuple(
        _compare(kind, criterion, opponent, scores, over, settings, seed)
        for opponent in sorted(opponents, key=lambda name: name != CHAMPION)
        for criterion in kind.criteria
        if opponent == CHAMPION or criterion.role == "improve"
    )
    blocking = _blocking_slices(kind, scores, settings, seed)
    failed = [c for c in comparisons if not c.passed]
    accepted = not (missing or failed or blocking) and bool(comparisons)
    best = _best_baseline(kind, metrics)
    reasons = (*missing, *(c.text for c in comparisons), *blocking, _how(over, n_sites, settings))
    return Decision(
        model=model,
        accepted=accepted,
        summary=_summary(model, accepted, missing, comparisons, blocking),
        reasons=reasons,
        holdout_digest=holdout_digest,
        metrics={
            CHALLENGER: metrics[CHALLENGER],
            CHAMPION: metrics.get(CHAMPION),
            "baseline": metrics.get(best) if best else None,
        },
        comparisons=comparisons,
        slices={name: _slices(kind, score) for name, score in scores.items()},
        champion_version=champion_version,
        notes=(*scores[CHALLENGER].notes, *((f"strongest baseline: {best}",) if best else ())),
    )


def _headline(kind: Kind, scores: Scores) -> Metrics:
    return {**kind.headline(site_sums(scores)), **scores.extra}


def _resampled(
    kind: Kind, scores: Scores, over: Over, settings: Settings, metric: str, seed: int
) -> np.ndarray:
    """The metric in every bootstrap sample, shape (n_resamples,)."""
    samples = resample(scores, over, settings.gate_resamples, seed)
    return np.array([kind.headline(sample)[metric] for sample in samples])


def _gain(criterion: Criterion, challenger: Any, other: Any) -> Any:
    return other - challenger if criterion.better == "lower" else challenger - other


def _compare(
    kind: Kind,
    criterion: Criterion,
    opponent: str,
    scores: Mapping[str, Scores],
    over: Over,
    settings: Settings,
    seed: int,
) -> Comparison:
    metric = criterion.metric
    ours = _headline(kind, scores[CHALLENGER]).get(metric, float("nan"))
    theirs = _headline(kind, scores[opponent]).get(metric, float("nan"))
    gain = float(_gain(criterion, ours, theirs))
    confidence = float("nan")
    if criterion.role == "improve":
        gains = _gain(
            criterion,
            _resampled(kind, scores[CHALLENGER], over, settings, metric, seed),
            _resampled(kind, scores[opponent], over, settings, metric, seed),
        )
        confidence = float(np.mean(gains[np.isfinite(gains)] > 0)) if len(gains) else 0.0
        passed = bool(gain > 0 and confidence >= settings.gate_confidence)
    else:
        allowed = criterion.tolerance * (abs(theirs) if criterion.relative else 1.0)
        passed = bool(gain >= -allowed)
    sure = "" if np.isnan(confidence) else f", better in {confidence:.0%} of resamples"
    needed = f" (at least {settings.gate_confidence:.0%} needed)" if sure and not passed else ""
    text = (
        f"{'passed' if passed else 'failed'}: {criterion.label} {_number(ours)} against "
        f"{_number(theirs)} of {opponent}{sure}{needed}"
    )
    return Comparison(
        opponent,
        metric,
        criterion.label,
        criterion.role,
        ours,
        theirs,
        gain,
        confidence,
        passed,
        text,
    )


def _blocking_slices(
    kind: Kind, scores: Mapping[str, Scores], settings: Settings, seed: int
) -> tuple[str, ...]:
    """Sites and channels that got clearly worse than under the champion."""
    if CHAMPION not in scores:
        return ()
    criterion = next(c for c in kind.criteria if c.role == "improve")
    reasons = []
    ours, theirs = slices_of(scores[CHALLENGER]), slices_of(scores[CHAMPION])
    for name in ours:
        if len(ours[name].sites) < MIN_SLICE_BLOCKS:
            continue
        new = kind.headline(site_sums(ours[name]))[criterion.metric]
        old = kind.headline(site_sums(theirs[name]))[criterion.metric]
        loss = -_gain(criterion, new, old) / abs(old) if old else 0.0
        if not loss > settings.gate_slice_loss:
            continue
        losses = -_gain(
            criterion,
            _resampled(kind, ours[name], "weeks", settings, criterion.metric, seed),
            _resampled(kind, theirs[name], "weeks", settings, criterion.metric, seed),
        )
        if np.mean(losses > 0) >= settings.gate_confidence:
            reasons.append(
                f"failed: {name}: {criterion.label} {_number(new)} against {_number(old)} of "
                f"champion, worse by {loss:.0%}"
            )
    return tuple(reasons)


def _slices(kind: Kind, scores: Scores) -> dict[str, Metrics]:
    return {name: kind.headline(site_sums(part)) for name, part in slices_of(scores).items()}


def _best_baseline(kind: Kind, metrics: Mapping[str, Metrics]) -> str | None:
    criterion = next(c for c in kind.criteria if c.role == "improve")
    sign = 1 if criterion.better == "lower" else -1
    names = [
        name
        for name in metrics
        if name not in (CHALLENGER, CHAMPION) and np.isfinite(metrics[name][criterion.metric])
    ]
    return min(names, key=lambda name: sign * metrics[name][criterion.metric], default=None)


def _summary(
    model: str,
    accepted: bool,
    missing: list[str],
    comparisons: tuple[Comparison, ...],
    blocking: tuple[str, ...],
) -> str:
    """One short line: "nilm kept: F1 −0.02 against champion"."""
    verdict = f"{model} {'accepted' if accepted else 'kept'}: "
    if missing:
        return verdict + missing[0]
    failed = [c for c in comparisons if not c.passed]
    if not failed and blocking:
        return verdict + blocking[0].removeprefix("failed: ")
    if not comparisons:
        return verdict + "nothing to compare with"
    shown = failed[0] if failed else comparisons[0]
    change = f"{shown.label} {_signed(shown)} against {shown.opponent}"
    unsure = shown.gain > 0 and not shown.passed
    return verdict + change + (f", only {shown.confidence:.0%} sure" if unsure else "")


def _how(over: Over, n_sites: int, settings: Settings) -> str:
    if over == "sites":
        return f"paired bootstrap over {n_sites} sites, {settings.gate_resamples} resamples"
    return (
        f"holdout by time alone, paired bootstrap over weeks within site: {n_sites} "
        f"{'site is' if n_sites == 1 else 'sites are'} fewer than {settings.holdout_min_sites}"
    )


def _signed(comparison: Comparison) -> str:
    change = comparison.challenger - comparison.other
    if comparison.other and abs(comparison.other) > 2:
        return f"{change / abs(comparison.other):+.1%}".replace("-", "−")
    return f"{change:+.3f}".replace("-", "−")


def _number(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "missing"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
