"""What one run of ingest did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smartwatts_ml.jsontext import plain
from smartwatts_ml.readings.report import FileReport, ReadReport
from smartwatts_ml.readings.table.log import Snapshot

__all__ = ["IngestReport"]


@dataclass(frozen=True)
class IngestReport(ReadReport):
    """``files``: every file that was looked into. ``unchanged``: files known from before.
    ``ignored``: keys below landing/ that are no files of readings."""

    unchanged: int
    ignored: tuple[str, ...]
    snapshot: Snapshot

    @property
    def left(self) -> tuple[FileReport, ...]:
        """Files that could not be read as a whole, left for the next run."""
        return tuple(file for file in self.files if file.left)

    def totals(self) -> dict[str, Any]:
        """All but what became of each file."""
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "left": len(self.left),
            "unchanged": self.unchanged,
            "snapshot": plain(self.snapshot),
        }

    def to_json(self) -> dict[str, Any]:
        return self.totals() | {
            "files": [file.to_json() for file in self.files],
            "ignored": list(self.ignored),
        }
