"""Why a row was rejected, and what became of the rows of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from smartwatts_ml.readings.columns import ANOMALY, CONSUMPTION, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.stamps.forms import FileStamps

__all__ = ["FAULTS", "Fault", "FileReport", "ReadReport"]


@dataclass(frozen=True)
class Fault:
    """``column`` is empty where the line as a whole is at fault."""

    column: str
    reason: str


FAULTS: Mapping[str, Fault] = {
    "quote": Fault("", "quotes that do not match"),
    "width": Fault("", "not as many fields as the header has columns"),
    "stamp_empty": Fault(TIMESTAMP, "empty"),
    "stamp_form": Fault(TIMESTAMP, "not a date and time of the form that the file uses"),
    "stamp_range": Fault(TIMESTAMP, "not between the years 2000 and 2099"),
    "stamp_gap": Fault(TIMESTAMP, "does not exist: daylight saving time skips it"),
    "value_empty": Fault(CONSUMPTION, "empty"),
    "value_form": Fault(CONSUMPTION, "not a number"),
    "value_finite": Fault(CONSUMPTION, "not a finite number"),
    "value_range": Fault(CONSUMPTION, "1e9 or more"),
    "device_empty": Fault(DEVICE_ID, "empty, or without a site"),
    "anomaly_form": Fault(ANOMALY, "neither 0 nor 1"),
}


@dataclass(frozen=True)
class FileReport:
    """One file's physical lines: header + blank + accepted + duplicate + rejected.

    ``duplicate`` rows repeat an earlier device and stamp of the file; the last one is the
    one that is accepted. ``reasons`` counts rejected rows by code in ``FAULTS``.
    ``left``: why the file was left for the next run. ``same_as``: an earlier file with the
    same content. ``stamps``: how it writes timestamps.
    """

    key: str
    lines: int = 0
    header: int = 0
    blank: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    left: str | None = None
    same_as: str | None = None
    stamps: FileStamps | None = None

    def with_duplicates(self, count: int) -> FileReport:
        """So many of the rows repeat another one of the file."""
        return replace(self, accepted=self.accepted - count, duplicate=count)

    @property
    def rows_total(self) -> int:
        """Lines that should hold a reading."""
        return self.accepted + self.duplicate + self.rejected

    @property
    def reason(self) -> str | None:
        """Why nothing of the file was added, if so."""
        return self.left or (f"same content as {self.same_as}" if self.same_as else None)

    @property
    def adds_up(self) -> bool:
        """Whether every physical line is accounted for."""
        return self.header + self.blank + self.rows_total == self.lines

    @property
    def quarantine_key(self) -> str | None:
        """Where the rejected rows are kept after an ingest."""
        return f"quarantine/{self.digest}.csv.gz" if self.rejected else None

    def why_rejected(self) -> str:
        """The most common reasons, for people."""
        ranked = sorted(self.reasons.items(), key=lambda item: -item[1])
        return "; ".join(
            f"{count} × {' '.join((FAULTS[code].column, FAULTS[code].reason)).strip()}"
            for code, count in ranked[:3]
        )

    def to_json(self) -> dict[str, Any]:
        names = (
            "key digest lines header blank rows_total accepted duplicate rejected reasons reason"
        )
        counts = {name: getattr(self, name) for name in names.split()}
        return counts | {"left": bool(self.left), "quarantine": self.quarantine_key}


@dataclass(frozen=True)
class ReadReport:
    """What became of the rows of several files."""

    files: tuple[FileReport, ...]

    @property
    def accepted(self) -> int:
        return sum(file.accepted for file in self.files)

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.files)

    @property
    def duplicate(self) -> int:
        return sum(file.duplicate for file in self.files)

    def summary(self) -> str:
        """One line for people."""
        parts = [f"{self.accepted:,} readings from {len(self.files)} files"]
        if self.duplicate:
            parts.append(f"{self.duplicate:,} duplicates")
        if self.rejected:
            worst = max(self.files, key=lambda file: file.rejected)
            parts.append(
                f"{self.rejected:,} rejected (most in {worst.key}: {worst.why_rejected()})"
            )
        return ", ".join(parts)

    def complaints(self) -> list[str]:
        """A line for each file with rejected rows."""
        return [
            f"{file.key}: {file.rejected:,} of {file.rows_total:,} rows rejected: "
            f"{file.why_rejected()}"
            for file in self.files
            if file.rejected
        ]
