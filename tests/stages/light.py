"""A kind that trains in a second: two numbers are learned, and every stage works on it.

It forecasts the next hour of mains as a share of the last one plus a share of the mean of
the last day. For tests of stages, where what a real kind does is not the point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic_settings import SettingsConfigDict

from smartwatts_ml.environment import known_variables
from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.base import (
    Details,
    Kind,
    ModelSpec,
    Network,
    Progress,
    Trained,
    TrainOptions,
    Work,
)
from smartwatts_ml.kinds.charts import Chart
from smartwatts_ml.readings.base import MAINS, Readings
from smartwatts_ml.scores.scores import Criterion, Scores
from smartwatts_ml.scores.sheet import Sheet
from smartwatts_ml.settings.base import TomlSettings

DAY_H = 24
STATS = ("error", "n", "truth")
Spoil = Callable[[np.ndarray], np.ndarray]
Forecast = Callable[[np.ndarray], np.ndarray]


class LightSettings(TomlSettings):
    """None."""

    table: ClassVar[str] = "light"
    model_config = SettingsConfigDict(env_prefix="SMARTWATTS_LIGHT_", extra="forbid")


class LightKind(Kind[Details]):
    """``spoil`` changes the training targets: what a faulty training would learn; ``drawn``
    is what its reports show; ``asked``: how its trainings were to go."""

    name = "light"
    title = "next hour"
    criteria = (Criterion("wape", "lower", "improve", "WAPE"),)
    required_metrics = ("wape",)
    prediction_columns = ("device_id", "timestamp", "consumption")
    settings_class = LightSettings

    def __init__(self) -> None:
        self.spoil: Spoil = lambda targets: targets
        self.drawn: tuple[Chart, ...] = ()
        self.asked: list[TrainOptions] = []
        self.trainer = self
        self.work = Work(
            predictor=_predictor,
            baselines=lambda *_: {"day_mean": lambda x: x[:, :, 0].mean(1)},
            evaluate=_evaluate,
            headline=_headline,
            predict=lambda *_: iter(()),
            sample_inputs=_sample_inputs,
            charts=self._charts,
        )

    def models(self) -> tuple[ModelSpec, ...]:
        return (self.spec(),)

    def spec(self, **options: Any) -> ModelSpec:
        return ModelSpec("light", self.name, "light_model", 3600, 25 * 3600, 7 * 86_400)

    def train(
        self, spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
    ) -> Trained[Details]:
        self.asked.append(options)
        windows = [w for _, _, w in _windows(readings)]
        if not windows:
            raise NotEnoughReadingsError("no hour to learn from")
        table = np.concatenate(windows)
        network = _network(options.seed)
        x = np.stack([table[:, -2], table[:, :-1].mean(1)], 1)
        drawn = np.random.default_rng(options.seed).integers(0, len(x), len(x))
        targets = self.spoil(table[:, -1].copy())
        weights, *_ = np.linalg.lstsq(x[drawn], targets[drawn], rcond=None)
        network.get_layer("mix").set_weights([weights[:, None].astype(np.float32)])
        return Trained(network, _details(spec), ({"loss": 1.0},), recipe={"hours": len(table)})

    def _charts(self, details: Details, predictors: Any, readings: Readings, seed: int) -> Any:
        """Goes through the readings, as those of other kinds do."""
        assert list(_windows(readings))
        return self.drawn


def _predictor(network: Network) -> Forecast:
    details = Details.read(network.details)
    assert details.inputs[0].shape[1] == DAY_H
    return lambda x: network({"history_w": x})["power_w"][:, 0]


def _evaluate(
    details: Details, predictors: Mapping[str, Forecast], readings: Readings, seed: int
) -> dict[str, Scores]:
    sheet = Sheet(predictors, (MAINS,), STATS)
    for site, times, windows in _windows(readings):
        truth = windows[:, -1]
        sheet.add_targets(site, times[0], np.arange(len(truth)), truth)
        days, hours = times.astype("datetime64[D]"), times.astype("datetime64[h]").astype(int)
        blocks = sheet.add_site(site, days, hours)
        for name, predictor in predictors.items():
            error = np.abs(predictor(windows[:, :-1, None]) - truth)
            sheet.add(name, blocks.sums(np.stack([error, np.ones_like(truth), truth], 1)))
    if not sheet:
        raise NotEnoughReadingsError("no hour to judge by")
    return {name: replace(sheet.scores(name), bands={}) for name in predictors}


def _headline(sums: np.ndarray) -> dict[str, float]:
    site = sums[:, 0]
    return {"wape": float(np.mean(site[:, 0] / np.maximum(site[:, 2], 1e-9)))}


def _sample_inputs(details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"history_w": rng.gamma(1, 300, (count, DAY_H, 1)).astype(np.float32)}


def _windows(readings: Readings) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for site in readings.iterate(3600, (MAINS,), local=True):
        power = site.channels.get(MAINS, np.empty(0)).astype(np.float64)
        if len(power) <= DAY_H:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(power, DAY_H + 1)
        at = np.arange(DAY_H, len(power))
        good = np.isfinite(windows).all(1) & (at >= site.score_index)
        if good.any():
            yield site.site, site.times[at[good]], windows[good].astype(np.float32)


def _network(seed: int) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    given = keras.Input((DAY_H, 1), name="history_w")
    known = keras.ops.where(given != given, 0.0, given)
    flat = keras.layers.Flatten()(known)
    mean = keras.ops.mean(flat, axis=1, keepdims=True)
    both = keras.layers.Concatenate()([flat[:, -1:], mean])
    power = keras.layers.Dense(1, use_bias=False, name="mix")(both)
    return keras.Model(given, {"power_w": keras.layers.Identity(name="power_w")(power)})


def _details(spec: ModelSpec) -> Details:
    history = {"name": "history_w", "shape": [1, DAY_H, 1], "dtype": "float32", "unit": "W"}
    return Details.read(
        {
            "kind": "light",
            "model": spec.name,
            "inputs": [{**history, "period_s": 3600, "missing": "nan"}],
            "outputs": [{"name": "power_w", "shape": [1, 1], "unit": "W"}],
        }
    )


def use_light(monkeypatch: pytest.MonkeyPatch) -> LightKind:
    """Make it the only kind there is, in this process."""
    import smartwatts_ml.kinds

    known_variables()  # kept for the process: of the kinds that there are
    light = LightKind()
    monkeypatch.setattr(smartwatts_ml.kinds, "kinds", lambda: {"light": light})
    return light
