"""From the network's logit to a score in 0..1 and an alert.

The score is conformal: one minus the share of normal hours, scored by a network that was
not trained on them, whose logit was at least as high. So 0.99 says that one normal hour in
a hundred looks that odd. The alert's threshold is a logit at which those hours would have
raised no more alerts a device-month than the budget allows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.readings.run_lengths import true_runs

__all__ = [
    "MONTH_HOURS",
    "NEVER",
    "ScoreCalibration",
    "budget_threshold",
    "count_alerts",
    "fit_ranks",
    "pick_threshold",
]

MONTH_HOURS = 730.5
NEVER = 100.0
"""No feature is as high: a signed logarithm."""
_TAILS = (0.9, 0.75, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 1e-3, 5e-4, 2e-4, 1e-4)
_CANDIDATES = 400
_LogitSeries = Sequence[tuple[np.ndarray, np.ndarray]]
_FIT_SPAN = 6.0  # times the budget: alerts that take part in the fit
_MANY = 30  # alerts within the budget: enough of them to count


@dataclass(frozen=True)
class ScoreCalibration:
    """``logits``: ascending knots; ``log_tails``: logarithm of the share of normal hours at
    or above each, linear between them. ``threshold``: logit from which on it is an alert.
    ``slow``: the feature ``SLOW`` from which on it is a slow rise."""

    logits: tuple[float, ...]
    log_tails: tuple[float, ...]
    threshold: float
    slow: float = NEVER

    def score(self, logit: np.ndarray | float) -> np.ndarray:
        """Score in 0..1 of logits of any shape; strictly rising from the first knot on."""
        odds = np.asarray(logit, np.float64)
        tail = np.exp(np.interp(odds, self.logits, self.log_tails))
        return np.asarray(1.0 - tail / (1.0 + np.maximum(odds - self.logits[-1], 0.0)))


def fit_ranks(logits: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots of the conformal rank from the logits of normal hours: those logits, and the
    logarithms of the shares at or above them.

    >>> knots, tails = fit_ranks(np.arange(99.0))
    >>> [round(float(np.exp(np.interp(x, knots, tails))), 2) for x in (0, 49, 98)]
    [1.0, 0.51, 0.02]
    """
    ordered = np.sort(np.asarray(logits, np.float64))
    n = len(ordered)
    ranks = [n, *(round(tail * (n + 1)) - 1 for tail in _TAILS), 1]
    knots: list[float] = []
    tails: list[float] = []
    for at_least in sorted({rank for rank in ranks if 1 <= rank <= n}, reverse=True):
        knot = float(ordered[n - at_least])
        if not knots or knot > knots[-1] + 1e-4:
            knots.append(knot)
            tails.append(float(np.log((at_least + 1) / (n + 1))))
    if len(knots) == 1:  # all normal hours alike: anything above is odder than all of them
        knots.append(knots[0] + 1.0)
        tails.append(float(np.log(1 / (n + 1))))
    return tuple(knots), tuple(tails)


def count_alerts(alert: np.ndarray, follows: np.ndarray) -> int:
    """Alerts in a series: runs of alert hours, and one for each started day of a long run.

    ``follows``: bool, shape (n,), the hour comes right after the one before it.

    >>> on = np.array([0, 1, 1, 0, 1] + [1] * 24, bool)
    >>> count_alerts(on, np.ones(len(on), bool))
    3
    """
    first, end = true_runs(alert, apart=~follows[1:])
    return int((-(-(end - first) // 24)).sum())


def budget_threshold(
    series: _LogitSeries, alerts_per_month: float, count: Callable[[float], int] | None = None
) -> float:
    """A logit that keeps the alerts on these normal hours within the budget.

    ``series``: logits and ``follows`` of each site. ``count``: alerts on all of them at a
    logit, where an alert is more than a run of hours at or above it. The lowest logit that
    would do rests on a handful of alerts where a fleet is young. There the logarithm of the
    number of alerts is also fitted as a line in the logit, over many more alerts than the
    budget has, and the higher of the two wins, up to where half of the budget would be
    used. Above the highest logit if even the single oddest hour is too much for so few
    hours.
    """
    pooled = np.sort(np.concatenate([logits for logits, _ in series]))[::-1]
    allowed = alerts_per_month * len(pooled) / MONTH_HOURS
    ranks = np.unique(np.geomspace(1, len(pooled), _CANDIDATES).astype(int)) - 1
    logits, counts = [float(pooled[0]) + 1e-3], [0]
    for candidate in pooled[ranks]:
        alerts = count(float(candidate)) if count else _plain_count(series, float(candidate))
        if alerts > _FIT_SPAN * max(allowed, 1.0):
            break
        logits.append(float(candidate))
        counts.append(alerts)
    over = np.flatnonzero(np.array(counts) > allowed)
    last = int(over[0]) - 1 if over.size else len(counts) - 1
    careful = [x for x, n in zip(logits[: last + 1], counts, strict=False) if n <= allowed / 2]
    if allowed >= _MANY:
        return logits[last]
    fitted = _fitted_threshold(np.array(logits), np.array(counts), allowed)
    return min(max(logits[last], fitted), careful[-1])


def _plain_count(series: _LogitSeries, logit: float) -> int:
    return sum(count_alerts(logits >= logit, follows) for logits, follows in series)


def _fitted_threshold(logits: np.ndarray, counts: np.ndarray, allowed: float) -> float:
    """Where the line through the logarithms of the counts meets the allowed number."""
    used = counts > 0
    if len(np.unique(counts[used])) < 5 or np.ptp(logits[used]) < 1e-6:
        return -np.inf
    line = np.polyfit(logits[used], np.log(counts[used]), 1, w=np.sqrt(counts[used]))
    return float((np.log(allowed) - line[1]) / line[0]) if line[0] < 0 else -np.inf


def pick_threshold(
    series: _LogitSeries,
    quantile: float | None,
    alerts_per_month: float | None,
    default_budget: float,
    count: Callable[[float], int] | None = None,
) -> float:
    """The logit that alerts: by the budget; by the ``quantile`` of the training hours'
    logits if that alone is given; by the stricter of both if both are."""
    if quantile is None:
        return budget_threshold(series, alerts_per_month or default_budget, count)
    by_quantile = float(np.quantile(np.concatenate([logits for logits, _ in series]), quantile))
    if alerts_per_month is None:
        return by_quantile
    return max(by_quantile, budget_threshold(series, alerts_per_month, count))
