"""Score and threshold from normal hours, each seen by networks that were not trained on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from smartwatts_ml.kinds.anomaly.calibration import (
    Calibration,
    count_alerts,
    fit_ranks,
    pick_threshold,
)
from smartwatts_ml.kinds.anomaly.examples import Drawn
from smartwatts_ml.kinds.anomaly.policy import families, nines, quiet_alerts
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings

if TYPE_CHECKING:
    import keras

    from smartwatts_ml.kinds.base import TrainOptions

__all__ = ["NormalSeries", "calibrate", "normal_series"]


@dataclass(frozen=True)
class NormalSeries:
    """Normal hours as networks see them that were not trained on them, shape (n,) each."""

    logits: np.ndarray
    hours: np.ndarray
    family: np.ndarray

    @property
    def follows(self) -> np.ndarray:
        """Whether each hour comes right after the one before it."""
        return np.r_[False, np.diff(self.hours) == 1]


def normal_series(classifiers: list[keras.Model], drawn: Drawn) -> NormalSeries:
    """What ``classifiers``, trained on other sites, make of the normal hours of ``drawn``."""
    from smartwatts_ml.kinds.anomaly.network import anomaly_logits

    raw = [model.predict(drawn.normal, batch_size=4096, verbose=0) for model in classifiers]
    logits = np.mean([np.asarray(anomaly_logits(one))[:, 0] for one in raw], axis=0)
    return NormalSeries(logits, drawn.hours, families(np.mean(raw, axis=0)[:, 1:]))


def calibrate(
    series: list[NormalSeries], settings: AnomalySettings, options: TrainOptions
) -> Calibration:
    """Ranks of the score, and the threshold at which the rule beside the model
    (``policy.quiet_alerts``) keeps to the budget."""
    knots, tails = fit_ranks(np.concatenate([part.logits for part in series]))
    ranks = Calibration(knots, tails, np.inf)
    rarity = [nines(ranks.score(part.logits)) for part in series]

    def count(logit: float) -> int:
        threshold = float(nines(ranks.score(logit)))
        return sum(
            count_alerts(
                quiet_alerts(part.hours, part.logits >= logit, rare, part.family, threshold) > 0,
                part.follows,
            )
            for part, rare in zip(series, rarity, strict=True)
        )

    threshold = pick_threshold(
        [(part.logits, part.follows) for part in series],
        options.extra.get("threshold"),
        options.extra.get("max_alerts_per_month"),
        settings.max_alerts_per_month,
        count,
    )
    return replace(ranks, threshold=threshold)
