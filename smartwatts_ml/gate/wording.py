"""What people read: numbers, and one sentence for an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from smartwatts_ml.gate.decision import Comparison, Evidence, SliceResult

__all__ = ["lacking", "number", "signed", "slice_sentence"]

MANY = 100_000


def number(value: float) -> str:
    """Four digits, or "missing".

    >>> number(0.123456), number(float("nan"))
    ('0.1235', 'missing')
    """
    return f"{value:.4g}" if np.isfinite(value) else "missing"


def signed(metric: str, ours: float, theirs: float) -> str:
    """A change with its sign: a share of large values, else the difference.

    >>> signed("mae_w", 5.0, 10.0), signed("f1", 0.7, 0.8)
    ('−50.0%', '−0.100')
    """
    change = ours - theirs
    if theirs and abs(theirs) > 2:
        return f"{change / abs(theirs):+.1%}".replace("-", "−")
    return f"{change:+.3f}".replace("-", "−")


def lacking(shown: Comparison, evidence: Evidence) -> str:
    """Too little evidence, with how much there is and how much it would take."""
    have = f"{evidence.count} {evidence.over}"
    if evidence.needed is None:
        return f"not enough evidence: {have}, needs more"
    need = f"about {evidence.needed:,}" if evidence.needed < MANY else f"more than {MANY:,}"
    change = signed(shown.metric, shown.challenger, shown.other)
    return (
        f"not enough evidence: {have}, needs {need} to tell a difference as small as "
        f"{shown.label} {change} against {shown.opponent}"
    )


def slice_sentence(one: SliceResult, label: str) -> str:
    """What got worse where."""
    if not np.isfinite(one.challenger):
        return f"{label} of {one.name} is missing"
    return (
        f"{one.name}: {label} {number(one.challenger)} against {number(one.champion)} of "
        f"champion, worse by {one.loss:.0%} (at most {one.allowed:.0%})"
    )
