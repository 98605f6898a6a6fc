"""Ingest: landing files that are new become a new snapshot of the readings table.

Exactly once for each content: the table records the digest of each file it took, in the
commit that took it, and refuses a commit whose digest somebody else recorded meanwhile.
So it does not matter how often this runs, how many run at once, or when one is killed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smartwatts_ml.errors import (
    BadInputError,
    ChangedError,
    NotFoundError,
    SmartwattsError,
    StoreError,
)
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.faults import FileReport
from smartwatts_ml.readings.files import SUFFIXES
from smartwatts_ml.readings.ledger import Known, Ledger, is_packed
from smartwatts_ml.readings.scan import clean_copy, scan_copy
from smartwatts_ml.readings.staging import Staging, quarantine
from smartwatts_ml.readings.table import ReadingsTable, Snapshot, open_table
from smartwatts_ml.readings.workspace import Workspace
from smartwatts_ml.settings import Settings

__all__ = ["IngestReport", "PendingReadings", "ingest", "pending"]

LANDING = "landing/"
COMMIT_ROWS = 4_000_000
COMMIT_FILES = 500
COMMIT_ATTEMPTS = 20

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class IngestReport:
    """``files``: every file that was looked into. ``unchanged``: files known from before.
    ``ignored``: keys below landing/ that are no CSV."""

    files: tuple[FileReport, ...]
    unchanged: int
    ignored: tuple[str, ...]
    snapshot: Snapshot

    @property
    def left(self) -> tuple[FileReport, ...]:
        """Files that could not be read as a whole, left for the next run."""
        return tuple(file for file in self.files if file.left)

    @property
    def accepted(self) -> int:
        return sum(file.accepted for file in self.files)

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.files)

    def to_json(self) -> dict[str, Any]:
        return {
            "files": [file.to_json() for file in self.files],
            "accepted": self.accepted,
            "rejected": self.rejected,
            "left": len(self.left),
            "unchanged": self.unchanged,
            "ignored": list(self.ignored),
            "snapshot": self.snapshot.to_json(),
        }


@dataclass(frozen=True)
class PendingReadings:
    """Landing files not yet ingested; those that cannot be read are not counted."""

    files: int
    bytes: int
    estimated_rows: int


def pending(objects: Objects, settings: Settings) -> PendingReadings:
    """What waits in landing/, estimated from sizes, without reading a file."""
    ledger = Ledger.read(objects, open_table(objects, settings).id)
    found, _ = _landing(objects)
    new = [info for info in found if not ledger.taken(info) and not ledger.refused(info)]
    rows = sum(info.size * ledger.rows_per_byte(is_packed(info.key)) for info in new)
    return PendingReadings(len(new), sum(info.size for info in new), round(rows))


def ingest(objects: Objects, settings: Settings, progress: Progress | None = None) -> IngestReport:
    """Add every landing file whose content is not in the table yet.

    A file that cannot be read as a whole is left for the next run, with the reason; rows
    that cannot be used go to quarantine/. Repeating adds nothing.
    """
    table = open_table(objects, settings)
    ledger = Ledger.read(objects, table.id)
    found, ignored = _landing(objects)
    new = [info for info in found if not ledger.taken(info)]
    with Workspace() as work:
        run = _Run(objects, settings, table, ledger, work)
        for done, info in enumerate(new):
            if progress:
                progress(info.key.removeprefix(LANDING), done / len(new))
            run.take(info)
        run.commit()
    return IngestReport(
        files=tuple(run.reports[info.key] for info in new),
        unchanged=len(found) - len(new),
        ignored=ignored,
        snapshot=table.snapshot(),
    )


def _landing(objects: Objects) -> tuple[list[ObjectInfo], tuple[str, ...]]:
    """CSV files in the order in which they arrived, and the keys of other files."""
    found, ignored = [], []
    for info in objects.list(LANDING):
        name = info.key.rpartition("/")[2]
        if name.startswith("."):
            continue
        if name.lower().endswith(SUFFIXES):
            found.append(info)
        else:
            ignored.append(info.key)
    return sorted(found, key=lambda info: (info.modified, info.key)), tuple(ignored)


def _is_the_files_fault(error: BadInputError | StoreError) -> bool:
    """Whether other files may still work: it is bad, gone, or may not be read."""
    return isinstance(error, BadInputError | NotFoundError) or isinstance(
        error.__cause__, PermissionError
    )


class _Run:
    """One pass over landing files. Small files share a commit."""

    def __init__(
        self,
        objects: Objects,
        settings: Settings,
        table: ReadingsTable,
        ledger: Ledger,
        work: Workspace,
    ) -> None:
        self._objects = objects
        self._settings = settings
        self._table = table
        self._ledger = ledger
        self._work = work
        self._staging = Staging(work)
        self._staged: dict[str, str] = {}
        self._news: dict[str, Known] = {}
        self._waiting: dict[str, Known] = {}
        self.reports: dict[str, FileReport] = {}

    def take(self, info: ObjectInfo) -> None:
        """Scan one file; commit when enough has been gathered."""
        try:
            report = self._scan(info)
        except (BadInputError, StoreError) as error:
            if not _is_the_files_fault(error):
                raise
            report = FileReport(info.key, left=str(error))
            self._news[info.key] = Known(info.etag, info.size, left=report.left)
        self.reports[info.key] = report
        if self._staging.rows >= COMMIT_ROWS or len(self._staging.files) >= COMMIT_FILES:
            self.commit()

    def _scan(self, info: ObjectInfo) -> FileReport:
        path = self._work.folder / "landed"
        self._objects.fetch(info.key, path)
        try:
            copy = clean_copy(self._work, path, info.key)
        finally:
            path.unlink()
        if self._objects.info(info.key).etag != info.etag:
            raise BadInputError(f"{info.key} changed while it was read", fix="try again later")
        if self._table.has(copy.digest):
            known_as = self._ledger.first_with(copy.digest) or "an earlier file"
            self._news[info.key] = Known(info.etag, info.size, copy.digest)
            return FileReport(info.key, digest=copy.digest, same_as=known_as)
        if copy.digest in self._staged:
            self._waiting[info.key] = Known(info.etag, info.size, copy.digest)
            known_as = self._staged[copy.digest]
            return FileReport(info.key, digest=copy.digest, same_as=known_as)
        report = scan_copy(self._work, copy, info.key, self._settings)
        quarantine(self._work, self._objects, report)
        self._staging.add(report)
        self._staged[report.digest] = info.key
        self._waiting[info.key] = Known(info.etag, info.size, report.digest, report.accepted)
        return report

    def commit(self) -> None:
        """Add what is staged, each content once, whatever others commit meanwhile."""
        for _ in range(COMMIT_ATTEMPTS):
            fresh = [
                number
                for number, file in enumerate(self._staging.files)
                if not self._table.has(file.digest)
            ]
            try:
                self._append(fresh)
            except ChangedError:
                self._table.reload()
                continue
            self._settle(set(fresh))
            return
        raise SmartwattsError("the readings table is being written by others without a pause")

    def _append(self, numbers: list[int]) -> None:
        files = [self._staging.files[number] for number in numbers]
        if not files:
            return
        notes = {"smartwatts.files": json.dumps({file.key: file.accepted for file in files})}
        batches = self._staging.batches(numbers, self._table.version + 1)
        self._table.append(batches, [file.digest for file in files], notes)

    def _settle(self, fresh: set[int]) -> None:
        """Report what others took first; remember every file that need not be read again."""
        for number, file in enumerate(self._staging.files):
            if number not in fresh:
                taken = FileReport(file.key, digest=file.digest, same_as="a file of another run")
                self.reports[file.key] = taken
        self._news |= self._waiting
        if self._news:
            self._ledger.keep(self._objects, self._news)
        self._news, self._waiting = {}, {}
        self._staged = {}
        self._staging.clear()
