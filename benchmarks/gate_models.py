"""What the year's models are: gradient-boosted trees that learn appliances from mains.

A model follows from the hours and sites that it learned, so every way of getting the newest
weeks into force draws from one store of them.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from benchmarks.gate_homes import APPLIANCES, START, Fleet
from smartwatts_ml.gate.drift import Histogram
from smartwatts_ml.judging.day_features import day_histograms
from smartwatts_ml.provenance import sha256_of
from smartwatts_ml.readings.base import MAINS
from smartwatts_ml.readings.holdout import SelectedReadings

__all__ = ["DAY_H", "WEEK_H", "Learner", "Model"]

WEEK_H, DAY_H = 168, 24
EXAMPLES = 12_000
CONTINUED = 15
"""Trees by appliance that continuing adds."""
_Trees = tuple[HistGradientBoostingRegressor, ...]
_Hours = tuple[tuple[int, int], ...]
"""Spans of hours, each from its first on and before its last."""


@dataclass(frozen=True)
class Model:
    """``trees``: one of each appliance, added to what ``base`` says; ``days``: of its training;
    ``end``: the hour before which that lies; ``weeks``: what it was asked for already."""

    trees: _Trees
    mean: np.ndarray
    days: dict[str, Histogram]
    end: int
    base: Model | None = None
    weeks: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def power(self, features: np.ndarray) -> np.ndarray:
        """W, shape (n, n_appliances), of features (n, n_features)."""
        watts = np.stack([tree.predict(features) for tree in self.trees], -1)
        return np.maximum(watts + (self.base.power(features) if self.base else 0.0), 0.0)

    def said(self, fleet: Fleet, week: int) -> np.ndarray:
        """Power of all homes in a week, W, shape (n_sites, 168, n_appliances); kept."""
        if week not in self.weeks:
            rows = fleet.features[:, week * WEEK_H : (week + 1) * WEEK_H]
            watts = self.power(rows.reshape(-1, rows.shape[-1])).astype(np.float32)
            self.weeks[week] = watts.reshape(*rows.shape[:-1], -1)
        return self.weeks[week]


class Learner:
    """Trains on a fleet; ``seed`` draws the examples. What was trained is kept, in ``folder``
    too if there is one."""

    def __init__(self, fleet: Fleet, seed: int, folder: Path | None = None) -> None:
        self._fleet, self._seed, self._folder = fleet, seed, folder
        self._models: dict[str, Model] = {}

    def fit(self, sites: tuple[int, ...], hours: _Hours) -> Model:
        """On these sites and spans of hours, as labelled."""
        name = sha256_of(repr((self._seed, len(self._fleet.sites), sites, hours)).encode())[:16]
        if name not in self._models:
            self._models[name] = self._kept(name) or self._fit(name, sites, hours)
        return self._models[name]

    def _kept(self, name: str) -> Model | None:
        path = self._folder / f"{name}.model" if self._folder else None
        if path is None or not path.exists():
            return None
        model: Model = pickle.loads(path.read_bytes())
        return model

    def _fit(self, name: str, sites: tuple[int, ...], hours: _Hours) -> Model:
        x, y = self._rows(sites, hours)
        end = hours[-1][1]
        model = Model(_trees(x, y, end, 50), y.mean(0), self._days(sites, end), end)
        if self._folder:
            (self._folder / f"{name}.model").write_bytes(pickle.dumps(model))
        return model

    def continued(self, model: Model, sites: tuple[int, ...], start: int, end: int) -> Model:
        """The model with more trees, which learn what it misses of some hours."""
        x, y = self._rows(sites, ((start, end),))
        more = _trees(x, y - model.power(x), end, CONTINUED)
        return Model(more, model.mean, self._days(sites, end), end, base=model)

    def _rows(self, sites: tuple[int, ...], hours: _Hours) -> tuple[np.ndarray, np.ndarray]:
        """Examples drawn from all of them, shapes (n, n_features) and (n, n_appliances)."""
        of_hours = np.concatenate([np.arange(*span) for span in hours])
        rng = np.random.default_rng((self._seed, of_hours[-1]))
        site, hour = rng.choice(sites, EXAMPLES), rng.choice(of_hours, EXAMPLES)
        return self._fleet.features[site, hour], self._fleet.labels[site, hour]

    def _days(self, sites: tuple[int, ...], end: int) -> dict[str, Histogram]:
        readings = self._fleet.until(-(-end // WEEK_H))
        spans = [readings.spans()[i] for i in sites]
        ends = dict.fromkeys(self._fleet.sites, START + np.timedelta64(end, "h"))
        return day_histograms(SelectedReadings(readings, spans, ends=ends), (MAINS,))


def _trees(x: np.ndarray, y: np.ndarray, seed: int, count: int) -> _Trees:
    """One model an appliance."""
    return tuple(
        HistGradientBoostingRegressor(
            max_iter=count, learning_rate=0.15, max_leaf_nodes=24, random_state=seed
        ).fit(x, y[:, k])
        for k in range(len(APPLIANCES))
    )
