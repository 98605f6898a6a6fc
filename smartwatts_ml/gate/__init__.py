"""The gate: whether a challenger may replace the champion, judged like a treatment.

``case`` says what a judgement is made from, ``judge`` makes it, ``decision`` is what comes
out. All of it is pure; what reads stores and runs models is in ``opponents`` and ``replay``.
"""

from __future__ import annotations

from smartwatts_ml.gate.decision import (
    CHALLENGER,
    CHAMPION,
    Check,
    Comparison,
    Decision,
    Outcome,
    not_judged,
)
from smartwatts_ml.gate.judge import judge
from smartwatts_ml.gate.judgement import Case, Facts, Rules

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Case",
    "Check",
    "Comparison",
    "Decision",
    "Facts",
    "Outcome",
    "Rules",
    "judge",
    "not_judged",
]
