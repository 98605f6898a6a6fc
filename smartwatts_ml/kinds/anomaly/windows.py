"""Windows of hourly history: the input of the network, from a site's readings."""

from __future__ import annotations

import numpy as np

from smartwatts_ml.localtime import hour_of_week
from smartwatts_ml.readings.base import MAINS, SiteReadings

__all__ = ["hours_of_week", "inputs_at", "mains_of", "marked"]


def mains_of(site: SiteReadings) -> np.ndarray:
    """The site's mains, float32, shape (n,), W, NaN where missing; empty if it has none."""
    return site.channels.get(MAINS, np.zeros(0, np.float32)).astype(np.float32, copy=False)


def hours_of_week(site: SiteReadings) -> np.ndarray:
    """Local hour of the week of each interval, float32, shape (n,)."""
    return hour_of_week(site.wall).astype(np.float32)


def marked(site: SiteReadings) -> np.ndarray:
    """Where the source says that the reading is anomalous, bool, shape (n,)."""
    if site.anomaly is None:
        return np.zeros(len(site), bool)
    return site.anomaly > 0


def inputs_at(
    values: np.ndarray, hours: np.ndarray, at: np.ndarray, context: int
) -> dict[str, np.ndarray]:
    """The network's inputs for the hours ``at``: each window ends with that hour, and
    hours before the first reading are missing.

    ``values``, ``hours`` (of the week): shape (n,). Gives ``history_w``, shape
    (len(at), context, 1), and ``hour_of_week``, shape (len(at), 1), float32.

    >>> inputs = inputs_at(np.array([5.0, 6.0]), np.array([0.0, 1.0]), np.array([1]), 3)
    >>> inputs["history_w"][0, :, 0].tolist(), inputs["hour_of_week"].tolist()
    ([nan, 5.0, 6.0], [[1.0]])
    """
    padded = np.concatenate([np.full(context - 1, np.nan), values]).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, context)[at]
    return {
        "history_w": windows[:, :, None],
        "hour_of_week": hours[at, None].astype(np.float32),
    }
