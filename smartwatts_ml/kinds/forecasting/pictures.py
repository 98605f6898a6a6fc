"""Fan charts of forecasts against what happened, and where in the horizon they err."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from smartwatts_ml.kinds.forecasting.evaluation import make_backtest
from smartwatts_ml.kinds.forecasting.metrics import headline, measure_hours
from smartwatts_ml.kinds.forecasting.predictors import Forecaster
from smartwatts_ml.kinds.forecasting.series import CHANNELS, HOUR_S
from smartwatts_ml.readings.base import Readings

__all__ = ["figures"]

SHOWN = ("best", "median", "worst")
MAP_SITES = 60
BLUE, BLACK, RED = "#1f77b4", "#222222", "#d62728"


@dataclass(frozen=True)
class _View:
    """A site's middle origin: power before and after it, its quantiles, W; and its error
    by hour ahead, (horizon,), as WAPE."""

    site: str
    issued: np.datetime64
    past: np.ndarray
    truth: np.ndarray
    quantiles: np.ndarray
    wape: float
    by_hour: np.ndarray


def figures(forecaster: Forecaster, readings: Readings) -> dict[str, bytes]:
    """``fan_charts``: the best, the median and the worst site at their middle origin.
    ``errors``: WAPE by site and hour ahead. PNG; nothing where no site can be judged."""
    views = [view for view in _views(forecaster, readings) if np.isfinite(view.wape)]
    if not views:
        return {}
    views.sort(key=lambda view: view.wape)
    return {"fan_charts": _fans(views), "errors": _map(views)}


def _views(forecaster: Forecaster, readings: Readings) -> list[_View]:
    found = []
    for loaded in readings.iterate(HOUR_S, CHANNELS):
        case = make_backtest(loaded, forecaster.horizon)
        if case is None:
            continue
        quantiles = forecaster.forecast(case.series, case.origins)
        sums = measure_hours(case.truth, quantiles, case.naive_error_w).sum(0)
        middle = len(case.origins) // 2
        at = int(case.origins[middle])
        before = min(at, max(72, forecaster.horizon // 2))
        found.append(
            _View(
                site=case.series.site,
                issued=loaded.start + at * np.timedelta64(HOUR_S, "s"),
                past=case.series.power[at - before : at],
                truth=case.truth[middle],
                quantiles=quantiles[middle],
                wape=headline(sums.sum(0)[None, None])["wape"],
                by_hour=np.array([headline(row[None, None])["wape"] for row in sums]),
            )
        )
    return found


def _fans(views: list[_View]) -> bytes:
    from matplotlib.figure import Figure

    chosen = [views[0], views[len(views) // 2], views[-1]]
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    for axes, name, view in zip(figure.subplots(3, 1), SHOWN, chosen, strict=True):
        ahead = np.arange(len(view.truth))
        low, middle, high = view.quantiles.T / 1000.0
        axes.plot(np.arange(-len(view.past), 0), view.past / 1000.0, color=BLACK, lw=0.8, alpha=0.5)
        axes.fill_between(ahead, low, high, color=BLUE, alpha=0.25, label="P10 to P90", lw=0)
        axes.plot(ahead, middle, color=BLUE, lw=1.4, label="P50")
        axes.plot(ahead, view.truth / 1000.0, color=BLACK, lw=1.0, label="measured")
        axes.axvline(0, color=RED, lw=0.8, ls="--")
        axes.set_title(
            f"{name}: {view.site}, WAPE {view.wape:.3f}, issued {view.issued} UTC", loc="left"
        )
        axes.set_ylabel("kW")
        axes.margins(x=0)
    axes.set_xlabel("hours from the origin")
    figure.axes[0].legend(ncols=3, loc="upper right", fontsize="small")
    return _png(figure)


def _map(views: list[_View]) -> bytes:
    from matplotlib.figure import Figure

    step = max(1, -(-len(views) // MAP_SITES))
    shown = views[::step]
    errors = np.stack([view.by_hour for view in shown])
    figure = Figure(figsize=(11, 1.5 + 0.22 * len(shown)), layout="constrained")
    axes = figure.subplots()
    top = float(np.nanquantile(errors, 0.98))
    image = axes.imshow(errors, aspect="auto", cmap="viridis", vmin=0, vmax=top)
    axes.set_yticks(range(len(shown)), [view.site for view in shown], fontsize="small")
    axes.set_xlabel("hours ahead")
    axes.set_title("WAPE by site and hour ahead", loc="left")
    figure.colorbar(image, ax=axes)
    return _png(figure)


def _png(figure: Any) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=110)
    return sink.getvalue()
