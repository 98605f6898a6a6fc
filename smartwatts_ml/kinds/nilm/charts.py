"""What a run's report shows of NILM: best, median and worst activation of each appliance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.charts import Chart, Line, Panel, Role
from smartwatts_ml.kinds.nilm.appliances import activations
from smartwatts_ml.kinds.nilm.predictors import NilmPredictor
from smartwatts_ml.readings.base import MAINS, Readings, SiteReadings

__all__ = ["charts"]

MARGIN_S = 1800
MOST_SITES = 10
MOST_POINTS = 240
WORDS = ("best", "median", "worst")
SYSTEMS: tuple[Role, ...] = ("challenger", "champion")


@dataclass(frozen=True)
class _Sight:
    """One activation: where and when, its relative error, and W around it by minute."""

    site: str
    start: str
    error: float
    minutes: np.ndarray
    traces: dict[Role, np.ndarray]


def charts(
    predictors: Mapping[str, NilmPredictor],
    readings: Readings,
    period_s: int,
    thresholds: Mapping[str, float],
) -> tuple[Chart, ...]:
    """A chart for each appliance; activations are ranked by the absolute error of power
    around them, as a share of the energy they used."""
    sights: dict[str, list[_Sight]] = {}
    seen = 0
    for site in readings.iterate(period_s):
        if MAINS not in site.channels or seen >= MOST_SITES:
            continue
        seen += 1
        begin = max(site.score_index - 1024, 0)
        powers = {
            role: predictors[role].power(site.channels[MAINS][begin:])
            for role in SYSTEMS
            if role in predictors
        }
        for name in predictors["challenger"].appliances:
            if name in site.channels and name in thresholds:
                traces = {
                    role: _padded(power[:, predictors[role].appliances.index(name)], begin)
                    for role, power in powers.items()
                    if name in predictors[role].appliances
                }
                sights.setdefault(name, []).extend(_sights(site, name, traces, thresholds[name]))
    return tuple(_chart(name, found) for name, found in sorted(sights.items()) if found)


def _padded(values: np.ndarray, begin: int) -> np.ndarray:
    return np.concatenate([np.full(begin, np.nan), values])


def _sights(
    site: SiteReadings, name: str, traces: Mapping[Role, np.ndarray], threshold: float
) -> list[_Sight]:
    truth, mains = site.channels[name], site.channels[MAINS]
    margin = MARGIN_S // site.period_s
    found = []
    for first, last in activations(truth, threshold, site.period_s):
        if first < site.score_index or not np.isfinite(mains[first:last]).all():
            continue
        part = slice(max(first - margin, 0), last + margin)
        step = max((part.stop - part.start) // MOST_POINTS, 1)
        shown = slice(part.start, part.stop, step)
        miss = np.nansum(np.abs(traces["challenger"][part] - truth[part]))
        length = len(truth[shown])
        drawn: dict[Role, np.ndarray] = {"context": mains[shown], "truth": truth[shown]}
        drawn |= {role: values[shown] for role, values in traces.items()}
        found.append(
            _Sight(
                site.site,
                str(site.times[first])[:16].replace("T", " "),
                float(miss / max(np.nansum(truth[first:last]), 1.0)),
                (np.arange(length) * step + part.start - first) * site.period_s / 60,
                drawn,
            )
        )
    return found


def _chart(name: str, sights: list[_Sight]) -> Chart:
    ranked = sorted(sights, key=lambda sight: sight.error)
    chosen = (ranked[0], ranked[len(ranked) // 2], ranked[-1])
    panels = tuple(_panel(word, sight) for word, sight in zip(WORDS, chosen, strict=True))
    caption = f"Best, median and worst of {len(ranked)} activations, by the challenger's error."
    return Chart(name, caption, panels)


def _panel(word: str, sight: _Sight) -> Panel:
    labels = {"context": "mains", "truth": "true"}
    lines = tuple(
        Line(labels.get(role, role), role, _plain(values)) for role, values in sight.traces.items()
    )
    title = f"{word}: error {sight.error:.0%}, {sight.site} {sight.start} UTC"
    return Panel(title, "minutes from its start", "W", sight.minutes.tolist(), lines)


def _plain(values: np.ndarray) -> list[float | None]:
    return [round(float(v), 1) if np.isfinite(v) else None for v in values]
