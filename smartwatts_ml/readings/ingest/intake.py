"""One pass over landing files: each is read, taken together with others, and remembered."""

from __future__ import annotations

from collections.abc import Mapping

from smartwatts_ml.errors import BadInputError, StoreError
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.ingest.contents import Contents
from smartwatts_ml.readings.ingest.file_batch import Committed, FileBatch, StagedFile, scanning
from smartwatts_ml.readings.ingest.ledger import Known, Ledger
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.ingest.refusals import (
    changed_meanwhile,
    is_passing,
    is_the_files_fault,
    of_version_1,
    unusable,
)
from smartwatts_ml.readings.ingest.taken_for import TakenFor, said_of
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.table.changes import UNKNOWN_ARRIVAL
from smartwatts_ml.readings.table.table import ReadingsTable
from smartwatts_ml.settings import Settings

__all__ = ["Intake"]


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
        self._taken: dict[str, str] = {}
        self._postponed: list[ObjectInfo] = []
        self._news: dict[str, Known] = {}
        self.reports: dict[str, FileReport] = {}
        self.replaced = 0
        self._restart()

    def _restart(self) -> None:
        self._batch = FileBatch(
            self._objects, self._settings, self._table, self._work, again=self._again
        )
        self._repeated: dict[str, tuple[ObjectInfo, str]] = {}

    def take(self, info: ObjectInfo) -> None:
        """Scan one file; commit when enough has been gathered."""
        try:
            self.reports[info.key] = self._scan(info)
        except (BadInputError, StoreError) as error:
            if not is_the_files_fault(error):
                raise
            self._leave(info, error)
        if self._batch.is_full:
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
        passing = is_passing(error)
        self.reports[info.key] = FileReport(info.key, left=str(error), passing=passing)
        if not self._ledger.taken(info):
            said = said_of(info.key, self._settings) if isinstance(error, BadInputError) else ""
            self._news[info.key] = Known.of_object(info, left=str(error), said=said)

    def _scan(self, info: ObjectInfo) -> FileReport:
        number = self._batch.staging.open_file()
        quarantine = Quarantine(self._work.new_folder() / "rejected.csv.gz", info.key)
        try:
            with scanning(self._objects, self._settings, info, self._work) as scan:
                for block in scan:
                    self._batch.staging.add(number, block, scan.clock)
                    quarantine.add(block.rejected)
        finally:
            quarantine.close()
        if self._objects.info(info.key) != info:
            raise changed_meanwhile(info.key)
        before = self._table.arrival_of(scan.digest)
        if same := self._same(info.key, scan.digest, before):
            self._repeated[info.key] = (info, scan.digest)
            return FileReport(info.key, digest=scan.digest, same_as=same)
        report = scan.report()
        if not report.values and not report.says_nothing:
            raise unusable(report)
        if before == UNKNOWN_ARRIVAL:
            raise of_version_1(info.key)
        self._batch.files[number] = StagedFile(
            info,
            report,
            TakenFor.of_scan(scan, self._settings.defaults),
            quarantine,
            wanted=self._arrivals[info.key],
            before=before,
            version=self._table.version,
        )
        return report

    def _same(self, key: str, digest: str, before: int | None) -> str | None:
        """Another file with this content, which is in the table to stay, or staged."""
        if before is not None and not self._again:
            other = self._contents.key(digest)
            return "before" if other == key else other or "an earlier file"
        staged = self._batch.files.values()
        same = (file.info.key for file in staged if file.report.digest == digest)
        return next(same, self._taken.get(digest))

    def _commit(self) -> None:
        committed = self._batch.commit()
        self.replaced += committed.replaced
        for number, error in committed.left.items():
            self._leave(self._batch.files[number].info, error)
            self._postpone(self._batch.files[number].report.digest)
        self._remember(committed)
        self._batch.staging.close()
        self._restart()

    def _postpone(self, digest: str) -> None:
        """Look again at others with a content that was left: more may be said of them."""
        for key, (info, same) in list(self._repeated.items()):
            if same == digest:
                del self._repeated[key]
                self._postponed.append(info)

    def _remember(self, committed: Committed) -> None:
        """Report what others took first; remember every file that need not be read again."""
        taken_for = {}
        for number, file in self._batch.files.items():
            key, digest = file.info.key, file.report.digest
            if number in committed.reports:
                self.reports[key] = committed.reports[number]
                self._taken[digest] = key
                taken_for[file.taken_for.name] = file.taken_for
                self._news[key] = Known.of_object(
                    file.info,
                    digest=digest,
                    accepted=committed.reports[number].accepted,
                    arrival=committed.arrivals[number],
                    taken_for=file.taken_for.name,
                )
            elif number not in committed.left:
                self.reports[key] = FileReport(key, digest=digest, same_as="a file of another run")
                self._news[key] = self._contents.known(file.info, digest)
        for key, (info, digest) in self._repeated.items():
            self._news[key] = self._contents.known(info, digest)
        if self._news:
            self._ledger.keep(self._objects, self._news, taken_for | self._contents.taken_for)
        self._news = {}
