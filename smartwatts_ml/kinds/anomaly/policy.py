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

Slow rises have a channel of their own, since what rises within days is at no hour odd: one begins
where no alert goes on and is told for up to ``LONGEST`` hours, or until an alert begins. For
``_RISES`` hours after its first, the next has to go above the one that was told. It lifts no limit.

A threshold that was asked for as a quantile, without a budget, is taken at its word
instead: every hour that reaches it is alerted (``plain_alerts``).

Scores are compared as nines (0.999 is 3): that is where what matters lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.layout import TYPES

__all__ = [
    "FAMILIES",
    "FIXED",
    "LONGEST",
    "MEMORY",
    "Limit",
    "QuietAlerts",
    "families",
    "nines",
    "plain_alerts",
    "quiet_alerts",
]

_EASE = 0.5
_GAP = 3
LONGEST = 48
MEMORY = 28 * 24
_MARGIN = 0.3
_RISES = 14 * 24
_HIGHER = 0.5  # of the output ``rise``
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


@dataclass
class _Rise:
    start: int
    peak: float


@dataclass(frozen=True)
class QuietAlerts:
    """``number``: of the alert that each hour belongs to, from 1 on, 0 for none; ``rising``:
    whether that is a slow rise. Shape (n,) each."""

    number: np.ndarray
    rising: np.ndarray


def quiet_alerts(
    hours: np.ndarray,
    loud: np.ndarray,
    rarity: np.ndarray,
    family: np.ndarray,
    threshold: float,
    limit: Limit = FIXED,
    rise: np.ndarray | None = None,
) -> QuietAlerts:
    """Alerts of one home, from a clean slate.

    ``hours``: of each score, ascending, shape (n,). ``loud``: bool, may start an alert. ``rarity``,
    ``threshold``: in nines. ``family``: of each hour. ``rise``: how far what is always on has
    risen, a slow rise from 0 on; None where there are none. All of shape (n,).
    """
    rise = np.full(len(hours), -np.inf) if rise is None else rise
    number, rising = np.zeros(len(hours), np.int64), np.zeros(len(hours), bool)
    home = _Home(threshold, limit)
    for row in np.flatnonzero(loud | (rise >= 0) | (rarity >= threshold - _EASE)):
        hour = int(hours[row])
        number[row] = home.alerted(hour, bool(loud[row]), float(rarity[row]), int(family[row]))
        if home.is_quiet and rise[row] >= 0:
            number[row] = home.risen(hour, float(rise[row]))
            rising[row] = number[row] > 0
    return QuietAlerts(number, rising)


class _Home:
    """What is kept of a home, and the rule: one hour after the other, those that are neither loud
    nor near the threshold nor rising left out."""

    def __init__(self, threshold: float, limit: Limit) -> None:
        self._threshold = threshold
        self._raised = _Raised(limit)
        self._past: list[_Alert] = []
        self._now: _Alert | None = None
        self._rise: _Rise | None = None
        self._is_rising = False
        self._number = 0

    @property
    def is_quiet(self) -> bool:
        """No alert goes on."""
        return self._now is None

    def alerted(self, hour: int, loud: bool, rarity: float, family: int) -> int:
        """Number of the alert that the hour belongs to, 0 for none."""
        now = self._now
        if now is not None and hour - now.last > _GAP + 1:
            self._past.append(now)
            now = self._now = None
        if now is None:
            return self._start(hour, rarity, family) if loud else 0
        if not rarity >= now.limit - _EASE:  # NaN neither
            return 0
        now.last = hour
        if hour - now.start >= LONGEST:
            return 0
        now.peak = max(now.peak, rarity)
        return self._number

    def risen(self, hour: int, by: float) -> int:
        """The same of an hour within a slow rise."""
        rise = self._rise
        if rise is not None and self._is_rising and hour - rise.start < LONGEST:
            rise.peak = max(rise.peak, by)
            return self._number
        if rise is not None and hour - rise.start < _RISES and by < rise.peak + _HIGHER:
            return 0
        self._rise, self._is_rising = _Rise(hour, by), True
        self._number += 1
        return self._number

    def _start(self, hour: int, rarity: float, family: int) -> int:
        self._past = [alert for alert in self._past if hour - alert.last < MEMORY]
        above = self._raised.at(hour)
        if not rarity >= self._needed(hour, family, above):  # NaN neither
            return 0
        self._now = _Alert(hour, hour, rarity, family, self._threshold + above)
        self._raised.alerted(hour)
        self._is_rising = False
        self._number += 1
        return self._number

    def _needed(self, hour: int, family: int, above: float) -> float:
        """Nines that an alert of this family takes now, after what was told before."""
        needed = self._threshold + above if above else -np.inf
        for alert in self._past:
            if alert.family == family:
                share = 1.0 - (hour - alert.last) / MEMORY
                rest = (alert.peak + _MARGIN - self._threshold) * share
                needed = max(needed, self._threshold + rest)
        return needed
