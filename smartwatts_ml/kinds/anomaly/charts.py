"""What a run's report shows of anomaly detection: alerts, calibration, precision-recall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.evaluation import Scorer, judged_sites
from smartwatts_ml.kinds.anomaly.windows import mains_of
from smartwatts_ml.kinds.charts import Chart, Line, Panel, Role, Span
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.run_lengths import true_runs

__all__ = ["charts"]

MOST_SITES = 20
AROUND_H = 72
EXAMPLES = 6
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
POINTS = 60


@dataclass(frozen=True)
class _Scored:
    """A site's judged hours: W, truth, and each system's scores; the challenger's alerts."""

    site: str
    times: np.ndarray
    power: np.ndarray
    truth: np.ndarray
    scores: dict[str, np.ndarray]
    alert: np.ndarray


def charts(systems: Mapping[str, Scorer], readings: Readings, seed: int) -> tuple[Chart, ...]:
    """Examples of alerts and of events missed, calibration, and precision against recall."""
    scored: list[_Scored] = []
    for judged in judged_sites(readings, seed):
        if len(scored) >= MOST_SITES:
            break
        made = {name: system.score(judged.site, judged.at) for name, system in systems.items()}
        scored.append(
            _Scored(
                judged.site.site,
                judged.site.times[judged.at],
                mains_of(judged.site)[judged.at],
                judged.truth,
                {name: np.nan_to_num(score) for name, (score, _) in made.items()},
                made["challenger"][1].astype(bool),
            )
        )
    return (_examples(scored), _calibration(scored), _curve(scored)) if scored else ()


def _examples(scored: list[_Scored]) -> Chart:
    """Alerts that are right, events that were missed, and false alerts: two of each."""
    kinds: dict[str, list[Panel]] = {"found": [], "missed": [], "false alert": []}
    for one in scored:
        for first, end in zip(*true_runs(one.truth), strict=True):
            hit = one.alert[first:end].any()
            _add(kinds["found" if hit else "missed"], one, first, "found" if hit else "missed")
        for first, _ in zip(*true_runs(one.alert & ~one.truth), strict=True):
            if not one.truth[max(first - 24, 0) : first + 24].any():
                _add(kinds["false alert"], one, first, "false alert")
    panels = tuple(panel for found in kinds.values() for panel in found)
    caption = "Hourly power; shaded are anomalies, and the strip above marks the hours of alerts."
    return Chart("Examples of alerts", caption, panels)


def _add(found: list[Panel], one: _Scored, at: int, word: str) -> None:
    if len(found) >= EXAMPLES // 3 or any(one.site in panel.title for panel in found):
        return
    part = slice(max(at - AROUND_H, 0), at + AROUND_H)
    hours = np.arange(part.start, part.start + len(one.power[part])) - at
    spans = [
        Span("anomaly", "champion", float(hours[a]), float(hours[b - 1] + 1))
        for a, b in zip(*true_runs(one.truth[part]), strict=True)
    ]
    spans += [
        Span("alert", "challenger", float(hours[a]), float(hours[b - 1] + 1))
        for a, b in zip(*true_runs(one.alert[part]), strict=True)
    ]
    title = f"{word}: {one.site}, {str(one.times[at])[:13].replace('T', ' ')} h UTC"
    line = Line("mains", "truth", [round(float(v), 1) for v in one.power[part]])
    x = [float(hour) for hour in hours]
    found.append(Panel(title, "hours from its start", "W", x, (line,), (), tuple(spans)))


def _calibration(scored: list[_Scored]) -> Chart:
    """A calibrated score is a rank: a share q of normal hours lies below q."""
    normal = ~np.concatenate([one.truth for one in scored])
    lines = [Line("ideal", "context", [_nines(level) for level in LEVELS])]
    for name in _shown(scored):
        scores = np.concatenate([one.scores[name] for one in scored])[normal]
        below = [_nines(float(np.mean(scores < level))) for level in LEVELS]
        lines.append(Line(name, _role(name), below))
    x = [_nines(level) for level in LEVELS]
    drawn = Panel("normal hours below each score", "score", "normal hours below", x, tuple(lines))
    caption = (
        "How many normal hours score below each score, the ideal being as many as it says. On "
        "both axes 1 stands for 90 %, 2 for 99 %, 3 for 99.9 %."
    )
    return Chart("Calibration", caption, (drawn,))


def _nines(share: float) -> float:
    return round(float(-np.log10(max(1 - share, 1e-4))), 3)


def _curve(scored: list[_Scored]) -> Chart:
    truth = np.concatenate([one.truth for one in scored])
    x = np.linspace(0, 1, POINTS)
    lines = []
    for name in _shown(scored):
        scores = np.concatenate([one.scores[name] for one in scored])
        hits = np.cumsum(truth[np.argsort(-scores, kind="stable")])
        recall, precision = hits / max(truth.sum(), 1), hits / np.arange(1, len(hits) + 1)
        at = np.minimum(np.searchsorted(recall, x), len(recall) - 1)
        lines.append(Line(name, _role(name), precision[at].round(4).tolist()))
    drawn = Panel(
        "precision by recall, hour by hour", "recall", "precision", x.tolist(), tuple(lines)
    )
    return Chart("Precision and recall", "Upper right is better; never point-adjusted.", (drawn,))


def _shown(scored: list[_Scored]) -> list[str]:
    return list(scored[0].scores)


def _role(name: str) -> Role:
    return (
        "challenger" if name == "challenger" else "champion" if name == "champion" else "baseline"
    )
