"""Files of a sort of records that are new become rows of its table, exactly once.

As with readings: the table records the digest of each content in the commit that takes it, a
ledger spares the reading of files that have not changed, and rejected lines are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic

from smartwatts_ml.counted import counted
from smartwatts_ml.errors import BadInputError, SmartwattsError, StoreError
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.ingest.landing import list_files
from smartwatts_ml.readings.ingest.ledger import Known, Ledger
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.ingest.refusals import changed_meanwhile, is_the_files_fault
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.records.record_file import RecordReport, read_records
from smartwatts_ml.records.sort import RecordT, Sort
from smartwatts_ml.records.table import RecordTable

__all__ = ["RecordsTaken", "take_records"]

_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class RecordsTaken:
    """What became of files of records, called by their ``name``, that were new, and how many were
    known."""

    name: str
    files: tuple[RecordReport, ...] = ()
    unchanged: int = 0

    @property
    def accepted(self) -> int:
        return sum(file.accepted for file in self.files)

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.files)

    @property
    def left(self) -> list[RecordReport]:
        """Files of which nothing was taken."""
        return [file for file in self.files if file.left]

    def lines(self) -> list[str]:
        """What there is to say of them, for people: a line of all, one of each with a fault."""
        if not self.files:
            return []
        said = [f"{self.accepted:,} {self.name} from {counted(len(self.files), 'file')}"]
        if changed := sum(file.changed for file in self.files):
            said[0] += f"; {changed:,} of them say something else than was said of the same before"
        for file in self.files:
            if file.left:
                said.append(f"{file.key} was left: {file.left}")
            elif file.rejected:
                said.append(f"{file.key}: {file.rejected:,} rejected: {file.why_rejected()}")
        return said

    def to_json(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "unchanged": self.unchanged,
            "files": [file.to_json() for file in self.files],
        }


def take_records(objects: Objects, sort: Sort[RecordT], kept_months: int = 0) -> RecordsTaken:
    """Add every file of the sort's landing folder whose content is not in the table yet. Repeating
    adds nothing; a file of which nothing can be taken is left, with the reason, until it changes.
    A root without such files gets no table.

    Months before the ``kept_months`` that end with the newest leave the table then; 0: none do."""
    landed = list_files(objects, sort.landing)
    if not landed:
        return RecordsTaken(sort.name)
    table = RecordTable(objects, sort)
    ledger = Ledger.read(objects, table.id, sort.ledger)
    new = [info for info in landed if not (ledger.taken(info) or ledger.refused(info))]
    with Workspace() as work:
        intake = _Intake(objects, sort, table, ledger, work)
        for info in new:
            intake.take(info)
        intake.commit()
        if new:
            table.tidy(kept_months)
    reports = tuple(intake.reports[info.key] for info in new)
    return RecordsTaken(sort.name, reports, len(landed) - len(new))


@dataclass
class _Waiting(Generic[RecordT]):
    """Contents that wait for a commit, by digest."""

    rows: dict[str, Sequence[tuple[RecordT, datetime]]] = field(default_factory=dict)
    infos: dict[str, list[ObjectInfo]] = field(default_factory=dict)
    quarantines: dict[str, Quarantine] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))


class _Intake(Generic[RecordT]):
    def __init__(
        self,
        objects: Objects,
        sort: Sort[RecordT],
        table: RecordTable[RecordT],
        ledger: Ledger,
        work: Workspace,
    ) -> None:
        self._objects = objects
        self._sort = sort
        self._table = table
        self._ledger = ledger
        self._work = work
        self._waiting = _Waiting[RecordT]()
        self._news: dict[str, Known] = {}
        self.reports: dict[str, RecordReport] = {}

    def take(self, info: ObjectInfo) -> None:
        """Read one file; commit when enough has been gathered."""
        try:
            self._read(info)
        except (BadInputError, StoreError) as error:
            if not is_the_files_fault(error):
                raise
            self._leave(info, error)
        if len(self._waiting) >= _ROWS_AT_ONCE:
            self.commit()

    def _leave(self, info: ObjectInfo, error: BadInputError | StoreError) -> None:
        self.reports[info.key] = RecordReport(info.key, left=str(error))
        if isinstance(error, BadInputError):
            self._news[info.key] = Known.of_object(info, left=str(error))

    def _read(self, info: ObjectInfo) -> None:
        folder = self._work.new_folder()
        folder.mkdir()
        quarantine = Quarantine(folder / "rejected.csv.gz", info.key)
        try:
            with self._objects.at_hand(info.key, folder) as path:
                file = read_records(self._sort, path, info.key, info.arrived, quarantine)
        finally:
            quarantine.close()
        if self._objects.info(info.key) != info:
            raise changed_meanwhile(info.key)
        report = file.report
        if not report.adds_up:
            raise SmartwattsError(f"{info.key}: lines got lost; nothing was taken")
        self.reports[info.key] = report
        waiting = self._waiting
        waiting.infos.setdefault(report.digest, []).append(info)
        if report.digest not in waiting.rows:
            waiting.rows[report.digest] = [(record, info.arrived) for record in file.records]
            waiting.quarantines[report.digest] = quarantine

    def commit(self) -> None:
        """Take what waits. Rejected lines are kept before anybody can miss them."""
        waiting, self._waiting = self._waiting, _Waiting[RecordT]()
        for digest, quarantine in waiting.quarantines.items():
            quarantine.keep(self._objects, digest, again=False)
        repeats = self._table.append(waiting.rows, self._work.folder) if waiting.rows else {}
        for digest, infos in waiting.infos.items():
            for number, info in enumerate(infos):
                report = self.reports[info.key]
                repeated = repeats.get(digest) if number == 0 else None
                report = (
                    report.settled(repeated.duplicate, repeated.changed)
                    if repeated
                    else report.settled(report.accepted)
                )
                self.reports[info.key] = report
                self._news[info.key] = Known.of_object(
                    info, digest=digest, accepted=report.accepted
                )
        if self._news:
            self._ledger.keep(self._objects, self._news, {}, self._sort.ledger)
            self._news = {}
