"""What may not get worse: guards, slices, single homes, the worst tenth of homes.

All of them hold against the champion and against its anchors, earlier versions that were in
force within the last year, so that small steps do not add up. An anchor stands in the way of
a step down alone: who is no worse than the champion is not kept out for an older version.
Chance is told for each family together (Holm 1979); each gets its share of the error that
is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.special import stdtr

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Comparison, SliceResult
from smartwatts_ml.gate.homes import HomeGains, loss_of
from smartwatts_ml.gate.judgement import Judgement, sign_of
from smartwatts_ml.gate.rules import compare, comparison_of
from smartwatts_ml.gate.statistics import holm
from smartwatts_ml.gate.variation import home_groups
from smartwatts_ml.scores.bootstrap import Over
from smartwatts_ml.scores.scores import Criterion, Scores
from smartwatts_ml.scores.weeks import WeekTable, week_table

__all__ = ["guards", "over_within", "p_of_no_loss", "slices"]

_MIN_FREEDOM = 3
"""Fewer units than this and one to each home prove nothing: they cannot block."""
_WORST_TENTH = "the worst tenth of homes"
_LEAST_IN_TENTH = 2
_FAMILIES = 4
"""Guards, groups, homes, and their worst tenth: each gets its share of the error allowed."""
_NEGLIGIBLE = 0.02
"""A loss in a slice below this share of the champion's overall value hurts nobody."""


def _alpha(judgement: Judgement) -> float:
    return (1 - judgement.rules.confidence) / _FAMILIES


def guards(judgement: Judgement) -> tuple[Comparison, ...]:
    """One fails that falls by more than its margin, beyond chance."""
    if not judgement.champions:
        return ()
    met = [(c, _reference(judgement, c)) for c in judgement.guards]
    falls = [_p_of_fall(judgement, criterion, other) for criterion, other in met]
    alpha = _alpha(judgement)
    return tuple(
        comparison_of(
            judgement,
            criterion,
            other,
            "guard",
            replace(compare(judgement, criterion, other), p=p),
            p > alpha,
        )
        for (criterion, other), p in zip(met, holm(falls), strict=True)
    )


def _reference(judgement: Judgement, criterion: Criterion) -> str:
    """The champion, or the best of its anchors where the challenger is a step down from it."""

    def value(name: str) -> float:
        return sign_of(criterion) * judgement.metrics[name].get(criterion.metric, np.nan)

    return _best(judgement, value)


def _best(judgement: Judgement, value: Callable[[str], float]) -> str:
    anchors = [name for name in judgement.anchors if np.isfinite(value(name))]
    if not value(CHALLENGER) < value(CHAMPION):
        return CHAMPION
    return max((CHAMPION, *anchors), key=value)


def _p_of_fall(judgement: Judgement, criterion: Criterion, other: str) -> float:
    """P-value of "no worse" for a guard that fell by more than its margin; 1 for others,
    and 0 for one that cannot be told."""
    gauge = judgement.gauge(criterion)
    theirs, ours = (
        sign_of(criterion) * judgement.metrics[n][criterion.metric] for n in (other, CHALLENGER)
    )
    if not np.isfinite(ours - theirs):
        return 0.0
    if ours - theirs >= -criterion.tolerance * (abs(theirs) if criterion.relative else 1.0):
        return 1.0
    tables = judgement.tables
    return p_of_no_loss(gauge, tables[CHALLENGER], tables[other], judgement.over)


def slices(judgement: Judgement) -> tuple[SliceResult, ...]:
    """The deciding metric in every group, in the worst tenth of homes, and in each home."""
    if not judgement.champions:
        return ()
    return (*_groups(judgement), *_worst_tenth(judgement), *_homes(judgement))


def _adjusted(results: list[SliceResult], alpha: float) -> tuple[SliceResult, ...]:
    """With p-values for all of them together."""
    adjusted = iter(holm([result.p for result in results if result.judged]))
    return tuple(
        _passed(replace(result, p=next(adjusted)), alpha) if result.judged else result
        for result in results
    )


def _passed(result: SliceResult, alpha: float) -> SliceResult:
    return replace(result, passed=bool(result.loss <= result.allowed or result.p > alpha))


def _groups(judgement: Judgement) -> tuple[SliceResult, ...]:
    names = [name for name in judgement.slices[CHALLENGER] if not name.startswith("site ")]
    return _adjusted([_group(judgement, name) for name in names], _alpha(judgement))


def _group(judgement: Judgement, name: str) -> SliceResult:
    """One with a p-value that is not yet adjusted: 1 where nothing was lost that matters, so
    that the jackknife is spared."""
    gauge, sign = judgement.gauge(judgement.improve), sign_of(judgement.improve)
    parts = {system: judgement.slices[system][name] for system in _met(judgement)}
    values = {
        system: sign * judgement.slice_metrics[system][name][judgement.improve.metric]
        for system in parts
    }
    other = _best(judgement, values.__getitem__)
    ours, theirs = parts[CHALLENGER], parts[other]
    new, old = values[CHALLENGER], values[other]
    over = over_within(judgement, ours)
    table = week_table(ours)
    freedom = len(table.sites) - 1 if over == "sites" else len(ours.sites) - len(table.sites)
    judged = freedom >= _MIN_FREEDOM and bool(np.isfinite(old))
    allowed = judgement.rules.group_loss
    if judged and not np.isfinite(new):
        return SliceResult(name, sign * new, sign * old, np.inf, allowed, 0.0, judged, True, other)
    loss = (old - new) / abs(old) if old else (np.inf if new < old else 0.0)
    matters = judged and loss > allowed and _hurts(judgement, old - new)
    p = p_of_no_loss(gauge, table, week_table(theirs), over) if matters else 1.0
    return SliceResult(name, sign * new, sign * old, float(loss), allowed, p, judged, True, other)


