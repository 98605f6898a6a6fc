"""A network at work: hour by hour, each from the readings up to that hour only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from smartwatts_ml.kinds.anomaly.alerts import alert_frame
from smartwatts_ml.kinds.anomaly.details import AnomalyDetails
from smartwatts_ml.kinds.anomaly.hours import ScoredHours
from smartwatts_ml.kinds.anomaly.layout import TYPES
from smartwatts_ml.kinds.anomaly.policy import (
    FIXED,
    Limit,
    QuietAlerts,
    families,
    nines,
    plain_alerts,
    quiet_alerts,
)
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, inputs_at, mains_of
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id

__all__ = ["NetworkScorer", "predict"]

_CHUNK = 4096  # windows in memory at once
_CREEP = np.array([float(name == "creep") for name in TYPES], np.float32)
"""What an hour of a slow rise is likened to before all else."""


class NetworkScorer:
    """Scores hours with a network, Keras or LiteRT, and turns scores into alerts."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._details = AnomalyDetails.read(network.details)
        self.threshold = float(nines(np.array(self._details.threshold)))
        """Nines from which on an hour may start an alert."""
        moves = self._details.limit
        self._limit = Limit(moves.step, moves.fall, moves.most) if moves else FIXED

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores in 0..1, NaN where any output is not finite, and alerts of the hours ``at``,
        shape (len(at),) each."""
        scored = self.hours(site, at)
        return scored.score, scored.alert > 0

    def hours(self, site: SiteReadings, at: np.ndarray) -> ScoredHours:
        """All that is known of the hours ``at``, ascending; the alerts among them start from
        a clean slate."""
        values, hours, context = mains_of(site), hours_of_week(site), self._details.context_hours
        parts = [
            self._network(inputs_at(values, hours, at[start : start + _CHUNK], context))
            for start in range(0, max(len(at), 1), _CHUNK)
        ]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        finite = np.all([np.isfinite(values).all(1) for values in joined.values()], axis=0)
        score = np.where(finite, joined["score"][:, 0].astype(np.float64), np.nan)
        rarity, likeness = nines(score), joined["likeness"]
        # Files of before there was a channel of slow rises have none.
        rise = joined["rise"][:, 0] if "rise" in joined else None
        alerts = self._alerts(at, joined["alert"][:, 0] > 0.5, rarity, families(likeness), rise)
        return ScoredHours(
            cells=site.cells.take(at),
            score=score,
            rarity=rarity,
            alert=alerts.number,
            likeness=likeness + alerts.rising[:, None] * _CREEP,
            watts=values[at],
            expected=joined["expected_w"][:, 0],
        )

    def _alerts(
        self,
        at: np.ndarray,
        loud: np.ndarray,
        rarity: np.ndarray,
        family: np.ndarray,
        rise: np.ndarray | None,
    ) -> QuietAlerts:
        if not self._details.quiet_repeats:
            return QuietAlerts(plain_alerts(at, loud), np.zeros(len(at), bool))
        return quiet_alerts(at, loud, rarity, family, self.threshold, self._limit, rise)


def predict(
    scorer: NetworkScorer, readings: Readings, *, alerts: bool = False
) -> Iterator[pd.DataFrame]:
    """A frame for each site: a row for every hour that has a reading, or for every alert, in
    the order of their starts."""
    for site in readings.iterate(3600, (MAINS,), local=True):
        device = device_id(site.site, MAINS)
        hours = scorer.hours(site, np.flatnonzero(~np.isnan(mains_of(site))))
        yield alert_frame(device, hours, scorer.threshold) if alerts else _frame(device, hours)


def _frame(device: str, hours: ScoredHours) -> pd.DataFrame:
    """A row for each stretch of real time that an hour of the wall clock is."""
    real = hours.cells.intervals()
    return pd.DataFrame(
        {
            "device_id": device,
            "timestamp": real.starts,
            "score": hours.score[real.cell],
            "alert": (hours.alert > 0).astype(np.int8)[real.cell],
        }
    )
