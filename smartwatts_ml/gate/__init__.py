"""The gate: whether a challenger may replace the champion, judged like a treatment.

``judgement`` says what it is made from, ``judge`` makes it, ``decision`` is what comes out.
All of it is pure: no file, no clock, no store. What feeds it is in ``judging/``.
"""

from __future__ import annotations

from smartwatts_ml.gate.decision import (
    CHALLENGER,
    CHAMPION,
    Check,
    Decision,
    Outcome,
    Part,
    absent_parts,
    not_judged,
)
from smartwatts_ml.gate.judge import judge
from smartwatts_ml.gate.judgement import Facts, Judgement, Rules

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Check",
    "Decision",
    "Facts",
    "Judgement",
    "Outcome",
    "Part",
    "Rules",
    "absent_parts",
    "judge",
    "not_judged",
]
