"""The rules, one function each: a case in, results with their reasons out."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.gate.decision import (
    CHALLENGER,
    CHAMPION,
    Check,
    Comparison,
    SliceResult,
)
from smartwatts_ml.gate.judgement import Case, sign_of
from smartwatts_ml.gate.statistics import (
    MIN_FREEDOM,
    Difference,
    diebold_mariano,
    difference,
    holm,
    jackknife_p,
)
from smartwatts_ml.gate.wording import chance, number, signed
from smartwatts_ml.scores.bootstrap import Over, site_sums, slices_of
from smartwatts_ml.scores.scores import Criterion, Scores

__all__ = [
    "baseline_by_estimate",
    "compare",
    "floor_checks",
    "guards_and_slices",
    "series_test",
    "slices_by_system",
    "troubles",
]

FAMILIES = 2
NEGLIGIBLE = 0.02
"""A loss in a slice below this share of the champion's overall value hurts nobody."""


def troubles(case: Case) -> tuple[str, ...]:
    """Why nothing may be accepted, each a clause: what is missing, not finite, or was not
    judged on the same windows."""
    found = list(case.facts.troubles)
    found += [
        f"{metric} of the {name} is missing"
        for name in (CHALLENGER, CHAMPION)
        if name in case.scores
        for metric in case.kind.required_metrics
        if not np.isfinite(case.metrics[name].get(metric, np.nan))
    ]
    if len({score.targets for score in case.scores.values()}) > 1:
        found.append("challenger and opponents were not scored on the same windows")
    if len(case.scores) < 2:
        found.append("there is nothing to compare it with")
    return tuple(found)


def compare(case: Case, criterion: Criterion, opponent: str, *, null: float = 0.0) -> Difference:
    """The challenger's gain over an opponent, with what chance can do."""
    sign, metric = sign_of(criterion), criterion.metric
    ours, theirs = case.samples[CHALLENGER][metric], case.samples[opponent][metric]
    gain = sign * (case.metrics[CHALLENGER][metric] - case.metrics[opponent][metric])
    return difference(gain, sign * (ours - theirs), case.units, case.rules.confidence, null)


def improvement(case: Case, opponent: str) -> Comparison:
    """The deciding metric: passed where it is better beyond chance, and by more than another
    seed would change it."""
    criterion = case.improve
    found = compare(case, criterion, opponent)
    passed = beyond_chance(case, found) and not too_small(case, opponent, found.gain)
    return _comparison(case, criterion, opponent, "improve", found, found.p, passed)


def beyond_chance(case: Case, found: Difference) -> bool:
    """Whether the interval lies above zero, from as many units as it takes to have one. Of
    sites the t-test has to agree; weeks at the ends of a holdout are parts of weeks, for
    which it is no test."""
    agreed = case.over == "weeks" or found.p <= 1 - case.rules.confidence
    return found.gain > 0 and found.low > 0 and agreed and case.units.freedom >= MIN_FREEDOM


def too_small(case: Case, opponent: str, gain: float) -> bool:
    """Whether a gain is less than what training again may give."""
    return gain < case.rules.least_gain * abs(case.metrics[opponent][case.improve.metric])


def baseline_by_estimate(case: Case) -> Comparison | None:
    """Where a champion is in force, the strongest baseline counts by its estimate alone."""
    if CHAMPION not in case.scores or not case.baselines:
        return None
    criterion, name = case.improve, case.baselines[0]
    found = compare(case, criterion, name)
    return _comparison(case, criterion, name, "baseline", found, found.p, found.gain > 0)


