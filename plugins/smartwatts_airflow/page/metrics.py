"""What a version's manifest says of how well it does, beside what it had to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smartwatts_ml.kinds.base import Kind
from smartwatts_ml.kinds.meaning import meaning_of
from smartwatts_ml.scores.meaning import MetricMeaning

__all__ = ["BASELINE", "CHALLENGER", "Metric", "metrics_of", "number"]

CHALLENGER = "challenger"  # what a manifest calls the version that it is of
_BEFORE = "champion"  # and the one that was in force when it was judged
BASELINE = "baseline"


@dataclass(frozen=True)
class Metric:
    """A metric of a version, and of the champion before it and the strongest baseline, both on the
    readings that it was judged on; None where one is missing."""

    name: str
    meaning: MetricMeaning
    value: float | None
    before: float | None = None
    baseline: float | None = None

    @property
    def label(self) -> str:
        return self.meaning.label

    @property
    def shown(self) -> str:
        return self.meaning.text(self.value)

    @property
    def beats_baseline(self) -> bool | None:
        """Whether it does; None where nothing says so."""
        return self.meaning.is_better(self.value, self.baseline)

    @property
    def improved(self) -> bool | None:
        """Whether it is better than the champion before."""
        return self.meaning.is_better(self.value, self.before)

    @property
    def change(self) -> str:
        """From the champion before."""
        return self.meaning.change(self.before, self.value)


def metrics_of(kind: Kind, measured: Mapping[str, Any]) -> tuple[Metric, ...]:
    """The metrics that decide, then the others that are required, from a manifest's."""
    names = dict.fromkeys((*(c.metric for c in kind.criteria), *kind.required_metrics))
    return tuple(
        Metric(
            name,
            meaning_of(kind, name),
            number(measured, CHALLENGER, name),
            number(measured, _BEFORE, name),
            number(measured, BASELINE, name),
        )
        for name in names
    )


def number(measured: Mapping[str, Any], system: str, name: str) -> float | None:
    """A measurement in a manifest, where it is a decimal string; None where it is missing.

    >>> number({"challenger": {"f1": "0.81"}}, "challenger", "f1")
    0.81
    >>> number({"challenger": None}, "challenger", "f1") is None
    True
    """
    try:
        return float((measured.get(system) or {})[name])
    except (KeyError, TypeError, ValueError):
        return None
