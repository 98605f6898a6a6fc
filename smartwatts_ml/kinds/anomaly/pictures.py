"""Pictures of an evaluation, PNG: the same charts as in a run's report, for one system."""

from __future__ import annotations

import io

from smartwatts_ml.kinds.anomaly.charts import charts
from smartwatts_ml.kinds.anomaly.evaluation import Scorer
from smartwatts_ml.kinds.charts import Chart
from smartwatts_ml.readings.base import Readings

__all__ = ["figures"]

NAMES = ("alerts", "calibration", "precision_recall")
ACROSS = 2
COLOURS = {
    "truth": "#222222",
    "challenger": "#1f77b4",
    "champion": "#d62728",
    "context": "#999999",
    "baseline": "#ff7f0e",
}


def figures(scorer: Scorer, readings: Readings) -> dict[str, bytes]:
    """``alerts``: found, missed and false ones; ``calibration``; ``precision_recall``.
    Injected anomalies, where there are no labels, are those of seed 0."""
    drawn = charts({"challenger": scorer}, readings, 0)
    return {name: _png(chart) for name, chart in zip(NAMES, drawn, strict=False) if chart.panels}


def _png(chart: Chart) -> bytes:
    from matplotlib.figure import Figure

    across = min(ACROSS, len(chart.panels))
    down = -(-len(chart.panels) // across)
    figure = Figure(figsize=(6.5 * across, 3.2 * down), layout="constrained")
    figure.suptitle(chart.title)
    places = figure.subplots(down, across, squeeze=False).ravel()
    for axes, panel in zip(places, chart.panels, strict=False):
        labelled = set()
        for span in panel.spans:
            label = None if span.label in labelled else span.label
            labelled.add(span.label)
            axes.axvspan(
                span.start, span.end, color=COLOURS[span.role], alpha=0.2, lw=0, label=label
            )
        for line in panel.lines:
            name = "model" if line.label == "challenger" else line.label
            y = [float("nan") if value is None else value for value in line.y]
            axes.plot(panel.x, y, color=COLOURS[line.role], lw=1.0, label=name)
        axes.set_title(panel.title, fontsize="small", loc="left")
        axes.set_xlabel(panel.x_label)
        axes.set_ylabel(panel.y_label)
        axes.legend(fontsize="x-small")
    for axes in places[len(chart.panels) :]:
        axes.set_visible(False)
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=100)
    return sink.getvalue()