def series_test(case: Case, opponent: str) -> Comparison | None:
    """For forecasts: the Diebold-Mariano test on the series of weekly gains. It decides
    where sites are too few to be the units, and weeks enough."""
    if case.facts.overlap_weeks is None:
        return None
    criterion, overlap = case.improve, case.facts.overlap_weeks
    gains = _weekly_gains(case, criterion, opponent)
    p = diebold_mariano(gains, overlap)
    decides = case.over == "weeks" and len(gains) >= 6 + 2 * overlap
    found = Difference(float(np.mean(gains)), np.nan, np.nan, p, np.nan)
    passed = not decides or p <= 1 - case.rules.confidence
    made = _comparison(case, criterion, opponent, "series", found, p, passed)
    role = "decides" if decides else "shown, does not decide"
    text = (
        f"{'passed' if passed else 'failed'}: Diebold-Mariano over {len(gains)} weeks against "
        f"{opponent}: {chance(p)} ({role})"
    )
    return Comparison(**{**vars(made), "text": text})


def _weekly_gains(case: Case, criterion: Criterion, opponent: str) -> np.ndarray:
    """Gain of each calendar week over all sites, shape (n_weeks,)."""
    sign, metric = sign_of(criterion), criterion.metric
    weeks = case.scores[CHALLENGER].weeks

    def value(name: str, week: np.datetime64) -> float:
        return case.kind.work.headline(case.scores[name].sums[weeks == week])[metric]

    gains = [sign * (value(CHALLENGER, week) - value(opponent, week)) for week in np.unique(weeks)]
    return np.array([gain for gain in gains if np.isfinite(gain)])


def guards_and_slices(case: Case) -> tuple[tuple[Comparison, ...], tuple[SliceResult, ...]]:
    """What may not get worse. One fails that falls by more than its margin, beyond chance;
    chance is told for all of them together: Holm within the guards and within the slices,
    of which each gets half of the error that is allowed."""
    if CHAMPION not in case.scores:
        return (), ()
    guards = case.guards
    slices = _slices(case)
    judged = [one.p for one in slices if one.judged]
    of_guards = holm([_p_of_fall(case, criterion) for criterion in guards])
    of_slices = iter(holm(judged))
    alpha = (1 - case.rules.confidence) / FAMILIES
    judged_guards = tuple(
        _guard(case, criterion, p, alpha) for criterion, p in zip(guards, of_guards, strict=True)
    )
    judged_slices = tuple(
        _with_p(one, next(of_slices), alpha) if one.judged else one for one in slices
    )
    return judged_guards, judged_slices


def _allowed(case: Case, criterion: Criterion) -> float:
    """How far a guard may fall, in its unit."""
    theirs = case.metrics[CHAMPION][criterion.metric]
    return criterion.tolerance * (abs(theirs) if criterion.relative else 1.0)


def _p_of_fall(case: Case, criterion: Criterion) -> float:
    """P-value of "no worse" for a guard that fell by more than its margin; 1 for others,
    and 0 for one that cannot be told."""
    gain = compare(case, criterion, CHAMPION).gain
    if not np.isfinite(gain):
        return 0.0
    if gain >= -_allowed(case, criterion):
        return 1.0
    ours, theirs = case.scores[CHALLENGER], case.scores[CHAMPION]
    sign = sign_of(criterion)
    return jackknife_p(case.kind.work.headline, criterion.metric, ours, theirs, sign, case.over)


def _guard(case: Case, criterion: Criterion, p: float, alpha: float) -> Comparison:
    found = compare(case, criterion, CHAMPION)
    return _comparison(case, criterion, CHAMPION, "guard", found, p, p > alpha)


def _slices(case: Case) -> list[SliceResult]:
    """Every slice of the deciding metric, with p-values that are not yet adjusted: 1 where
    nothing was lost that matters, so that the jackknife is spared."""
    ours = slices_of(case.scores[CHALLENGER], case.facts.unseen)
    theirs = slices_of(case.scores[CHAMPION], case.facts.unseen)
    whole = abs(case.metrics[CHAMPION][case.improve.metric])
    return [_slice(case, name, ours[name], theirs[name], whole) for name in ours]


