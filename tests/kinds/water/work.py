"""What the water kind does with trained models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from smartwatts_ml.errors import NotEnoughReadingsError
from smartwatts_ml.kinds.base import Details, Network, Work
from smartwatts_ml.kinds.charts import Chart, Line, Panel
from smartwatts_ml.localtime import hour_of_week, local_days
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings, device_id
from smartwatts_ml.scores.scores import Scores
from smartwatts_ml.scores.sheet import Sheet

__all__ = ["DAY_H", "WORK", "windows_of"]

DAY_H = 24
STATS = ("error", "truth")
Nowcast = Callable[[np.ndarray], np.ndarray]
"""From a day, shape (n, 24), to the hour after it, shape (n,), W."""


def windows_of(readings: Readings) -> Iterator[tuple[SiteReadings, np.ndarray, np.ndarray]]:
    """Each site with its hours that have a whole day before them, indices, and that day with
    the hour."""
    for site in readings.iterate(3600, (MAINS,), local=True):
        power = site.channels.get(MAINS, np.empty(0, np.float32))
        at = np.arange(DAY_H, len(power))
        windows = power[at[:, None] + np.arange(-DAY_H, 1)]
        good = np.isfinite(windows).all(1) & (at >= site.score_index)
        if good.any():
            yield site, at[good], windows[good]


def _predictor(network: Network) -> Nowcast:
    Details.read(network.details)
    return lambda day: network({"history_w": day[:, :, None]})["power_w"][:, 0]


def _evaluate(
    details: Details, predictors: Mapping[str, Nowcast], readings: Readings, seed: int
) -> dict[str, Scores]:
    sheet = Sheet(predictors, (MAINS,), STATS)
    for site, at, windows in windows_of(readings):
        truth, wall = windows[:, -1], site.wall[at]
        sheet.add_targets(site.site, site.start, at, truth)
        blocks = sheet.add_site(site.site, local_days(wall), hour_of_week(wall))
        for name, predictor in predictors.items():
            error = np.abs(predictor(windows[:, :-1]) - truth)
            sheet.add(name, blocks.sums(np.stack([error, np.abs(truth)], 1)))
    if not sheet:
        raise NotEnoughReadingsError("no hour to judge by")
    return {name: sheet.scores(name) for name in predictors}


def _headline(sums: np.ndarray) -> dict[str, float]:
    error, truth = sums.sum((0, 1))
    return {"wape": float(error / truth) if truth > 0 else float("nan")}


def _predict(predictor: Nowcast, readings: Readings) -> Iterator[pd.DataFrame]:
    for site, at, windows in windows_of(readings):
        real = site.cells.take(at).intervals()
        columns = {"timestamp": real.starts, "consumption": predictor(windows[:, :-1])[real.cell]}
        yield pd.DataFrame({"device_id": device_id(site.site, MAINS), **columns})


def _charts(
    details: Details, predictors: Mapping[str, Nowcast], readings: Readings, seed: int
) -> tuple[Chart, ...]:
    site, _, windows = next(windows_of(readings))
    said = predictors["challenger"](windows[:DAY_H, :-1]).tolist()
    line = Line("challenger", "challenger", said)
    panel = Panel(site.site, "hour", "W", list(range(DAY_H)), (line,))
    return (Chart("Hours", "The first day.", (panel,)),)


def _sample_inputs(details: Details, count: int, seed: int) -> dict[str, np.ndarray]:
    history = np.random.default_rng(seed).gamma(1, 300, (count, DAY_H, 1)).astype(np.float32)
    history[::3, 5:9] = np.nan
    return {"history_w": history}


WORK: Work[Details, Nowcast, Nowcast] = Work(
    predictor=_predictor,
    baselines=lambda *_: {"mean": lambda day: day.mean(1)},
    evaluate=_evaluate,
    headline=_headline,
    predict=_predict,
    sample_inputs=_sample_inputs,
    charts=_charts,
)
