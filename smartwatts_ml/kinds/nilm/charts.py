"""What is drawn of NILM: best, median and worst activation of each appliance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from smartwatts_ml.kinds.charts import Chart, Line, Panel, Role, rounded
from smartwatts_ml.kinds.nilm.appliances import activations
from smartwatts_ml.kinds.nilm.predictors import NilmPredictor
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings

__all__ = ["charts"]

_MARGIN_S, _MARGIN = 1800, 4
_MOST_SITES = 10
_MOST_POINTS = 240
_CONTEXT_SAMPLES = 1024
_RANKS = ("best", "median", "worst")
_SYSTEMS: tuple[Role, ...] = ("challenger", "champion")


@dataclass(frozen=True)
class _View:
    """One activation: where and when, its relative error, and W around it by minute."""

    site: str
    start: str
    error: float
    minutes: np.ndarray
    traces: Mapping[Role, np.ndarray]


def charts(
    predictors: Mapping[str, NilmPredictor],
    readings: Readings,
    period_s: int,
    thresholds: Mapping[str, float],
    most_sites: int | None = _MOST_SITES,
) -> tuple[Chart, ...]:
    """A chart for each appliance, from the first ``most_sites`` sites that have any of them;
    activations are ranked by the absolute error of power around them, as a share of the
    energy they used."""
    names = [name for name in predictors["challenger"].appliances if name in thresholds]
    views: dict[str, list[_View]] = {}
    metered = (
        site
        for site in readings.iterate(period_s)
        if MAINS in site.channels and not site.channels.keys().isdisjoint(names)
    )
    for site in islice(metered, most_sites):
        estimates = {
            role: _estimates(predictors[role], site) for role in _SYSTEMS if role in predictors
        }
        for name in site.channels.keys() & set(names):
            traces = {role: by[name] for role, by in estimates.items() if name in by}
            views.setdefault(name, []).extend(_views(site, name, traces, thresholds[name]))
    return tuple(_chart(name, views[name]) for name in sorted(views) if views[name])


def _estimates(predictor: NilmPredictor, site: SiteReadings) -> dict[str, np.ndarray]:
    """W of each appliance that the predictor knows, NaN long before the scored part."""
    begin = max(site.score_index - _CONTEXT_SAMPLES, 0)
    power = np.full((len(site), len(predictor.appliances)), np.nan)
    power[begin:] = predictor.power(site.channels[MAINS][begin:])
    return dict(zip(predictor.appliances, power.T, strict=True))


def _views(
    site: SiteReadings, name: str, traces: Mapping[Role, np.ndarray], threshold: float
) -> list[_View]:
    truth, mains = site.channels[name], site.channels[MAINS]
    margin, wall = max(_MARGIN_S // site.period_s, _MARGIN), site.wall
    views = []
    for first, end in activations(truth, threshold, site.period_s):
        if first < site.score_index or not np.isfinite(mains[first:end]).all():
            continue
        part = slice(max(first - margin, 0), end + margin)
        miss = np.nansum(np.abs(traces["challenger"][part] - truth[part]))
        drawn: dict[Role, np.ndarray] = {"context": mains, "truth": truth, **traces}
        at = np.arange(len(truth))[part][:: max((part.stop - part.start) // _MOST_POINTS, 1)]
        views.append(
            _View(
                site.site,
                f"{str(wall[first])[:16].replace('T', ' ')} {site.timezone}",
                float(miss / max(np.nansum(truth[first:end]), 1.0)),
                (at - first) * site.period_s / 60,
                {role: values[at] for role, values in drawn.items()},
            )
        )
    return views


def _chart(name: str, views: list[_View]) -> Chart:
    ranked = sorted(views, key=lambda view: view.error)
    chosen = (ranked[0], ranked[len(ranked) // 2], ranked[-1])
    panels = tuple(_panel(rank, view) for rank, view in zip(_RANKS, chosen, strict=True))
    caption = f"Best, median and worst of {len(ranked)} activations, by the challenger's error."
    return Chart(name, caption, panels)


def _panel(rank: str, view: _View) -> Panel:
    labels = {"context": "mains", "truth": "true"}
    lines = tuple(
        Line(labels.get(role, role), role, rounded(values, 1))
        for role, values in view.traces.items()
    )
    title = f"{rank}: error {view.error:.0%}, {view.start}"
    x_label, minutes = "minutes from its start", view.minutes.tolist()
    return Panel(title, x_label, "W", minutes, lines, site=view.site)
