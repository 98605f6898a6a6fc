"""Runs of equal neighbours in arrays."""

from __future__ import annotations

import numpy as np

__all__ = ["equal_runs", "long_runs", "true_runs"]


def equal_runs(
    values: np.ndarray, apart: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """First index and end (exclusive) of each run of equal values; int64, shape (n_runs,).

    ``apart`` bool, shape (n - 1,), ends a run between two neighbours whatever they hold.

    >>> first, end = equal_runs(np.array([5, 5, 7, 7, 7]))
    >>> first.tolist(), end.tolist()
    ([0, 2], [2, 5])
    """
    changed = values[1:] != values[:-1]
    if apart is not None:
        changed = changed | apart
    cuts = np.flatnonzero(changed) + 1
    edges = np.concatenate([[0], cuts, [len(values)]]) if len(values) else np.zeros(1, np.int64)
    return edges[:-1], edges[1:]


def true_runs(
    mask: np.ndarray, apart: np.ndarray | None = None, pause: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """First index and end (exclusive) of each run of True, as ``equal_runs`` gives them.

    ``mask``: bool, shape (n,). Runs with at most ``pause`` False between them are one.

    >>> first, end = true_runs(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], bool), pause=1)
    >>> first.tolist(), end.tolist()
    ([1, 8], [5, 9])
    """
    mask = np.asarray(mask, bool)
    first, end = equal_runs(mask, apart)
    first, end = first[mask[first]], end[mask[first]]
    if pause and len(first):
        wide = first[1:] - end[:-1] > pause
        first, end = first[np.r_[True, wide]], end[np.r_[wide, True]]
    return first, end


def long_runs(mask: np.ndarray, count: int) -> np.ndarray:
    """Only the True stretches of at least ``count``; bool, same shape.

    >>> long_runs(np.array([True, False, True, True]), 2).tolist()
    [False, False, True, True]
    """
    first, end = equal_runs(mask)
    keep = mask[first] & (end - first >= count)
    return np.repeat(keep, end - first)
