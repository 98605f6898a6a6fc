"""A network at work: hour by hour, each from the readings up to that hour only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from smartwatts_ml.kinds.anomaly.windows import hours_of_week, inputs_at, mains_of
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id

if TYPE_CHECKING:
    import pandas as pd

    from smartwatts_ml.kinds.base import Network

__all__ = ["NetworkScorer", "predictions", "sample_windows"]

CHUNK = 4096  # windows in memory at once


class NetworkScorer:
    """Scores hours with a network, Keras or LiteRT."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._context = int(network.details["context_hours"])

    def score(self, site: SiteReadings, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores in 0..1 and alerts of the hours ``at``, shape (len(at),) each."""
        values, hours = mains_of(site), hours_of_week(site)
        scores, alerts = np.zeros(len(at)), np.zeros(len(at), bool)
        for start in range(0, len(at), CHUNK):
            part = slice(start, start + CHUNK)
            outputs = self._network(inputs_at(values, hours, at[part], self._context))
            scores[part] = outputs["score"][:, 0]
            alerts[part] = outputs["alert"][:, 0] > 0.5
        return scores, alerts


def predictions(scorer: NetworkScorer, readings: Readings) -> Iterator[pd.DataFrame]:
    """A frame for each site: a row for every hour that has a reading."""
    import pandas as pd

    for site in readings.iterate(3600, (MAINS,)):
        at = np.flatnonzero(~np.isnan(mains_of(site)))
        scores, alerts = scorer.score(site, at)
        yield pd.DataFrame(
            {
                "device_id": device_id(site.site, MAINS),
                "timestamp": site.times[at],
                "score": scores,
                "alert": alerts.astype(np.int8),
            }
        )


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
