"""Named failures of the champion that a challenger repairs: what else than a better mean
may bring it into force, where it is shown to be no worse."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, SliceResult
from smartwatts_ml.gate.judgement import Case, sign_of
from smartwatts_ml.gate.rules import compare
from smartwatts_ml.gate.statistics import MIN_FREEDOM, holm, jackknife_p
from smartwatts_ml.scores.bootstrap import site_sums, slices_of, without
from smartwatts_ml.scores.scores import Scores

__all__ = ["Repair", "no_worse_elsewhere", "repairs"]


@dataclass(frozen=True)
class Repair:
    """A failure in words; ``part``: the slice that it is of, empty for the whole."""

    text: str
    part: str = ""


def repairs(case: Case, slices: tuple[SliceResult, ...]) -> tuple[Repair, ...]:
    """Slices in which the champion is worse than the strongest baseline and the challenger
    is not, and inputs that drifted since the champion was trained."""
    if CHAMPION not in case.scores:
        return ()
    drifted = (
        Repair(f"drift since the champion was trained: {one.text} (PSI {one.psi:.2f})")
        for one in case.facts.drift
        if one.shifted(case.rules.drift) and one.repaired(case.rules.drift)
    )
    return (*_repaired_slices(case, slices), *drifted)


def _repaired_slices(case: Case, slices: tuple[SliceResult, ...]) -> list[Repair]:
    """Slices whose floor, the strongest baseline, the champion misses by more than the
    margin and the challenger keeps. Both the miss and the gain over the champion have to be
    beyond chance (Holm over all slices that are judged), for of many slices some are always
    a little below their floor, and another seed a little above."""
    if not case.baselines:
        return []
    systems = {
        name: slices_of(case.scores[name], case.facts.unseen)
        for name in (CHALLENGER, CHAMPION, case.baselines[0])
    }
    judged = [one.name for one in slices if one.judged]
    p_values = [_p_of_repair(case, systems, name) for name in judged]
    label, floor = case.improve.label, case.baselines[0]
    return [
        Repair(f"{name}, where {label} of the champion is under its floor ({floor})", name)
        for name, p in zip(judged, holm(p_values), strict=True)
        if p <= 1 - case.rules.confidence
    ]


def _p_of_repair(case: Case, systems: dict[str, dict[str, Scores]], name: str) -> float:
    """The larger of the p-values of "the champion keeps its floor" and "the challenger is no
    better than the champion"; 1 where the estimates say so already."""
    if not _under_floor(case, systems, name):
        return 1.0
    challenger, champion, floor = (parts[name] for parts in systems.values())
    over = case.over if len(np.unique(champion.sites)) > MIN_FREEDOM else "weeks"

    def p_of_loss(ours: Scores, theirs: Scores) -> float:
        metric, sign = case.improve.metric, sign_of(case.improve)
        return jackknife_p(case.kind.work.headline, metric, ours, theirs, sign, over)

    return max(p_of_loss(champion, floor), p_of_loss(champion, challenger))


def no_worse_elsewhere(case: Case, repaired: tuple[Repair, ...]) -> bool:
    """Whether it is shown that the challenger is worse by no more than the margin, apart
    from the sites and channels that it repairs: their gain is shown already, and being
    large it would hide in its own spread what happened to the others."""
    parts = [repair.part for repair in repaired]
    rest = replace(case, scores={name: without(s, parts) for name, s in case.scores.items()})
    if not rest.scores[CHALLENGER].sums.size:
        return True
    margin = case.rules.margin * abs(rest.metrics[CHAMPION][case.improve.metric])
    found = compare(rest, case.improve, CHAMPION, null=-margin)
    return found.low > -margin and rest.units.freedom >= MIN_FREEDOM


def _under_floor(case: Case, systems: dict[str, dict[str, Scores]], name: str) -> bool:
    metric, sign = case.improve.metric, sign_of(case.improve)
    ours, theirs, floor = (
        sign * case.kind.work.headline(site_sums(parts[name]))[metric] for parts in systems.values()
    )
    return bool(theirs < floor - case.rules.margin * abs(floor) and floor <= ours)
