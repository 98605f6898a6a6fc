"""The tables of a run's report, from a stored decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.holdout import Split
from smartwatts_ml.reports.svg import change_bar, interval_bar, time_bar

__all__ = ["coverage_rows", "drift_rows", "metric_rows", "slice_rows"]

MOST_SLICES = 60
MOST_SITES = 50
SYSTEMS = ("challenger", "champion", "baseline")
Stored = Mapping[str, Any]


def metric_rows(kind: Kind, decision: Stored) -> dict[str, Any]:
    """Each metric by system, with its interval and a bar on a common axis."""
    systems = [name for name in SYSTEMS if decision["metrics"].get(name)]
    found = decision.get("intervals", {})
    sources = {name: decision.get("baseline") if name == "baseline" else name for name in systems}
    intervals = {name: found.get(source, {}) for name, source in sources.items()}
    labels = {criterion.metric: criterion.label for criterion in kind.criteria}
    names = list(dict.fromkeys(m for name in systems for m in decision["metrics"][name]))
    names.sort(key=lambda metric: (metric not in labels, metric))
    rows = []
    for metric in names:
        bounds = [b for name in systems for b in intervals[name].get(metric, ())]
        span = (min(bounds), max(bounds)) if bounds else (0.0, 1.0)
        cells = [
            _cell(decision["metrics"][name].get(metric), intervals[name].get(metric), span, name)
            for name in systems
        ]
        rows.append({"label": labels.get(metric, metric.replace("_", " ")), "cells": cells})
    evidence = decision.get("evidence") or {}
    return {"rows": rows, "systems": systems, "confidence": evidence.get("confidence", 0.95)}


def _cell(
    value: float | None, interval: Sequence[float] | None, span: tuple[float, float], role: str
) -> dict[str, Any]:
    from markupsafe import Markup

    if value is None:
        return {"value": "–", "span": "", "bar": ""}
    if not interval:
        return {"value": f"{value:.4g}", "span": "", "bar": ""}
    return {
        "value": f"{value:.4g}",
        "span": f"{interval[0]:.4g} to {interval[1]:.4g}",
        "bar": Markup(interval_bar(value, interval, span, role)),
    }


def slice_rows(kind: Kind, decision: Stored) -> dict[str, Any]:
    """Slices, broken ones first, then groups, then sites by loss."""
    from markupsafe import Markup

    label = next(c.label for c in kind.criteria if c.role == "improve")
    found = sorted(
        decision.get("slice_results", ()),
        key=lambda one: (
            one["passed"],
            one["name"].startswith("site "),
            -(one["loss"] or 0.0) if one["name"].startswith("site ") else 0.0,
        ),
    )
    rows = [
        {
            "name": one["name"],
            "judged": one["judged"],
            "passed": one["passed"],
            "challenger": _number(one["challenger"]),
            "champion": _number(one["champion"]),
            "change": "–" if one["loss"] is None else f"{-one['loss']:+.1%}".replace("-", "−"),
            "bar": Markup(change_bar(one["loss"], one["allowed"], one["passed"])),
        }
        for one in found[:MOST_SLICES]
    ]
    return {
        "slices": rows,
        "more_slices": max(len(found) - MOST_SLICES, 0),
        "deciding": label,
    }


def drift_rows(decision: Stored) -> list[dict[str, Any]]:
    """Features, the most shifted first."""
    record = decision.get("record")
    if not record:
        return []
    threshold = record["rules"]["drift"]
    return [
        {
            **one,
            "shifted": one["psi"] >= max(threshold, one["chance"]),
            **{name: _number(one[name]) for name in ("psi", "before", "now")},
        }
        for one in record["facts"]["drift"]
    ]


def coverage_rows(spans: Sequence[SiteSpan], split: Split) -> dict[str, Any]:
    """What each site holds, from when on it is held out, and both on a common time axis."""
    shown = spans[:MOST_SITES]
    axis = (min(span.start for span in shown), max(span.end for span in shown))
    rows = [
        {
            "site": span.site,
            "start": str(span.start)[:10],
            "end": str(span.end)[:10],
            "held_out": str(split.holdout_start[span.site])[:10],
            "coverage": "–" if span.coverage is None else f"{span.coverage:.1%}",
            "unseen": span.site in split.held_out_sites,
            "bar": _time_bar(span, split, axis),
        }
        for span in shown
    ]
    return {"coverage": rows, "more_sites": max(len(spans) - MOST_SITES, 0)}


def _time_bar(span: SiteSpan, split: Split, axis: tuple[np.datetime64, np.datetime64]) -> str:
    from markupsafe import Markup

    first, last = axis

    def share(time: np.datetime64) -> float:
        return float(np.clip((time - first) / (last - first), 0, 1))

    held_out = split.holdout_start[span.site]
    trained = span.start if span.site in split.held_out_sites else held_out - split.embargo
    parts = [
        ("challenger", share(span.start), share(trained)),
        ("context", share(trained), share(held_out)),
        ("champion", share(held_out), share(span.end)),
    ]
    return Markup(time_bar(parts, f"{span.site}, {str(span.start)[:10]} to {str(span.end)[:10]}"))


def _number(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:.4g}"
