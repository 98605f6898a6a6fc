"""One pass over landing files: each is read, staged, and taken by a commit, exactly once.

A content that the table has is not taken a second time, unless it is to be read again: then
the rows that it has there go in the same commit that adds the new ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from deltalake.transaction import AddAction

from smartwatts_ml.errors import (
    BadInputError,
    ChangedError,
    SmartwattsError,
    StoreError,
)
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.ingest.contents import Contents, note_of
from smartwatts_ml.readings.ingest.intervals import Intervals, untold_interval
from smartwatts_ml.readings.ingest.ledger import Known, Ledger
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.ingest.refusals import is_the_files_fault, of_version_1, unusable
from smartwatts_ml.readings.ingest.staged import count_files
from smartwatts_ml.readings.ingest.staging import Staging
from smartwatts_ml.readings.ingest.taken_for import TakenFor, said_of
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.ingest.writing import Writing, write_staged
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.readings.table.changes import NOTHING, UNKNOWN_ARRIVAL
from smartwatts_ml.readings.table.table import ReadingsTable
from smartwatts_ml.readings.table.taking_back import take_back
from smartwatts_ml.settings import Settings

__all__ = ["Intake"]

_COMMIT_ROWS = 20_000_000
_COMMIT_FILES = 1000


@dataclass(frozen=True)
class _Staged:
    """A file whose rows wait for the commit. ``before``: the arrival of the rows that the table
    had of it in the ``version`` that was asked, None where it had none."""

    info: ObjectInfo
    report: FileReport
    taken_for: TakenFor
    quarantine: Quarantine
    before: int | None
    version: int


@dataclass(frozen=True)
class _Written:
    """Parts in the root, with the arrivals and the reports of the files that they are of."""

    arrivals: Mapping[int, int]
    reports: Mapping[int, FileReport] = field(default_factory=dict)
    parts: list[AddAction] = field(default_factory=list)


class Intake:
    """Takes landing files, small ones together. ``arrivals`` by key of all that lie there.
    ``again``: contents that the table has are read again, and ``replaced`` counts the rows that
    went for that. ``reports`` by key."""

    def __init__(
        self,
        objects: Objects,
        settings: Settings,
        table: ReadingsTable,
        ledger: Ledger,
        work: Workspace,
        arrivals: Mapping[str, int],
        *,
        again: bool = False,
    ) -> None:
        self._objects = objects
        self._settings = settings
        self._table = table
        self._ledger = ledger
        self._work = work
        self._arrivals = arrivals
        self._again = again
        self._contents = Contents(ledger, table, arrivals.keys())
        self._news: dict[str, Known] = {}
        self.reports: dict[str, FileReport] = {}
        self.replaced = 0
        self._taken: dict[str, str] = {}
        self._postponed: list[ObjectInfo] = []
        self._restart()

    def _restart(self) -> None:
        self._staging = Staging(self._work.new_folder())
        self._staged: dict[int, _Staged] = {}
        self._repeated: dict[str, tuple[ObjectInfo, str]] = {}
        self._rows = 0

    def take(self, info: ObjectInfo) -> None:
        """Scan one file; commit when enough has been gathered."""
        try:
            self.reports[info.key] = self._scan(info)
        except (BadInputError, StoreError) as error:
            if not is_the_files_fault(error):
                raise
            self._leave(info, error)
        if self._rows >= _COMMIT_ROWS or len(self._staging.arrivals) >= _COMMIT_FILES:
            self._commit()

    def finish(self) -> None:
        """Commit the rest."""
        self._commit()
        while self._postponed:
            postponed, self._postponed = self._postponed, []
            for info in postponed:
                self.take(info)
            self._commit()

    def _leave(self, info: ObjectInfo, error: BadInputError | StoreError) -> None:
        """Nothing is taken of a file now; what the table has of it stays. Where the file, or
        what is said of it, has to change before it can be taken, that is remembered."""
        self.reports[info.key] = FileReport(info.key, left=str(error))
        if not self._ledger.taken(info):
            said = said_of(info.key, self._settings) if isinstance(error, BadInputError) else ""
            self._news[info.key] = Known.of_object(info, left=str(error), said=said)

    def _scan(self, info: ObjectInfo) -> FileReport:
        source, defaults = self._settings.source_of(info.key), self._settings.defaults
        number = self._staging.open_file()
        rejected = self._staging.folder / f"rejected-{number}" / "rejected.csv.gz"
        quarantine = Quarantine(rejected, info.key)
        try:
            with self._objects.at_hand(info.key, self._work.folder) as path:
                scan = FileScan(path, info.key, source, defaults)
                for block in scan:
                    self._staging.add(number, block, scan.clock)
                    quarantine.add(block.rejected)
        finally:
            quarantine.close()
        if self._objects.info(info.key) != info:
            raise BadInputError(f"{info.key} changed while it was read", fix="try again later")
        before = self._table.arrival_of(scan.digest)
        if same := self._same(info.key, scan.digest, before):
            self._repeated[info.key] = (info, scan.digest)
            return FileReport(info.key, digest=scan.digest, same_as=same)
        report = scan.report()
        if not report.values:
            raise unusable(report)
        if before == UNKNOWN_ARRIVAL:
            raise of_version_1(info.key)
        taken_for = TakenFor.of_file(scan.interpretation, source, defaults)
        version = self._table.version
        self._staged[number] = _Staged(info, report, taken_for, quarantine, before, version)
        self._rows += scan.values
        return report

    def _same(self, key: str, digest: str, before: int | None) -> str | None:
        """Another file with this content, which is in the table to stay, or staged."""
        if before is not None and not self._again:
            other = self._contents.key(digest)
            return "before" if other == key else other or "an earlier file"
        staged = (file.info.key for file in self._staged.values() if file.report.digest == digest)
        return next(staged, self._taken.get(digest))

    def _commit(self) -> None:
        """Add what is staged, each content once, whatever others commit meanwhile."""
        intervals = self._staging.intervals(self._staged)
        for number in list(self._staged):
            if self._staging.untold(number, intervals):
                self._leave_staged(number, untold_interval(self._staged[number].info.key))
        written: _Written | None = None
        for _ in self._table.attempts():
            arrivals = self._due()
            if written is None or written.arrivals != arrivals:
                written = self._write(arrivals, intervals)
            with suppress(ChangedError):
                self._append(written)
                break
        assert written is not None
        self._remember(written)

    def _due(self) -> dict[int, int]:
        """Arrivals of the staged files that are still to be taken: in the place of their rows,
        or as the first of their content."""
        arrivals: dict[int, int] = {}
        for number, file in self._staged.items():
            before = self._before(file)
            if before is None:
                arrivals[number] = self._free_arrival(file.info.key, set(arrivals.values()))
            elif self._again and before != UNKNOWN_ARRIVAL:
                arrivals[number] = before
        return arrivals

    def _before(self, file: _Staged) -> int | None:
        if file.version == self._table.version:
            return file.before
        return self._table.arrival_of(file.report.digest)

    def _free_arrival(self, key: str, used: set[int]) -> int:
        arrival = self._table.free_arrival(self._arrivals[key])
        while arrival in used:
            arrival = self._table.free_arrival(arrival + 1)
        return arrival

    def _write(self, arrivals: Mapping[int, int], intervals: Intervals) -> _Written:
        if not arrivals:
            return _Written({})
        for number, arrival in arrivals.items():
            self._staging.arrivals[number] = arrival
        writing = write_staged(self._staging, arrivals.keys(), intervals)
        reports = self._accounted(arrivals, writing)
        for number, report in reports.items():
            if not report.accepted:
                self._leave_staged(number, unusable(report))
        kept = {number: report for number, report in reports.items() if report.accepted}
        parts = self._table.upload(writing.parts)
        return _Written({number: arrivals[number] for number in kept}, kept, parts)

    def _leave_staged(self, number: int, error: BadInputError) -> None:
        """Leave a file, and look again at others with its content: more may be said of them."""
        file = self._staged.pop(number)
        self._leave(file.info, error)
        for key, (info, digest) in list(self._repeated.items()):
            if digest == file.report.digest:
                del self._repeated[key]
                self._postponed.append(info)

    def _accounted(self, arrivals: Mapping[int, int], writing: Writing) -> dict[int, FileReport]:
        """Duplicates told from accepted rows; SmartwattsError if a row went nowhere."""
        reports = {}
        dropped: dict[int, Counter[str]] = {}
        for late in writing.dropped:
            for file, count in count_files(late.files).items():
                dropped.setdefault(file, Counter())[late.fault] += count
        for number in arrivals:
            report = self._staged[number].report.settled(
                writing.duplicates[number], writing.netted[number], dropped.get(number)
            )
            if report.accepted != writing.rows[number] or not report.adds_up:
                raise SmartwattsError(f"{report.key}: rows got lost; nothing was taken")
            reports[number] = report
        return reports

    def _append(self, written: _Written) -> None:
        if not written.arrivals:
            return
        again = {n for n in written.arrivals if self._before(self._staged[n]) is not None}
        self._quarantine(written.arrivals.keys() - again, again=False)
        gone = {written.arrivals[number] for number in again}
        exchange = take_back(self._table, gone, self._work.folder) if gone else NOTHING
        digests = {n: self._staged[n].report.digest for n in written.arrivals}
        self._table.append(
            written.parts,
            {digests[number]: arrival for number, arrival in written.arrivals.items()},
            note_of((report, self._staged[n].taken_for) for n, report in written.reports.items()),
            exchange,
        )
        self.replaced += exchange.gone
        self._quarantine(again, again=True)

    def _quarantine(self, numbers: Collection[int], again: bool) -> None:
        """Rejected rows are kept before anybody can miss them; those that were rejected before
        only go when the new reading is in force."""
        for number in numbers:
            file = self._staged[number]
            file.quarantine.keep(self._objects, file.report.digest, again)

    def _remember(self, written: _Written) -> None:
        """Report what others took first; remember every file that need not be read again."""
        taken_for = {}
        for number, file in self._staged.items():
            key, digest = file.info.key, file.report.digest
            report = written.reports.get(number)
            if report is None:
                self.reports[key] = FileReport(key, digest=digest, same_as="a file of another run")
                self._news[key] = self._contents.known(file.info, digest)
                continue
            self.reports[key] = report
            taken_for[file.taken_for.name] = file.taken_for
            self._taken[digest] = key
            self._news[key] = Known.of_object(
                file.info,
                digest=digest,
                accepted=report.accepted,
                arrival=written.arrivals[number],
                taken_for=file.taken_for.name,
            )
        for key, (info, digest) in self._repeated.items():
            self._news[key] = self._contents.known(info, digest)
        if self._news:
            self._ledger.keep(self._objects, self._news, taken_for | self._contents.taken_for)
        self._news = {}
        self._staging.close()
        self._restart()
