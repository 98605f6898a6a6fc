"""Scores as a table of homes by calendar weeks, of which a part can be left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.scores.scores import Scores

__all__ = ["WeekTable", "week_table"]


@dataclass(frozen=True)
class WeekTable:
    """``sites``: str, shape (n,). ``weeks``: datetime64[D] of the Monday, shape (m,).
    ``sums``: shape (n, m, n_channels, n_stats), 0 where a home has no block of a week.
    ``present``: bool, shape (n, m)."""

    sites: np.ndarray
    weeks: np.ndarray
    sums: np.ndarray
    present: np.ndarray

    def totals(
        self, weeks: np.ndarray | None = None, sites: np.ndarray | None = None
    ) -> np.ndarray:
        """Statistics by home, shape (n_sites, n_channels, n_stats), over some ``weeks`` and
        of some ``sites`` (masks); homes of which nothing is left are left out."""
        sums, present = self.sums, self.present
        if sites is not None:
            sums, present = sums[sites], present[sites]
        if weeks is not None:
            sums, present = sums[:, weeks], present[:, weeks]
        return np.asarray(sums.sum(1)[present.any(1)])


def week_table(scores: Scores) -> WeekTable:
    """Every block in its place."""
    sites, row = np.unique(scores.sites, return_inverse=True)
    weeks, column = np.unique(scores.weeks, return_inverse=True)
    sums = np.zeros((len(sites), len(weeks), *scores.sums.shape[1:]))
    present = np.zeros(sums.shape[:2], bool)
    np.add.at(sums, (row, column), scores.sums)
    present[row, column] = True
    return WeekTable(sites, weeks, sums, present)
