"""A light kind with two parts: the next hour, and the one after it; either can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from smartwatts_ml.environment import known_variables
from smartwatts_ml.kinds.base import (
    Details,
    ModelSpec,
    Network,
    Progress,
    Trained,
    TrainOptions,
    Work,
)
from smartwatts_ml.readings.base import MAINS, Readings
from smartwatts_ml.scores.parts import channel_metrics
from smartwatts_ml.scores.scores import Criterion, Scores
from smartwatts_ml.scores.sheet import Sheet
from tests.stages.light import DAY_H, LightKind

PARTS = ("next hour", "hour after")
STATS = ("error", "truth")
Forecasts = Callable[[np.ndarray], Mapping[str, np.ndarray]]


class TwofoldDetails(Details):
    """``parts``: those that the file gives, in the order of its output."""

    parts: tuple[str, ...]

    def lacks(self, parts: Collection[str]) -> frozenset[str]:
        return frozenset(parts) - set(self.parts)


class TwofoldKind(LightKind):
    """``broken``: parts that a training does not learn."""

    details_class = TwofoldDetails
    part_criteria = (Criterion("wape", "lower", "guard", "WAPE"),)

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()
        self.work: Any = Work(
            predictor=_predictor,
            baselines=lambda *_: {"day_mean": lambda x: dict.fromkeys(PARTS, x[:, :, 0].mean(1))},
            evaluate=_evaluate,
            headline=_headline,
            parts=lambda scores: channel_metrics(_headline, scores),
            predict=lambda *_: iter(()),
            sample_inputs=lambda details, count, seed: {
                "history_w": np.random.default_rng(seed)
                .gamma(1, 300, (count, DAY_H, 1))
                .astype(np.float32)
            },
        )

    def train(
        self, spec: ModelSpec, readings: Readings, options: TrainOptions, progress: Progress
    ) -> Trained[Any]:
        table = np.concatenate([windows for _, _, windows in _windows(readings)])
        x = np.stack([table[:, DAY_H - 1], table[:, :DAY_H].mean(1)], 1)
        weights, *_ = np.linalg.lstsq(x, table[:, DAY_H:], rcond=None)
        for part in self.broken:
            weights[:, PARTS.index(part)] = (0.0, 4.0)
        network = _network()
        network.get_layer("mix").set_weights([weights.astype(np.float32)])
        history = {"name": "history_w", "shape": [1, DAY_H, 1], "unit": "W", "missing": "nan"}
        details = TwofoldDetails.read(
            {
                "kind": "light",
                "model": spec.name,
                "inputs": [history],
                "outputs": [{"name": "power_w", "shape": [1, 2], "channels": PARTS}],
                "parts": PARTS,
            }
        )
        return Trained(network, details, ({"loss": 1.0},))

    def leave_out(
        self, network: Any, details: TwofoldDetails, parts: Mapping[str, str]
    ) -> tuple[Any, TwofoldDetails]:
        import keras

        kept = tuple(part for part in details.parts if part not in parts)
        at = [details.parts.index(part) for part in kept]
        power = keras.ops.take(network.output["power_w"], at, axis=-1)
        output = details.outputs[0].model_copy(update={"shape": (1, len(kept)), "channels": kept})
        told = {"parts": kept, "outputs": (output,), "left_out": dict(parts)}
        return keras.Model(network.input, {"power_w": power}), details.model_copy(update=told)


def use_twofold(monkeypatch: pytest.MonkeyPatch) -> TwofoldKind:
    """Make it the only kind there is, in this process."""
    import smartwatts_ml.kinds

    known_variables()
    kind = TwofoldKind()
    monkeypatch.setattr(smartwatts_ml.kinds, "kinds", lambda: {"light": kind})
    return kind


def _predictor(network: Network) -> Forecasts:
    parts = TwofoldDetails.read(network.details).parts

    def forecasts(x: np.ndarray) -> Mapping[str, np.ndarray]:
        return dict(zip(parts, network({"history_w": x})["power_w"].T, strict=True))

    return forecasts


def _evaluate(
    details: Details, predictors: Mapping[str, Forecasts], readings: Readings, seed: int
) -> dict[str, Scores]:
    sheet = Sheet(predictors, PARTS, STATS)
    for site, times, windows in _windows(readings):
        truth = windows[:, DAY_H:]
        sheet.add_targets(site, times[0], np.arange(len(truth)), truth)
        hours = times.astype("datetime64[h]").astype(int)
        blocks = sheet.add_site(site, times.astype("datetime64[D]"), hours)
        for name, predictor in predictors.items():
            said = predictor(windows[:, :DAY_H, None])
            error = [
                np.abs(said[part] - truth[:, k]) if part in said else np.zeros(len(truth))
                for k, part in enumerate(PARTS)
            ]
            sheet.add(name, blocks.sums(np.stack([np.stack(error, 1), np.abs(truth)], 2)))
    return {name: sheet.scores(name) for name in predictors}


def _headline(sums: np.ndarray) -> dict[str, float]:
    error, truth = sums.sum((0, 1))
    return {"wape": float(error / truth) if truth > 0 else float("nan")}


def _windows(readings: Readings) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for site in readings.iterate(3600, (MAINS,)):
        power = site.channels.get(MAINS, np.empty(0)).astype(np.float32)
        if len(power) < DAY_H + 2:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(power, DAY_H + 2)
        at = np.arange(DAY_H, len(power) - 1)
        good = np.isfinite(windows).all(1) & (at >= site.score_index)
        if good.any():
            yield site.site, site.times[at[good]], windows[good]


def _network() -> Any:
    import keras

    given = keras.Input((DAY_H, 1), name="history_w")
    flat = keras.layers.Flatten()(keras.ops.where(given != given, 0.0, given))
    mean = keras.ops.mean(flat, axis=1, keepdims=True)
    both = keras.layers.Concatenate()([flat[:, -1:], mean])
    return keras.Model(given, {"power_w": keras.layers.Dense(2, use_bias=False, name="mix")(both)})
