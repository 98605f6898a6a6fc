"""From scores to alerts that do not repeat themselves: a rule that runs beside the model.

It looks back only and keeps a handful of numbers for each home:

- An alert starts at an hour whose score reaches the threshold and goes on while scores stay
  within ``_EASE`` of it, through pauses of up to ``_GAP`` hours.
- After ``LONGEST`` hours it has been said: while it goes on the same way it is no news.
- For ``MEMORY`` hours, an alert of the same family has to be odder than the one before; how
  much falls evenly to nothing. So a daily pattern that is new is told once or twice while
  the window learns it, and an outage after a holiday is still told at once.

A threshold that was asked for as a quantile, without a budget, is taken at its word
instead: every hour that reaches it is alerted (``plain_alerts``).

Scores are compared as nines (0.999 is 3): that is where what matters lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smartwatts_ml.kinds.anomaly.layout import TYPES

__all__ = ["FAMILIES", "LONGEST", "MEMORY", "families", "nines", "plain_alerts", "quiet_alerts"]

_EASE = 0.5
_GAP = 3
LONGEST = 48
MEMORY = 28 * 24
_MARGIN = 0.3
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


@dataclass
class _Alert:
    start: int
    last: int
    peak: float
    family: int


def quiet_alerts(
    hours: np.ndarray,
    loud: np.ndarray,
    rarity: np.ndarray,
    family: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """Number of the alert that each hour belongs to, from 1 on, 0 for none, shape (n,).

    ``hours``: of each score, ascending, shape (n,). ``loud``: bool, may start an alert.
    ``rarity``, ``threshold``: in nines. ``family``: of each hour. All of shape (n,).
    """
    numbers = np.zeros(len(hours), np.int64)
    past: list[_Alert] = []
    now: _Alert | None = None
    number = 0
    for row in np.flatnonzero(loud | (rarity >= threshold - _EASE)):
        hour = int(hours[row])
        if now is not None and hour - now.last > _GAP + 1:
            past.append(now)
            now = None
        if now is None and loud[row]:
            past = [alert for alert in past if hour - alert.last < MEMORY]
            if rarity[row] >= _needed(past, hour, int(family[row]), threshold):
                now = _Alert(hour, hour, float(rarity[row]), int(family[row]))
                number += 1
                numbers[row] = number
        elif now is not None:
            now.last = hour
            if hour - now.start < LONGEST:
                now.peak = max(now.peak, float(rarity[row]))
                numbers[row] = number
    return numbers


def _needed(past: list[_Alert], hour: int, family: int, threshold: float) -> float:
    """Nines that an alert of this family takes now, after what was told before."""
    needed = -np.inf
    for alert in past:
        if alert.family == family:
            share = 1.0 - (hour - alert.last) / MEMORY
            needed = max(needed, threshold + (alert.peak + _MARGIN - threshold) * share)
    return float(needed)
