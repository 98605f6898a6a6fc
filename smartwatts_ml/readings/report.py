"""Why a row was rejected, and what became of the rows of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from smartwatts_ml.counted import counted, counted_reasons
from smartwatts_ml.readings.columns import ANOMALY, CONSUMPTION, DEVICE_ID, TIMESTAMP
from smartwatts_ml.readings.site_clocks import FileClock, SiteClock
from smartwatts_ml.readings.stamps.forms import FileStamps
from smartwatts_ml.settings import Settings

__all__ = [
    "QUARANTINE",
    "Fault",
    "FileContents",
    "FileReport",
    "ReadReport",
    "Rejected",
    "fault_of",
    "quarantine_key",
]


QUARANTINE = "quarantine"
"""Folder of what is kept of rejected rows."""


@dataclass(frozen=True)
class Fault:
    """``column`` is empty where the line as a whole is at fault."""

    column: str
    reason: str


_FAULTS: Mapping[str, Fault] = {
    "quote": Fault("", "quotes that do not match"),
    "width": Fault("", "not as many fields as the header has columns"),
    "header_other": Fault("", "a header with other columns than the first"),
    "cut": Fault("", "cut off: the file ends without the end of its line"),
    "sum": Fault("", "a last line whose values are the sums of all lines above it"),
    "undecodable": Fault("", "bytes that are no text in the file's encoding"),
    "stamp_empty": Fault(TIMESTAMP, "empty"),
    "stamp_form": Fault(TIMESTAMP, "not a date and time of the form that the file uses"),
    "stamp_swapped": Fault(TIMESTAMP, "with day and month the other way round than in the file"),
    "stamp_range": Fault(TIMESTAMP, "not between the years 2000 and 2099"),
    "stamp_gap": Fault(TIMESTAMP, "does not exist: daylight saving time skips it"),
    "stamp_hour": Fault(TIMESTAMP, "no number of an hour of its day"),
    "interval_long": Fault(TIMESTAMP, "an interval of more than a day"),
    "interval_none": Fault(
        TIMESTAMP, "without the length of its interval, or an end that is after its start"
    ),
    "interval_untold": Fault(
        TIMESTAMP,
        "of energy before a gap like few others, or after the last: its interval may be as long, "
        "unless interval_s of its source says how long it is",
    ),
    "value_form": Fault(CONSUMPTION, "not a number"),
    "value_finite": Fault(CONSUMPTION, "not a finite number"),
    "value_range": Fault(CONSUMPTION, "1e9 or more, up or down"),
    "value_two": Fault(CONSUMPTION, "two values for one device and timestamp"),
    "part_alone": Fault(
        CONSUMPTION, "a register that is taken away, in a file without what it is taken away from"
    ),
    "total_glitch": Fault(CONSUMPTION, "a meter's total that falls or leaps and comes back"),
    "fold_untold": Fault(
        TIMESTAMP, "shown twice by the clock, and nothing tells which of the two is meant"
    ),
    "device_empty": Fault(DEVICE_ID, "empty, or without a site"),
    "anomaly_form": Fault(ANOMALY, "neither 0 nor 1"),
}


def quarantine_key(digest: str) -> str:
    """Where the rejected rows of a content are kept."""
    return f"{QUARANTINE}/{digest}.csv.gz"


def fault_of(code: str) -> Fault:
    """The fault of a code; a reason in words is its own."""
    return _FAULTS.get(code) or Fault("", code)


@dataclass(frozen=True)
class Rejected:
    """A line that gave no row: ``fault`` is a code of ``_FAULTS`` or a reason in words, ``text``
    what is wrong. ``of_value``: only a value of it, others of the line gave rows. ``part``: that of
    the file in which lines are numbered, such as a sheet; empty where it is the file."""

    line: int
    fault: str
    text: str
    of_value: bool = False
    part: str = ""

    @property
    def where(self) -> str:
        """
        >>> Rejected(5, "quote", "x", part="sheet 'May'").where
        "sheet 'May', line 5"
        """
        return f"{self.part}, line {self.line}" if self.part else f"line {self.line}"

    @property
    def why(self) -> str:
        """Column and reason, for people."""
        fault = fault_of(self.fault)
        return f"{fault.column} {fault.reason}".strip()


@dataclass(frozen=True)
class FileContents:
    """What is in a file that was read: ``layout`` is the name of a known one, or empty; ``sites``
    and ``channels`` count; ``first`` and ``last`` timestamp, ISO 8601 in UTC. ``unsaid``: fields
    of a source that neither the file nor its source says. ``doubts``: what
    else is doubtful, in words."""

    layout: str
    sites: int
    channels: int
    first: str
    last: str
    unsaid: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileReport:
    """What became of one file, by physical lines and by values.

    Lines: header (and what stands above it) + blank + missing + read + rejected lines. A line
    that is read gives one value or several. Values: accepted + duplicate (they repeat an
    earlier device and stamp) + netted (parts of another reading, or of none: ``incomplete``, since
    another part has no value) + dropped (rejected once all
    rows of a device were together). ``reasons`` counts what was rejected by fault.
    ``left``: why nothing was taken of the file; ``passing``: that says nothing of what is in it.
    ``same_as``: an earlier file with the
    same content. ``stamps``: how it writes timestamps, those without an offset on the clock of
    ``timezone``; None where a timestamp is no column of its own. ``named``: its columns have the
    names that ours have, and no other seems to have values. ``site_clock``: what is said of the
    clock by which its ``sites`` live. ``contents``: None where there are none.
    """

    key: str
    lines: int = 0
    header: int = 0
    blank: int = 0
    missing: int = 0
    read: int = 0
    values: int = 0
    accepted: int = 0
    duplicate: int = 0
    netted: int = 0
    incomplete: int = 0
    rejected_lines: int = 0
    rejected_values: int = 0
    dropped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    left: str | None = None
    passing: bool = False
    same_as: str | None = None
    stamps: FileStamps | None = None
    named: bool = False
    timezone: str = "UTC"
    site_clock: FileClock = field(default_factory=FileClock)
    sites: frozenset[str] = frozenset()
    contents: FileContents | None = None

    def settled(
        self,
        duplicate: int,
        netted: int = 0,
        incomplete: int = 0,
        dropped: Mapping[str, int] | None = None,
    ) -> FileReport:
        """So many of the values repeat another one, are parts (some of them of nothing whole), or
        are rejected late."""
        late = dropped or {}
        reasons = dict(self.reasons)
        for fault, count in late.items():
            reasons[fault] = reasons.get(fault, 0) + count
        gone = duplicate + netted + sum(late.values())
        return replace(
            self,
            accepted=self.values - gone,
            duplicate=duplicate,
            netted=netted,
            incomplete=incomplete,
            dropped=sum(late.values()),
            reasons=dict(sorted(reasons.items())),
        )

    @property
    def says_nothing(self) -> bool:
        """Whether each of its lines is marked as without a value, in columns named as ours are,
        so that nothing can be misunderstood: a month without power is no error."""
        return self.named and not self.values and not self.rejected

    @property
    def rejected(self) -> int:
        """Lines and values of which nothing is kept, each with its reason."""
        return self.rejected_lines + self.rejected_values + self.dropped

    @property
    def rows_total(self) -> int:
        """Values that are there, and lines that should hold one."""
        return self.values + self.rejected_lines + self.rejected_values

    @property
    def reason(self) -> str | None:
        """Why nothing of the file was added, if so."""
        return self.left or (f"same content as {self.same_as}" if self.same_as else None)

    @property
    def adds_up(self) -> bool:
        """Whether every physical line and every value is accounted for."""
        lines = self.header + self.blank + self.missing + self.read + self.rejected_lines
        values = self.accepted + self.duplicate + self.netted + self.dropped
        return lines == self.lines and values == self.values

    def clocks(self, settings: Settings) -> dict[str, SiteClock]:
        """By which clock each of its sites lives, as is said now."""
        return {site: self.site_clock.of_site(site, settings) for site in sorted(self.sites)}

    @property
    def quarantine_key(self) -> str | None:
        """Where the rejected rows are kept after an ingest."""
        return quarantine_key(self.digest) if self.rejected else None

    def why_rejected(self) -> str:
        """The most common reasons, for people."""
        return _in_words(self.reasons)

    def to_json(self) -> dict[str, Any]:
        names = (
            "key digest lines header blank missing read rows_total accepted duplicate netted "
            "incomplete rejected reasons reason"
        )
        counts = {name: getattr(self, name) for name in names.split()}
        contents = asdict(self.contents) if self.contents else None
        return counts | {
            "contents": contents,
            "left": bool(self.left),
            "quarantine": self.quarantine_key,
        }


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

    def why_rejected(self) -> str:
        """The most common reasons in all files, for people."""
        counts = Counter[str]()
        for file in self.files:
            counts.update(file.reasons)
        return _in_words(counts)

    def summary(self) -> str:
        """One line for people."""
        parts = [f"{self.accepted:,} readings from {counted(len(self.files), 'file')}"]
        if self.duplicate:
            parts.append(f"{self.duplicate:,} duplicates")
        if self.rejected:
            worst = max(self.files, key=lambda file: file.rejected)
            parts.append(
                f"{self.rejected:,} rejected (most in {worst.key}: {worst.why_rejected()})"
            )
        return ", ".join(parts)


def _in_words(reasons: Mapping[str, int]) -> str:
    named: Counter[str] = Counter()
    for code, count in reasons.items():
        fault = fault_of(code)
        named[f"{fault.column} {fault.reason}".strip()] += count
    return counted_reasons(named)
