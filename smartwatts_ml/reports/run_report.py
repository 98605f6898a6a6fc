"""The HTML report of one model in one run: the decision, and the pictures behind it.

One file without scripts, fonts or requests; light and dark; readable on a phone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from markupsafe import Markup

from smartwatts_ml.errors import NotEnoughReadingsError, NotFoundError, StoreError
from smartwatts_ml.judging.opponents import Bout
from smartwatts_ml.judging.record import StoredDecision, read_decision
from smartwatts_ml.judging.refitted import REFIT
from smartwatts_ml.kinds.charts import Chart, Line, Panel
from smartwatts_ml.readings.holdout import SelectedReadings
from smartwatts_ml.reports.data_quality import PAGE, quality_key
from smartwatts_ml.reports.pages import page
from smartwatts_ml.reports.parts_table import part_rows
from smartwatts_ml.reports.questions import question_rows
from smartwatts_ml.reports.run_tables import (
    coverage_rows,
    drift_rows,
    failed_first,
    metric_rows,
    slice_rows,
)
from smartwatts_ml.reports.svg import legend, panel
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.runs.site_names import SiteNames, site_names
from smartwatts_ml.store import open_store
from smartwatts_ml.store.forced import Forced, forced

__all__ = ["write_charts", "write_report"]

_CHARTS = "charts.json"
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Pictures:
    """The kind's own charts, or why they failed."""

    charts: tuple[Chart, ...] = ()
    failure: str | None = None


def write_report(run: ModelRun) -> str:
    """Write ``report.html`` from what the stages left so far; its address."""
    decision = read_decision(run)
    training = _left(run, "training.json", dict[str, Any])
    drawn = _left(run, _CHARTS, _Pictures) or _Pictures()
    values = {
        **vars(decision),
        **metric_rows(run.kind, decision),
        **slice_rows(run.kind, decision),
        **part_rows(run.kind, decision),
        "reasons": failed_first(decision.reasons),
        "title": run.kind.title,
        "written": datetime.now(UTC),
        **_coverage(run),
        "drift": drift_rows(decision.record),
        "run_id": run.run_id,
        "snapshot": run.snapshot,
        "training": training,
        "charts": [_drawn(chart) for chart in (*drawn.charts, *_training_chart(training))],
        "failure": drawn.failure,
        "forced": _forced(run),
        "refit": _refit(run, decision),
        **question_rows(run),
        "quality": f"../{PAGE}" if run.objects.exists(quality_key(run.run_id)) else None,
    }
    return run.write("report.html", page("run_report.html", **values).encode())


def write_charts(run: ModelRun, bout: Bout, seed: int, names: SiteNames) -> None:
    """Leave the kind's own charts in the run, for every report that follows.

    Charts inform, they decide nothing: no fault in making them may cost a retraining, nor
    may it go unseen, so it is logged and the report says that they are missing and why.
    """
    # In the order of what people read: that of names would tell which is which.
    spans = sorted(bout.holdout.spans(), key=lambda span: names(span.site))
    readings = SelectedReadings(bout.holdout, spans)
    try:
        charts = run.kind.work.charts(bout.details, bout.predictors, readings, seed)
        drawn: dict[str, Any] = {"charts": [_called(chart, names) for chart in charts]}
    except Exception as error:
        logging.getLogger("smartwatts").exception("%s: no charts", run.model)
        drawn = {"charts": [], "failure": names.of_error(error)}
    run.write_json(_CHARTS, drawn)


def _left(run: ModelRun, name: str, cls: type[_T]) -> _T | None:
    """What a stage left under this name; None if it did not get there."""
    try:
        return run.read_json(name, cls)
    except NotFoundError:
        return None


def _refit(run: ModelRun, decision: StoredDecision) -> dict[str, Any] | None:
    """What became of the refit of the file that was judged; None where there was none."""
    refit = _left(run, REFIT, dict[str, Any])
    return refit if refit and refit.get("judged_sha256") == decision.sha256 else None


def _forced(run: ModelRun) -> list[Forced]:
    """Forced versions; a store that does not verify says so where it is used."""
    try:
        return list(forced(open_store(run.objects, run.settings).history(run.model)))
    except StoreError as error:
        logging.getLogger("smartwatts").warning("%s: no history: %s", run.model, error)
        return []


def _coverage(run: ModelRun) -> dict[str, Any]:
    try:
        readings = run.readings
        names = site_names(run.objects, run.settings)
        return coverage_rows(readings.spans(), run.split, readings.timezone, names)
    except NotEnoughReadingsError:
        return {}


def _called(chart: Chart, names: SiteNames) -> Chart:
    """The chart with its sites as people read of them."""
    panels = (replace(axes, site=names(axes.site)) if axes.site else axes for axes in chart.panels)
    return replace(chart, panels=tuple(panels))


def _training_chart(training: dict[str, Any] | None) -> list[Chart]:
    log = training["log"] if training else []
    names = [name for name in (log[0] if log else ()) if "loss" in name]
    if not names:
        return []
    lines = tuple(
        Line(name, "champion" if "val" in name else "challenger", [row.get(name) for row in log])
        for name in names
    )
    epochs = [float(i + 1) for i in range(len(log))]
    panels = (Panel("lower is better", "epoch", "loss", epochs, lines),)
    return [
        Chart("Loss by epoch", "Loss on training readings, and on those that it watched.", panels)
    ]


def _drawn(chart: Chart) -> dict[str, Any]:
    return {
        "title": chart.title,
        "caption": chart.caption,
        "legend": legend(chart),
        "panels": [{"title": axes.heading, "svg": Markup(panel(axes))} for axes in chart.panels],
    }
