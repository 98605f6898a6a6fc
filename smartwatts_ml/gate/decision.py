"""A decision and everything that led to it, as values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Check",
    "Comparison",
    "Decision",
    "Evidence",
    "Metrics",
    "Outcome",
    "SliceResult",
    "not_judged",
]

CHALLENGER = "challenger"
CHAMPION = "champion"
SCHEMA = 2

Metrics = dict[str, float]


class Outcome(StrEnum):
    """Why a decision is what it is."""

    BETTER = "better"
    REPAIRS = "repairs"
    NO_EVIDENCE = "no evidence"
    WORSE = "worse"
    BASELINE = "not better than the baseline"
    GUARD = "guard"
    SLICE = "slice"
    CHECK = "check"
    TROUBLE = "trouble"


@dataclass(frozen=True)
class Comparison:
    """One metric of the challenger against one opponent.

    ``gain`` > 0 means that the challenger is better, in the metric's unit; ``low`` and
    ``high`` bound it. ``p`` is the one-sided p-value of what failing it would take: for the
    deciding metric "no better", for a guard "no worse", adjusted for the number of guards
    and slices (Holm).
    """

    opponent: str
    metric: str
    label: str
    role: Literal["improve", "baseline", "guard", "series"]
    challenger: float
    other: float
    gain: float
    low: float
    high: float
    p: float
    passed: bool
    text: str


@dataclass(frozen=True)
class SliceResult:
    """The deciding metric in one slice; ``loss`` > 0 is the share by which the challenger
    is worse than the champion there, ``p`` that of "no worse", adjusted (Holm)."""

    name: str
    challenger: float
    champion: float
    loss: float
    allowed: float
    p: float
    judged: bool
    passed: bool


@dataclass(frozen=True)
class Check:
    """Something that has to hold whatever the champion does; ``text`` says so or how not."""

    name: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Evidence:
    """How much there was to judge by: ``units`` ("sites" or "weeks within N sites") drawn,
    how many, and how many it would take to tell a gain of this size (None: unknown)."""

    over: str
    count: int
    needed: int | None
    confidence: float


@dataclass(frozen=True)
class Decision:
    """Accepted or not, and everything that led to it."""

    model: str
    accepted: bool
    outcome: Outcome
    summary: str
    reasons: tuple[str, ...]
    holdout_digest: str
    metrics: dict[str, Metrics | None]
    intervals: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    slice_results: tuple[SliceResult, ...] = ()
    checks: tuple[Check, ...] = ()
    repairs: tuple[str, ...] = ()
    slices: dict[str, dict[str, Metrics]] = field(default_factory=dict)
    evidence: Evidence | None = None
    champion_version: int | None = None
    baseline: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; a number that is not finite becomes null."""
        return {"schema": SCHEMA, **plain(asdict(self))}


def not_judged(model: str, reason: str, champion_version: int | None = None) -> Decision:
    """The decision where there was not enough to train on or to judge with, or where
    something kept it from being judged."""
    return Decision(
        model=model,
        accepted=False,
        outcome=Outcome.TROUBLE,
        summary=f"{model} kept: {reason}",
        reasons=(reason,),
        holdout_digest="",
        metrics={CHALLENGER: None, CHAMPION: None, "baseline": None},
        champion_version=champion_version,
    )


def plain(value: Any) -> Any:
    """JSON has no NaN: null stands for a number that is not defined."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return str(value) if isinstance(value, StrEnum) else value
