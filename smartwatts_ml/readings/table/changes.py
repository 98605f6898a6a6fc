"""What a commit to the readings table changes, besides adding parts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from deltalake.transaction import AddAction, RemoveAction

from smartwatts_ml.readings.columns import BUCKET, MONTH
from smartwatts_ml.readings.table.snapshot_readings import TablePart

__all__ = [
    "DROPPED",
    "NOTHING",
    "NO_ARRIVAL",
    "UNKNOWN_ARRIVAL",
    "Exchange",
    "arrival_name",
    "now_ms",
]

DROPPED = "smartwatts.dropped"
"""The application whose transaction number counts the rows that were taken away."""
NO_ARRIVAL = 0
"""What stands for that of a content whose rows were all taken away."""
UNKNOWN_ARRIVAL = 1
"""What stands for that of a content which version 1.0 took."""


def arrival_name(arrival: int) -> str:
    """The application that says that an arrival is some content's."""
    return f"smartwatts.arrival.{arrival}"


@dataclass(frozen=True)
class Exchange:
    """Parts that go, those that come in their place, and how many rows are ``gone`` then."""

    old: Sequence[TablePart]
    new: Sequence[AddAction]
    gone: int = 0

    def actions(self) -> list[AddAction | RemoveAction]:
        """For a commit; no data changes where no row is gone."""
        for action in self.new:
            action.data_change = bool(self.gone)
        removed = [
            RemoveAction(
                part.path,
                bool(self.gone),
                now_ms(),
                part.size,
                {MONTH: part.month, BUCKET: str(part.bucket)},
            )
            for part in self.old
        ]
        return [*removed, *self.new]


NOTHING = Exchange([], [])


def now_ms() -> int:
    """Milliseconds since the epoch, as Delta's log has them."""
    return int(time.time() * 1000)
