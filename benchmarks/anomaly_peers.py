"""Peers of the anomaly model: each is fitted on one device's first half and scores all its
hours. The windowed ones give an hour the mean over all windows that hold it, later ones
too: more than a gateway could know."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neural_network import MLPRegressor

__all__ = ["PEERS", "Peer", "residuals"]

WEEK, DAY = 168, 24
MOST_WINDOWS = 4000  # that the autoencoder and k-means are fitted on

Peer = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
"""From W, shape (n,), filled; hours of the week; bool, hours to fit on; a seed: scores."""


def _deviations(values: np.ndarray, hours: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Distance from the median of the hour of the week, in deviations, shape (n,)."""
    hours = hours.astype(int)
    middle, spread = np.full(WEEK, np.median(values[fit])), np.full(WEEK, np.nan)
    for hour in np.unique(hours[fit]):
        here = values[fit & (hours == hour)]
        middle[hour] = np.median(here)
        spread[hour] = 1.4826 * np.median(np.abs(here - middle[hour]))
    floor = max(0.25 * float(np.nanmedian(spread)), 0.01 * float(values[fit].mean()), 1.0)
    spread = np.maximum(np.nan_to_num(spread, nan=floor), floor)
    return np.abs(values - middle[hours]) / spread[hours]


def hour_of_week(values: np.ndarray, hours: np.ndarray, fit: np.ndarray, seed: int) -> np.ndarray:
    return _deviations(values, hours, fit)


def four_weeks(values: np.ndarray, hours: np.ndarray, fit: np.ndarray, seed: int) -> np.ndarray:
    padded = np.concatenate([np.full(4 * WEEK, np.nan), values])
    n = len(values)
    earlier = np.stack([padded[4 * WEEK - k * WEEK :][:n] for k in range(1, 5)])
    known = np.isfinite(earlier)
    usual = np.where(known, earlier, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.asarray(np.where(known.any(axis=0), np.abs(values - usual), 0.0))


def _windows(values: np.ndarray, fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All windows of a day, standardised by the fitted part, shape (n - 23, 24), and which
    of them lie in it."""
    scaled = (values - values[fit].mean()) / (values[fit].std() + 1e-9)
    found = np.lib.stride_tricks.sliding_window_view(scaled, DAY)
    inside = np.lib.stride_tricks.sliding_window_view(fit, DAY).all(axis=1)
    return found, np.asarray(inside)


def _by_hour(scores: np.ndarray) -> np.ndarray:
    """From scores of windows to the mean of those that hold each hour."""
    counts = np.convolve(np.ones(len(scores)), np.ones(DAY))
    return np.convolve(scores, np.ones(DAY)) / counts


def isolation_forest(
    values: np.ndarray, hours: np.ndarray, fit: np.ndarray, seed: int
) -> np.ndarray:
    windows, own = _windows(values, fit)
    return _by_hour(-IsolationForest(random_state=seed).fit(windows[own]).score_samples(windows))


def sub_pca(values: np.ndarray, hours: np.ndarray, fit: np.ndarray, seed: int) -> np.ndarray:
    """Distance to the mean window in units of each principal component's spread."""
    windows, own = _windows(values, fit)
    components = PCA(whiten=True, random_state=seed).fit(windows[own])
    return _by_hour((components.transform(windows) ** 2).sum(axis=1))


def kmeans_ad(values: np.ndarray, hours: np.ndarray, fit: np.ndarray, seed: int) -> np.ndarray:
    windows, own = _windows(values, fit)
    clusters = KMeans(20, n_init=1, random_state=seed).fit(_some(windows[own], seed))
    return _by_hour(clusters.transform(windows).min(axis=1))


def autoencoder(values: np.ndarray, hours: np.ndarray, fit: np.ndarray, seed: int) -> np.ndarray:
    """The copied design, 64-32-16-32-64 on 24 hours, by its error of reconstruction."""
    windows, own = _windows(values, fit)
    some = _some(windows[own], seed)
    layers = (64, 32, 16, 32, 64)
    network = MLPRegressor(
        hidden_layer_sizes=layers, max_iter=40, early_stopping=True, random_state=seed
    )
    network.fit(some, some)
    return _by_hour(((network.predict(windows) - windows) ** 2).mean(axis=1))


def largest_of_three(
    values: np.ndarray, hours: np.ndarray, fit: np.ndarray, seed: int
) -> np.ndarray:
    """The largest of: deviations by hour of the week, of the last day's mean, and how long
    the reading has not moved; each in units of its own 99.9 % quantile."""
    daily = np.convolve(values, np.ones(DAY) / DAY)[: len(values)]
    still = np.zeros(len(values))
    for i in range(1, len(values)):
        still[i] = still[i - 1] + 1 if values[i] == values[i - 1] else 0
    middle = np.median(daily[fit])
    spread = 1.4826 * np.median(np.abs(daily[fit] - middle)) + 1e-9
    parts = (_deviations(values, hours, fit), np.abs(daily - middle) / spread, still)
    return np.max([part / max(np.quantile(part[fit], 0.999), 1e-9) for part in parts], axis=0)


def residuals(values: np.ndarray, at: np.ndarray, forecasts: np.ndarray, mean: float) -> np.ndarray:
    """Distances from P50 in widths of P10 to P90 of ``forecasts``, an hour ahead of the hours
    ``at``, shape (len(at), 3), W; NaN at other hours. ``mean``: usual power, W."""
    width = np.maximum(forecasts[:, 2] - forecasts[:, 0], 0.02 * mean)
    scores = np.full(len(values), np.nan)
    scores[at] = np.nan_to_num(np.abs(values[at] - forecasts[:, 1]) / width)
    return scores


def _some(windows: np.ndarray, seed: int) -> np.ndarray:
    if len(windows) <= MOST_WINDOWS:
        return np.array(windows)
    chosen = np.random.default_rng(seed).choice(len(windows), MOST_WINDOWS, replace=False)
    return np.asarray(windows[chosen])


PEERS: dict[str, Peer] = {
    "largest of three rules": largest_of_three,
    "isolation forest, 24 h": isolation_forest,
    "Sub-PCA, 24 h": sub_pca,
    "residual over the four-week average": four_weeks,
    "hour-of-week median and MAD": hour_of_week,
    "autoencoder 64-32-16-32-64": autoencoder,
    "KMeansAD, 24 h": kmeans_ad,
}
