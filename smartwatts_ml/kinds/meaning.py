"""What the metrics of a kind mean, for people."""

from __future__ import annotations

from dataclasses import replace

from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.scores.meaning import MetricMeaning, plain_meaning

__all__ = ["meaning_of"]


def meaning_of(kind: Kind, metric: str) -> MetricMeaning:
    """As the kind's glossary has it, else as far as its criteria and the name say."""
    if metric in kind.glossary:
        return kind.glossary[metric]
    said = plain_meaning(metric)
    for criterion in kind.criteria:
        if criterion.metric == metric:
            return replace(said, label=criterion.label, better=criterion.better)
    return said
