"""What a file is taken for, and what would settle what is doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smartwatts_ml.jsontext import plain
from smartwatts_ml.readings.explained.channels import ChannelSummary
from smartwatts_ml.readings.explained.columns import ColumnMeaning
from smartwatts_ml.readings.explained.doubts import Doubt
from smartwatts_ml.readings.report import FileReport, Rejected

__all__ = ["Explanation"]


@dataclass(frozen=True)
class Explanation:
    """``facts`` in words, by what they are about. ``report`` is None where the file is
    ``refused``. ``has_source``: a source of the settings is about it already."""

    file: str
    key: str
    facts: Mapping[str, str]
    columns: tuple[ColumnMeaning, ...]
    channels: tuple[ChannelSummary, ...]
    report: FileReport | None
    rejected: tuple[Rejected, ...]
    refused: str | None
    doubts: tuple[Doubt, ...]
    has_source: bool

    @property
    def lines(self) -> tuple[str, ...]:
        """What a source of the file may say; where a field has to be chosen, nothing else of it."""
        lines = dict.fromkeys(line for doubt in self.doubts for line in doubt.lines)
        open_fields = {_field(line[2:]) for line in lines if line.startswith("# ")}
        return tuple(line for line in lines if _field(line) not in open_fields)

    def to_json(self) -> dict[str, Any]:
        rejected = [
            {"part": row.part, "line": row.line, "value": row.text, "reason": row.why}
            for row in self.rejected
        ]
        return {
            "file": self.file,
            "key": self.key,
            "facts": dict(self.facts),
            "columns": plain(self.columns),
            "channels": plain(self.channels),
            "lines": self.report.to_json() if self.report else None,
            "rejected": rejected,
            "refused": self.refused,
            "doubts": plain(self.doubts),
            "settle": list(self.lines),
        }


def _field(line: str) -> str:
    """
    >>> _field('unit = "W"'), _field('# unit = "kW"')
    ('unit', '# unit')
    """
    return line.partition(" =")[0]
