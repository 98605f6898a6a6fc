"""Metrics of disaggregation, from statistics that add up over sites and weeks."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.scores.ratios import mean_of_defined, ratio

__all__ = ["STATS", "confusion", "headline", "statistics"]

STATS = (
    "n",
    "tp",
    "fp",
    "fn",
    "abs_error_w",
    "truth_w",
    "predicted_w",
    "squared_error_w2",
    "squared_truth_w2",
)
"""Sums over samples; ``tp``, ``fp`` and ``fn`` count samples by on-state."""


def statistics(
    truth: np.ndarray, predicted: np.ndarray, threshold: float | np.ndarray
) -> np.ndarray:
    """The sums of ``STATS`` over samples whose truth is known, along the last axis; shape
    (n_stats,), or (…, n_stats) of truth (…, n) and thresholds (…, 1).

    An appliance is on where its power reaches ``threshold``, in truth and prediction alike.

    >>> dict(zip(STATS, statistics(np.array([0.0, 100.0]), np.array([10.0, 0.0]), 50).tolist()))
    ... # doctest: +NORMALIZE_WHITESPACE
    {'n': 2.0, 'tp': 0.0, 'fp': 0.0, 'fn': 1.0, 'abs_error_w': 110.0, 'truth_w': 100.0,
     'predicted_w': 10.0, 'squared_error_w2': 10100.0, 'squared_truth_w2': 10000.0}
    """
    error = predicted - truth
    on, said = truth >= threshold, predicted >= threshold
    sums = (
        np.ones_like(error),
        on & said,
        ~on & said,
        on & ~said,
        np.abs(error),
        truth,
        predicted,
        np.square(error),
        np.square(truth),
    )
    return np.stack([np.sum(values, axis=-1, dtype=float) for values in sums], axis=-1)


def confusion(truth: np.ndarray, predicted: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Who is mistaken for whom: samples by what ran and what was said, square.

    ``truth`` and ``predicted``: W, shape (n, n_appliances). Row i, column j counts samples
    in which appliance i ran and was missed while j was said to run and did not; the last
    row is of false alarms while nothing was missed, the last column of misses for which
    nothing else was blamed.

    >>> confusion(np.array([[900.0, 0]]), np.array([[0, 900.0]]), np.array([500, 500])).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    on, said = truth >= thresholds, predicted >= thresholds
    missed, wrong = on & ~said, said & ~on & np.isfinite(truth)
    missed = np.column_stack([missed, ~missed.any(axis=1)]).astype(float)
    wrong = np.column_stack([wrong, ~wrong.any(axis=1)]).astype(float)
    counts = missed.T @ wrong
    counts[-1, -1] = 0
    return np.asarray(counts)


def headline(sums: np.ndarray) -> dict[str, float]:
    """Metrics from sums of shape (n_sites, n_appliances, n_stats).

    Each is of one appliance over all sites, then the plain mean over the appliances for
    which it is defined; ``teca`` is of all appliances together. ``sae``, the error in total
    energy (Kelly and Knottenbelt 2015), is taken home by home, each weighing what its
    appliance used: too much in one home makes up for nothing in another. ``f1_gain`` is F1
    less that of who says "on" at all times, 2 p / (1 + p) of the share p of time that it is
    on: what anyone reaches without looking. NaN where undefined.

    >>> sums = statistics(np.array([0.0, 100.0]), np.array([0.0, 80.0]), 50)
    >>> {name: round(value, 3) for name, value in headline(sums[None, None]).items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'mae_w': 10.0, 'f1': 1.0, 'f1_gain': 0.333, 'accuracy': 1.0, 'precision': 1.0,
     'recall': 1.0, 'sae': 0.2, 'nde': 0.04, 'teca': 0.9}
    """
    total = sums.sum(axis=0)
    s = dict(zip(STATS, total.T, strict=True))
    on = s["tp"] + s["fn"]
    ever_on = on > 0
    wrong = s["fp"] + s["fn"]
    f1 = ratio(2 * s["tp"], 2 * s["tp"] + wrong, ever_on)
    each = {
        "mae_w": ratio(s["abs_error_w"], s["n"]),
        "f1": f1,
        "f1_gain": f1 - ratio(2 * on, s["n"] + on, ever_on),
        "accuracy": 1 - ratio(wrong, s["n"]),
        # Nothing claimed is nothing right: 0, not undefined.
        "precision": ratio(s["tp"], np.maximum(s["tp"] + s["fp"], 1), ever_on),
        "recall": ratio(s["tp"], on),
        "sae": ratio(_energy_errors(sums), s["truth_w"]),
        "nde": ratio(s["squared_error_w2"], s["squared_truth_w2"]),
    }
    metrics = {name: mean_of_defined(values) for name, values in each.items()}
    truth = s["truth_w"].sum()
    metrics["teca"] = float(1 - s["abs_error_w"].sum() / (2 * truth)) if truth > 0 else np.nan
    return metrics


def _energy_errors(sums: np.ndarray) -> np.ndarray:
    """Of each appliance, what total energy is wrong by, added up over homes, (n_appliances,)."""
    predicted, truth = (sums[..., STATS.index(name)] for name in ("predicted_w", "truth_w"))
    return np.asarray(np.abs(predicted - truth).sum(axis=0))
