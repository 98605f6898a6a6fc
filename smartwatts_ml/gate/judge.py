"""The verdict. A pure function of a case; anything missing or in doubt keeps the champion.

Accepted is a challenger without trouble, which keeps its guards, slices and floors, is no
worse than the strongest baseline, and is either better than its opponent beyond chance, or
shown to be no worse than a margin while it repairs a named failure of the champion.
"""

from __future__ import annotations

from smartwatts_ml.gate.decision import (
    CHALLENGER,
    CHAMPION,
    Check,
    Comparison,
    Decision,
    Evidence,
    Outcome,
    SliceResult,
)
from smartwatts_ml.gate.evidence import evidence, intervals
from smartwatts_ml.gate.judgement import Case
from smartwatts_ml.gate.repairs import Repair, no_worse_elsewhere, repairs
from smartwatts_ml.gate.rules import (
    baseline_by_estimate,
    compare,
    floor_checks,
    guards_and_slices,
    improvement,
    series_test,
    slices_by_system,
    too_small,
    troubles,
)
from smartwatts_ml.gate.wording import lacking, signed, slice_sentence

__all__ = ["judge"]


def judge(case: Case) -> Decision:
    """Decide. Deterministic: the same case gives the same decision."""
    wrong = troubles(case)
    if CHALLENGER not in case.scores or len(case.scores) < 2:
        return _decide(case, Outcome.TROUBLE, wrong[0], reasons=wrong)
    opponents = (CHAMPION,) if CHAMPION in case.scores else case.opponents
    improved = tuple(improvement(case, name) for name in opponents)
    series = tuple(filter(None, (series_test(case, name) for name in opponents)))
    baseline = baseline_by_estimate(case)
    guards, slices = guards_and_slices(case)
    checks = floor_checks(case)
    named = repairs(case, slices)
    main = min(improved, key=lambda one: (one.passed, one.p < 1, -one.p))
    known = evidence(case, compare(case, case.improve, main.opponent))
    outcome, sentence = _verdict(
        case, wrong, (*improved, *series), baseline, guards, slices, checks, named, known
    )
    comparisons = (*improved, *series, *((baseline,) if baseline else ()), *guards)
    reasons = (
        *wrong,
        *(one.text for one in comparisons),
        *(f"failed: {slice_sentence(s, case.improve.label)}" for s in slices if not s.passed),
        *(f"{'passed' if check.passed else 'failed'}: {check.text}" for check in checks),
        *(f"named failure of the champion: {one.text}" for one in named),
        *((case.facts.left_out,) if case.facts.left_out else ()),
        _how(case),
    )
    return _decide(
        case,
        outcome,
        sentence,
        reasons=reasons,
        comparisons=comparisons,
        slice_results=slices,
        checks=checks,
        repaired=tuple(one.text for one in named),
        known=known,
    )


def _verdict(
    case: Case,
    wrong: tuple[str, ...],
    improved: tuple[Comparison, ...],
    baseline: Comparison | None,
    guards: tuple[Comparison, ...],
    slices: tuple[SliceResult, ...],
    checks: tuple[Check, ...],
    named: tuple[Repair, ...],
    known: Evidence,
) -> tuple[Outcome, str]:
    """The first rule that is broken, in the order in which people should hear of it."""
    broken = _broken(case, wrong, baseline, guards, slices, checks)
    worse = [one for one in improved if one.role == "improve" and one.high < 0]
    if broken and not (worse and broken[0] in (Outcome.GUARD, Outcome.SLICE)):
        return broken
    if worse:
        return Outcome.WORSE, _change(worse[0])
    failed = [one for one in improved if not one.passed]
    if not failed:
        return Outcome.BETTER, _change(improved[0])
    if named and no_worse_elsewhere(case, named):
        return Outcome.REPAIRS, f"repairs {named[0].text}, {_change(improved[0])}"
    return Outcome.NO_EVIDENCE, _unsure(case, failed[0], known)


def _broken(
    case: Case,
    wrong: tuple[str, ...],
    baseline: Comparison | None,
    guards: tuple[Comparison, ...],
    slices: tuple[SliceResult, ...],
    checks: tuple[Check, ...],
) -> tuple[Outcome, str] | None:
    if wrong:
        return Outcome.TROUBLE, wrong[0]
    for check in checks:
        if not check.passed:
            return Outcome.CHECK, check.text
    if baseline and not baseline.passed:
        return Outcome.BASELINE, _change(baseline)
    for guard in guards:
        if not guard.passed:
            return Outcome.GUARD, _change(guard)
    lost = [one for one in slices if not one.passed]
    if lost:
        worst = max(lost, key=lambda one: one.loss)
        return Outcome.SLICE, slice_sentence(worst, case.improve.label)
    return None


def _change(one: Comparison) -> str:
    change = signed(one.metric, one.challenger, one.other)
    return f"{one.label} {change} against {one.opponent}"


def _unsure(case: Case, failed: Comparison, known: Evidence) -> str:
    if failed.role == "series":
        return f"{_change(failed)}, which week by week may be chance (Diebold-Mariano)"
    if failed.gain == 0:
        return f"{failed.label} is the same as that of {failed.opponent}"
    if failed.low > 0 and too_small(case, failed.opponent, failed.gain):
        return (
            f"not enough evidence: {_change(failed)} is a gain of less than "
            f"{case.rules.least_gain:.1%}, which another seed may give "
            f"({known.count} {known.over})"
        )
    return lacking(failed, known)


def _how(case: Case) -> str:
    if case.over == "sites":
        return f"paired bootstrap over {case.sites} sites, {case.rules.resamples} resamples"
    return (
        f"holdout by time alone, paired bootstrap over weeks within site: {case.sites} "
        f"{'site is' if case.sites == 1 else 'sites are'} fewer than {case.rules.min_sites}"
    )


def _decide(
    case: Case,
    outcome: Outcome,
    sentence: str,
    *,
    reasons: tuple[str, ...],
    comparisons: tuple[Comparison, ...] = (),
    slice_results: tuple[SliceResult, ...] = (),
    checks: tuple[Check, ...] = (),
    repaired: tuple[str, ...] = (),
    known: Evidence | None = None,
) -> Decision:
    accepted = outcome in (Outcome.BETTER, Outcome.REPAIRS)
    separator = ", " if outcome is Outcome.NO_EVIDENCE and "evidence" in sentence else ": "
    best = case.baselines[0] if case.baselines else None
    metrics = case.metrics
    return Decision(
        model=case.model,
        accepted=accepted,
        outcome=outcome,
        summary=f"{case.model} {'accepted' if accepted else 'kept'}{separator}{sentence}",
        reasons=reasons,
        holdout_digest=_digest(case),
        metrics={
            CHALLENGER: metrics.get(CHALLENGER),
            CHAMPION: metrics.get(CHAMPION),
            "baseline": metrics[best] if best else None,
        },
        intervals=intervals(case) if len(case.scores) > 1 else {},
        comparisons=comparisons,
        slice_results=slice_results,
        checks=checks,
        repairs=repaired,
        slices=slices_by_system(case),
        evidence=known,
        champion_version=case.facts.champion_version,
        baseline=best,
        notes=(
            *(score.notes if (score := case.scores.get(CHALLENGER)) else ()),
            *((f"strongest baseline: {best}",) if best else ()),
        ),
    )


def _digest(case: Case) -> str:
    """Names the split and the very windows that were scored."""
    targets = {score.targets for score in case.scores.values()}
    if not any(targets):
        return case.facts.split
    import hashlib

    return hashlib.sha256("\0".join((case.facts.split, *sorted(targets))).encode()).hexdigest()
