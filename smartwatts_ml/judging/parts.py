"""Which parts of a challenger are learned, and the challenger without the others.

A part is an appliance, a day ahead, a type of anomaly: what the kind says. One that is not
better than its own baseline does not ship, whatever the whole is; the rest does. One of which
the holdout says nothing ships where the champion has it, and else does not: it is not proven.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from smartwatts_ml.gate import CHALLENGER, Check, Part
from smartwatts_ml.gate.judgement import sign_of
from smartwatts_ml.gate.wording import number
from smartwatts_ml.kinds.base import Details, Kind, Network
from smartwatts_ml.modelfiles.networks import KerasNetwork
from smartwatts_ml.scores.parts import PartMetrics, with_stand_ins
from smartwatts_ml.scores.scores import Scores

__all__ = ["judge_parts", "nothing_learned", "stood_in", "trimmed"]

_UNPROVEN = "nothing of it, or too little, is in the holdout to judge it by"


def judge_parts(
    kind: Kind,
    details: Details,
    scores: Mapping[str, Scores],
    baselines: Collection[str],
    champion: Details | None,
) -> tuple[Part, ...]:
    """Every part of the challenger beside its own ``baselines``, by name. ``champion``: the
    details of the one in force, which says what was proven before."""
    if not kind.part_criteria:
        return ()
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
        judged.append(_part(kind, details, name, ours[name], theirs, had))
    return tuple(judged)


def _part(
    kind: Kind,
    details: Details,
    name: str,
    ours: Mapping[str, float],
    theirs: PartMetrics,
    had: bool | None,
) -> Part:
    shown: list[str] = []
    failed: list[str] = []
    unproven = False
    for metric, label, other, whose, passed in _comparisons(kind, details, ours, theirs):
        value = ours[metric]
        unproven |= not np.isfinite(value) and not np.isfinite(other)
        text = f"{label} {number(value)} against {number(other)} of {whose}"
        (shown if passed else failed).append(text)
    if unproven:
        return Part(name, bool(had), _UNPROVEN, had)
    return Part(name, not failed, (failed or shown)[0], had)


def _comparisons(
    kind: Kind, details: Details, ours: Mapping[str, float], theirs: PartMetrics
) -> Iterator[tuple[str, str, float, str, bool]]:
    """Metric, label, what it is held against, whose that is, and whether ours is better: the
    strongest baseline of each criterion, and the kind's own limits."""
    for criterion in kind.part_criteria:
        sign, metric = sign_of(criterion), criterion.metric
        values = {
            system: metrics[metric]
            for system, metrics in theirs.items()
            if np.isfinite(metrics[metric])
        }
        best = max(values, key=lambda system: sign * values[system], default="any baseline")
        other = values.get(best, np.nan)
        better = bool(sign * (ours[metric] - other) > 0)
        yield metric, criterion.label, other, best, better
    for floor in kind.part_floors(details):
        better = bool(sign_of(floor) * (ours[floor.metric] - floor.limit) > 0)
        yield floor.metric, floor.label, floor.limit, "a limit", better


def nothing_learned(parts: Collection[Part]) -> Check | None:
    """The check that fails where no part is left to ship."""
    if not parts or any(part.ships for part in parts):
        return None
    reasons = "; ".join(f"{part.name}: {part.text}" for part in list(parts)[:3])
    return Check("parts", False, f"no part is better than its own baseline ({reasons})")


def trimmed(kind: Kind, network: Network, parts: Collection[Part]) -> Network:
    """The network without the parts that do not ship; a file is what it is already."""
    absent = {part.name: part.text for part in parts if not part.ships}
    if not absent or len(absent) == len(parts) or not isinstance(network, KerasNetwork):
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
