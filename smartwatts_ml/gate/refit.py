"""Whether a refitted model may ship in place of the one that was judged.

It has learned the holdout, so nothing there shows that it is good; but it has to behave as the
judged one does: keep the floors, be no worse anywhere on readings that it knows by heart, and
say about the same. Anything else means that the refit went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smartwatts_ml.gate.decision import CHALLENGER, CHAMPION, Check
from smartwatts_ml.gate.judgement import Judgement, sign_of
from smartwatts_ml.gate.rules import floor_checks, troubles
from smartwatts_ml.gate.vetoes import guards, slices
from smartwatts_ml.gate.wording import change, number, slice_sentence

__all__ = ["parity_of_behaviour"]


def parity_of_behaviour(
    judgement: Judgement, differences: Mapping[str, float], most: float
) -> tuple[Check, ...]:
    """All that has to hold. In ``judgement`` the refitted model is the challenger and the
    judged one the champion, on the same holdout; ``differences``: by output, how far the two
    are apart there (``judging.agreement``), at most ``most``."""
    lacking = tuple(Check("scores", False, clause) for clause in troubles(judgement))
    if lacking:
        return lacking
    return (
        _no_worse(judgement),
        *_vetoes(judgement),
        *floor_checks(judgement),
        *(_agreement(name, value, most) for name, value in sorted(differences.items())),
    )


def _no_worse(judgement: Judgement) -> Check:
    """The deciding metric, by its estimate: not worse by more than the margin."""
    criterion, margin = judgement.improve, judgement.rules.margin
    ours, theirs = (judgement.metrics[name][criterion.metric] for name in (CHALLENGER, CHAMPION))
    gain = sign_of(criterion) * (ours - theirs)
    text = (
        f"{criterion.label} {number(ours)} refitted, {number(theirs)} as judged, on readings "
        f"that the refit knows; may be worse by {margin:.0%}"
    )
    return Check(criterion.metric, bool(gain >= -margin * abs(theirs)), text)


def _vetoes(judgement: Judgement) -> tuple[Check, ...]:
    """Guards and slices, those that fail alone."""
    label, call = judgement.improve.label, judgement.facts.call
    return (
        *(Check(g.metric, False, change(g)) for g in guards(judgement) if not g.passed),
        *(
            Check(part.name, False, slice_sentence(part, label, call))
            for part in slices(judgement)
            if not part.passed
        ),
    )


def _agreement(output: str, difference: float, most: float) -> Check:
    if not np.isfinite(difference):
        return Check("agreement", False, f"{output} is not finite on the holdout")
    text = (
        f"{output} differs from what was judged by {difference:.0%} of its spread, "
        f"at most {most:.0%}"
    )
    return Check("agreement", bool(difference <= most), text)
