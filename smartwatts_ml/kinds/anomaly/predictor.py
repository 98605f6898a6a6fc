"""A network at work: hour by hour, each from the readings up to that hour only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from smartwatts_ml.kinds.anomaly.alerts import alert_frame
from smartwatts_ml.kinds.anomaly.policy import families, nines, plain_alerts, quiet_alerts
from smartwatts_ml.kinds.anomaly.windows import hours_of_week, inputs_at, mains_of
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id

if TYPE_CHECKING:
    import pandas as pd

    from smartwatts_ml.kinds.base import Network

__all__ = ["Hours", "NetworkScorer", "alerts", "predictions", "sample_windows"]

CHUNK = 4096  # windows in memory at once


@dataclass(frozen=True)
class Hours:
    """Scored hours of a site, all of shape (n,) but ``likeness``, (n, 7). ``score`` in 0..1,
    ``rarity`` the same in nines; ``alert``: number of the alert it belongs to, 0 for none;
    ``watts`` and ``expected`` in W."""

    times: np.ndarray
    score: np.ndarray
    rarity: np.ndarray
    alert: np.ndarray
    likeness: np.ndarray
    watts: np.ndarray
    expected: np.ndarray


class NetworkScorer:
    """Scores hours with a network, Keras or LiteRT, and turns scores into alerts."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._context = int(network.details["context_hours"])
        self.threshold = float(nines(np.array(network.details["threshold"])))
        """Nines from which on an hour may start an alert."""
        self._quiet = bool(network.details.get("quiet_repeats", True))

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores in 0..1 and alerts of the hours ``at``, shape (len(at),) each."""
        found = self.hours(site, at)
        return found.score, found.alert > 0

    def hours(self, site: SiteReadings, at: np.ndarray) -> Hours:
        """All that is known of the hours ``at``, ascending; the alerts among them start from
        a clean slate."""
        values, hours = mains_of(site), hours_of_week(site)
        parts = [
            self._network(inputs_at(values, hours, at[start : start + CHUNK], self._context))
            for start in range(0, max(len(at), 1), CHUNK)
        ]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        score = joined["score"][:, 0].astype(np.float64)
        rarity, loud = nines(score), joined["alert"][:, 0] > 0.5
        family = families(joined["likeness"])
        return Hours(
            times=site.times[at],
            score=score,
            rarity=rarity,
            alert=quiet_alerts(at, loud, rarity, family, self.threshold)
            if self._quiet
            else plain_alerts(at, loud),
            likeness=joined["likeness"],
            watts=values[at],
            expected=joined["expected_w"][:, 0],
        )


def predictions(scorer: NetworkScorer, readings: Readings) -> Iterator[pd.DataFrame]:
    """A frame for each site: a row for every hour that has a reading."""
    import pandas as pd

    for site, found in _scored(scorer, readings):
        yield pd.DataFrame(
            {
                "device_id": device_id(site.site, MAINS),
                "timestamp": found.times,
                "score": found.score,
                "alert": (found.alert > 0).astype(np.int8),
            }
        )


def alerts(scorer: NetworkScorer, readings: Readings) -> Iterator[pd.DataFrame]:
    """A frame for each site: a row for every alert, in the order of their starts."""
    for site, found in _scored(scorer, readings):
        yield alert_frame(device_id(site.site, MAINS), found, scorer.threshold)


def _scored(scorer: NetworkScorer, readings: Readings) -> Iterator[tuple[SiteReadings, Hours]]:
    for site in readings.iterate(3600, (MAINS,)):
        yield site, scorer.hours(site, np.flatnonzero(~np.isnan(mains_of(site))))


def sample_windows(count: int, context: int, seed: int) -> dict[str, np.ndarray]:
    """Made-up homes: a daily shape, noise, missing stretches, and in every second window an
    anomaly in its newest hours, so that scores and alerts cover their range."""
    rng = np.random.default_rng(seed)
    newest = rng.integers(0, 168, count)
    hour = (newest[:, None] - np.arange(context - 1, -1, -1)) % 24
    base = rng.uniform(80, 400, (count, 1))
    peak = rng.uniform(200, 2500, (count, 1))
    shape = np.exp(-(((hour - rng.integers(6, 21, (count, 1))) / 4.0) ** 2))
    history = (base + peak * shape) * rng.gamma(6.0, 1 / 6.0, (count, context))
    for row in range(count):
        if row % 2:
            recent = slice(context - int(rng.integers(1, 30)), context)
            history[row, recent] *= rng.choice((0.0, 0.1, 2.5, 10.0))
        if row % 3 == 0:
            start = int(rng.integers(0, context - 100))
            history[row, start : start + int(rng.integers(1, 100))] = np.nan
        if row % 8 == 5:
            history[row, : int(rng.integers(1, context - 24))] = np.nan
    return {
        "history_w": history[:, :, None].astype(np.float32),
        "hour_of_week": newest[:, None].astype(np.float32),
    }
