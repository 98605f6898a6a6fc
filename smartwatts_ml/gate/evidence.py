"""What homes say of a version after it was published, so that looking often costs nothing.

A home counts once, with a difference that is cut to a bound. Against "on average at most
``margin``" a bet on each home multiplies a capital, and the mean of such capitals over a few fixed
stakes is an e-process: of a version that is no worse, the chance that it *ever* reaches 1/α is at
most α, whenever and however often one looks (Ville 1939; bets on bounded means: Waudby-Smith and
Ramdas 2024, "Estimating means of bounded random variables by betting"; confidence sequences:
Howard, Ramdas, McAuliffe and Sekhon 2021). The mean of e-processes is one again, so that losses
over short and long windows, and failures, add up to one number. Since stakes are fixed, the order
of homes does not matter.

No stake lets one home multiply a capital by more than 1.5. So whatever fewer than
``least_homes(α)`` homes say decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from smartwatts_ml.counted import counted

__all__ = [
    "BOUND",
    "Action",
    "HomeEvidence",
    "FleetRules",
    "Verdict",
    "decide",
    "drifted",
    "e_value",
    "interval",
    "least_homes",
    "relative",
    "weigh",
]

BOUND = 0.25
"""Largest difference of a home that counts: an error that is 1.67 times the other."""
_MOST_GAIN = 0.5
_STAKES = 2.0 ** -np.arange(4)
"""Shares of the largest stake, each with the same weight."""
_HALVINGS = 12
Action = Literal["widen", "hold", "back"]


def relative(loss: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Differences of losses, each in -1..1: the same for swapped systems but for the sign, so that
    of equals the mean is 0 however heavy the tails are. NaN where both are 0.

    >>> relative(np.array([1.1, 2.0]), np.array([1.0, 2.0])).round(3).tolist()
    [0.048, 0.0]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        differences: np.ndarray = (loss - other) / (loss + other)
    return differences


def _margin_of(share: float) -> float:
    """The difference of a loss that is higher by a share: 0.05 is 0.0244."""
    return share / (2 + share)


def e_value(differences: np.ndarray, margin: float, bound: float = BOUND) -> float:
    """The capital of bets against "their mean is at most ``margin``", from differences of shape
    (n,), a home each; 1 where there are none. What is not finite is no home.

    >>> e_value(np.full(40, 0.1), 0.02) > 20, e_value(np.zeros(40), 0.02) < 1
    (True, True)
    """
    homes = np.clip(differences[np.isfinite(differences)], -bound, bound)
    if not len(homes):
        return 1.0
    # of the bound that a home cannot pass; a capital stays above 0, whatever it says
    most = min(_MOST_GAIN / (bound - margin), 1 / (bound + margin) * 0.9)
    logs = np.log1p(np.outer(_STAKES * most, homes - margin)).sum(axis=1)
    top = float(logs.max())
    return math.exp(min(top, 600.0)) * float(np.mean(np.exp(logs - top)))


def least_homes(alpha: float) -> int:
    """So many homes at least have to say the same before anything is decided.

    >>> least_homes(0.05)
    8
    """
    return math.ceil(-math.log(alpha) / math.log1p(_MOST_GAIN))


def interval(differences: np.ndarray, alpha: float, bound: float = BOUND) -> tuple[float, float]:
    """A confidence sequence of the mean: all means that neither side's bets have refuted. What bets
    against a mean have won falls as that rises, so the ends are found by halving."""

    def least(side: np.ndarray) -> float:
        low, high = -bound, bound
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            refuted = e_value(side, middle, bound) >= 2 / alpha
            low, high = (middle, high) if refuted else (low, middle)
        return low

    return least(differences), -least(-differences)


@dataclass(frozen=True)
class FleetRules:
    """``harm``: the share by which a loss may be higher; ``failures``: the share of homes in which
    a version may fail beyond those in which the one before does. ``alpha``: the chance that a
    version without harm is taken back; ``patience_days``: after so long without evidence of harm
    a version goes on, 0 for never."""

    harm: float = 0.05
    failures: float = 0.02
    alpha: float = 0.05
    patience_days: float = 28.0


@dataclass(frozen=True)
class HomeEvidence:
    """``harmful``: the e-value against "no more harm than is allowed"; ``harmless``: that against
    "at least so much". ``gain``: by how much losses are lower, as a share (negative: higher), with
    a confidence sequence ``low`` to ``high``; None where nothing was measured. ``homes`` compared,
    ``tried`` the version, and ``failed``."""

    harmful: float = 1.0
    harmless: float = 1.0
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    homes: int = 0
    tried: int = 0
    failed: int = 0

    @property
    def text(self) -> str:
        """For people."""
        said = [f"{self.failed} of {counted(self.tried, 'home')} failed"] if self.failed else []
        if self.gain is not None:
            between = f" ({_worse(self.high)} to {_worse(self.low)})"
            said.insert(
                0, f"in {counted(self.homes, 'home')} errors are {_worse(self.gain)}{between}"
            )
        return "; ".join(said) or "no home says anything yet"


def weigh(
    losses: Sequence[np.ndarray], failures: np.ndarray | None, rules: FleetRules
) -> HomeEvidence:
    """Evidence from differences of losses (> 0 is worse), an array for each window or source, in
    which a home is once; and from failures: 1 where a home failed, less 1 where the home that it
    is compared with did."""
    margin = _margin_of(rules.harm)
    against = [e_value(differences, margin) for differences in losses]
    for_it = [e_value(-differences, -margin) for differences in losses]
    tried = np.zeros(0) if failures is None else failures
    shown = max((d[np.isfinite(d)] for d in losses), key=len, default=np.zeros(0))
    low = high = mean = math.nan
    if len(shown):
        low, high = interval(shown, rules.alpha)
        mean = float(np.clip(shown, -BOUND, BOUND).mean())
    return HomeEvidence(
        harmful=_mean([_mean(against), e_value(tried, rules.failures, 1.0)]),
        harmless=_mean(for_it),
        gain=_gain(mean),
        low=_gain(high),
        high=_gain(low),
        homes=len(shown),
        tried=len(tried),
        failed=int((tried > 0).sum()),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 1.0


def _gain(difference: float) -> float | None:
    """The share by which a loss is lower that a relative difference stands for."""
    return -2 * difference / (1 - difference) if math.isfinite(difference) else None


def drifted(stretches: Sequence[np.ndarray], share: float, alpha: float) -> int | None:
    """The first stretch in which losses are shown to be higher by more than a ``share``; None where
    they are in none. Of a version that does not drift one is found with a chance of ``alpha``,
    however many stretches there are."""
    for number, differences in enumerate(stretches, 1):
        weight = 6 / (math.pi * number) ** 2
        if weight * e_value(differences, _margin_of(share)) >= 1 / alpha:
            return number
    return None


@dataclass(frozen=True)
class Verdict:
    """What is to be done, why, and what it stands on."""

    action: Action
    reason: str
    evidence: HomeEvidence = field(default_factory=HomeEvidence)


def decide(evidence: HomeEvidence, rules: FleetRules, held_days: float) -> Verdict:
    """Back where harm is shown, on where it is refuted or was not seen for long, else neither."""
    needed = 1 / rules.alpha
    if evidence.harmful >= needed:
        return Verdict("back", f"harm is shown: {evidence.text}", evidence)
    if evidence.harmless >= needed and evidence.harmful < math.sqrt(needed):
        return Verdict("widen", f"no harm: {evidence.text}", evidence)
    waited = rules.patience_days and held_days >= rules.patience_days
    if waited and evidence.harmful < math.sqrt(needed) and evidence.homes + evidence.tried:
        days = f"{rules.patience_days:g} days"
        return Verdict("widen", f"no harm was shown in {days}: {evidence.text}", evidence)
    return Verdict("hold", f"not settled: {evidence.text}", evidence)


def _worse(gain: float | None) -> str:
    """By how much errors are higher."""
    return "?" if gain is None else f"{-100 * gain:+.1f} %".replace("-", "−")
