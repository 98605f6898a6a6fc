"""Ingest: landing files that are new become a new snapshot of the readings table.

Exactly once for each content: the table records the digest of each file it took, in the
commit that took it, and refuses a commit whose digest somebody else recorded meanwhile.
So it does not matter how often this runs, how many run at once, or when one is killed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
from deltalake.transaction import AddAction

from smartwatts_ml.errors import (
    BadInputError,
    ChangedError,
    NotFoundError,
    SmartwattsError,
    StoreError,
)
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.progress import Progress
from smartwatts_ml.readings.file_lines import file_lines
from smartwatts_ml.readings.ingest.ingest_report import IngestReport
from smartwatts_ml.readings.ingest.intervals import Intervals, untold_interval
from smartwatts_ml.readings.ingest.landing import LANDING, arrivals_of, list_landing
from smartwatts_ml.readings.ingest.late import contradiction, dropped_by_file, is_torn, late_lines
from smartwatts_ml.readings.ingest.ledger import Known, Ledger
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.ingest.settling import Dropped
from smartwatts_ml.readings.ingest.staging import Staging
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.ingest.writing import Writing, write_staged
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.readings.table.compaction import compact
from smartwatts_ml.readings.table.snapshot_readings import has_stamps
from smartwatts_ml.readings.table.table import ReadingsTable, open_table
from smartwatts_ml.runs.ingested import keep_lines
from smartwatts_ml.settings import Settings

__all__ = ["ingest"]

_COMMIT_ROWS = 20_000_000
_COMMIT_FILES = 1000


def ingest(
    objects: Objects,
    settings: Settings,
    progress: Progress | None = None,
    only: Collection[str] | None = None,
    run_id: str | None = None,
) -> IngestReport:
    """Add every landing file whose content is not in the table yet; ``only`` some keys.
    ``run_id``: the run that is told what became of each file.

    A file that cannot be read as a whole is left for the next run, with the reason; rows
    that cannot be used go to quarantine/. Repeating adds nothing.
    """
    table = open_table(objects)
    ledger = Ledger.read(objects, table.id)
    landed, ignored = list_landing(objects)
    arrivals = arrivals_of(landed, ledger)
    if only is not None:
        landed = [info for info in landed if info.key in only]
    new = [info for info in landed if not ledger.taken(info)]
    with Workspace() as work:
        run = _Run(objects, settings, table, ledger, work, arrivals)
        whole = sum(info.size for info in new) or 1
        done = 0
        for info in new:
            if progress:
                progress(info.key.removeprefix(LANDING), done / whole)
            run.take(info)
            done += info.size
        if progress and new:
            progress("writing", done / whole)
        run.commit()
        if new:
            compact(table, work.folder)
    report = IngestReport(
        files=tuple(run.reports[info.key] for info in new),
        unchanged=len(landed) - len(new),
        ignored=ignored,
        snapshot=table.snapshot(),
    )
    if run_id is not None and report.files:
        keep_lines(objects, run_id, file_lines(report.files, settings))
    return report


def _is_the_files_fault(error: BadInputError | StoreError) -> bool:
    """Whether other files may still work: it is bad, gone, or may not be read."""
    return isinstance(error, BadInputError | NotFoundError) or isinstance(
        error.__cause__, PermissionError
    )


@dataclass(frozen=True)
class _Staged:
    """A file whose rows wait for the commit."""

    info: ObjectInfo
    report: FileReport


class _Run:
    """One pass over landing files. Small files share a commit."""

    def __init__(
        self,
        objects: Objects,
        settings: Settings,
        table: ReadingsTable,
        ledger: Ledger,
        work: Workspace,
        arrivals: Mapping[str, int],
    ) -> None:
        self._objects = objects
        self._settings = settings
        self._table = table
        self._ledger = ledger
        self._work = work
        self._arrivals = arrivals
        self._news: dict[str, Known] = {}
        self.reports: dict[str, FileReport] = {}
        self._restart()

    def _restart(self) -> None:
        self._staging = Staging(self._work.new_folder())
        self._staged: dict[int, _Staged] = {}
        self._repeated: dict[str, tuple[ObjectInfo, str]] = {}
        self._rows = 0
        self._looked_up = False

    def take(self, info: ObjectInfo) -> None:
        """Scan one file; commit when enough has been gathered."""
        try:
            report = self._scan(info)
        except (BadInputError, StoreError) as error:
            if not _is_the_files_fault(error):
                raise
            report = self._leave(info, str(error))
        self.reports[info.key] = report
        if self._rows >= _COMMIT_ROWS or len(self._staging.arrivals) >= _COMMIT_FILES:
            self.commit()

    def _leave(self, info: ObjectInfo, why: str) -> FileReport:
        self._news[info.key] = Known(info.etag, info.size, left=why)
        return FileReport(info.key, left=why)

    def _scan(self, info: ObjectInfo) -> FileReport:
        quarantine = Quarantine(self._work.folder / "rejected.csv.gz", info.key)
        try:
            with self._objects.at_hand(info.key, self._work.folder) as path:
                source, defaults = self._settings.source_of(info.key), self._settings.defaults
                scan = FileScan(path, info.key, source, defaults)
                number = self._staging.open_file(self._arrivals[info.key])
                for block in scan:
                    self._staging.add(number, block, scan.clock)
                    quarantine.add(block.rejected)
            if self._objects.info(info.key).etag != info.etag:
                raise BadInputError(f"{info.key} changed while it was read", fix="try again later")
            if known_as := self._known(scan.digest):
                self._repeated[info.key] = (info, scan.digest)
                return FileReport(info.key, digest=scan.digest, same_as=known_as)
            report = scan.report()
            quarantine.keep(self._objects, report.quarantine_key)
        finally:
            quarantine.close()
        self._staged[number] = _Staged(info, report)
        self._rows += scan.values
        return report

    def _known(self, digest: str) -> str | None:
        """Another file with this content, in the table or staged."""
        if self._table.has(digest):
            return self._ledger.first_with(digest) or "an earlier file"
        staged = (file.info.key for file in self._staged.values() if file.report.digest == digest)
        return next(staged, None)

    def commit(self) -> None:
        """Add what is staged, each content once, whatever others commit meanwhile."""
        intervals = self._staging.intervals(self._staged)
        self._leave_untold(intervals)
        fresh: list[int] | None = None
        for _ in self._table.attempts():
            if (
                fresh is None
                or self._looked_up
                or any(self._has(self._staged[number]) for number in fresh)
            ):
                fresh, writing = self._written(intervals)
                reports = self._accounted(fresh, writing)
                self._keep_late(reports, writing.dropped)
                parts = self._table.upload(writing.parts)
            with suppress(ChangedError):
                self._append(list(reports.values()), parts)
                break
        self._finish(reports)

    def _written(self, intervals: Intervals) -> tuple[list[int], Writing]:
        """The files that the table does not have, and what they give. Those that contradict
        themselves are left, and then all is settled without them."""
        while True:
            fresh = [n for n, file in self._staged.items() if not self._has(file)]
            writing = write_staged(self._staging, fresh, intervals, self._taken)
            torn = dropped_by_file(writing.dropped)
            left = [n for n in fresh if is_torn(torn[n], self._staged[n].report)]
            if not left:
                return fresh, writing
            for number in left:
                with self._scanned_again(self._staged[number].info) as scan:
                    why = str(contradiction(scan, torn[number]["value_two"]))
                self._leave_staged(number, why)

    def _taken(self, site: str, channel: str, stamps: np.ndarray) -> bool:
        self._looked_up = True
        return has_stamps(self._objects, self._table.parts(), site, channel, stamps)

    @contextmanager
    def _scanned_again(self, info: ObjectInfo) -> Iterator[FileScan]:
        with self._objects.at_hand(info.key, self._work.folder) as path:
            source, defaults = self._settings.source_of(info.key), self._settings.defaults
            yield FileScan(path, info.key, source, defaults)

    def _keep_late(self, reports: Mapping[int, FileReport], dropped: Sequence[Dropped]) -> None:
        """Quarantine anew what is rejected of files that have rows which were dropped."""
        for number in dropped_by_file(dropped):
            info = self._staged[number].info
            quarantine = Quarantine(self._work.folder / "late.csv.gz", info.key)
            try:
                with self._scanned_again(info) as scan:
                    for rejected in late_lines(scan, number, dropped, self._staging.devices):
                        quarantine.add(rejected)
                if scan.digest != reports[number].digest:
                    raise ChangedError(f"{info.key} changed while it was read")
                quarantine.keep(self._objects, reports[number].quarantine_key)
            finally:
                quarantine.close()

    def _has(self, file: _Staged) -> bool:
        return self._table.has(file.report.digest)

    def _leave_untold(self, intervals: Intervals) -> None:
        """Leave files whose energy is of an interval that nothing tells."""
        for number in list(self._staged):
            if self._staging.untold(number, intervals):
                self._leave_staged(number, str(untold_interval(self._staged[number].info.key)))

    def _leave_staged(self, number: int, why: str) -> None:
        """Leave a file, and those with the same content."""
        file = self._staged.pop(number)
        same = [k for k, (_, d) in self._repeated.items() if d == file.report.digest]
        for info in (file.info, *(self._repeated.pop(key)[0] for key in same)):
            self.reports[info.key] = self._leave(info, why)

    def _accounted(self, numbers: list[int], writing: Writing) -> dict[int, FileReport]:
        """Duplicates told from accepted rows; SmartwattsError if a row went nowhere."""
        reports = {}
        dropped = dropped_by_file(writing.dropped)
        for number in numbers:
            report = self._staged[number].report.settled(
                writing.duplicates[number], writing.netted[number], dropped.get(number)
            )
            if report.accepted != writing.rows[number] or not report.adds_up:
                raise SmartwattsError(f"{report.key}: rows got lost; nothing was taken")
            reports[number] = report
        return reports

    def _append(self, files: list[FileReport], parts: list[AddAction]) -> None:
        if files:
            notes = {"smartwatts.files": json.dumps({file.key: file.accepted for file in files})}
            self._table.append(parts, [file.digest for file in files], notes)

    def _finish(self, taken: dict[int, FileReport]) -> None:
        """Report what others took first; remember every file that need not be read again."""
        for number, file in self._staged.items():
            digest = file.report.digest
            other = FileReport(file.info.key, digest=digest, same_as="a file of another run")
            report = self.reports[file.info.key] = taken.get(number, other)
            self._news[report.key] = Known(file.info.etag, file.info.size, digest, report.accepted)
        for key, (info, digest) in self._repeated.items():
            self._news[key] = Known(info.etag, info.size, digest)
        if self._news:
            self._ledger.keep(self._objects, self._news)
        self._news = {}
        self._staging.close()
        self._restart()
