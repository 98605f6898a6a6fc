"""Score and threshold from normal hours, each seen by networks that were not trained on it.

Readings of training are not clean: what nobody marked is among the hours taken for normal.
An hour that those networks hold for an anomaly beyond doubt is therefore kept out of the
ranks, and an alert with such an hour is not counted as a false one. In clean readings that
forgives a few oddities, so the threshold is set to less than the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras
import numpy as np

from smartwatts_ml.kinds.anomaly.calibration import (
    MONTH_HOURS,
    ScoreCalibration,
    count_alerts,
    fit_ranks,
    pick_threshold,
)
from smartwatts_ml.kinds.anomaly.examples import Drawn
from smartwatts_ml.kinds.anomaly.features import SLOW
from smartwatts_ml.kinds.anomaly.policy import families, nines, quiet_alerts
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.base import TrainOptions

__all__ = ["NormalSeries", "calibrate", "normal_series"]

_DOUBTLESS = 2.5  # log-odds: twelve to one, where training shows as many of either
_DIRTIEST = 0.05  # share of hours: networks that doubt more are wrong, and nothing is kept out
_ROOM = 0.7  # of the budget, for alerts that are counted: networks differ by a third
_SLOW = 0.15  # of the budget, for slow rises besides
_LEAST_SLOW = 0.5  # of the feature ``SLOW``: a short training counts too few to set it lower

_ROWS_AT_ONCE = 4096
_CANDIDATES = 200  # cuts of slow rises that are tried at most


@dataclass(frozen=True)
class NormalSeries:
    """Normal hours as networks see them that were not trained on them, shape (n,) each."""

    logits: np.ndarray
    hours: np.ndarray
    family: np.ndarray
    slow: np.ndarray

    @property
    def follows(self) -> np.ndarray:
        """Whether each hour comes right after the one before it."""
        return np.r_[False, np.diff(self.hours) == 1]


def normal_series(classifiers: list[keras.Model], drawn: Drawn) -> NormalSeries:
    """What ``classifiers``, trained on other sites, make of the normal hours of ``drawn``."""
    raw = [_outputs(model, drawn.normal) for model in classifiers]
    logits = np.mean([outputs["odds"][:, 0] for outputs in raw], axis=0)
    types = np.mean([outputs["types"][:, 1:] for outputs in raw], axis=0)
    return NormalSeries(logits, drawn.hours, families(types), drawn.normal[:, SLOW])


def _outputs(model: keras.Model, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Called, not ``predict``: that would make a graph for each site's number of rows."""
    parts = [
        model(rows[start : start + _ROWS_AT_ONCE], training=False)
        for start in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}


def calibrate(
    series: list[NormalSeries], settings: AnomalySettings, options: TrainOptions
) -> ScoreCalibration:
    """Ranks of the score, and the thresholds at which the rule beside the model
    (``policy.quiet_alerts``) keeps to the budget while no limit has moved: limits are for what
    training has not seen."""
    pooled = np.concatenate([part.logits for part in series])
    doubtless = _DOUBTLESS if np.mean(pooled > _DOUBTLESS) <= _DIRTIEST else np.inf
    ranks = ScoreCalibration(*fit_ranks(pooled[pooled <= doubtless]), np.inf)
    rarity = [nines(ranks.score(part.logits)) for part in series]

    def count(logit: float) -> int:
        threshold = float(nines(ranks.score(logit)))
        alerts = 0
        for part, rare in zip(series, rarity, strict=True):
            loud = part.logits >= logit
            number = quiet_alerts(part.hours, loud, rare, part.family, threshold).number
            odd = np.unique(number[part.logits > doubtless])
            alerts += count_alerts((number > 0) & ~np.isin(number, odd), part.follows)
        return alerts

    budget = options.extra.get("max_alerts_per_month")
    threshold = pick_threshold(
        [(part.logits, part.follows) for part in series],
        options.extra.get("threshold"),
        _ROOM * budget if budget else None,
        _ROOM * settings.max_alerts_per_month,
        count,
    )
    if budget is None and options.extra.get("threshold") is not None:
        return replace(ranks, threshold=threshold)
    slow = _slow_threshold(series, _SLOW * (budget or settings.max_alerts_per_month))
    return replace(ranks, threshold=threshold, slow=slow)


def _slow_threshold(series: list[NormalSeries], alerts_per_month: float) -> float:
    """The lowest feature, from ``_LEAST_SLOW`` on, that keeps slow rises within the budget on these
    hours."""
    ordered = np.sort(np.concatenate([part.slow for part in series]))[::-1]
    allowed = alerts_per_month * len(ordered) / MONTH_HOURS
    cut = float(ordered[0]) + 1e-3
    for place in np.unique(np.geomspace(1, len(ordered), _CANDIDATES).astype(int)) - 1:
        if sum(_rises(part, float(ordered[place])) for part in series) > allowed:
            break
        cut = float(ordered[place])
    return max(cut, _LEAST_SLOW)


def _rises(part: NormalSeries, cut: float) -> int:
    none = np.zeros(len(part.hours))
    alerts = quiet_alerts(part.hours, none > 0, none, none, np.inf, rise=part.slow - cut)
    return int(alerts.number.max(initial=0))
