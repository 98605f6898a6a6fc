"""How old a champion is: by how much later the challenger's training ended.

At the median site that both learned from, and no stamp is taken to be later than the clock of
whoever made or judges the file: so a meter that is wrong makes no champion young or old.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from smartwatts_ml.judging.trained_on import TrainedOn
from smartwatts_ml.store import Manifest

__all__ = ["Learned", "instant", "made_at", "weeks_older"]

_WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True)
class Learned:
    """What a file learned: until when at each site, where that is known, and the last stamp of
    its run's snapshot; no later than ``clock``. Instants are UTC, datetime64[s]."""

    trained_on: TrainedOn | None
    last_stamp: np.datetime64 | None
    clock: np.datetime64


def instant(text: str | None) -> np.datetime64 | None:
    """What ISO 8601 in UTC says."""
    return np.datetime64(text.removesuffix("Z"), "s") if text else None


def made_at(manifest: Manifest) -> np.datetime64:
    """When a version was made, by the clock of who made it."""
    return np.datetime64(manifest.created.removesuffix("Z"), "s")


def weeks_older(before: Learned, after: Learned, reporting: Collection[str]) -> float | None:
    """By how many weeks what one file learned ends before what the other did, at sites that
    are still ``reporting``; 0 where it ends later. None where that is not known.

    >>> def learned(days, clock):
    ...     ends = {site: np.datetime64(day) for site, day in days.items()}
    ...     return Learned(TrainedOn(ends, {}), None, np.datetime64(clock))
    >>> before = learned({"a": "2026-01-05", "b": "2026-01-05", "c": "2099-01-01"}, "2026-02-02")
    >>> after = learned({"a": "2026-01-19", "b": "2026-01-19", "c": "2099-01-01"}, "2026-02-16")
    >>> weeks_older(before, after, {"a", "b", "c"}), weeks_older(before, after, {"c"})
    (2.0, 2.0)
    """
    gains = _by_site(before, after, reporting)
    if not gains:
        stamps = (before.last_stamp, after.last_stamp)
        if stamps[0] is None or stamps[1] is None:
            return None
        gains = [min(stamps[1], after.clock) - min(stamps[0], before.clock)]
    return max(float(np.median([gain / _WEEK for gain in gains])), 0.0)


def _by_site(before: Learned, after: Learned, reporting: Collection[str]) -> list[np.timedelta64]:
    if before.trained_on is None or after.trained_on is None:
        return []
    then, now = before.trained_on.ends, after.trained_on.ends
    return [
        min(now[site], after.clock) - min(then[site], before.clock)
        for site in sorted(then.keys() & now.keys() & set(reporting))
    ]
