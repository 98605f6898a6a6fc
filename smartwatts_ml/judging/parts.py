"""Which parts of a challenger are learned, and the challenger without the others.

A part is an appliance, a day ahead, a type of anomaly: what the kind says. One that is not
better than its own baseline does not ship, whatever the whole is; the rest does. One that is
worse by little, as chance may give, ships: of thirty days ahead some always are, and would come
and go. But one that the champion lacks comes back only if it is better. One of which the holdout
says nothing ships where the champion has it, and else does not: it is not proven.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.gate import CHALLENGER, Part, Rules, absent_parts
from smartwatts_ml.gate.judgement import sign_of
from smartwatts_ml.gate.vetoes import p_of_no_loss
from smartwatts_ml.gate.wording import number
from smartwatts_ml.kinds.base import Details, Kind, Network
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.scores.bootstrap import Over
from smartwatts_ml.scores.parts import PartMetrics, of_channel, with_stand_ins
from smartwatts_ml.scores.scores import Criterion, Scores
from smartwatts_ml.scores.weeks import week_table

__all__ = ["judge_parts", "stood_in", "trimmed"]

_UNPROVEN = "nothing of it, or too little, is in the holdout to judge it by"


@dataclass(frozen=True)
class _Ground:
    """What parts are judged on."""

    kind: Kind
    details: Details
    scores: Mapping[str, Scores]
    rules: Rules


@dataclass(frozen=True)
class _Held:
    """A part held against a baseline or a limit. ``doubtful``: it passes though it is worse, by
    little. ``unknown``: the truth defines neither value."""

    passed: bool
    text: str
    doubtful: bool = False
    unknown: bool = False


def judge_parts(
    kind: Kind,
    details: Details,
    scores: Mapping[str, Scores],
    baselines: Collection[str],
    champion: Details | None,
    rules: Rules,
) -> tuple[Part, ...]:
    """Every part of the challenger beside its own ``baselines``, by name. ``champion``: the
    details of the one in force, which says what was proven before."""
    if not kind.part_criteria:
        return ()
    ground = _Ground(kind, details, scores, rules)
    ours = kind.work.parts(scores[CHALLENGER])
    metrics = {name: kind.work.parts(scores[name]) for name in baselines}
    lacking = details.lacks(ours)
    absent = champion.lacks(ours) if champion else None
    judged = []
    for name in ours:
        if name in lacking:
            continue
        had = None if absent is None else name not in absent
        theirs = {system: parts[name] for system, parts in metrics.items() if name in parts}
        judged.append(_part(ground, name, ours[name], theirs, had))
    return tuple(judged)


def _part(
    ground: _Ground,
    name: str,
    ours: Mapping[str, float],
    theirs: PartMetrics,
    had: bool | None,
) -> Part:
    held = [*_by_baselines(ground, name, ours, theirs, had), *_by_limits(ground, ours)]
    if any(result.unknown for result in held):
        return Part(name, bool(had), _UNPROVEN, had)
    # The first that failed is told, else the first that is in doubt, else the first.
    first = min(held, key=lambda result: (result.passed, not result.doubtful))
    return Part(name, first.passed, first.text, had)


def _by_baselines(
    ground: _Ground,
    name: str,
    ours: Mapping[str, float],
    theirs: PartMetrics,
    had: bool | None,
) -> Iterator[_Held]:
    """Beside the strongest baseline of each criterion."""
    for criterion in ground.kind.part_criteria:
        sign, metric = sign_of(criterion), criterion.metric
        values = {
            system: metrics[metric]
            for system, metrics in theirs.items()
            if np.isfinite(metrics[metric])
        }
        best = max(values, key=lambda system: sign * values[system], default="any baseline")
        value, other = ours[metric], values.get(best, np.nan)
        better = bool(sign * (value - other) > 0)
        near = not better and had is not False and _is_near(ground, criterion, name, best)
        text = f"{criterion.label} {number(value)} against {number(other)} of {best}"
        yield _Held(
            better or near,
            f"{text}, which may be chance" if near else text,
            doubtful=near,
            unknown=not np.isfinite(value) and not np.isfinite(other),
        )


def _by_limits(ground: _Ground, ours: Mapping[str, float]) -> Iterator[_Held]:
    """Beside the kind's own limits."""
    for floor in ground.kind.part_floors(ground.details):
        value = ours[floor.metric]
        passed = bool(sign_of(floor) * (value - floor.limit) > 0)
        text = f"{floor.label} {number(value)} against {number(floor.limit)} of a limit"
        yield _Held(passed, text, unknown=not np.isfinite(value) and not np.isfinite(floor.limit))


def _is_near(ground: _Ground, criterion: Criterion, part: str, baseline: str) -> bool:
    """Whether a part is worse by less than a slice may get worse, and chance may give that. Who
    is just as good has learned nothing; and only what is scored channel by channel can tell."""
    systems = [ground.scores.get(name) for name in (CHALLENGER, baseline)]
    if any(scores is None or part not in scores.channels for scores in systems):
        return False
    sign, headline, rules = sign_of(criterion), ground.kind.work.headline, ground.rules

    def gauge(sums: np.ndarray) -> float:
        return sign * headline(sums)[criterion.metric]

    ours, theirs = (week_table(of_channel(scores, part)) for scores in systems if scores)
    value, other = gauge(ours.totals()), gauge(theirs.totals())
    if not other - rules.group_loss * abs(other) <= value < other:
        return False
    over: Over = "weeks" if len(ours.sites) < rules.min_sites else "sites"
    return p_of_no_loss(gauge, ours, theirs, over) > 1 - rules.confidence


def trimmed(kind: Kind, network: Network, parts: Collection[Part]) -> Network:
    """The network without the parts that do not ship; a file is what it is already."""
    absent = absent_parts(parts)
    if not absent or not isinstance(network, KerasNetwork):
        return network
    details = kind.read_details(network.details)
    model, said = kind.trimmer.leave_out(network.model, details, absent)
    return KerasNetwork(model, said.to_json())


def stood_in(
    kind: Kind,
    scores: Mapping[str, Scores],
    details: Mapping[str, Details],
    baselines: Collection[str],
) -> dict[str, Scores]:
    """Scores in which a part that a system lacks, as its ``details`` say, is as good as its
    strongest baseline."""
    improve = next(criterion for criterion in kind.criteria if criterion.role == "improve")
    sign, headline = sign_of(improve), kind.work.headline
    lacking = {
        name: said.lacks(scores[name].channels) for name, said in details.items() if name in scores
    }
    return with_stand_ins(
        scores, lacking, baselines, lambda sums: sign * headline(sums)[improve.metric]
    )
