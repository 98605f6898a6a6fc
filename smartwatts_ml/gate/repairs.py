"""Named failures of the champion that a challenger repairs: what else than a better mean
may bring it into force, where it is shown to be no worse."""

from __future__ import annotations

from dataclasses import dataclass, replace

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, SliceResult
from smartwatts_ml.gate.judgement import Judgement, sign_of
from smartwatts_ml.gate.rules import compare
from smartwatts_ml.gate.statistics import holm
from smartwatts_ml.gate.vetoes import over_within, p_of_no_loss
from smartwatts_ml.scores.bootstrap import without
from smartwatts_ml.scores.weeks import week_table

__all__ = ["Repair", "no_worse_elsewhere", "repairs"]


@dataclass(frozen=True)
class Repair:
    """A failure in words; ``part``: the slice that it is of, empty for the whole."""

    text: str
    part: str = ""


def repairs(judgement: Judgement, slices: tuple[SliceResult, ...]) -> tuple[Repair, ...]:
    """Slices in which the champion is worse than the strongest baseline and the challenger
    is not, and inputs that drifted since the champion was trained."""
    if not judgement.champions:
        return ()
    threshold = judgement.rules.drift
    drifted = (
        Repair(f"drift since the champion was trained: {moved.text} (PSI {moved.psi:.2f})")
        for moved in judgement.facts.drift
        if moved.shifted(threshold) and moved.repaired(threshold)
    )
    return (*_repaired_slices(judgement, slices), *drifted)


def _repaired_slices(judgement: Judgement, slices: tuple[SliceResult, ...]) -> list[Repair]:
    """Slices whose floor, the strongest baseline, the champion misses by more than the
    margin and the challenger keeps. Both the miss and the gain over the champion have to be
    beyond chance (Holm over all slices that are judged), for of many slices some are always
    a little below their floor, and another seed a little above."""
    if not judgement.baselines:
        return []
    parts = judgement.slices[CHALLENGER]
    judged = [result.name for result in slices if result.judged and result.name in parts]
    p_values = [_p_of_repair(judgement, name) for name in judged]
    label, floor = judgement.improve.label, judgement.baselines[0]
    call = judgement.facts.call
    return [
        Repair(f"{call(name)}, where {label} of the champion is under its floor ({floor})", name)
        for name, p in zip(judged, holm(p_values), strict=True)
        if p <= 1 - judgement.rules.confidence
    ]


def _p_of_repair(judgement: Judgement, name: str) -> float:
    """The larger of the p-values of "the champion keeps its floor" and "the challenger is no
    better than the champion" in a slice; 1 where the estimates say so already."""
    systems = (CHALLENGER, CHAMPION, judgement.baselines[0])
    sign, metric = sign_of(judgement.improve), judgement.improve.metric
    ours, theirs, floor = (sign * judgement.slice_metrics[s][name][metric] for s in systems)
    if not (theirs < floor - judgement.rules.margin * abs(floor) and floor <= ours):
        return 1.0
    parts = [judgement.slices[system][name] for system in systems]
    gauge, over = judgement.gauge(judgement.improve), over_within(judgement, parts[1])
    challenger, champion, baseline = map(week_table, parts)
    return max(p_of_no_loss(gauge, champion, other, over) for other in (baseline, challenger))


def no_worse_elsewhere(judgement: Judgement, repaired: tuple[Repair, ...]) -> bool:
    """Whether it is shown that the challenger is worse by no more than the margin, apart
    from the sites and channels that it repairs: their gain is shown already, and being
    large it would hide in its own spread what happened to the others."""
    parts = [repair.part for repair in repaired]
    kept = {name: without(scores, parts) for name, scores in judgement.scores.items()}
    rest = replace(judgement, scores=kept)
    if not rest.scores[CHALLENGER].sums.size:
        return True
    margin = rest.rules.margin * abs(rest.metrics[CHAMPION][rest.improve.metric])
    gain = compare(rest, rest.improve, CHAMPION, null=-margin)
    return gain.low > -margin
