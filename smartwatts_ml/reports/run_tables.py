"""The tables of a run's report, from a stored decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from smartwatts_ml.gate import CHALLENGER, CHAMPION, Facts
from smartwatts_ml.gate.decision import SliceResult
from smartwatts_ml.judging.record import Record, StoredDecision
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.kinds.meaning import meaning_of
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.holdout import Split
from smartwatts_ml.reports.pages import number
from smartwatts_ml.reports.svg import change_bar, interval_bar, time_bar
from smartwatts_ml.runs.site_names import SiteNames
from smartwatts_ml.scores.meaning import MetricMeaning

__all__ = ["coverage_rows", "drift_rows", "failed_first", "metric_rows", "slice_rows"]

_MOST_SLICES = 60
_MOST_SITES = 50
_SYSTEMS = (CHALLENGER, CHAMPION, "baseline")
_Interval = Sequence[float]


def metric_rows(kind: Kind, decision: StoredDecision) -> dict[str, Any]:
    """Each metric by system, with its interval and a bar on a common axis."""
    metrics = {name: values for name in _SYSTEMS if (values := decision.metrics.get(name))}
    resampled = {**decision.intervals, "baseline": decision.intervals.get(decision.baseline or "")}
    intervals = {name: resampled.get(name) or {} for name in metrics}
    decide = [criterion.metric for criterion in kind.criteria]
    names = sorted({metric for values in metrics.values() for metric in values})
    ordered = sorted(names, key=lambda metric: (metric not in decide, metric))
    meanings = {metric: meaning_of(kind, metric) for metric in ordered}
    rows = [
        {
            "label": meaning.label,
            "decides": metric in decide,
            "loses": _lost_to(meaning, metric, metrics),
            "cells": _cells(metric, meaning, metrics, intervals),
        }
        for metric, meaning in meanings.items()
    ]
    confidence = decision.record.rules.confidence if decision.record else 0.95
    said = {meaning.label: meaning for meaning in meanings.values() if meaning.says}
    glossary = list(said.values())
    return {
        "rows": rows,
        "systems": list(metrics),
        "confidence": confidence,
        "glossary": glossary,
    }


def failed_first(reasons: Sequence[str]) -> list[str]:
    """The same, rules that failed before those that did not.

    >>> failed_first(["better", "failed: worse in kettle", "smaller"])
    ['failed: worse in kettle', 'better', 'smaller']
    """
    return sorted(reasons, key=lambda reason: not reason.startswith("failed"))


def _lost_to(
    meaning: MetricMeaning, metric: str, metrics: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Systems that have a better value than the challenger."""
    ours = metrics.get(CHALLENGER, {}).get(metric)
    return [
        system
        for system, values in metrics.items()
        if meaning.is_better(values.get(metric), ours) is True
    ]


def _cells(
    metric: str,
    meaning: MetricMeaning,
    metrics: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, _Interval]],
) -> list[dict[str, Any]]:
    bounds = [bound for system in intervals.values() for bound in system.get(metric, ())]
    axis = (min(bounds), max(bounds)) if bounds else (0.0, 1.0)
    cells = []
    for system, values in metrics.items():
        value, interval = values.get(metric, np.nan), intervals[system].get(metric)
        cell = {"value": meaning.text(value), "span": "", "bar": ""}
        if interval and np.isfinite(value):
            cell["span"] = f"{meaning.text(interval[0])} to {meaning.text(interval[1])}"
            cell["bar"] = Markup(interval_bar(value, interval, axis, system))
        cells.append(cell)
    return cells


def slice_rows(kind: Kind, decision: StoredDecision) -> dict[str, Any]:
    """Slices, broken ones first, then groups, then sites by loss."""
    facts = decision.record.facts if decision.record else Facts(split="")
    results = sorted(decision.slice_results, key=_by_need)
    rows = [
        {
            "name": facts.call(result.name),
            "judged": result.judged,
            "passed": result.passed,
            "challenger": number(result.challenger),
            "champion": number(result.champion),
            "change": number(-result.loss, "+.1%").replace("-", "−"),
            "worse": bool(result.loss > 0),
            "bar": Markup(change_bar(result.loss, result.allowed, result.passed)),
        }
        for result in results[:_MOST_SLICES]
    ]
    return {
        "slices": rows,
        "more_slices": max(len(results) - _MOST_SLICES, 0),
        "deciding": next(c.label for c in kind.criteria if c.role == "improve"),
    }


def _by_need(result: SliceResult) -> tuple[bool, bool, float]:
    is_site = result.name.startswith("site ")
    return result.passed, is_site, -np.nan_to_num(result.loss) if is_site else 0.0


def drift_rows(record: Record | None) -> list[dict[str, Any]]:
    """Features, the most shifted first."""
    return [
        {
            "feature": moved.feature,
            "unit": moved.unit,
            "psi": number(moved.psi),
            "before": number(moved.before),
            "now": number(moved.now),
            "shifted": moved.shifted(record.rules.drift),
        }
        for moved in (record.facts.drift if record else ())
        if record
    ]


def coverage_rows(
    spans: Sequence[SiteSpan], split: Split, timezone: Callable[[str], str], names: SiteNames
) -> dict[str, Any]:
    """What each site holds, from when on it is held out, both on a common time axis, and by whose
    clock it lives. In the order of what people read: that of names would tell which is which."""
    shown = sorted(spans, key=lambda span: names(span.site))[:_MOST_SITES]
    axis = (min(span.start for span in shown), max(span.end for span in shown))
    rows = [
        {
            "site": names(span.site),
            "clock": timezone(span.site),
            "start": _day(span.start),
            "end": _day(span.end),
            "held_out": _day(_held_out(span, split)) if span.site in split.judged_sites else "–",
            "coverage": "–" if span.coverage is None else f"{span.coverage:.1%}",
            "unseen": span.site in split.held_out_sites,
            "bar": _time_bar(span, split, axis, names(span.site)),
        }
        for span in shown
    ]
    return {"coverage": rows, "more_sites": max(len(spans) - _MOST_SITES, 0)}


def _held_out(span: SiteSpan, split: Split) -> np.datetime64:
    """From when on a site is held out: its end where it left."""
    return split.holdout_start.get(span.site, span.end)


def _day(time: np.datetime64) -> str:
    return str(time)[:10]


def _time_bar(
    span: SiteSpan, split: Split, axis: tuple[np.datetime64, np.datetime64], site: str
) -> Markup:
    first, last = axis

    def share(time: np.datetime64) -> float:
        return float(np.clip((time - first) / (last - first), 0, 1))

    held_out = _held_out(span, split)
    trained = span.start if span.site in split.held_out_sites else split.training_end(span)
    parts = [
        ("challenger", share(span.start), share(trained)),
        ("context", share(trained), share(held_out)),
        ("champion", share(held_out), share(span.end)),
    ]
    return Markup(time_bar(parts, f"{site}, {_day(span.start)} to {_day(span.end)}"))