def _slice(case: Case, name: str, ours: Scores, theirs: Scores, whole: float) -> SliceResult:
    criterion, headline = case.improve, case.kind.work.headline
    sign, metric = sign_of(criterion), criterion.metric
    new, old = headline(site_sums(ours))[metric], headline(site_sums(theirs))[metric]
    lost = sign * (old - new)
    loss = lost / abs(old) if old else (np.inf if lost > 0 else 0.0)
    single = name.startswith("site ")
    allowed = case.rules.slice_loss if single else case.rules.group_loss
    sites = len(np.unique(ours.sites))
    over: Over = "sites" if case.over == "sites" and sites > MIN_FREEDOM else "weeks"
    judged = (sites - 1 if over == "sites" else len(ours.sites) - sites) >= MIN_FREEDOM
    judged = judged and bool(np.isfinite(old))
    if judged and not np.isfinite(new):
        return SliceResult(name, new, old, np.inf, allowed, 0.0, judged, True)
    matters = loss > allowed and lost > NEGLIGIBLE * whole
    p = jackknife_p(headline, metric, ours, theirs, sign, over) if judged and matters else 1.0
    return SliceResult(name, new, old, float(loss), allowed, p, judged, True)


def _with_p(one: SliceResult, p: float, alpha: float) -> SliceResult:
    passed = one.loss <= one.allowed or p > alpha
    return SliceResult(**{**vars(one), "p": p, "passed": bool(passed)})


def slices_by_system(case: Case) -> dict[str, dict[str, dict[str, float]]]:
    """Metrics of every slice, by system."""
    return {
        name: {
            part: case.kind.work.headline(site_sums(of))
            for part, of in slices_of(scores, case.facts.unseen).items()
        }
        for name, scores in case.scores.items()
    }


def floor_checks(case: Case) -> tuple[Check, ...]:
    """The kind's own limits, on the challenger's estimates, and the checks of the file."""
    found = []
    for floor in case.facts.floors:
        value = case.metrics[CHALLENGER].get(floor.metric, np.nan)
        passed = bool(sign_of(floor) * (value - floor.limit) >= 0)
        bound = "at most" if floor.better == "lower" else "at least"
        text = f"{number(value)} {floor.label}, {bound} {number(floor.limit)}"
        found.append(Check(floor.metric, passed, text))
    return (*found, *case.facts.checks)


def _comparison(
    case: Case,
    criterion: Criterion,
    opponent: str,
    role: str,
    found: Difference,
    p: float,
    passed: bool,
) -> Comparison:
    ours, theirs = (case.metrics[name][criterion.metric] for name in (CHALLENGER, opponent))
    change = signed(criterion.metric, ours, theirs)
    return Comparison(
        opponent=opponent,
        metric=criterion.metric,
        label=criterion.label,
        role=role,  # type: ignore[arg-type]
        challenger=ours,
        other=theirs,
        gain=found.gain,
        low=found.low,
        high=found.high,
        p=p,
        passed=bool(passed),
        text=_text(criterion, role, opponent, (ours, theirs), change, found, p, passed, case),
    )


def _text(
    criterion: Criterion,
    role: str,
    opponent: str,
    values: tuple[float, float],
    change: str,
    found: Difference,
    p: float,
    passed: bool,
    case: Case,
) -> str:
    ours, theirs = values
    verdict = "passed" if passed else "failed"
    text = f"{verdict}: {criterion.label} {number(ours)} against {number(theirs)} of {opponent}"
    if role == "baseline":
        return f"{text} ({change})"
    if role == "guard":
        allowed = f"{criterion.tolerance:.0%}" if criterion.relative else f"{criterion.tolerance:g}"
        return f"{text} ({change}; may fall by {allowed}; {chance(p)}, Holm)"
    span = f"gain {found.gain:.4g}, at least {found.low:.4g}" if np.isfinite(found.low) else change
    return f"{text} ({span} with {case.rules.confidence:.0%} confidence, {chance(p)})"
