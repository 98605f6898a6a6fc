"""The rules, one function each: a judgement in, results with their reasons out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smartwatts_ml.gate.decision import (
    CHALLENGER,
    CHAMPION,
    Check,
    Comparison,
    Role,
    SliceResult,
)
from smartwatts_ml.gate.judgement import Judgement, sign_of
from smartwatts_ml.gate.statistics import (
    MIN_FREEDOM,
    Difference,
    clusters,
    diebold_mariano,
    difference,
    holm,
    jackknife_p,
)
from smartwatts_ml.gate.wording import chance, number, reason, verdict
from smartwatts_ml.scores.bootstrap import site_sums
from smartwatts_ml.scores.scores import Criterion, Scores

__all__ = [
    "baseline_by_estimate",
    "compare",
    "floor_checks",
    "guards_and_slices",
    "improvement",
    "series_test",
    "too_small",
    "troubles",
]

_FAMILIES = 2
"""Guards and slices: each gets its share of the error that is allowed."""
_NEGLIGIBLE = 0.02
"""A loss in a slice below this share of the champion's overall value hurts nobody."""


def troubles(judgement: Judgement) -> tuple[str, ...]:
    """Why nothing may be accepted, each a clause: what is missing, not finite, or was not
    judged on the same windows."""
    scores = judgement.scores
    clauses = list(judgement.facts.troubles)
    if CHALLENGER not in scores:
        clauses.append(f"the scores of the {CHALLENGER} are missing")
    clauses += [
        f"{metric} of the {name} is missing"
        for name in (CHALLENGER, CHAMPION)
        if name in scores
        for metric in judgement.required_metrics
        if not np.isfinite(judgement.metrics[name].get(metric, np.nan))
    ]
    if len({score.targets for score in scores.values()}) > 1:
        clauses.append("challenger and opponents were not scored on the same windows")
    if len(scores) < 2:
        clauses.append("there is nothing to compare it with")
    return tuple(clauses)


def compare(
    judgement: Judgement, criterion: Criterion, opponent: str, *, null: float = 0.0
) -> Difference:
    """The challenger's gain over an opponent, with what chance can do."""
    sign, metric = sign_of(criterion), criterion.metric
    metrics, samples = judgement.metrics, judgement.samples
    gain = sign * (metrics[CHALLENGER][metric] - metrics[opponent][metric])
    gains = sign * (samples[CHALLENGER][metric] - samples[opponent][metric])
    return difference(gain, gains, judgement.units, judgement.rules.confidence, null)


def improvement(judgement: Judgement, opponent: str) -> Comparison:
    """The deciding metric: passed where it is better beyond chance, and by more than another
    seed would change it."""
    gain = compare(judgement, judgement.improve, opponent)
    passed = _beyond_chance(judgement, gain) and not too_small(judgement, opponent, gain.gain)
    return _comparison(judgement, judgement.improve, opponent, "improve", gain, passed)


def _beyond_chance(judgement: Judgement, gain: Difference) -> bool:
    """Whether the interval lies above zero, from as many units as it takes to have one. Of
    sites the t-test has to agree; weeks at the ends of a holdout are parts of weeks, for
    which it is no test."""
    agreed = judgement.over == "weeks" or gain.p <= 1 - judgement.rules.confidence
    return gain.gain > 0 and gain.low > 0 and agreed and judgement.units.freedom >= MIN_FREEDOM


def too_small(judgement: Judgement, opponent: str, gain: float) -> bool:
    """Whether a gain is less than what training again may give."""
    whole = judgement.metrics[opponent][judgement.improve.metric]
    return gain < judgement.rules.least_gain * abs(whole)


def baseline_by_estimate(judgement: Judgement) -> Comparison | None:
    """Where a champion is in force, the strongest baseline counts by its estimate alone."""
    if CHAMPION not in judgement.scores or not judgement.baselines:
        return None
    strongest = judgement.baselines[0]
    gain = compare(judgement, judgement.improve, strongest)
    return _comparison(judgement, judgement.improve, strongest, "baseline", gain, gain.gain > 0)


def series_test(judgement: Judgement, opponent: str) -> Comparison | None:
    """For forecasts: the Diebold-Mariano test on the series of weekly gains. It decides
    where sites are too few to be the units, and weeks enough."""
    overlap = judgement.facts.overlap_weeks
    if overlap is None:
        return None
    gains = _weekly_gains(judgement, opponent)
    p = diebold_mariano(gains, overlap)
    decides = judgement.over == "weeks" and len(gains) >= 6 + 2 * overlap
    passed = not decides or p <= 1 - judgement.rules.confidence
    mean = Difference(float(np.mean(gains)), np.nan, np.nan, p, np.nan)
    role = "decides" if decides else "shown, does not decide"
    return replace(
        _comparison(judgement, judgement.improve, opponent, "series", mean, passed),
        text=f"{verdict(passed)}: Diebold-Mariano over {len(gains)} weeks against {opponent}: "
        f"{chance(p)} ({role})",
    )


