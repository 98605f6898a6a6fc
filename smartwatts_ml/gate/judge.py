"""The verdict. A pure function of a judgement; what is missing or in doubt keeps the champion.

Accepted is a challenger without trouble, which keeps its guards, slices and floors, is no
worse than the strongest baseline, and is either better than its opponent beyond chance, or
shown to be no worse than a margin while it repairs a named failure of the champion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.gate.decision import (
    CHALLENGER,
    CHAMPION,
    Check,
    Comparison,
    Decision,
    Evidence,
    Metrics,
    Outcome,
    SliceResult,
)
from smartwatts_ml.gate.judgement import Judgement
from smartwatts_ml.gate.repairs import Repair, no_worse_elsewhere, repairs
from smartwatts_ml.gate.rules import (
    baseline_by_estimate,
    compare,
    floor_checks,
    guards_and_slices,
    improvement,
    series_test,
    too_small,
    troubles,
)
from smartwatts_ml.gate.statistics import difference, needed
from smartwatts_ml.gate.wording import (
    change,
    lacking,
    named,
    perhaps_worse,
    slice_sentence,
    verdict,
)
from smartwatts_ml.scores.bootstrap import site_sums

__all__ = ["judge"]


@dataclass(frozen=True)
class _Results:
    """What each rule gave."""

    troubles: tuple[str, ...]
    improvements: tuple[Comparison, ...] = ()
    series: tuple[Comparison, ...] = ()
    baseline: Comparison | None = None
    guards: tuple[Comparison, ...] = ()
    slices: tuple[SliceResult, ...] = ()
    checks: tuple[Check, ...] = ()
    repairs: tuple[Repair, ...] = ()
    evidence: Evidence | None = None

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """All of them, in the order in which they are read."""
        baseline = (self.baseline,) if self.baseline else ()
        return (*self.improvements, *self.series, *baseline, *self.guards)


def judge(judgement: Judgement) -> Decision:
    """Decide. Deterministic: the same judgement gives the same decision."""
    results = _results(judgement)
    outcome, sentence = _outcome(judgement, results)
    unsure = outcome is Outcome.NO_EVIDENCE and "evidence" in sentence
    said = "accepted" if outcome.accepts else "kept"
    baseline = judgement.baselines[0] if judgement.baselines else None
    challenger = judgement.scores.get(CHALLENGER)
    return Decision(
        model=judgement.model,
        accepted=outcome.accepts,
        outcome=outcome,
        summary=f"{judgement.model} {said}{',' if unsure else ':'} {sentence}{_parts(judgement)}",
        reasons=_reasons(judgement, results),
        holdout_digest=_digest(judgement),
        metrics={
            CHALLENGER: judgement.metrics.get(CHALLENGER),
            CHAMPION: judgement.metrics.get(CHAMPION),
            "baseline": judgement.metrics[baseline] if baseline else None,
        },
        intervals=_intervals(judgement) if judgement.can_be_made else {},
        comparisons=results.comparisons,
        slice_results=results.slices,
        checks=results.checks,
        parts=judgement.facts.parts,
        repairs=tuple(repair.text for repair in results.repairs),
        slices=_slices_by_system(judgement),
        evidence=results.evidence,
        champion_version=judgement.facts.champion_version,
        baseline=baseline,
        notes=(
            *(challenger.notes if challenger else ()),
            *((f"strongest baseline: {baseline}",) if baseline else ()),
        ),
    )


def _results(judgement: Judgement) -> _Results:
    if not judgement.can_be_made:
        return _Results(troubles(judgement))
    improvements = tuple(improvement(judgement, name) for name in judgement.opponents)
    series = (series_test(judgement, name) for name in judgement.opponents)
    guards, slices = guards_and_slices(judgement)
    return _Results(
        troubles=troubles(judgement),
        improvements=improvements,
        series=tuple(filter(None, series)),
        baseline=baseline_by_estimate(judgement),
        guards=guards,
        slices=slices,
        checks=floor_checks(judgement),
        repairs=repairs(judgement, slices),
        evidence=_evidence(judgement, _least_sure(improvements).opponent),
    )


def _least_sure(comparisons: Sequence[Comparison]) -> Comparison:
    """The opponent of which it is told how much evidence it would take: the one that stands
    most in the way. The deciding metric is heard of before the series of its weeks."""
    return max(comparisons, key=lambda c: (not c.passed, c.role != "series", c.p))


def _outcome(judgement: Judgement, results: _Results) -> tuple[Outcome, str]:
    """The first rule that is broken, in the order in which people should hear of it."""
    broken = _broken(judgement, results)
    worse = [comparison for comparison in results.improvements if comparison.high < 0]
    if broken and not (worse and broken[0] in (Outcome.GUARD, Outcome.SLICE)):
        return broken
    if worse:
        return Outcome.WORSE, change(worse[0])
    asked = (*results.improvements, *results.series)
    failed = [comparison for comparison in asked if not comparison.passed]
    if not failed:
        return Outcome.BETTER, change(asked[0])
    if results.repairs and no_worse_elsewhere(judgement, results.repairs):
        return Outcome.REPAIRS, f"repairs {results.repairs[0].text}, {change(asked[0])}"
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
        return Outcome.SLICE, slice_sentence(worst, judgement.improve.label)
    return None


def _unsure(
    judgement: Judgement, failed: Comparison, evidence: Evidence | None
) -> tuple[Outcome, str]:
    """What stands in the way of one that is not worse beyond chance."""
    assert evidence, "where something was compared, there was something to judge by"
    if failed.role != "series" and failed.gain < 0:
        outcome = Outcome.NO_EVIDENCE if failed.opponent == CHAMPION else Outcome.BASELINE
        return outcome, perhaps_worse(failed, evidence)
    return Outcome.NO_EVIDENCE, _too_little(judgement, failed, evidence)


def _too_little(judgement: Judgement, failed: Comparison, evidence: Evidence) -> str:
    if failed.role == "series":
        return f"{change(failed)}, which week by week may be chance (Diebold-Mariano)"
    if failed.gain == 0:
        return f"{failed.label} is the same as that of {failed.opponent}"
    if failed.low > 0 and too_small(judgement, failed.opponent, failed.gain):
        return (
            f"not enough evidence: {change(failed)} is a gain of less than "
            f"{judgement.rules.least_gain:.1%}, which another seed may give "
            f"({evidence.count} {evidence.over})"
        )
    return lacking(failed, evidence)


def _reasons(judgement: Judgement, results: _Results) -> tuple[str, ...]:
    """All that people may want to know of the verdict, a sentence each."""
    if not judgement.can_be_made:
        return results.troubles
    label, left_out = judgement.improve.label, judgement.facts.left_out
    lost = (result for result in results.slices if not result.passed)
    return (
        *results.troubles,
        *(comparison.text for comparison in results.comparisons),
        *(f"{verdict(False)}: {slice_sentence(result, label)}" for result in lost),
        *(f"{verdict(check.passed)}: {check.text}" for check in results.checks),
        *(part.sentence for part in judgement.facts.parts if part.notable),
        *(f"named failure of the champion: {repair.text}" for repair in results.repairs),
        *((left_out,) if left_out else ()),
        _how(judgement),
    )


def _parts(judgement: Judgement) -> str:
    """What the file lacks, or has again, as the end of the summary."""
    parts = judgement.facts.parts
    absent = [part.name for part in parts if not part.ships]
    back = [part.name for part in parts if part.ships and part.notable]
    return (f"; left out: {named(absent)}" if absent else "") + (
        f"; back: {named(back)}" if back else ""
    )


def _how(judgement: Judgement) -> str:
    sites, rules = judgement.sites, judgement.rules
    if judgement.over == "sites":
        return f"paired bootstrap over {sites} sites, {rules.resamples} resamples"
    return (
        f"holdout by time alone, paired bootstrap over weeks within site: {sites} "
        f"{'site is' if sites == 1 else 'sites are'} fewer than {rules.min_sites}"
    )


def _evidence(judgement: Judgement, opponent: str) -> Evidence:
    """How much there was to judge by, and how much it would take."""
    count, over = judgement.sites, "sites"
    if judgement.over == "weeks":
        over = f"weeks within {count} {'site' if count == 1 else 'sites'}"
        count = len(judgement.scores[CHALLENGER].sites)
    gain = compare(judgement, judgement.improve, opponent)
    confidence = judgement.rules.confidence
    enough = needed(count, judgement.units, gain.gain, gain.error, confidence)
    return Evidence(over, count, enough, confidence)


def _intervals(judgement: Judgement) -> dict[str, dict[str, list[float]]]:
    """Bounds of every metric of every resampled system, at the gate's confidence on either
    side, widened as those of differences are."""
    units, confidence = judgement.units, judgement.rules.confidence
    bounds = {
        name: {
            metric: difference(judgement.metrics[name][metric], values, units, confidence)
            for metric, values in samples.items()
        }
        for name, samples in judgement.samples.items()
    }
    return {
        name: {
            metric: [bound.low, bound.high]
            for metric, bound in metrics.items()
            if np.isfinite([bound.low, bound.high]).all()
        }
        for name, metrics in bounds.items()
    }


def _slices_by_system(judgement: Judgement) -> dict[str, dict[str, Metrics]]:
    """Metrics of every slice, by system."""
    return {
        name: {part: judgement.headline(site_sums(scores)) for part, scores in slices.items()}
        for name, slices in judgement.slices.items()
    }


def _digest(judgement: Judgement) -> str:
    """Names the split and the very windows that were scored."""
    split, targets = judgement.facts.split, {s.targets for s in judgement.scores.values()}
    if not any(targets):
        return split
    return hashlib.sha256("\0".join((split, *sorted(targets))).encode()).hexdigest()
