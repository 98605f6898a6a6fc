"""The rules, one function each: a judgement in, results with their reasons out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from smartwatts_ml.counted import counted
from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Check, Comparison, Part, Role
from smartwatts_ml.gate.judgement import Judgement, sign_of
from smartwatts_ml.gate.statistics import Difference, diebold_mariano, difference
from smartwatts_ml.gate.variation import variance_of
from smartwatts_ml.gate.wording import chance, number, reason, verdict
from smartwatts_ml.scores.scores import Criterion

__all__ = [
    "asked_confidence",
    "asks_care",
    "baseline_by_estimate",
    "compare",
    "comparison_of",
    "floor_checks",
    "home_by_home",
    "improvement",
    "least_gain",
    "nothing_learned",
    "series_test",
    "troubles",
]


def troubles(judgement: Judgement) -> tuple[str, ...]:
    """Why nothing may be accepted, each a clause: what is missing, not finite, or was not
    judged on the same windows."""
    scores = judgement.scores
    clauses = list(judgement.facts.troubles)
    if CHALLENGER not in scores:
        clauses.append(f"the scores of the {CHALLENGER} are missing")
    else:
        clauses += _missing(judgement)
    if len({score.targets for score in scores.values()}) > 1:
        clauses.append("challenger and opponents were not scored on the same windows")
    if not judgement.opponents:
        clauses.append("there is nothing to compare it with")
    return tuple(clauses)


def _missing(judgement: Judgement) -> list[str]:
    """Metrics of the challenger that are not finite, and the homes where it predicts nothing
    that is."""
    metrics, scores = judgement.metrics[CHALLENGER], judgement.scores[CHALLENGER]
    names = dict.fromkeys((*judgement.required_metrics, *(c.metric for c in judgement.criteria)))
    missing = [
        f"{name} of the {CHALLENGER} is missing"
        for name in names
        if not np.isfinite(metrics.get(name, np.nan)) and _asked(judgement, name)
    ]
    broken = ~np.isfinite(scores.sums).all((1, 2))
    if broken.any():
        homes = len(np.unique(scores.sites[broken]))
        missing.append(
            f"predictions of the {CHALLENGER} are not finite at {counted(homes, 'site')}"
        )
    return missing


def _asked(judgement: Judgement, metric: str) -> bool:
    """Whether a metric has to be there: a required one, or one that an opponent has."""
    opponents = (judgement.metrics[name].get(metric, np.nan) for name in judgement.opponents)
    return metric in judgement.required_metrics or any(np.isfinite(v) for v in opponents)


def compare(
    judgement: Judgement, criterion: Criterion, opponent: str, *, null: float = 0.0
) -> Difference:
    """The challenger's gain over an opponent, with what chance can do."""
    sign, metric = sign_of(criterion), criterion.metric
    metrics, replicates = judgement.metrics, judgement.replicates
    gain = sign * (metrics[CHALLENGER][metric] - metrics[opponent][metric])
    ours, theirs = replicates[CHALLENGER], replicates[opponent]
    variance = variance_of(
        ours.weeks[metric] - theirs.weeks[metric],
        ours.homes[metric] - theirs.homes[metric],
        few_homes=judgement.few_homes,
        sampled=judgement.sampled,
    )
    return difference(gain, variance, judgement.rules.confidence, null)


def asked_confidence(judgement: Judgement, opponent: str) -> float:
    """How sure the gate has to be of a gain."""
    rules = judgement.rules
    is_careful = asks_care(judgement, opponent)
    return rules.confidence if is_careful else min(rules.fresh_confidence, rules.confidence)


def asks_care(judgement: Judgement, opponent: str) -> bool:
    """Whether a gain has to be sure, and more than another seed gives: always by the policy
    ``careful``, and by ``fresh`` against a young champion, than which another training is
    hardly better but by luck. A first model, which has nothing but baselines to be better
    than, is never taken lightly."""
    weeks, rules = judgement.facts.champion_weeks, judgement.rules
    is_young = weeks is not None and weeks < rules.fresh_weeks
    return rules.policy == "careful" or opponent != CHAMPION or is_young


def least_gain(judgement: Judgement, opponent: str) -> float:
    """The smallest gain that may count, in the metric's unit; 0 where a gain is a gain."""
    share = judgement.rules.least_gain if asks_care(judgement, opponent) else 0.0
    return share * abs(judgement.metrics[opponent][judgement.improve.metric])