def _weekly_gains(judgement: Judgement, opponent: str) -> np.ndarray:
    """Gain of each calendar week over all sites, shape (n_weeks,)."""
    gauge = judgement.gauge(judgement.improve)
    ours, theirs = (judgement.scores[name] for name in (CHALLENGER, opponent))
    gains = [
        gauge(ours.sums[ours.weeks == week]) - gauge(theirs.sums[ours.weeks == week])
        for week in np.unique(ours.weeks)
    ]
    return np.array([gain for gain in gains if np.isfinite(gain)])


def guards_and_slices(
    judgement: Judgement,
) -> tuple[tuple[Comparison, ...], tuple[SliceResult, ...]]:
    """What may not get worse. One fails that falls by more than its margin, beyond chance;
    chance is told for all of them together: Holm within the guards and within the slices,
    of which each gets half of the error that is allowed."""
    if CHAMPION not in judgement.scores:
        return (), ()
    alpha = (1 - judgement.rules.confidence) / _FAMILIES
    return _guards(judgement, alpha), _slices(judgement, alpha)


def _guards(judgement: Judgement, alpha: float) -> tuple[Comparison, ...]:
    gains = [compare(judgement, criterion, CHAMPION) for criterion in judgement.guards]
    falls = [
        _p_of_fall(judgement, criterion, gain.gain)
        for criterion, gain in zip(judgement.guards, gains, strict=True)
    ]
    return tuple(
        _comparison(judgement, criterion, CHAMPION, "guard", replace(gain, p=p), p > alpha)
        for criterion, gain, p in zip(judgement.guards, gains, holm(falls), strict=True)
    )


def _p_of_fall(judgement: Judgement, criterion: Criterion, gain: float) -> float:
    """P-value of "no worse" for a guard that fell by more than its margin; 1 for others,
    and 0 for one that cannot be told."""
    if not np.isfinite(gain):
        return 0.0
    champion = judgement.metrics[CHAMPION][criterion.metric]
    if gain >= -criterion.tolerance * (abs(champion) if criterion.relative else 1.0):
        return 1.0
    ours, theirs = judgement.scores[CHALLENGER], judgement.scores[CHAMPION]
    return jackknife_p(judgement.gauge(criterion), ours, theirs, judgement.over)


def _slices(judgement: Judgement, alpha: float) -> tuple[SliceResult, ...]:
    """Every slice of the deciding metric."""
    ours, theirs = (judgement.slices[name] for name in (CHALLENGER, CHAMPION))
    results = [_slice(judgement, name, ours[name], theirs[name]) for name in ours]
    adjusted = iter(holm([result.p for result in results if result.judged]))
    return tuple(
        _adjusted(result, next(adjusted), alpha) if result.judged else result for result in results
    )


def _slice(judgement: Judgement, name: str, ours: Scores, theirs: Scores) -> SliceResult:
    """One with a p-value that is not yet adjusted: 1 where nothing was lost that matters, so
    that the jackknife is spared."""
    metric, rules = judgement.improve.metric, judgement.rules
    new, old = (judgement.headline(site_sums(part))[metric] for part in (ours, theirs))
    lost = sign_of(judgement.improve) * (old - new)
    loss = lost / abs(old) if old else (np.inf if lost > 0 else 0.0)
    allowed = rules.slice_loss if name.startswith("site ") else rules.group_loss
    over = judgement.over_within(ours)
    judged = clusters(ours, over).freedom >= MIN_FREEDOM and bool(np.isfinite(old))
    if judged and not np.isfinite(new):
        return SliceResult(name, new, old, np.inf, allowed, 0.0, judged, True)
    matters = loss > allowed and lost > _NEGLIGIBLE * abs(judgement.metrics[CHAMPION][metric])
    gauge = judgement.gauge(judgement.improve)
    p = jackknife_p(gauge, ours, theirs, over) if judged and matters else 1.0
    return SliceResult(name, new, old, float(loss), allowed, p, judged, True)


def _adjusted(result: SliceResult, p: float, alpha: float) -> SliceResult:
    return replace(result, p=p, passed=bool(result.loss <= result.allowed or p > alpha))


def floor_checks(judgement: Judgement) -> tuple[Check, ...]:
    """The kind's own limits, on the challenger's estimates, and the checks of the file."""
    checks = []
    for floor in judgement.facts.floors:
        value = judgement.metrics[CHALLENGER].get(floor.metric, np.nan)
        passed = bool(sign_of(floor) * (value - floor.limit) >= 0)
        bound = "at most" if floor.better == "lower" else "at least"
        text = f"{number(value)} {floor.label}, {bound} {number(floor.limit)}"
        checks.append(Check(floor.metric, passed, text))
    return (*checks, *judgement.facts.checks)


def _comparison(
    judgement: Judgement,
    criterion: Criterion,
    opponent: str,
    role: Role,
    gain: Difference,
    passed: bool,
) -> Comparison:
    result = Comparison(
        opponent=opponent,
        metric=criterion.metric,
        label=criterion.label,
        role=role,
        challenger=judgement.metrics[CHALLENGER][criterion.metric],
        other=judgement.metrics[opponent][criterion.metric],
        gain=gain.gain,
        low=gain.low,
        high=gain.high,
        p=gain.p,
        passed=bool(passed),
        text="",
    )
    return replace(result, text=reason(result, criterion, judgement.rules.confidence))
