"""An evaluation as JSON, as a table to read, and with its figures, in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.scores.bootstrap import Over, resample, site_sums, slices_of
from smartwatts_ml.scores.scores import Scores, Table

__all__ = ["evaluation_report", "write_evaluation"]

SAMPLES = 400
MIN_SITES = 10
"""With fewer sites the bootstrap draws weeks within each site, as the gate does."""
INTERVAL = (2.5, 97.5)


def evaluation_report(kind: Kind, model: str, scores: Scores, seed: int) -> dict[str, Any]:
    """Plain JSON: metrics with bootstrap intervals (95 %), slices by site, by channel and
    by both, the kind's own tables."""
    over: Over = "sites" if len(np.unique(scores.sites)) >= MIN_SITES else "weeks"
    slices = {name: kind.work.headline(site_sums(part)) for name, part in slices_of(scores).items()}
    return {
        "model": model,
        "metrics": {**kind.work.headline(site_sums(scores)), **scores.extra},
        "intervals": _intervals(kind, scores, over, seed),
        "bootstrap": {"over": over, "samples": SAMPLES},
        "slices": slices,
        "by_site_and_channel": _cells(kind, scores),
        "tables": {title: _plain(rows) for title, rows in scores.tables.items()},
        "notes": list(scores.notes),
        "record": dict(scores.record),
    }


def _intervals(kind: Kind, scores: Scores, over: Over, seed: int) -> dict[str, list[float]]:
    """Bounds of the middle 95 % of bootstrap samples; a metric undefined in any has none."""
    drawn = [kind.work.headline(sums) for sums in resample(scores, over, SAMPLES, seed)]
    found = {}
    for name in drawn[0]:
        values = np.array([metrics[name] for metrics in drawn])
        if np.isfinite(values).all():
            found[name] = [float(bound) for bound in np.percentile(values, INTERVAL)]
    return found


def _cells(kind: Kind, scores: Scores) -> dict[str, dict[str, dict[str, float]]]:
    """Metrics of each channel of each site, where there are several channels."""
    total = site_sums(scores)
    if len(scores.channels) < 2:
        return {}
    return {
        str(site): {
            channel: kind.work.headline(total[i : i + 1, k : k + 1])
            for k, channel in enumerate(scores.channels)
        }
        for i, site in enumerate(np.unique(scores.sites))
    }


def _plain(rows: Table) -> dict[str, dict[str, float]]:
    return {label: dict(values) for label, values in rows.items()}


def write_evaluation(
    kind: Kind, result: Mapping[str, Any], figures: Mapping[str, bytes], folder: Path
) -> list[str]:
    """Write evaluation.json, evaluation.md and ``<name>.png``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "evaluation.json": json.dumps(_finite(result), indent=1).encode(),
        "evaluation.md": _markdown(kind, result).encode(),
        **{f"{name}.png": content for name, content in figures.items()},
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]


def _finite(value: Any) -> Any:
    """JSON has no NaN: null stands for a metric that is not defined."""
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _markdown(kind: Kind, result: Mapping[str, Any]) -> str:
    whole = {
        name: {
            "value": value,
            **dict(zip(("from", "to"), result["intervals"].get(name, ()), strict=False)),
        }
        for name, value in result["metrics"].items()
    }
    parts = [f"# {kind.title}: {result['model']}", _table("metric", whole)]
    if result["slices"]:
        parts.append(_table("part", result["slices"]))
    for site, channels in result["by_site_and_channel"].items():
        parts.append(_table(site, channels))
    parts += [_table(title, rows) for title, rows in result["tables"].items()]
    parts += list(result["notes"])
    return "\n\n".join(parts) + "\n"


def _table(title: str, rows: Table) -> str:
    columns = list(dict.fromkeys(name for values in rows.values() for name in values))
    lines = [f"| {title} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for label, values in rows.items():
        shown = (f"{values[name]:.4g}" if name in values else "" for name in columns)
        lines.append(f"| {label} | {' | '.join(shown)} |")
    return "\n".join(lines)
