"""The HTML report of one model in one run: the decision, and the pictures behind it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.gate.decision import plain
from smartwatts_ml.kinds.base import Predictor
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.reports.data_quality import PAGE, quality_key
from smartwatts_ml.reports.figures import Figure, slices_figure, training_figure
from smartwatts_ml.runs import ModelRun

__all__ = ["write_charts", "write_report"]

CHARTS = "charts.json"


def write_report(run: ModelRun) -> str:
    """Write ``report.html`` from what the stages left so far; its address."""
    from jinja2 import Environment, PackageLoader, select_autoescape

    decision = run.read_json("decision.json")
    training = _training(run)
    systems = [name for name, values in decision["metrics"].items() if values]
    names = sorted({metric for name in systems for metric in decision["metrics"][name]})
    page = Environment(
        loader=PackageLoader("smartwatts_ml.reports", "."), autoescape=select_autoescape()
    ).get_template("run_report.html")
    html = page.render(
        **decision,
        run_id=run.run_id,
        snapshot=run.snapshot,
        systems=systems,
        metric_names=names,
        number=_number,
        training=training,
        figures=_figures(run, decision, training),
        quality=f"../{PAGE}" if run.objects.exists(quality_key(run.run_id)) else None,
    )
    return run.write("report.html", html.encode())


def write_charts(
    run: ModelRun, predictors: Mapping[str, Predictor], holdout: Readings, seed: int
) -> None:
    """Leave the kind's own charts in the run, for every report that follows.

    Charts inform, they decide nothing: no fault in making them may cost a retraining, nor
    may it go unseen, so it is logged and the report says that they are missing and why.
    """
    try:
        charts = [chart.to_json() for chart in run.kind.charts(run.spec, predictors, holdout, seed)]
        made: dict[str, Any] = {"charts": charts}
    except Exception as error:
        logging.getLogger("smartwatts").exception("%s: no charts", run.model)
        made = {"charts": [], "failure": str(error) or type(error).__name__}
    run.write_json(CHARTS, plain(made))


def _training(run: ModelRun) -> dict[str, Any] | None:
    try:
        training: dict[str, Any] = json.loads(run.read("training.json"))
    except NotFoundError:
        return None
    return training


def _figures(
    run: ModelRun, decision: dict[str, Any], training: dict[str, Any] | None
) -> list[Figure]:
    figures = []
    improve = next(c for c in run.kind.criteria if c.role == "improve")
    if decision.get("slices"):
        figures.append(slices_figure(decision["slices"], improve))
    if training and training["log"]:
        figures.append(training_figure(training["log"]))
    return figures


def _number(values: dict[str, float | None], metric: str) -> str:
    value = values.get(metric)
    return "–" if value is None else f"{value:.4g}"
