"""Home by home: what each home gains or loses of its own error, whatever its size.

A pooled metric is ruled by who uses most, a mean of ratios by who uses next to nothing. Here a
home's gain is the share by which its own metric differs, and no home counts for more than
``_BOUND``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.gate.statistics import Variance, moderated
from smartwatts_ml.gate.variation import home_groups, variance_of
from smartwatts_ml.scores.bootstrap import Headline
from smartwatts_ml.scores.weeks import WeekTable

__all__ = ["HomeGains", "HomeMetrics", "home_gains", "home_metrics", "loss_of"]

_BOUND = 0.25
"""The most that one home counts for in the mean over homes."""
_TENTH = 10


@dataclass(frozen=True)
class HomeMetrics:
    """A system's metric in each home: in all weeks, shape (n,); with each calendar week left
    out, shape (n, m); in every second week and in the others, shape (n, 2)."""

    sites: np.ndarray
    whole: np.ndarray
    without: np.ndarray
    halves: np.ndarray


@dataclass(frozen=True)
class HomeGains:
    """The same of relative gains over an opponent, > 0 is better, NaN where truth defines no
    metric. ``weeks``: bool, shape (n, m), where a home was scored."""

    sites: np.ndarray
    whole: np.ndarray
    without: np.ndarray
    halves: np.ndarray
    weeks: np.ndarray

    @property
    def mean(self) -> float:
        """Over homes, each bounded; NaN where no home has a metric."""
        return _mean(self.whole)

    def variance(self, *, few_homes: bool, sampled: float) -> Variance:
        """Of that mean."""
        groups = home_groups(len(self.whole))
        by_week = np.array([_mean(column) for column in self.without.T])
        by_home = np.array([_mean(self.whole[groups != group]) for group in np.unique(groups)])
        return variance_of(by_week, by_home, few_homes=few_homes, sampled=sampled)

    def variances(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each home's gain, with their degrees of freedom, shape (n,): by leaving out its
        weeks, moderated by what the other homes show."""
        left_out = np.where(self.weeks, self.without, np.nan)
        count = np.isfinite(left_out).sum(1)
        some = np.maximum(count, 1)
        centre = np.nansum(left_out, 1) / some
        spread = np.nansum((left_out - centre[:, None]) ** 2, 1)
        freedom = np.where(np.isfinite(self.whole), np.maximum(count - 1, 0), 0).astype(float)
        return moderated(spread * (some - 1) / some, freedom)

    def worst_tenth(self) -> tuple[np.ndarray, np.ndarray]:
        """Homes that are chosen as the worst tenth in one half of the weeks, and their gains in
        the other: indices and gains, both shape (2 * n // 10,). Cross-fitted, so that who is
        chosen for bad luck is not measured by it (Chernozhukov et al. 2018)."""
        known = np.flatnonzero(np.isfinite(self.halves).all(1))
        count = len(known) // _TENTH
        chosen = [known[np.argsort(self.halves[known, half])[:count]] for half in (0, 1)]
        gains = [self.halves[homes, 1 - half] for half, homes in enumerate(chosen)]
        return np.concatenate(chosen), np.concatenate(gains)


def _mean(gains: np.ndarray) -> float:
    known = gains[np.isfinite(gains)]
    return float(np.clip(known, -_BOUND, _BOUND).mean()) if len(known) else np.nan


def home_metrics(headline: Headline, metric: str, table: WeekTable) -> HomeMetrics:
    """Every home by itself."""
    weeks = np.arange(len(table.weeks))
    kept = [weeks >= 0, *(weeks != week for week in weeks), weeks % 2 == 0, weeks % 2 == 1]
    values = np.full((len(table.sites), len(kept)), np.nan)
    for i, (home, scored) in enumerate(zip(table.sums, table.present, strict=True)):
        for j, part in enumerate(kept):
            if scored[part].any():
                values[i, j] = headline(home[part].sum(0)[None])[metric]
    return HomeMetrics(table.sites, values[:, 0], values[:, 1:-2], values[:, -2:])


def home_gains(ours: HomeMetrics, theirs: HomeMetrics, sign: int, weeks: np.ndarray) -> HomeGains:
    """What ours have more than theirs; ``sign`` is 1 where more is better, else -1."""
    whole, without, halves = (
        _relative(sign, getattr(ours, part), getattr(theirs, part))
        for part in ("whole", "without", "halves")
    )
    return HomeGains(ours.sites, whole, without, halves, weeks)


def _relative(sign: int, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The difference as a share of the larger of both. One that is missing where the other is
    not has lost all; where both are, truth defines none."""
    ours_known, theirs_known = np.isfinite(ours), np.isfinite(theirs)
    both = ours_known & theirs_known
    a, b = np.where(both, ours, 0.0), np.where(both, theirs, 0.0)
    size = np.maximum(np.abs(a), np.abs(b))
    gain = sign * np.divide(a - b, size, out=np.zeros_like(a), where=size > 0)
    gain = np.where(ours_known & ~theirs_known, 1.0, gain)
    gain = np.where(theirs_known & ~ours_known, -1.0, gain)
    return np.where(ours_known | theirs_known, gain, np.nan)


def loss_of(gain: float, sign: int) -> float:
    """The share of the opponent's own metric that a relative gain takes from it.

    >>> round(loss_of(-1 / 3, -1), 6), loss_of(-0.25, 1), loss_of(0.25, 1)
    (0.5, 0.25, -0.25)
    """
    if sign > 0 or gain >= 0:
        return -gain
    return -gain / (1 + gain) if gain > -1 else np.inf