def improvement(judgement: Judgement, opponent: str) -> Comparison:
    """The deciding metric: passed where it is better, beyond what the policy leaves to chance."""
    gain = compare(judgement, judgement.improve, opponent)
    passed = _is_sure(judgement, opponent, gain) and gain.gain >= least_gain(judgement, opponent)
    return comparison_of(judgement, judgement.improve, opponent, "improve", gain, passed)


def home_by_home(judgement: Judgement, opponent: str) -> Comparison | None:
    """The mean over homes of what each gains of its own, none counting for much: passed where
    that is better as surely as the deciding metric has to be. None of a single home."""
    if judgement.sites < 2:
        return None
    gains = judgement.home_gains[opponent]
    variance = gains.variance(few_homes=judgement.few_homes, sampled=judgement.sampled)
    gain = difference(gains.mean, variance, judgement.rules.confidence)
    passed = _is_sure(judgement, opponent, gain)
    metric = judgement.improve
    shown = f"{gain.gain:+.1%}".replace("-", "−")
    return replace(
        comparison_of(judgement, metric, opponent, "homes", gain, passed),
        text=f"{verdict(passed)}: home by home {metric.label} is better by {shown} on average "
        f"than that of {opponent} ({chance(gain.p)})",
    )


def _is_sure(judgement: Judgement, opponent: str, gain: Difference) -> bool:
    return gain.gain > 0 and gain.p <= 1 - asked_confidence(judgement, opponent)


def baseline_by_estimate(judgement: Judgement) -> Comparison | None:
    """Where a champion is in force, the strongest baseline counts by its estimate alone."""
    if not judgement.champions or not judgement.baselines:
        return None
    strongest = judgement.baselines[0]
    gain = compare(judgement, judgement.improve, strongest)
    return comparison_of(judgement, judgement.improve, strongest, "baseline", gain, gain.gain > 0)


def series_test(judgement: Judgement, opponent: str) -> Comparison | None:
    """For forecasts: the Diebold-Mariano test on the series of weekly gains, which knows
    that neighbouring weeks share forecasts. It decides where homes are too few to be the
    units, and weeks enough."""
    overlap = judgement.facts.overlap_weeks
    if overlap is None:
        return None
    gains = _weekly_gains(judgement, opponent)
    p = diebold_mariano(gains, overlap)
    decides = judgement.few_homes and len(gains) >= 6 + 2 * overlap
    passed = not decides or p <= 1 - asked_confidence(judgement, opponent)
    mean = Difference(float(np.mean(gains)), np.nan, np.nan, p, np.nan, len(gains) - 1.0)
    role = "decides" if decides else "shown, does not decide"
    return replace(
        comparison_of(judgement, judgement.improve, opponent, "series", mean, passed),
        text=f"{verdict(passed)}: Diebold-Mariano over {len(gains)} weeks against {opponent}: "
        f"{chance(p)} ({role})",
    )


def _weekly_gains(judgement: Judgement, opponent: str) -> np.ndarray:
    """Gain of each calendar week over all sites, shape (n_weeks,)."""
    gauge = judgement.gauge(judgement.improve)
    ours, theirs = (judgement.tables[name] for name in (CHALLENGER, opponent))
    weeks = np.arange(judgement.weeks)
    gains = (gauge(ours.totals(weeks == w)) - gauge(theirs.totals(weeks == w)) for w in weeks)
    return np.array([gain for gain in gains if np.isfinite(gain)])


def floor_checks(judgement: Judgement) -> tuple[Check, ...]:
    """The kind's own limits, on the challenger's estimates, whether any part of it was learned,
    and the checks of the file."""
    checks = []
    for floor in judgement.facts.floors:
        value = judgement.metrics[CHALLENGER].get(floor.metric, np.nan)
        passed = bool(sign_of(floor) * (value - floor.limit) >= 0)
        bound = "at most" if floor.better == "lower" else "at least"
        text = f"{number(value)} {floor.label}, {bound} {number(floor.limit)}"
        checks.append(Check(floor.metric, passed, text))
    nothing = nothing_learned(judgement.facts.parts)
    return (*checks, *((nothing,) if nothing else ()), *judgement.facts.checks)


def nothing_learned(parts: Collection[Part]) -> Check | None:
    """The check that fails where no part is left to ship."""
    if not parts or any(part.ships for part in parts):
        return None
    reasons = "; ".join(f"{part.name}: {part.text}" for part in list(parts)[:3])
    return Check("parts", False, f"no part is better than its own baseline ({reasons})")


def comparison_of(
    judgement: Judgement,
    criterion: Criterion,
    opponent: str,
    role: Role,
    gain: Difference,
    passed: bool,
) -> Comparison:
    """What a difference says of a criterion."""
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
