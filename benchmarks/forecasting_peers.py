"""Peers of the forecasting models: the last day, boosted trees, a statistical method.

What needs LightGBM or statsforecast loads it when it is used: neither has to be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import numpy as np

from smartwatts_ml.kinds.forecasting.details import EnergyFactors
from smartwatts_ml.kinds.forecasting.layout import CONTEXT_HOURS
from smartwatts_ml.kinds.forecasting.metrics import QUANTILES
from smartwatts_ml.kinds.forecasting.series import Series
from smartwatts_ml.kinds.forecasting.windows import Windows, make_windows

NONE: Mapping[str, EnergyFactors] = {}
ROWS = 300_000
TREES: dict[str, Any] = {
    "objective": "quantile",
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "num_threads": 1,
    "verbose": -1,
}
ROUNDS = 400


@dataclass(frozen=True)
class LastDay:
    """The last 24 hours again; P10 and P90 from how days differed in the context."""

    horizon: int
    energy: Mapping[str, EnergyFactors] = field(default_factory=dict)
    left_out: tuple[tuple[int, int], ...] = ()

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        history = series.contexts(origins)["history_w"][:, :, 0].astype(np.float64)
        days = np.nan_to_num(history).reshape(len(origins), -1, 24)
        low, high = np.quantile(np.diff(days, axis=1), (0.1, 0.9), axis=1)
        hour = np.arange(self.horizon) % 24
        last = days[:, -1][:, hour]
        return np.stack([last + low[:, hour], last, last + high[:, hour]], 2)


@dataclass(frozen=True)
class Trees:
    """LightGBM on lags and calendar, a model for each quantile, shared by all steps."""

    horizon: int
    models: Sequence[Any]
    energy: Mapping[str, EnergyFactors] = field(default_factory=dict)
    left_out: tuple[tuple[int, int], ...] = ()

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        found = []
        steps = np.arange(self.horizon)
        for one in np.array_split(origins, max(len(origins) // 32, 1)):
            context = series.contexts(one)
            rows = np.repeat(np.arange(len(one)), self.horizon)
            table, scale = lag_features(
                context["history_w"][:, :, 0], context["hour_of_week"][:, 0], rows,
                np.tile(steps, len(one)),
            )  # fmt: skip
            parts = np.stack([model.predict(table) for model in self.models], 1)
            power = np.sort(expand(parts, scale[rows][:, None]), 1)
            found.append(power.reshape(len(one), self.horizon, 3))
        return np.concatenate(found)


def fit_trees(series: Sequence[Series], horizon: int, seed: int) -> Trees:
    """Fit on as many hours of each site's readings as of any other."""
    ends = [len(one) for one in series]
    windows: Windows = make_windows(series, horizon, [0] * len(ends), ends, 24)
    rng = np.random.default_rng(seed)
    rows = windows.draw(ROWS, rng)
    steps = rng.integers(0, horizon, ROWS)
    tables, targets = [], []
    for part in np.array_split(np.arange(ROWS), 60):
        context = windows.inputs(rows[part])
        table, scale = lag_features(
            context["history_w"][:, :, 0], context["hour_of_week"][:, 0],
            np.arange(len(part)), steps[part],
        )  # fmt: skip
        truth = windows.power[windows.origins[rows[part]] + steps[part]]
        tables.append(table)
        targets.append(squash(truth, scale))
    table, target = np.concatenate(tables), np.concatenate(targets)
    known = np.isfinite(target)
    lightgbm = import_module("lightgbm")
    data = lightgbm.Dataset(table[known], target[known])
    return Trees(
        horizon,
        [lightgbm.train({**TREES, "alpha": q, "seed": seed}, data, ROUNDS) for q in QUANTILES],
    )


def lag_features(
    history: np.ndarray, hour_of_week: np.ndarray, rows: np.ndarray, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Features (r, f) of steps of contexts (n, 672), and the scale of each context (n,)."""
    scale = np.nanmean(np.abs(history), 1) + 1.0
    z = squash(history, scale[:, None])
    hour, week_hour = steps % 24, steps % 168
    days = np.stack([z[rows, CONTEXT_HOURS - 24 * d + hour] for d in range(1, 15)], 1)
    weeks = np.stack([z[rows, CONTEXT_HOURS - 168 * w + week_hour] for w in range(1, 5)], 1)
    recent = z[:, -24:].mean(1), z[:, -168:].mean(1), z.mean(1)
    clock = (hour_of_week[rows] + steps) % 168
    parts = [
        days[:, :7], weeks,
        *(f(group, axis=1)[:, None] for group in (days, weeks) for f in (np.mean, np.median)),
        np.std(days, axis=1)[:, None], np.min(days, axis=1)[:, None], np.max(days, axis=1)[:, None],
        z[rows, -6:],
        *(one[rows][:, None] for one in recent),
        (clock % 24)[:, None], (clock // 24)[:, None], steps[:, None],
    ]  # fmt: skip
    return np.concatenate(parts, 1).astype(np.float32), scale


def squash(power: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Power in the scale of its context, large values compressed."""
    return np.asarray(np.sign(power) * np.log1p(np.abs(power) / scale))


def expand(z: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """What ``squash`` compressed, in W."""
    return np.asarray(np.sign(z) * np.expm1(np.abs(z)) * scale)


@dataclass(frozen=True)
class Statistical:
    """MSTL of statsforecast on the context: day and week, trend by ETS."""

    horizon: int
    energy: Mapping[str, EnergyFactors] = field(default_factory=dict)
    left_out: tuple[tuple[int, int], ...] = ()

    def forecast(self, series: Series, origins: np.ndarray) -> np.ndarray:
        method = resolve_name("statsforecast.models:MSTL")
        found = []
        for context in series.contexts(origins)["history_w"][:, :, 0]:
            model = method(season_length=[24, 168])
            made = model.forecast(_filled(context), h=self.horizon, level=[80])
            found.append(np.stack([made["lo-80"], made["mean"], made["hi-80"]], 1))
        return np.stack(found)


def _filled(context: np.ndarray) -> np.ndarray:
    """Missing hours of a context (n,), W, take the mean of their hour of the day."""
    by_hour = context.reshape(-1, 24)
    known = np.isfinite(by_hour)
    count = np.maximum(known.sum(0), 1)
    return np.where(known, by_hour, np.nan_to_num(by_hour).sum(0) / count).ravel()
