"""What came in of late: a line for each of the newest ingests that took anything. It only
informs, and may be removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.readings.report import FileReport, fault_of
from smartwatts_ml.runs.unsigned import read_unsigned
from smartwatts_ml.store.canonical import Canonical, Time

__all__ = ["Arrival", "arrivals", "note_arrival"]

_KEY = "state/arrivals.json"
_MOST = 30
_REASONS = 12


@dataclass(frozen=True)
class Arrival:
    """What an ingest took: ``files``, readings that were ``accepted`` or there before
    (``duplicate``), and how many were ``rejected``, by reason. ``time`` of its last batch, UTC;
    ``run_id`` is empty where it was of no run."""

    run_id: str
    time: Time
    files: int
    accepted: int
    duplicate: int
    rejected: dict[str, int]


@dataclass(frozen=True)
class _Kept(Canonical):
    """Oldest first."""

    arrivals: list[Arrival] = field(default_factory=list)
    schema: Literal[1] = 1


def note_arrival(
    objects: Objects, run_id: str, files: Iterable[FileReport], now: datetime | None = None
) -> None:
    """Add what a batch of files gave; batches of one run are one line."""
    read = [file for file in files if not file.left]
    if not read:
        return
    arrival = Arrival(
        run_id=run_id,
        time=now or datetime.now(UTC),
        files=len(read),
        accepted=sum(file.accepted for file in read),
        duplicate=sum(file.duplicate for file in read),
        rejected=_by_reason(read),
    )

    def noted(data: bytes | None) -> bytes:
        kept = _parse(data)
        if kept and run_id and kept[-1].run_id == run_id:
            kept[-1] = _together(kept[-1], arrival)
        else:
            kept.append(arrival)
        return _Kept(kept[-_MOST:]).to_bytes()

    objects.update(_KEY, noted, limit=MAX_DOCUMENT_BYTES)


def arrivals(objects: Objects) -> list[Arrival]:
    """What is kept, newest first; nothing where it cannot be read."""
    there = read_unsigned(objects, _KEY)
    return _parse(there.data if there else None)[::-1]


def _by_reason(files: Iterable[FileReport]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for file in files:
        for code, count in file.reasons.items():
            fault = fault_of(code)
            counts[f"{fault.column} {fault.reason}".strip()] += count
    return dict(counts.most_common(_REASONS))


def _together(before: Arrival, after: Arrival) -> Arrival:
    rejected = Counter(before.rejected) + Counter(after.rejected)
    return replace(
        after,
        files=before.files + after.files,
        accepted=before.accepted + after.accepted,
        duplicate=before.duplicate + after.duplicate,
        rejected=dict(rejected.most_common(_REASONS)),
    )


def _parse(data: bytes | None) -> list[Arrival]:
    try:
        return list(_Kept.parse(data or b"").arrivals)
    except ValueError:
        return []
