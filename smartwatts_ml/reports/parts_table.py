"""The table of a model's parts: appliances, days ahead, types of anomaly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartwatts_ml.gate import CHALLENGER, CHAMPION
from smartwatts_ml.judging.record import StoredDecision
from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.kinds.meaning import meaning_of
from smartwatts_ml.scores.meaning import MetricMeaning

__all__ = ["part_rows"]

_CHANNEL = "channel "


def part_rows(kind: Kind, decision: StoredDecision) -> dict[str, Any]:
    """A row for each part that was judged or scored: whether the file has it, its metric beside
    the champion's, and what was measured. ``part_metric`` is what that is; there may be none."""
    scored = {
        name.removeprefix(_CHANNEL): metrics
        for name, metrics in decision.slices.get(CHALLENGER, {}).items()
        if name.startswith(_CHANNEL)
    }
    theirs = decision.slices.get(CHAMPION) or {}
    judged = {part.name: part for part in decision.parts}
    metric = _metric(kind, scored)
    meaning = meaning_of(kind, metric) if metric else MetricMeaning("")
    any_ships = any(part.ships for part in decision.parts)
    rows = []
    for name in dict.fromkeys((*judged, *scored)):
        ours = scored.get(name, {}).get(metric)
        other = (theirs.get(f"{_CHANNEL}{name}") or {}).get(metric)
        part = judged.get(name)
        rows.append(
            {
                "name": name,
                "ships": part is None or part.ships,
                "in_file": _in_file(part, any_ships) if part else "",
                "challenger": meaning.text(ours),
                "champion": meaning.text(other),
                "change": meaning.change(other, ours),
                "better": meaning.is_better(ours, other),
                "text": part.text if part else "",
            }
        )
    return {
        "part_rows": sorted(rows, key=lambda row: (row["ships"], row["better"] is not False)),
        "part_metric": meaning.label,
    }


def _metric(kind: Kind, scored: Mapping[str, Mapping[str, float]]) -> str:
    """The first metric that parts are judged by, or the model is, and that they have."""
    there = {metric for metrics in scored.values() for metric in metrics}
    wanted = [criterion.metric for criterion in (*kind.part_criteria, *kind.criteria)]
    return next((metric for metric in wanted if metric in there), "")


def _in_file(part: Any, any_ships: bool) -> str:
    if not part.ships:
        return "left out" if any_ships else "not learned"
    return "back" if part.notable else "yes"
