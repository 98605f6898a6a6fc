"""Metrics of anomaly scores and alerts. None is point-adjusted: an event that was hit once
does not turn its other hours into hits."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.kinds.anomaly.calibration import MONTH_HOURS
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = [
    "BINS",
    "BINS_A_DECADE",
    "COUNTS",
    "STATS",
    "average_precision",
    "false_alerts",
    "headline",
    "score_bins",
    "vus_pr",
]

COUNTS = ("tp", "fp", "fn", "tn", "events", "events_hit", "false_alerts", "normal_hours")
BINS = 80
BINS_A_DECADE = 12
_SMEAR_HOURS = 24
"""A false alert that touches an event and is no longer than this is that event's echo."""
STATS = (
    *COUNTS,
    *(f"anomalous_{index}" for index in range(BINS)),
    *(f"normal_{index}" for index in range(BINS)),
)
"""Additive statistics: hours by alert and truth, events, false alerts, and histograms of
the scores of anomalous and of normal hours."""


def score_bins(scores: np.ndarray) -> np.ndarray:
    """Bin of each score, 0..BINS-1, finer and finer towards 1: scores rank hours, and what
    matters lies in the topmost thousandths.

    >>> score_bins(np.array([0.0, 0.5, 0.99, 0.999, 1.0])).tolist()
    [0, 3, 24, 36, 79]
    """
    tail = np.clip(1.0 - np.asarray(scores, np.float64), 1e-12, 1.0)
    return np.minimum(-np.log10(tail) * BINS_A_DECADE + 1e-9, BINS - 1).astype(np.int64)


def headline(sums: np.ndarray) -> dict[str, float]:
    """Metrics of all hours pooled, from statistics of shape (n_sites, n_channels, n_stats).

    precision, recall, f1: of the alerts, hour by hour, 0..1, higher is better; precision
    is 0 where there was no alert. pr_auc: average precision of the score, 0..1, higher is
    better. event_recall: share of events with an alert inside, 0..1. f1 and the others of
    truth are NaN where nothing was anomalous. false_alerts_per_month: false alerts a
    device-month, lower is better.

    >>> sums = np.zeros((1, 1, len(STATS)))
    >>> sums[0, 0, :8] = 6, 2, 4, 718.5, 2, 1, 1, 720.5
    >>> sums[0, 0, 8 + 40], sums[0, 0, 8 + 10], sums[0, 0, 8 + BINS] = 6, 4, 720.5
    >>> {k: round(v, 3) for k, v in headline(sums).items()}  # doctest: +NORMALIZE_WHITESPACE
    {'precision': 0.75, 'recall': 0.6, 'f1': 0.667, 'pr_auc': 1.0, 'event_recall': 0.5,
     'false_alerts_per_month': 1.014}
    """
    total = sums.sum(axis=(0, 1))
    tp, fp, fn, _, events, hit, false_alerts, normal = total[: len(COUNTS)]
    alerted, real = tp + fp, tp + fn
    nan = float("nan")
    return {
        "precision": float(tp / alerted) if alerted else 0.0,
        "recall": float(tp / real) if real else nan,
        "f1": float(2 * tp / (alerted + real)) if real else nan,
        "pr_auc": average_precision(total[len(COUNTS) :][:BINS], total[len(COUNTS) :][BINS:]),
        "event_recall": float(hit / events) if events else nan,
        "false_alerts_per_month": float(false_alerts / normal * MONTH_HOURS) if normal else nan,
    }


def average_precision(anomalous: np.ndarray, normal: np.ndarray) -> float:
    """Area under the precision-recall curve by steps, from the top bin downwards, of
    histograms of the scores of hours, shape (BINS,) each."""
    anomalous, normal = np.cumsum(anomalous[::-1]), np.cumsum(normal[::-1])
    if not anomalous[-1]:
        return float("nan")
    precision = anomalous / np.maximum(anomalous + normal, 1)
    return float(np.sum(np.diff(anomalous, prepend=0.0) * precision) / anomalous[-1])


def false_alerts(
    false: np.ndarray, truth: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where each run of false alert hours starts, and for how many it counts: one for each
    started day, none for a short run that touches an event.

    ``false``: bool, alert on a normal hour; ``truth``: bool; ``at``: ascending hours that
    these are of. All of shape (n,).

    >>> truth, alert = np.zeros(60, bool), np.zeros(60, bool)
    >>> truth[10:12] = alert[11:14] = alert[30:56] = True
    >>> false_alerts(alert & ~truth, truth, np.arange(60))
    (array([12, 30]), array([0., 2.]))
    """
    joined = np.diff(at) == 1
    starts, ends = true_runs(false, apart=~joined)
    hours = ends - starts
    # One longer at either end, so that what lies before and after a run can be looked up.
    joined, real = np.r_[False, joined, False], np.r_[False, truth, False]
    touches = (joined[starts] & real[starts]) | (joined[ends] & real[ends + 1])
    counts = np.where(touches & (hours <= _SMEAR_HOURS), 0, -(-hours // 24))
    return starts, counts.astype(float)


def vus_pr(truth: np.ndarray, scores: np.ndarray, window: int = 24, thresholds: int = 250) -> float:
    """Volume under the precision-recall surface over buffers of 0..``window`` hours.

    Paparrizos et al., VLDB 2022, as in TSB-AD (Liu, Paparrizos, NeurIPS 2024). Labels fade
    out over half the buffer at either side of an event; recall is weighted by the share of
    events that were found at all. 0..1, higher is better. ``truth``: bool, shape (n,).

    >>> truth = np.zeros(200, bool); truth[50:60] = True
    >>> round(vus_pr(truth, truth.astype(float), window=0), 3)
    1.0
    """
    truth = np.asarray(truth, np.int64)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    cuts = ranked[np.linspace(0, len(ranked) - 1, thresholds).astype(int)]
    predicted = np.searchsorted(-ranked, -cuts, side="right")
    first, end = true_runs(truth)
    hits = np.cumsum(truth[order])[predicted - 1]
    areas = []
    for width in range(window + 1):
        soft = _softened(truth, first, end, width)
        gained = np.cumsum(soft[order])[predicted - 1]
        recall = np.minimum(gained / (truth.sum() + (gained - hits) / 2), 1.0)
        recall = recall * _existence(scores, cuts, first, end, width // 2)
        areas.append(np.sum(np.diff(recall, prepend=0.0) * gained / predicted))
    return float(np.mean(areas))


def _softened(truth: np.ndarray, first: np.ndarray, end: np.ndarray, width: int) -> np.ndarray:
    """Labels with a square-root slope over half the buffer beside each event."""
    soft = truth.astype(np.float64)
    slope = np.sqrt(1 - np.arange(1, width // 2 + 1) / max(width, 1))
    for a, b in zip(first, end, strict=True):
        right = slice(b, b + len(slope))
        left = slice(max(a - len(slope), 0), a)
        soft[right] += slope[: len(soft[right])]
        soft[left] += slope[: a - left.start][::-1]
    return np.minimum(soft, 1.0)


def _existence(
    scores: np.ndarray, cuts: np.ndarray, first: np.ndarray, end: np.ndarray, half: int
) -> np.ndarray:
    """Share of events, widened by ``half`` and merged, that reach each threshold."""
    starts, stops = np.maximum(first - half, 0), end + half
    groups = np.flatnonzero(np.r_[True, stops[:-1] <= first[1:] - half])
    lasts = np.r_[groups[1:] - 1, len(first) - 1]
    tops = [scores[starts[a] : stops[b]].max() for a, b in zip(groups, lasts, strict=True)]
    return (np.array(tops)[:, None] >= cuts).mean(axis=0)
