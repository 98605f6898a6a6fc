"""The verdict. A pure function of a judgement; what is missing or in doubt keeps the champion.

Accepted is a challenger without trouble, which keeps its guards, slices and floors, is no
worse than the strongest baseline, and is then either better than its opponent, as surely as
the policy asks, pooled and home by home, or shown to be no worse than a margin while it
repairs a named failure of the champion. A champion whose predictions are not finite is no
opponent: whatever beats every baseline replaces it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from smartwatts_ml.counted import counted
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
from smartwatts_ml.gate.judgement import Judgement
from smartwatts_ml.gate.repairs import Repair, no_worse_elsewhere, repairs
from smartwatts_ml.gate.rules import (
    asked_confidence,
    asks_care,
    baseline_by_estimate,
    compare,
    floor_checks,
    home_by_home,
    improvement,
    least_gain,
    series_test,
    troubles,
)
from smartwatts_ml.gate.variation import MIN_WEEKS
from smartwatts_ml.gate.vetoes import guards, slices
from smartwatts_ml.gate.wording import (
    change,
    home_sentence,
    lacking,
    part_sentences,
    parts_clause,
    perhaps_worse,
    slice_sentence,
    too_small,
    verdict,
)
from smartwatts_ml.scores.bootstrap import interval, resampled

__all__ = ["judge"]


@dataclass(frozen=True)
class _Results:
    """What each rule gave."""

    troubles: tuple[str, ...]
    improvements: tuple[Comparison, ...] = ()
    homes: tuple[Comparison, ...] = ()
    series: tuple[Comparison, ...] = ()
    baseline: Comparison | None = None
    guards: tuple[Comparison, ...] = ()
    slices: tuple[SliceResult, ...] = ()
    checks: tuple[Check, ...] = ()
    repairs: tuple[Repair, ...] = ()
    evidence: Evidence | None = None

    @property
    def asked(self) -> tuple[Comparison, ...]:
        """Those that an improvement has to pass."""
        return (*self.improvements, *self.homes, *self.series)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """All of them, in the order in which they are read."""
        baseline = (self.baseline,) if self.baseline else ()
        return (*self.asked, *baseline, *self.guards)


def judge(judgement: Judgement) -> Decision:
    """Decide. Deterministic: the same judgement gives the same decision."""
    results = _results(judgement)
    outcome, sentence = _outcome(judgement, results)
    unsure = outcome is Outcome.NO_EVIDENCE and sentence.startswith("not enough evidence")
    said = "accepted" if outcome.accepts else "kept"
    baseline = judgement.baselines[0] if judgement.baselines else None
    challenger = judgement.scores.get(CHALLENGER)
    clause = parts_clause(judgement.facts.parts)
    return Decision(
        model=judgement.model,
        accepted=outcome.accepts,
        outcome=outcome,
        summary=f"{judgement.model} {said}{',' if unsure else ':'} {sentence}{clause}",
        reasons=_reasons(judgement, results),
        holdout_digest=_digest(judgement),
        metrics={
            CHALLENGER: judgement.metrics.get(CHALLENGER),
            CHAMPION: judgement.metrics.get(CHAMPION),
            "baseline": judgement.metrics[baseline] if baseline else None,
        },
        intervals=_intervals(judgement) if results.evidence else {},
        comparisons=results.comparisons,
        slice_results=results.slices,
        checks=results.checks,
        parts=judgement.facts.parts,
        repairs=tuple(repair.text for repair in results.repairs),
        slices={
            name: judgement.slice_metrics[name]
            for name in judgement.scores
            if name not in judgement.facts.anchors
        },
        evidence=results.evidence,
        champion_version=judgement.facts.champion_version,
        baseline=baseline,
        notes=(
            *(challenger.notes if challenger else ()),
            *((f"strongest baseline: {baseline}",) if baseline else ()),
        ),
    )


def _results(judgement: Judgement) -> _Results:
    if not judgement.can_be_made or not judgement.is_whole(CHALLENGER):
        return _Results(troubles(judgement))
    opponents = judgement.opponents
    improvements = tuple(improvement(judgement, name) for name in opponents)
    homes = (home_by_home(judgement, name) for name in opponents)
    series = (series_test(judgement, name) for name in opponents)
    lost = slices(judgement)
    return _Results(
        troubles=troubles(judgement),
        improvements=improvements,
        homes=tuple(filter(None, homes)),
        series=tuple(filter(None, series)),
        baseline=baseline_by_estimate(judgement),
        guards=guards(judgement),
        slices=lost,
        checks=floor_checks(judgement),
        repairs=repairs(judgement, lost),
        evidence=_evidence(judgement, _least_sure(improvements).opponent),
    )


def _least_sure(comparisons: Sequence[Comparison]) -> Comparison:
    """The comparison that stands most in the way. The deciding metric is heard of before
    homes, and these before the series of weeks."""
    order = ("series", "homes", "improve")
    return max(comparisons, key=lambda c: (not c.passed, order.index(c.role), c.p))


def _outcome(judgement: Judgement, results: _Results) -> tuple[Outcome, str]:
    """The first rule that is broken, in the order in which people should hear of it."""
    broken = _broken(judgement, results)
    worse = [comparison for comparison in results.improvements if comparison.high < 0]
    if broken and not (worse and broken[0] in (Outcome.GUARD, Outcome.SLICE)):
        return broken
    if worse:
        return Outcome.WORSE, change(worse[0])
    failed = [comparison for comparison in results.asked if not comparison.passed]
    better = results.improvements[0]
    if not failed:
        return Outcome.BETTER, change(better)
    if results.repairs and no_worse_elsewhere(judgement, results.repairs):
        return Outcome.REPAIRS, f"repairs {results.repairs[0].text}, {change(better)}"
    return _unsure(judgement, _least_sure(failed), results.evidence)


def _broken(judgement: Judgement, results: _Results) -> tuple[Outcome, str] | None:
    if results.troubles:
        return Outcome.TROUBLE, results.troubles[0]
    for check in results.checks:
        if not check.passed:
            return Outcome.CHECK, check.text
    if results.baseline and not results.baseline.passed:
        return Outcome.BASELINE, change(results.baseline)
    for guard in results.guards:
        if not guard.passed:
            return Outcome.GUARD, change(guard)
    lost = [result for result in results.slices if not result.passed]
    if lost:
        worst = max(lost, key=lambda result: result.loss)
        return Outcome.SLICE, slice_sentence(worst, judgement.improve.label, judgement.facts.call)
    return None


def _unsure(
    judgement: Judgement, failed: Comparison, evidence: Evidence | None
) -> tuple[Outcome, str]:
    """What stands in the way of one that is not worse beyond chance."""
    assert evidence, "where something was compared, there was something to judge by"
    if failed.role == "homes" and failed.gain <= 0:
        return Outcome.HOMES, home_sentence(failed)
    if failed.role == "improve" and failed.gain < 0:
        outcome = Outcome.NO_EVIDENCE if failed.opponent == CHAMPION else Outcome.BASELINE
        return outcome, perhaps_worse(failed, evidence)
    return Outcome.NO_EVIDENCE, _too_little(judgement, failed, evidence)


def _too_little(judgement: Judgement, failed: Comparison, evidence: Evidence) -> str:
    asked = asked_confidence(judgement, failed.opponent)
    if failed.role == "series":
        return f"{change(failed)}, which week by week may be chance (Diebold-Mariano)"
    if failed.gain == 0:
        return f"{failed.label} is the same as that of {failed.opponent}"
    if failed.role == "improve" and failed.p <= 1 - asked:
        return too_small(failed, judgement.rules.least_gain, evidence)
    return lacking(failed, evidence)


def _reasons(judgement: Judgement, results: _Results) -> tuple[str, ...]:
    """All that people may want to know of the verdict, a sentence each."""
    if not results.evidence:
        return results.troubles
    label, facts = judgement.improve.label, judgement.facts
    lost = (result for result in results.slices if not result.passed)
    replaced = CHAMPION in judgement.scores and not judgement.champions
    return (
        *results.troubles,
        *(("the champion's predictions are not finite: baselines are met instead",) * replaced),
        *(comparison.text for comparison in results.comparisons),
        *(f"{verdict(False)}: {slice_sentence(result, label, facts.call)}" for result in lost),
        *(f"{verdict(check.passed)}: {check.text}" for check in results.checks),
        *part_sentences(facts.parts),
        *(f"named failure of the champion: {repair.text}" for repair in results.repairs),
        *filter(None, (facts.left_out, facts.contract, facts.met, facts.unheard)),
        _how(judgement),
    )


def _how(judgement: Judgement) -> str:
    sites, weeks, rules = judgement.sites, judgement.weeks, judgement.rules
    have = f"{counted(weeks, 'calendar week')} of {counted(sites, 'site')}"
    policy = f"policy {rules.policy}"
    if judgement.few_homes:
        return f"{policy}; {have}: weeks are the units, fewer than {rules.min_sites} sites"
    if weeks < MIN_WEEKS:
        return f"{policy}; {have}: sites are the units, fewer than {MIN_WEEKS} weeks"
    whole = " of the whole fleet" if not judgement.sampled else ""
    return f"{policy}; {have}{whole}: chance is told from both"


def _evidence(judgement: Judgement, opponent: str) -> Evidence:
    """How much there was to judge by, and which gain would have passed with it."""
    gain = compare(judgement, judgement.improve, opponent)
    asked = asked_confidence(judgement, opponent)
    over = f"calendar weeks of {counted(judgement.sites, 'site')}"
    whole = abs(judgement.metrics[opponent][judgement.improve.metric])
    if not gain.freedom or not whole:
        return Evidence(over, judgement.weeks, asked)

    def by_chance(confidence: float) -> float:
        return gain.error * float(stdtrit(gain.freedom, confidence)) / whole

    passing = max(by_chance(asked), least_gain(judgement, opponent) / whole)
    evidence, rules = Evidence(over, judgement.weeks, asked, passing), judgement.rules
    if rules.policy == "careful" or opponent != CHAMPION or not asks_care(judgement, opponent):
        return evidence
    later = by_chance(min(rules.fresh_confidence, rules.confidence))
    return replace(evidence, later=rules.fresh_weeks, passing_later=later)


def _intervals(judgement: Judgement) -> dict[str, dict[str, list[float]]]:
    """Bootstrap intervals of the metrics of challenger, opponents and the strongest baseline,
    at the gate's confidence on either side."""
    rules = judgement.rules
    names = dict.fromkeys((CHALLENGER, *judgement.opponents, *judgement.baselines[:1]))
    bounds = {
        name: {
            metric: list(interval(values, 1 - rules.confidence))
            for metric, values in resampled(
                judgement.headline,
                judgement.scores[name],
                judgement.over,
                rules.resamples,
                rules.seed,
            ).items()
        }
        for name in names
    }
    return {
        name: {m: bound for m, bound in metrics.items() if np.isfinite(bound).all()}
        for name, metrics in bounds.items()
    }


def _digest(judgement: Judgement) -> str:
    """Names the split and the very windows that were scored."""
    split, targets = judgement.facts.split, {s.targets for s in judgement.scores.values()}
    if not any(targets):
        return split
    return hashlib.sha256("\0".join((split, *sorted(targets))).encode()).hexdigest()
