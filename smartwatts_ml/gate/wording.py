"""What people read: numbers, and one sentence for an operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from smartwatts_ml.gate.decision import Comparison, Evidence, Part, SliceResult, absent_parts
from smartwatts_ml.scores.scores import Criterion

__all__ = [
    "chance",
    "change",
    "home_sentence",
    "lacking",
    "number",
    "part_sentences",
    "parts_clause",
    "perhaps_worse",
    "reason",
    "slice_sentence",
    "too_small",
    "verdict",
]

_NAMED = 5


def number(value: float) -> str:
    """Four digits, or "missing".

    >>> number(0.123456), number(float("nan"))
    ('0.1235', 'missing')
    """
    return f"{value:.4g}" if np.isfinite(value) else "missing"


def chance(p: float) -> str:
    """A p-value.

    >>> chance(0.0123), chance(0.0)
    ('p = 0.012', 'p < 0.001')
    """
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def parts_clause(parts: Sequence[Part]) -> str:
    """What the file lacks, or has again, as the end of the summary.

    >>> parts_clause([Part("kettle", True, ""), Part("oven", False, "F1 0"), Part("tv", False, "")])
    '; left out: oven, tv'
    """
    absent = list(absent_parts(parts))
    back = [part.name for part in parts if part.ships and part.notable]
    clauses = (("left out", absent), ("back", back))
    return "".join(f"; {word}: {_named(names)}" for word, names in clauses if names)


def part_sentences(parts: Sequence[Part]) -> list[str]:
    """What there is to say of each part.

    >>> part_sentences([Part("kettle", True, ""), Part("oven", False, "F1 0")])
    ['oven is left out: F1 0']
    >>> part_sentences([Part("oven", False, "F1 0")])
    ['oven is not better than its own baseline: F1 0']
    """
    if any(part.ships for part in parts):
        return [part.sentence for part in parts if part.notable]
    return [f"{part.name} is not better than its own baseline: {part.text}" for part in parts]


def _named(names: Sequence[str]) -> str:
    """Some names, and how many more there are.

    >>> _named(["kettle"]), _named(["day 1", "day 2", "day 3", "day 4", "day 5", "day 6"])
    ('kettle', 'day 1, day 2, day 3, day 4, day 5 and 1 more')
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def verdict(passed: bool) -> str:
    """How each reason begins."""
    return "passed" if passed else "failed"


def change(comparison: Comparison) -> str:
    """What is another, and by how much."""
    signed = _signed(comparison.challenger, comparison.other)
    return f"{comparison.label} {signed} against {comparison.opponent}"


def _signed(ours: float, theirs: float) -> str:
    """A change with its sign: a share of large values, else the difference.

    >>> _signed(5.0, 10.0), _signed(0.7, 0.8)
    ('−50.0%', '−0.100')
    """
    difference = ours - theirs
    large = abs(theirs) > 2
    text = f"{difference / abs(theirs):+.1%}" if large else f"{difference:+.3f}"
    return text.replace("-", "−")


def reason(comparison: Comparison, criterion: Criterion, confidence: float) -> str:
    """Both values, and what was asked of them."""
    text = (
        f"{verdict(comparison.passed)}: {comparison.label} {number(comparison.challenger)} "
        f"against {number(comparison.other)} of {comparison.opponent}"
    )
    signed = _signed(comparison.challenger, comparison.other)
    if comparison.role == "baseline":
        return f"{text} ({signed})"
    if comparison.role == "guard":
        allowed = f"{criterion.tolerance:.0%}" if criterion.relative else f"{criterion.tolerance:g}"
        return f"{text} ({signed}; may fall by {allowed}; {chance(comparison.p)}, Holm)"
    span = f"gain {comparison.gain:.4g}, at least {comparison.low:.4g}"
    shown = span if np.isfinite(comparison.low) else signed
    return f"{text} ({shown} with {confidence:.0%} confidence, {chance(comparison.p)})"


def lacking(comparison: Comparison, evidence: Evidence) -> str:
    """Better by too little to be told from chance, and what would be enough."""
    said = change(comparison) if comparison.role == "improve" else _at_home(comparison)
    most = f"at most {1 - evidence.confidence:.2g} passes"
    asked = f"{chance(comparison.p)}, {most}; {_have(evidence)}"
    text = f"not enough evidence: {said} may be chance ({asked})"
    return f"{text}: {_would_pass(evidence)}" if comparison.role == "improve" else text


def _would_pass(evidence: Evidence) -> str:
    """What would change the verdict."""
    if evidence.passing is None:
        return "a holdout of more calendar weeks would tell"
    text = f"a gain of {evidence.passing:.1%} would pass"
    if evidence.passing_later is None:
        return text
    return f"{text}, {evidence.passing_later:.1%} once the champion is {evidence.later:g} weeks old"


def too_small(comparison: Comparison, least: float, evidence: Evidence) -> str:
    """Better beyond chance, by less than counts."""
    return (
        f"not enough evidence: {change(comparison)} is a gain of less than {least:.1%}, which "
        f"another seed may give ({_have(evidence)}): {_would_pass(evidence)}"
    )


def perhaps_worse(comparison: Comparison, evidence: Evidence) -> str:
    """Worse by its estimate: more evidence would hardly let it pass, a better model would."""
    said = f"{change(comparison)} is worse, though chance may give that ({_have(evidence)})"
    return f"{said}: {_would_pass(evidence)}"


def home_sentence(comparison: Comparison) -> str:
    """Better pooled, and not home by home."""
    return f"{_at_home(comparison)}: what is better pooled comes from few homes that weigh much"


def _at_home(comparison: Comparison) -> str:
    word = "worse" if comparison.gain < 0 else "better"
    return (
        f"home by home {comparison.label} is {word} by {abs(comparison.gain):.1%} on average "
        f"against {comparison.opponent}"
    )


def _have(evidence: Evidence) -> str:
    return f"{evidence.count} {evidence.over}"


def slice_sentence(result: SliceResult, label: str, call: Callable[[str], str]) -> str:
    """What got worse where; ``call``: what people read of a slice."""
    if not np.isfinite(result.challenger):
        return f"{label} of {call(result.name)} is missing"
    ours, theirs = number(result.challenger), number(result.champion)
    return (
        f"{call(result.name)}: {label} {ours} against {theirs} of {result.opponent}, "
        f"worse by {result.loss:.0%} (at most {result.allowed:.0%})"
    )
