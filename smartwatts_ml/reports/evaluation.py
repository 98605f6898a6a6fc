"""An evaluation as JSON, as a table to read, and with its figures, in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np

from smartwatts_ml.jsontext import plain
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.kinds.charts import Figure, Heatmap
from smartwatts_ml.scores.bootstrap import Over, interval, resampled, site_sums, slices_of
from smartwatts_ml.scores.scores import Scores, Table

__all__ = ["evaluation_report", "write_evaluation"]

_SAMPLES = 400
_MIN_SITES = 10
"""With fewer sites the bootstrap draws the calendar weeks that they share."""
_TAIL = 0.025
_PNG = "smartwatts_ml.reports.png:png"
"""Loads matplotlib, which figures alone need."""


def evaluation_report(kind: Kind, model: str, scores: Scores, seed: int) -> dict[str, Any]:
    """Plain JSON: metrics with bootstrap intervals (95 %), slices by site, by channel and
    by both, the kind's own tables."""
    over: Over = "sites" if len(np.unique(scores.sites)) >= _MIN_SITES else "weeks"
    return {
        "model": model,
        "metrics": {**kind.work.headline(site_sums(scores)), **scores.extra},
        "intervals": _intervals(kind, scores, over, seed),
        "bootstrap": {"over": over, "samples": _SAMPLES},
        "slices": {name: kind.work.headline(site_sums(s)) for name, s in slices_of(scores).items()},
        "by_site_and_channel": _by_site_and_channel(kind, scores),
        "tables": scores.tables,
        "notes": list(scores.notes),
        "record": scores.record,
    }


def _intervals(kind: Kind, scores: Scores, over: Over, seed: int) -> dict[str, list[float]]:
    """Bounds of the middle 95 % of bootstrap samples; a metric undefined in any has none."""
    samples = resampled(kind.work.headline, scores, over, _SAMPLES, seed)
    bounds = {name: interval(values, _TAIL) for name, values in samples.items()}
    return {name: list(pair) for name, pair in bounds.items() if np.isfinite(pair).all()}


def _by_site_and_channel(kind: Kind, scores: Scores) -> dict[str, Table]:
    """Metrics of each channel of each site, where there are several channels."""
    if len(scores.channels) < 2:
        return {}
    return {
        str(site): {
            channel: kind.work.headline(sums[None, k : k + 1])
            for k, channel in enumerate(scores.channels)
        }
        for site, sums in zip(np.unique(scores.sites), site_sums(scores), strict=True)
    }


def write_evaluation(
    kind: Kind,
    result: Mapping[str, Any],
    figures: Mapping[str, Figure | Heatmap],
    folder: Path,
) -> list[str]:
    """Write evaluation.json, evaluation.md and ``<name>.png``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    png = resolve_name(_PNG)
    files = {
        "evaluation.json": json.dumps(plain(result), indent=1).encode(),
        "evaluation.md": _markdown(kind, result).encode(),
        **{f"{name}.png": png(figure) for name, figure in figures.items()},
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]


def _markdown(kind: Kind, result: Mapping[str, Any]) -> str:
    whole = {
        name: {"value": value, **dict(zip(("from", "to"), bounds, strict=False))}
        for name, value in result["metrics"].items()
        for bounds in [result["intervals"].get(name, ())]
    }
    tables = (
        ("metric", whole),
        ("part", result["slices"]),
        *result["by_site_and_channel"].items(),
        *result["tables"].items(),
    )
    parts = [_table(title, rows) for title, rows in tables if rows]
    return "\n\n".join([f"# {kind.title}: {result['model']}", *parts, *result["notes"]]) + "\n"


def _table(title: str, rows: Table) -> str:
    columns = list(dict.fromkeys(name for values in rows.values() for name in values))
    lines = [f"| {title} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for label, values in rows.items():
        shown = (f"{values[name]:.4g}" if name in values else "" for name in columns)
        lines.append(f"| {label} | {' | '.join(shown)} |")
    return "\n".join(lines)
