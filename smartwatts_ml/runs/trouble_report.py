"""What somebody has to see to, as it was when it was looked for last: for pages, which have no
time to look into a whole store. It may be removed: the next look writes it anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.notified import Trouble
from smartwatts_ml.runs.unsigned import read_unsigned
from smartwatts_ml.store.canonical import Canonical, Time

__all__ = ["TroubleReport", "keep_troubles", "last_troubles"]

_KEY = "state/troubles.json"
_MOST = 200
"""Troubles that are kept, the worst first; more are one disaster."""


@dataclass(frozen=True)
class TroubleReport(Canonical):
    """The troubles that there were at a ``time``, UTC."""

    time: Time
    troubles: list[Trouble]
    schema: Literal[1] = 1


def keep_troubles(
    objects: Objects, troubles: Iterable[Trouble], now: datetime | None = None
) -> None:
    """What a look found, in place of what the one before did."""
    ranked = sorted(troubles, key=lambda trouble: trouble.severity != "critical")
    kept = TroubleReport(now or datetime.now(UTC), ranked[:_MOST])
    objects.write(_KEY, kept.to_bytes())


def last_troubles(objects: Objects) -> TroubleReport | None:
    """What the last look found; None where nobody looked, or where that cannot be read."""
    there = read_unsigned(objects, _KEY)
    try:
        return TroubleReport.parse(there.data) if there else None
    except ValueError:
        return None
