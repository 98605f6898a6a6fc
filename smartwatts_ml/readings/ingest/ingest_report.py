"""What one run of ingest did."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smartwatts_ml.jsontext import plain
from smartwatts_ml.readings.ingest.landing import LANDING
from smartwatts_ml.readings.ingest.ledger import Outdated
from smartwatts_ml.readings.report import FileReport, ReadReport
from smartwatts_ml.readings.site_clocks import ClockChange
from smartwatts_ml.readings.table.log import Snapshot

__all__ = ["IngestReport", "outdated_lines"]

_OUTDATED_SHOWN = 10


@dataclass(frozen=True)
class IngestReport(ReadReport):
    """``files``: every file that was looked into, or left as before. ``unchanged``: files
    known from before. ``ignored``: keys below landing/ that are no files of readings.
    ``outdated``: files that were taken for something else than they would be today.
    ``replaced``: rows that went because their files were read again. ``clocks``: sites that are
    kept on another clock than is said now. ``dropped``: keys of files that could not be read
    again, or are gone, and of which the table has nothing any more."""

    unchanged: int
    ignored: tuple[str, ...]
    outdated: tuple[Outdated, ...]
    clocks: tuple[ClockChange, ...]
    replaced: int
    snapshot: Snapshot
    dropped: tuple[str, ...] = ()

    @property
    def left(self) -> tuple[FileReport, ...]:
        """Files of which nothing was taken, with the reason."""
        return tuple(file for file in self.files if file.left)

    def totals(self) -> dict[str, Any]:
        """All but what became of each file."""
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "left": len(self.left),
            "unchanged": self.unchanged,
            "replaced": self.replaced,
            "snapshot": plain(self.snapshot),
        }

    def to_json(self) -> dict[str, Any]:
        return self.totals() | {
            "files": [file.to_json() for file in self.files],
            "ignored": list(self.ignored),
            "outdated": [plain(file) for file in self.outdated],
            "clocks": plain(self.clocks),
            "dropped": list(self.dropped),
        }


def outdated_lines(outdated: Sequence[Outdated]) -> list[str]:
    """What to say of outdated files, and what to do about them: a line for each, or for many."""
    lines = []
    for file in outdated[:_OUTDATED_SHOWN]:
        name = shlex.quote(file.key.removeprefix(LANDING))
        lines.append(f"{file}: `smartwatts readings reread {name}` reads it again")
    more = len(outdated) - len(lines)
    if more:
        lines.append(
            f"and {more:,} more: `smartwatts readings reread --all-changed` reads all of them again"
        )
    return lines
