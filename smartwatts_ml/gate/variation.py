"""How much a gain would vary with other weeks and other homes: the jackknife, both ways.

A week is left out of all homes at once, since weather and holidays are shared; homes are
left out in groups (Efron and Stein 1981; delete-a-group jackknife: Kott 2001). Both together
are the variance (two-way clusters: Cameron, Gelbach and Miller 2011; what both hold of one
home in one week counts twice, to be safe). Where the homes that were judged are the fleet
itself and not a sample of it, how homes differ is no error: the finite-population
correction (Cochran 1977, 2.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.gate.statistics import Variance, added
from smartwatts_ml.scores.bootstrap import Headline
from smartwatts_ml.scores.weeks import WeekTable

__all__ = ["MIN_WEEKS", "Replicates", "home_groups", "replicates", "variance_of"]

MIN_WEEKS = 4
"""Of fewer calendar weeks homes are the units, where there are enough homes."""
_MOST_GROUPS = 24


@dataclass(frozen=True)
class Replicates:
    """Each metric with a calendar week left out, shape (n_weeks,), and with a group of homes
    left out, shape (n_groups,)."""

    weeks: dict[str, np.ndarray]
    homes: dict[str, np.ndarray]


def home_groups(count: int) -> np.ndarray:
    """The group of each home, int, shape (count,)."""
    return np.arange(count) % min(count, _MOST_GROUPS)


def replicates(headline: Headline, table: WeekTable) -> Replicates:
    """Every metric of a system, with each part left out in turn."""
    weeks = np.arange(len(table.weeks))
    groups = home_groups(len(table.sites))
    return Replicates(
        _by_metric([headline(table.totals(weeks=weeks != week)) for week in weeks]),
        _by_metric([headline(table.totals(sites=groups != g)) for g in np.unique(groups)]),
    )


def _by_metric(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _jackknife(without: np.ndarray) -> Variance:
    """The variance of an estimate, from its values with each unit left out, shape (n,).

    >>> _jackknife(np.array([1.0, 2.0, 3.0]))
    Variance(value=1.3333333333333333, freedom=2.0)
    """
    count = len(without)
    if count < 2 or not np.isfinite(without).all():
        return Variance(np.inf, 0.0)
    spread = float(np.sum((without - without.mean()) ** 2))
    return Variance(spread * (count - 1) / count, count - 1.0)


def variance_of(
    weeks: np.ndarray, homes: np.ndarray, *, few_homes: bool, sampled: float
) -> Variance:
    """From values with a week, and with a group of homes, left out. ``few_homes``: weeks are
    the units. ``sampled``: the share of the fleet that was not judged, 1 where it is not known."""
    by_week = _jackknife(weeks)
    if few_homes:
        return by_week
    by_home = _jackknife(homes)
    if len(weeks) < MIN_WEEKS:
        return by_home
    return added(by_week, Variance(by_home.value * sampled, by_home.freedom))
