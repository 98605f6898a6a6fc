"""What is drawn of anomaly detection: alerts, calibration, precision-recall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from smartwatts_ml.kinds.anomaly.evaluation import Judged, judged_sites
from smartwatts_ml.kinds.anomaly.scorer import Scorer
from smartwatts_ml.kinds.anomaly.windows import mains_of
from smartwatts_ml.kinds.charts import Chart, Figure, Line, Panel, Role, Span, role_of, rounded
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = ["charts", "figures"]

_MOST_SITES = 20
_AROUND_H = 72
_EXAMPLES = 2
_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
_POINTS = 60


@dataclass(frozen=True)
class _Scored:
    """A site's judged hours, as its clock shows them: W, truth, and each system's scores; the
    challenger's alerts."""

    site: str
    timezone: str
    wall: np.ndarray
    power: np.ndarray
    truth: np.ndarray
    scores: dict[str, np.ndarray]
    alert: np.ndarray


def charts(systems: Mapping[str, Scorer], readings: Readings, seed: int) -> tuple[Chart, ...]:
    """Examples of alerts and of events missed, calibration, and precision against recall."""
    scored = [
        _score(judged, systems) for judged in islice(judged_sites(readings, seed), _MOST_SITES)
    ]
    return (_examples(scored), _calibration(scored), _curve(scored)) if scored else ()


def figures(scorer: Scorer, readings: Readings, seed: int) -> dict[str, Figure]:
    """``alerts``: found, missed and false ones; ``calibration``; ``precision_recall``."""
    drawn = charts({"challenger": scorer}, readings, seed)
    names = ("alerts", "calibration", "precision_recall")
    return {
        name: Figure((chart,), across=min(len(chart.panels), 2))
        for name, chart in zip(names, drawn, strict=False)
        if chart.panels
    }


def _score(judged: Judged, systems: Mapping[str, Scorer]) -> _Scored:
    site, at = judged.site, judged.at
    scores = {name: system.score(site, at) for name, system in systems.items()}
    return _Scored(
        site.site,
        site.timezone,
        site.wall[at],
        mains_of(site)[at],
        judged.truth,
        {name: np.nan_to_num(score) for name, (score, _) in scores.items()},
        scores["challenger"][1].astype(bool),
    )


def _examples(scored: list[_Scored]) -> Chart:
    """Alerts that are right, events that were missed, and false alerts: two of each, each of
    another site."""
    panels: dict[str, dict[str, Panel]] = {"found": {}, "missed": {}, "false alert": {}}

    def add(word: str, site: _Scored, at: int) -> None:
        if len(panels[word]) < _EXAMPLES and site.site not in panels[word]:
            panels[word][site.site] = _example(word, site, at)

    for site in scored:
        for first, end in zip(*true_runs(site.truth), strict=True):
            add("found" if site.alert[first:end].any() else "missed", site, first)
        for first in true_runs(site.alert & ~site.truth)[0]:
            if not site.truth[max(first - 24, 0) : first + 24].any():
                add("false alert", site, first)
    caption = "Hourly power; shaded are anomalies, and the strip above marks the hours of alerts."
    shown = tuple(panel for by_site in panels.values() for panel in by_site.values())
    return Chart("Examples of alerts", caption, shown)


def _example(word: str, site: _Scored, at: int) -> Panel:
    part = slice(max(at - _AROUND_H, 0), at + _AROUND_H)
    hours = np.arange(len(site.power))[part] - at
    marks: tuple[tuple[str, Role, np.ndarray], ...] = (
        ("anomaly", "champion", site.truth),
        ("alert", "challenger", site.alert),
    )
    spans = tuple(
        Span(label, role, float(hours[first]), float(hours[end - 1] + 1))
        for label, role, marked in marks
        for first, end in zip(*true_runs(marked[part]), strict=True)
    )
    hour = str(site.wall[at])[:13].replace("T", " ")
    title = f"{word}, {hour} h {site.timezone}"
    line = Line("mains", "truth", rounded(site.power[part], 1))
    x = hours.astype(float).tolist()
    return Panel(title, "hours from its start", "W", x, (line,), (), spans, site.site)


def _calibration(scored: list[_Scored]) -> Chart:
    """A calibrated score is a rank: a share q of normal hours lies below q."""
    normal = ~np.concatenate([site.truth for site in scored])
    x = [_nines(level) for level in _LEVELS]
    lines = [Line("ideal", "context", x)]
    for name, scores in _pooled(scored).items():
        below = [_nines(float(np.mean(scores[normal] < level))) for level in _LEVELS]
        lines.append(Line(name, role_of(name), below))
    panel = Panel("normal hours below each score", "score", "normal hours below", x, tuple(lines))
    caption = (
        "How many normal hours score below each score, the ideal being as many as it says. On "
        "both axes 1 stands for 90 %, 2 for 99 %, 3 for 99.9 %."
    )
    return Chart("Calibration", caption, (panel,))


def _nines(share: float) -> float:
    return round(float(-np.log10(max(1 - share, 1e-4))), 3)


def _curve(scored: list[_Scored]) -> Chart:
    truth = np.concatenate([site.truth for site in scored])
    x = np.linspace(0, 1, _POINTS)
    lines = []
    for name, scores in _pooled(scored).items():
        hits = np.cumsum(truth[np.argsort(-scores, kind="stable")])
        recall, precision = hits / max(truth.sum(), 1), hits / np.arange(1, len(hits) + 1)
        at = np.minimum(np.searchsorted(recall, x), len(recall) - 1)
        lines.append(Line(name, role_of(name), rounded(precision[at], 4)))
    title = "precision by recall, hour by hour"
    panel = Panel(title, "recall", "precision", x.tolist(), tuple(lines))
    return Chart("Precision and recall", "Upper right is better; never point-adjusted.", (panel,))


def _pooled(scored: list[_Scored]) -> dict[str, np.ndarray]:
    """Each system's scores of all sites, end to end."""
    return {
        name: np.concatenate([site.scores[name] for site in scored]) for name in scored[0].scores
    }