def _met(judgement: Judgement) -> tuple[str, ...]:
    return (CHALLENGER, CHAMPION, *judgement.anchors)


def _hurts(judgement: Judgement, lost: float) -> bool:
    whole = judgement.metrics[CHAMPION][judgement.improve.metric]
    return lost > _NEGLIGIBLE * abs(whole)


def over_within(judgement: Judgement, part: Scores) -> Over:
    """What is left out within a slice, which may have too few sites."""
    return judgement.over if len(np.unique(part.sites)) > _MIN_FREEDOM else "weeks"


def p_of_no_loss(
    gauge: Callable[[np.ndarray], float], ours: WeekTable, theirs: WeekTable, over: Over
) -> float:
    """One-sided p-value of "no worse" for what ours have more of ``gauge`` than theirs.

    Delete-one jackknife (Efron and Stein 1981) over groups of homes or, where homes are few,
    over each home's weeks: as units of their own, since a doubt keeps the champion. Referred
    to Student's t. Where it cannot be told 1, or 0 if every unit agrees on a loss.
    """
    without = _homes_out if over == "sites" else _cells_out
    pairs = zip(without(ours), without(theirs), strict=True)
    gains = np.array([gauge(a) - gauge(b) for a, b in pairs])
    freedom = len(gains) - (1 if over == "sites" else len(ours.sites))
    whole = gauge(ours.totals()) - gauge(theirs.totals())
    error = np.std(gains) * (len(gains) - 1) / math.sqrt(max(freedom, 1))
    if freedom < 1 or not np.isfinite(error) or not math.isfinite(whole):
        return 1.0
    if error == 0:
        return 0.0 if whole < 0 else 1.0
    return float(stdtr(freedom, whole / error))


def _homes_out(table: WeekTable) -> list[np.ndarray]:
    groups = home_groups(len(table.sites))
    return [table.totals(sites=groups != group) for group in np.unique(groups)]


def _cells_out(table: WeekTable) -> list[np.ndarray]:
    """Totals with each home's week left out in turn."""
    totals = []
    for cell in np.argwhere(table.present):
        kept = np.ones(table.present.shape, bool)
        kept[tuple(cell)] = False
        totals.append((table.sums * kept[..., None, None]).sum(1))
    return totals


def _homes(judgement: Judgement) -> tuple[SliceResult, ...]:
    """Every home by itself; their variances lend each other evidence, so that one home of a
    thousand can be told from chance. In the order of what people read of them: that of names
    would tell which is which."""
    values = {name: judgement.by_home[name].whole for name in _met(judgement)}
    p_values: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    sign, results = sign_of(judgement.improve), []
    for i, site in enumerate(judgement.tables[CHALLENGER].sites):
        of_home = {name: sign * column[i] for name, column in values.items()}
        other = _best(judgement, of_home.__getitem__)
        if other not in p_values:
            p_values[other] = _p_of_homes(judgement.home_gains[other])
        p, judged = p_values[other]
        results.append(_home(judgement, f"site {site}", of_home, other, p[i], bool(judged[i])))
    results.sort(key=lambda result: judgement.facts.call(result.name))
    return _adjusted(results, _alpha(judgement))


def _p_of_homes(gains: HomeGains) -> tuple[np.ndarray, np.ndarray]:
    """P-values of "no worse", and whether there are weeks enough to judge by, shape (n,)."""
    variances, freedoms = gains.variances()
    known = np.nan_to_num(gains.whole)
    return stdtr(np.maximum(freedoms, 1.0), known / np.sqrt(variances)), freedoms >= _MIN_FREEDOM


def _home(
    judgement: Judgement, name: str, values: dict[str, float], other: str, p: float, judged: bool
) -> SliceResult:
    sign, allowed = sign_of(judgement.improve), judgement.rules.slice_loss
    new, old = values[CHALLENGER], values[other]
    judged = judged and bool(np.isfinite(old))
    if judged and not np.isfinite(new):
        return SliceResult(name, sign * new, sign * old, np.inf, allowed, 0.0, judged, True, other)
    loss = (old - new) / abs(old) if old else (np.inf if new < old else 0.0)
    matters = judged and loss > allowed and _hurts(judgement, old - new)
    p = float(p) if matters else 1.0
    return SliceResult(name, sign * new, sign * old, float(loss), allowed, p, judged, True, other)


def _worst_tenth(judgement: Judgement) -> tuple[SliceResult, ...]:
    """Where there are homes enough: chosen by one half of the weeks, measured by the other."""
    gains = judgement.home_gains[CHAMPION]
    homes, measured = gains.worst_tenth()
    if len(homes) < 2 * _LEAST_IN_TENTH:
        return ()
    ours, theirs = (float(judgement.by_home[n].whole[homes].mean()) for n in (CHALLENGER, CHAMPION))
    mean, error = measured.mean(), measured.std(ddof=1) / math.sqrt(len(measured))
    p = float(stdtr(len(measured) - 1, mean / error)) if error else float(mean >= 0)
    loss, allowed = loss_of(mean, sign_of(judgement.improve)), judgement.rules.group_loss
    result = SliceResult(_WORST_TENTH, ours, theirs, float(loss), allowed, p, True, True)
    return (_passed(result, _alpha(judgement)),)
