"""Landing files whose rows wait for one commit, and that commit: each content exactly once.

A content that the table has is not taken a second time, unless it is to be read again: then
the rows that it has there go in the same commit that adds the new ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field

from deltalake.transaction import AddAction

from smartwatts_ml.errors import BadInputError, ChangedError, SmartwattsError
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.ingest.contents import note_of
from smartwatts_ml.readings.ingest.intervals import Intervals, untold_interval
from smartwatts_ml.readings.ingest.late import contradiction, dropped_by_file, is_torn, late_lines
from smartwatts_ml.readings.ingest.quarantine import Quarantine
from smartwatts_ml.readings.ingest.refusals import changed_meanwhile, unusable
from smartwatts_ml.readings.ingest.settling import Dropped
from smartwatts_ml.readings.ingest.staged import KnownRows
from smartwatts_ml.readings.ingest.staging import Staging
from smartwatts_ml.readings.ingest.taken_for import TakenFor
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.ingest.writing import OverfullError, Writing, write_staged
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.readings.site_clocks import SiteClock, SiteClocks
from smartwatts_ml.readings.table.changes import NOTHING, UNKNOWN_ARRIVAL
from smartwatts_ml.readings.table.snapshot_readings import rows_between
from smartwatts_ml.readings.table.table import ReadingsTable
from smartwatts_ml.readings.table.taking_back import take_back
from smartwatts_ml.settings import Settings

__all__ = ["FileBatch", "Committed", "StagedFile", "scanning"]

_COMMIT_ROWS = 20_000_000
_COMMIT_FILES = 1000


@contextmanager
def scanning(
    objects: Objects, settings: Settings, info: ObjectInfo, work: Workspace
) -> Iterator[FileScan]:
    """A landing file to be read."""
    with objects.at_hand(info.key, work.folder) as path:
        yield FileScan(path, info.key, settings.source_of(info.key), settings.defaults)


@dataclass(frozen=True)
class StagedFile:
    """A file whose rows wait. ``before``: the arrival of the rows that the table had of it in
    the ``version`` that was asked, None where it had none; ``wanted``: the arrival that it is to
    have then, or the next that is free."""

    info: ObjectInfo
    report: FileReport
    taken_for: TakenFor
    quarantine: Quarantine
    wanted: int
    before: int | None
    version: int


@dataclass(frozen=True)
class Committed:
    """What became of the files of a batch, by number: ``reports`` and ``arrivals`` of those that
    were taken, why others were ``left``; the table has the rest from somebody else. ``replaced``
    counts rows that went for that."""

    reports: Mapping[int, FileReport] = field(default_factory=dict)
    arrivals: Mapping[int, int] = field(default_factory=dict)
    left: Mapping[int, BadInputError | ChangedError] = field(default_factory=dict)
    replaced: int = 0


@dataclass(frozen=True)
class _Written:
    """Parts in the root, and the files that they are of."""

    arrivals: Mapping[int, int]
    reports: Mapping[int, FileReport] = field(default_factory=dict)
    quarantines: Mapping[int, Quarantine] = field(default_factory=dict)
    parts: list[AddAction] = field(default_factory=list)
    looked_up: bool = False


class FileBatch:
    """``files`` by their number in ``staging``. ``again``: contents that the table has are read
    again."""

    def __init__(
        self,
        objects: Objects,
        settings: Settings,
        table: ReadingsTable,
        work: Workspace,
        *,
        again: bool,
    ) -> None:
        self.staging = Staging(work.new_folder())
        self.files: dict[int, StagedFile] = {}
        self._objects = objects
        self._settings = settings
        self._table = table
        self._work = work
        self._again = again
        self._left: dict[int, BadInputError | ChangedError] = {}
        self._clocks_kept: set[str] = set()

    @property
    def is_full(self) -> bool:
        """Whether it is time for a commit."""
        rows = sum(file.report.values for file in self.files.values())
        return rows >= _COMMIT_ROWS or len(self.staging.arrivals) >= _COMMIT_FILES

    def commit(self) -> Committed:
        """Take the files, each content once, whatever others commit meanwhile."""
        intervals = self.staging.intervals(self.files)
        for number, file in self.files.items():
            if self.staging.untold(number, intervals):
                self._left[number] = untold_interval(file.info.key)
        written: _Written | None = None
        for _ in self._table.attempts():
            due = self._due()
            if written is None or written.looked_up or written.arrivals != due:
                written = self._write(due, intervals)
            with suppress(ChangedError):
                replaced = self._append(written) if written.arrivals else 0
                break
        assert written is not None
        return Committed(written.reports, written.arrivals, self._left, replaced)

    def _due(self) -> dict[int, int]:
        """Arrivals of the files that are still to be taken: in the place of their rows, or as
        the first of their content."""
        arrivals: dict[int, int] = {}
        for number, file in self.files.items():
            before = self._before(number)
            if number in self._left:
                continue
            if before is None:
                arrivals[number] = self._free_arrival(file.wanted, set(arrivals.values()))
            elif self._again and before != UNKNOWN_ARRIVAL:
                arrivals[number] = before
        return arrivals

    def _before(self, number: int) -> int | None:
        file = self.files[number]
        if file.version == self._table.version:
            return file.before
        return self._table.arrival_of(file.report.digest)

    def _free_arrival(self, wanted: int, used: Collection[int]) -> int:
        arrival = self._table.free_arrival(wanted)
        while arrival in used:
            arrival = self._table.free_arrival(arrival + 1)
        return arrival

    def _write(self, due: Mapping[int, int], intervals: Intervals) -> _Written:
        """Write what files give, but for those that are left for it; then all is settled without
        them."""
        arrivals, looked_up, gone = dict(due), False, self._gone(due)

        def taken(site: str, channel: str, first: int, last: int) -> KnownRows:
            nonlocal looked_up
            looked_up = True
            parts = self._table.parts()
            return KnownRows(*rows_between(self._objects, parts, site, channel, first, last, gone))

        while arrivals:
            for number, arrival in arrivals.items():
                self.staging.arrivals[number] = arrival
            try:
                writing = write_staged(self.staging, arrivals.keys(), intervals, taken)
            except OverfullError as error:
                self._left[error.file] = self._overfull(error)
                del arrivals[error.file]
                continue
            reports = self._accounted(arrivals, writing)
            quarantines, refused = self._judged(reports, writing)
            if not refused:
                parts = self._table.upload(writing.parts)
                return _Written(arrivals, reports, quarantines, parts, looked_up)
            self._left |= refused
            arrivals = {n: arrival for n, arrival in arrivals.items() if n not in refused}
        return _Written({})

    def _overfull(self, error: OverfullError) -> BadInputError:
        with self._scanned_again(self.files[error.file]) as scan:
            return contradiction(scan, error.values)

    def _gone(self, arrivals: Mapping[int, int]) -> set[int]:
        """Arrivals of files whose rows the table has, and which are read again."""
        return {arrival for n, arrival in arrivals.items() if self._before(n) is not None}

    def _accounted(self, arrivals: Mapping[int, int], writing: Writing) -> dict[int, FileReport]:
        """Duplicates told from accepted rows; SmartwattsError if a row went nowhere."""
        reports = {}
        dropped = dropped_by_file(writing.dropped)
        for number in arrivals:
            report = self.files[number].report.settled(
                writing.duplicates[number],
                writing.netted[number],
                writing.incomplete[number],
                dropped.get(number),
            )
            if report.accepted != writing.rows[number] or not report.adds_up:
                raise SmartwattsError(f"{report.key}: rows got lost; nothing was taken")
            reports[number] = report
        return reports

    def _judged(
        self, reports: Mapping[int, FileReport], writing: Writing
    ) -> tuple[dict[int, Quarantine], dict[int, BadInputError | ChangedError]]:
        """What is rejected of each file, and why files are left as a whole."""
        quarantines: dict[int, Quarantine] = {}
        refused: dict[int, BadInputError | ChangedError] = {}
        for number, report in reports.items():
            try:
                quarantines[number] = self._quarantine(number, report, writing.dropped)
            except (BadInputError, ChangedError) as error:
                refused[number] = error
        return quarantines, refused

    def _quarantine(
        self, number: int, report: FileReport, dropped: Sequence[Dropped]
    ) -> Quarantine:
        """What is rejected of a file, rows that were dropped included. Raises BadInputError
        where nothing else is there, or the file is not understood, ChangedError where it is
        another by now."""
        file, late = self.files[number], dropped_by_file(dropped).get(number, Counter())
        if is_torn(late, file.report):
            with self._scanned_again(file) as scan:
                raise contradiction(scan, late["value_two"])
        if not report.accepted and not report.says_nothing:
            raise unusable(report, self.staging.registers_of(number))
        if not late:
            return file.quarantine
        quarantine = Quarantine(self._work.new_folder() / "rejected.csv.gz", file.info.key)
        with self._scanned_again(file) as scan:
            for rejected in late_lines(scan, number, dropped, self.staging.devices):
                quarantine.add(rejected)
        quarantine.close()
        if scan.digest != report.digest:
            raise changed_meanwhile(file.info.key)
        return quarantine

    def _scanned_again(self, file: StagedFile) -> AbstractContextManager[FileScan]:
        return scanning(self._objects, self._settings, file.info, self._work)

    def _append(self, written: _Written) -> int:
        """Commit; how many rows went. Rejected rows are kept before anybody can miss them; those
        that were rejected before only go when the new reading is in force."""
        gone = self._gone(written.arrivals)
        self._keep_clocks(written, gone)
        self._keep(written, gone, again=False)
        exchange = take_back(self._table, gone, self._work.folder) if gone else NOTHING
        self._table.append(
            written.parts,
            {written.reports[n].digest: arrival for n, arrival in written.arrivals.items()},
            note_of((report, self.files[n].taken_for) for n, report in written.reports.items()),
            exchange,
        )
        self._keep(written, gone, again=True)
        return exchange.gone

    def _keep_clocks(self, written: _Written, gone: set[int]) -> None:
        """By which clocks sites live that are new, or whose files are read again: before their
        rows are there. Raises ChangedError where that was a commit: ask again."""
        kept = self._table.clocks
        clocks = kept or SiteClocks.of_settings(self._settings)
        others: dict[str, SiteClock] = {}
        again: set[str] = set()
        for number in sorted(written.reports, key=lambda number: written.arrivals[number]):
            said = written.reports[number].clocks(self._settings)
            for site in said.keys() - self._clocks_kept - others.keys():
                if said[site] != clocks.of_site(site):
                    others[site] = said[site]
                    again |= {site} if written.arrivals[number] in gone else set()
        if others.keys() - again:
            known = self._table.sites() - again
            others = {site: clock for site, clock in others.items() if site not in known}
        if others or kept is None:
            self._table.keep_clocks(clocks.with_sites(others))
            self._clocks_kept |= others.keys()
            raise ChangedError("the clocks of some sites were kept")

    def _keep(self, written: _Written, gone: set[int], again: bool) -> None:
        for number, quarantine in written.quarantines.items():
            if (written.arrivals[number] in gone) == again:
                quarantine.keep(self._objects, written.reports[number].digest, again)
