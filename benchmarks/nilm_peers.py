"""Peers of the NILM model: gradient-boosted trees on windows, and seq2point.

Both learn from mains as it is, with settings fixed beforehand, and are used as predictors
of the kind are: ``appliances`` and ``power(mains)``.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import layers
from sklearn.ensemble import HistGradientBoostingRegressor

from smartwatts_ml.kinds.nilm.details import NilmDetails
from smartwatts_ml.readings.base import MAINS, Readings

__all__ = ["Seq2Point", "Trees", "training_arrays"]

Arrays = tuple[np.ndarray, np.ndarray]


def training_arrays(details: NilmDetails, readings: Readings) -> Arrays:
    """Mains, shape (n,), and power, shape (n, n_appliances), of all sites in a row."""
    names = details.appliances
    mains, power = [], []
    for site in readings.iterate(details.period_s):
        if MAINS in site.channels:
            missing = np.full(len(site), np.nan, np.float32)
            mains.append(site.channels[MAINS])
            power.append(np.stack([site.channels.get(name, missing) for name in names], axis=1))
    return np.concatenate(mains), np.concatenate(power)


def window_features(mains: np.ndarray) -> np.ndarray:
    """61 features of each sample, shape (n, 61): mains around it above the lowest of two
    hours, statistics of five spans, steps, and two medians."""
    series = pd.Series(mains)
    base = series.rolling(121, center=True, min_periods=1).min()
    columns = [series.shift(-lag) - base for lag in range(-15, 16)]
    for span in (5, 15, 31, 61, 121):
        rolled = series.rolling(span, center=True, min_periods=1)
        columns += [series - rolled.min(), series - rolled.mean(), rolled.max(), rolled.std()]
    columns += [series.diff(lag) for lag in (1, 2, 3, -1, -2, -3)]
    columns += [series - series.rolling(n, center=True, min_periods=1).median() for n in (15, 61)]
    columns += [series, base]
    return np.column_stack([column.to_numpy(np.float32) for column in columns])


class Trees:
    """Histogram gradient boosting (scikit-learn, 200 rounds), a model for each appliance."""

    def __init__(self, details: NilmDetails, arrays: Arrays, seed: int) -> None:
        self.appliances = details.appliances
        features = window_features(arrays[0])
        self._models = []
        for truth in arrays[1].T:
            known = np.isfinite(truth) & np.isfinite(arrays[0])
            model = HistGradientBoostingRegressor(max_iter=200, random_state=seed)
            self._models.append(model.fit(features[known], truth[known]))

    @property
    def size(self) -> int:
        """Bytes of the pickled models."""
        return len(pickle.dumps(self._models))

    def power(self, mains: np.ndarray) -> np.ndarray:
        features = window_features(mains)
        found = np.stack([model.predict(features) for model in self._models], axis=1)
        return np.where(np.isfinite(mains)[:, None], np.maximum(found, 0.0), np.nan)


class Seq2Point:
    """Zhang et al. 2018, window 99, one network with an output for each appliance.

    ``steps`` batches of 256 windows, half of them with an appliance on: a budget for a
    CPU, far from what it needs.
    """

    WINDOW, BATCH = 99, 256

    def __init__(self, details: NilmDetails, arrays: Arrays, seed: int, steps: int) -> None:
        keras.utils.set_random_seed(seed)
        self.appliances = details.appliances
        mains, power = arrays
        self._mean, self._std = float(np.nanmean(mains)), float(np.nanstd(mains))
        limits = np.array([details.on_thresholds_w[name] for name in self.appliances])
        self._scale = 2 * limits
        self._network = _zhang(self.WINDOW, len(self.appliances))
        self._network.compile(keras.optimizers.Adam(1e-3), "mse")
        padded = self._padded(mains)
        known = np.flatnonzero(np.isfinite(power).all(axis=1) & np.isfinite(mains))
        running = known[(power[known] >= limits).any(axis=1)]
        rng = np.random.default_rng(seed)
        for _ in range(steps):
            at = np.concatenate(
                [rng.choice(known, self.BATCH // 2), rng.choice(running, self.BATCH // 2)]
            )
            self._network.train_on_batch(self._windows(padded, at), power[at] / self._scale)

    @property
    def size(self) -> int:
        """Bytes of the weights as float32."""
        return 4 * int(self._network.count_params())

    def _padded(self, mains: np.ndarray) -> np.ndarray:
        scaled = np.nan_to_num((mains - self._mean) / self._std)
        return np.pad(scaled, self.WINDOW // 2).astype(np.float32)

    def _windows(self, padded: np.ndarray, at: np.ndarray) -> np.ndarray:
        return padded[at[:, None] + np.arange(self.WINDOW)][..., None]

    def power(self, mains: np.ndarray) -> np.ndarray:
        padded = self._padded(mains)
        found = np.full((len(mains), len(self.appliances)), np.nan)
        known = np.flatnonzero(np.isfinite(mains))
        for first in range(0, len(known), 4096):
            at = known[first : first + 4096]
            result = self._network.predict(self._windows(padded, at), batch_size=512, verbose=0)
            found[at] = np.maximum(result * self._scale, 0.0)
        return found


def _zhang(window: int, outputs: int) -> Any:
    convolution: Callable[..., Any] = layers.Conv1D
    return keras.Sequential(
        [
            keras.Input((window, 1)),
            *(
                convolution(filters, width, padding="same", activation="relu")
                for filters, width in ((30, 10), (30, 8), (40, 6), (50, 5), (50, 5))
            ),
            layers.Flatten(),
            layers.Dense(1024, activation="relu"),
            layers.Dense(outputs),
        ]
    )
