"""A decision and everything that led to it, as values.

In JSON a number that is not finite is null; what is read back from there is NaN.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Check",
    "Comparison",
    "Decision",
    "Evidence",
    "Metrics",
    "Outcome",
    "Part",
    "Role",
    "SliceResult",
    "absent_parts",
    "not_judged",
]

CHALLENGER = "challenger"
CHAMPION = "champion"
_SCHEMA = 2


def _nan_for_null(value: Any) -> Any:
    return np.nan if value is None else value


_Number = Annotated[float, BeforeValidator(_nan_for_null)]
Metrics = dict[str, _Number]
Role = Literal["improve", "homes", "baseline", "guard", "series"]


class Outcome(StrEnum):
    """Why a decision is what it is."""

    BETTER = "better"
    REPAIRS = "repairs"
    NO_EVIDENCE = "no evidence"
    WORSE = "worse"
    BASELINE = "not better than the baseline"
    GUARD = "guard"
    SLICE = "slice"
    HOMES = "homes"
    CHECK = "check"
    TROUBLE = "trouble"

    @property
    def accepts(self) -> bool:
        """Whether the challenger may replace the champion."""
        return self in (Outcome.BETTER, Outcome.REPAIRS)


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
    role: Role
    challenger: _Number
    other: _Number
    gain: _Number
    low: _Number
    high: _Number
    p: _Number
    passed: bool
    text: str


@dataclass(frozen=True)
class SliceResult:
    """The deciding metric in one slice; ``loss`` > 0 is the share by which the challenger
    is worse there than the ``opponent``, the champion or an anchor (whose metric ``champion``
    is then), ``p`` that of "no worse", adjusted (Holm)."""

    name: str
    challenger: _Number
    champion: _Number
    loss: _Number
    allowed: float
    p: _Number
    judged: bool
    passed: bool
    opponent: str = CHAMPION


@dataclass(frozen=True)
class Check:
    """Something that has to hold whatever the champion does; ``text`` says so or how not."""

    name: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Part:
    """A part of the model (an appliance, a day ahead, a type of anomaly) beside its own
    baseline. ``ships``: whether the published file has it; ``text``: what was measured;
    ``in_champion``: whether the champion has it, None where there is no champion."""

    name: str
    ships: bool
    text: str
    in_champion: bool | None = None

    @property
    def sentence(self) -> str:
        """What an operator reads of one that is left out, or that comes back."""
        if self.ships:
            return f"{self.name} is in the file, which that of the champion lacks: {self.text}"
        lost = ", though the champion has it" if self.in_champion else ""
        return f"{self.name} is left out{lost}: {self.text}"

    @property
    def notable(self) -> bool:
        """Whether there is anything to say of it."""
        return not self.ships or self.in_champion is False


def absent_parts(parts: Collection[Part]) -> dict[str, str]:
    """What the file lacks, by part, each with the reason. Where no part ships nothing is taken
    out: nothing is accepted then, and who forces it gets all of it.

    >>> absent_parts([Part("kettle", True, ""), Part("oven", False, "F1 0")])
    {'oven': 'F1 0'}
    >>> absent_parts([Part("oven", False, "F1 0")])
    {}
    """
    absent = {part.name: part.text for part in parts if not part.ships}
    return absent if len(absent) < len(parts) else {}


@dataclass(frozen=True)
class Evidence:
    """How much there was to judge by: ``count`` units ``over`` which a gain was told from
    chance, the ``confidence`` that was asked for, and the gain that would have passed, as a
    share of the opponent's metric (None where none would); ``passing_later``: the same once the
    champion is ``later`` weeks old, where less is asked then."""

    over: str
    count: int
    confidence: float
    passing: _Number | None = None
    later: float | None = None
    passing_later: _Number | None = None


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
    parts: tuple[Part, ...] = ()
    repairs: tuple[str, ...] = ()
    slices: dict[str, dict[str, Metrics]] = field(default_factory=dict)
    evidence: Evidence | None = None
    champion_version: int | None = None
    baseline: str | None = None
    notes: tuple[str, ...] = ()
    schema: int = _SCHEMA

    @property
    def proceed(self) -> bool:
        """Whether the run goes on with the challenger."""
        return self.accepted


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
