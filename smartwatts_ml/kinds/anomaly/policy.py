"""From scores to alerts that do not repeat themselves: a rule that runs beside the model.

It looks back only and keeps a handful of numbers for each home:

- The limit follows the home and its season: each alert lifts it by a step, and it falls back
  evenly to the file's threshold. So alerts come at most about as often as it falls by a step,
  whatever the home does (a quantile tracker, Angelopoulos, Candès, Tibshirani, Conformal PID
  control, 2023, after Gibbs, Candès, Adaptive conformal inference, 2021).
- An alert starts at an hour whose score reaches the limit and goes on while scores stay
  within ``_EASE`` of it, through pauses of up to ``_GAP`` hours.
- After ``LONGEST`` hours it has been said: while it goes on the same way it is no news.
- For ``MEMORY`` hours, an alert of the same family has to be odder than the one before; how
  much falls evenly to nothing. So a daily pattern that is new is told once or twice while
  the window learns it, and an outage after a holiday is still told at once.

Slow rises have a channel of their own (``rise_alerts``), since what rises within days is at no
hour odd: one is told once, and not again within ``_RISES``.

A threshold that was asked for as a quantile, without a budget, is taken at its word
instead: every hour that reaches it is alerted (``plain_alerts``).

Scores are compared as nines (0.999 is 3): that is where what matters lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.injection import TYPES

__all__ = [
    "FAMILIES",
    "FIXED",
    "LONGEST",
    "MEMORY",
    "Limit",
    "families",
    "nines",
    "plain_alerts",
    "quiet_alerts",
    "rise_alerts",
    "with_rises",
]

_EASE = 0.5
_GAP = 3
LONGEST = 48
MEMORY = 28 * 24
_MARGIN = 0.3
_RISES = 14 * 24
FAMILIES = {"more": ("spike", "creep", "high"), "less": ("outage",), "shape": ("stuck", "shift"),
            "scale": ("scale",)}  # fmt: skip
_FAMILY_OF = np.array([next(i for i, types in enumerate(FAMILIES.values()) if name in types)
                      for name in TYPES])  # fmt: skip


def nines(score: np.ndarray) -> np.ndarray:
    """Scores in 0..1 as powers of ten of rarity.

    >>> nines(np.array([0.0, 0.9, 0.999])).round(3).tolist()
    [0.0, 1.0, 3.0]
    """
    return np.asarray(-np.log10(np.maximum(1.0 - np.asarray(score, np.float64), 1e-9)) + 0.0)


def families(likeness: np.ndarray) -> np.ndarray:
    """Family of the likeliest type of each hour, from shape (n, 7), int, shape (n,)."""
    return np.asarray(_FAMILY_OF[np.argmax(likeness, axis=1)])


def plain_alerts(hours: np.ndarray, loud: np.ndarray) -> np.ndarray:
    """Number of the run of consecutive ``loud`` hours that each hour belongs to, from 1 on,
    0 for none, shape (n,).

    >>> plain_alerts(np.array([4, 5, 7, 8]), np.array([True, True, True, False])).tolist()
    [1, 1, 2, 0]
    """
    joins = np.r_[False, loud[:-1] & (np.diff(hours) == 1)] if len(hours) else loud
    return np.asarray(np.where(loud, np.cumsum(loud & ~joins), 0), np.int64)


@dataclass(frozen=True)
class Limit:
    """How the limit of a home moves above the file's threshold, in nines: ``step`` up with each
    alert, to at most ``most``, and down by ``fall`` an hour."""

    step: float
    fall: float
    most: float


FIXED = Limit(0.0, 0.0, 0.0)
"""The threshold itself."""


@dataclass
class _Raised:
    """A limit of one home: what it was ``above`` the threshold at an ``hour``."""

    limit: Limit
    above: float = 0.0
    hour: int = 0

    def at(self, hour: int) -> float:
        return max(self.above - self.limit.fall * (hour - self.hour), 0.0)

    def alerted(self, hour: int) -> None:
        self.above, self.hour = min(self.at(hour) + self.limit.step, self.limit.most), hour


@dataclass
class _Alert:
    start: int
    last: int
    peak: float
    family: int
    limit: float


def quiet_alerts(
    hours: np.ndarray,
    loud: np.ndarray,
    rarity: np.ndarray,
    family: np.ndarray,
    threshold: float,
    limit: Limit = FIXED,
) -> np.ndarray:
    """Number of the alert that each hour belongs to, from 1 on, 0 for none, shape (n,).

    ``hours``: of each score, ascending, shape (n,). ``loud``: bool, may start an alert.
    ``rarity``, ``threshold``: in nines. ``family``: of each hour. All of shape (n,).
    """
    numbers = np.zeros(len(hours), np.int64)
    past: list[_Alert] = []
    now: _Alert | None = None
    raised = _Raised(limit)
    number = 0
    for row in np.flatnonzero(loud | (rarity >= threshold - _EASE)):
        hour, odd = int(hours[row]), float(rarity[row])
        if now is not None and hour - now.last > _GAP + 1:
            past.append(now)
            now = None
        if now is None and loud[row]:
            past = [alert for alert in past if hour - alert.last < MEMORY]
            above = raised.at(hour)
            if odd >= _needed(past, hour, int(family[row]), threshold, above):
                now = _Alert(hour, hour, odd, int(family[row]), threshold + above)
                raised.alerted(hour)
                number += 1
                numbers[row] = number
        elif now is not None and odd >= now.limit - _EASE:
            now.last = hour
            if hour - now.start < LONGEST:
                now.peak = max(now.peak, odd)
                numbers[row] = number
    return numbers


def rise_alerts(hours: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """Number of the slow rise that each hour belongs to, from 1 on, 0 for none, shape (n,): it goes
    on for up to ``LONGEST`` hours, and none begins within ``_RISES`` hours of the last.

    >>> rise_alerts(np.array([5, 6, 60, 341, 342]), np.array([True] * 5)).tolist()
    [1, 1, 0, 2, 2]
    """
    numbers = np.zeros(len(hours), np.int64)
    number, start = 0, -_RISES
    for row in np.flatnonzero(rise):
        hour = int(hours[row])
        if hour - start >= _RISES or not number:
            number, start = number + 1, hour
        if hour - start < LONGEST:
            numbers[row] = number
    return numbers


def with_rises(alerts: np.ndarray, rises: np.ndarray) -> np.ndarray:
    """Both in one numbering by their first hours; an hour of both is of the alert, shape (n,).

    >>> with_rises(np.array([0, 1, 1, 0, 2]), np.array([1, 1, 0, 0, 0])).tolist()
    [1, 2, 2, 0, 3]
    """
    joined = np.where(alerts > 0, 2 * alerts, np.where(rises > 0, 2 * rises + 1, 0))
    names, first, places = np.unique(joined, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(np.where(names > 0, first, -1)))
    return np.asarray(order[places.reshape(-1)] + (0 if (names == 0).any() else 1))


def _needed(past: list[_Alert], hour: int, family: int, threshold: float, above: float) -> float:
    """Nines that an alert of this family takes now, after what was told before."""
    needed = threshold + above if above else -np.inf
    for alert in past:
        if alert.family == family:
            share = 1.0 - (hour - alert.last) / MEMORY
            needed = max(needed, threshold + (alert.peak + _MARGIN - threshold) * share)
    return float(needed)
