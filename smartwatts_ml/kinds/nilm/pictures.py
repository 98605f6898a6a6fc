"""What was true and what was predicted: best, median and worst activations."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from smartwatts_ml.kinds.nilm.appliances import activations
from smartwatts_ml.kinds.nilm.predictors import NilmPredictor
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings

__all__ = ["activations_figure"]

MARGIN_S = 1800
MINUTE_S = 60
COLUMNS = ("best", "median", "worst")


@dataclass(frozen=True)
class _Sight:
    """One activation: where and when, its relative error, and W around it."""

    site: str
    start: np.datetime64
    error: float
    minutes: np.ndarray
    mains: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray


def activations_figure(
    predictor: NilmPredictor, readings: Readings, period_s: int, thresholds: dict[str, float]
) -> bytes | None:
    """A PNG with a row for each appliance; None where no activation is to be seen.

    Activations are ranked by the absolute error of the energy around them, as a share of
    the energy they used.
    """
    sights: dict[str, list[_Sight]] = {}
    for site in readings.iterate(period_s):
        names = [n for n in predictor.appliances if n in site.channels and n in thresholds]
        if MAINS not in site.channels or not names:
            continue
        power = predictor.power(site.channels[MAINS])
        for name in names:
            estimate = power[:, predictor.appliances.index(name)]
            sights.setdefault(name, []).extend(_sights(site, name, estimate, thresholds[name]))
    shown = {name: sorted(found, key=lambda s: s.error) for name, found in sights.items() if found}
    return _draw(shown) if shown else None


def _sights(site: SiteReadings, name: str, estimate: np.ndarray, threshold: float) -> list[_Sight]:
    truth, mains = site.channels[name], site.channels[MAINS]
    found = []
    for first, last in activations(truth, threshold, site.period_s):
        if first < site.score_index or not np.isfinite(mains[first:last]).all():
            continue
        margin = MARGIN_S // site.period_s
        part = slice(max(first - margin, 0), last + margin)
        difference = np.nansum(np.abs(estimate[part] - truth[part]))
        minutes = (np.arange(part.start, part.start + len(truth[part])) - first) * (
            site.period_s / MINUTE_S
        )
        found.append(
            _Sight(
                site.site,
                site.times[first],
                float(difference / np.nansum(truth[first:last])),
                minutes,
                mains[part],
                truth[part],
                estimate[part],
            )
        )
    return found


def _draw(shown: dict[str, list[_Sight]]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 2.5 * len(shown)), layout="constrained")
    grid: Any = figure.subplots(len(shown), len(COLUMNS), squeeze=False)
    for row, (name, ranked) in zip(grid, shown.items(), strict=True):
        chosen = (ranked[0], ranked[len(ranked) // 2], ranked[-1])
        for axes, column, sight in zip(row, COLUMNS, chosen, strict=True):
            axes.plot(sight.minutes, sight.mains, color="#c8c8c8", lw=1, label="mains")
            axes.plot(sight.minutes, sight.truth, color="#1f2328", lw=1.4, label="true")
            axes.plot(sight.minutes, sight.predicted, color="#d1242f", lw=1.1, label="predicted")
            start = str(sight.start)[:16].replace("T", " ")
            axes.set_title(
                f"{name}, {column} of {len(ranked)}: error {sight.error:.0%}\n"
                f"{sight.site} {start} UTC",
                fontsize=8,
            )
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=7)
        row[0].set_ylabel("W", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("minutes from its start", fontsize=8)
    grid[0][0].legend(frameon=False, fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
