"""Ingest: landing files that are new become a new snapshot of the readings table.

Exactly once for each content: the table records the digest of each file it took, in the
commit that took it, and refuses a commit whose digest somebody else recorded meanwhile.
So it does not matter how often this runs, how many run at once, or when one is killed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase

from smartwatts_ml.counted import counted
from smartwatts_ml.errors import BadInputError, ChangedError
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.progress import Progress
from smartwatts_ml.readings.file_lines import file_lines
from smartwatts_ml.readings.ingest.ingest_report import IngestReport
from smartwatts_ml.readings.ingest.intake import Intake
from smartwatts_ml.readings.ingest.landing import LANDING, arrivals_of, list_landing
from smartwatts_ml.readings.ingest.ledger import Ledger
from smartwatts_ml.readings.ingest.memory import share_memory
from smartwatts_ml.readings.ingest.taken_for import said_of
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.report import FileReport
from smartwatts_ml.readings.site_clocks import SiteClocks, change_lines
from smartwatts_ml.readings.table.clock_changes import clock_changes
from smartwatts_ml.readings.table.compaction import compact
from smartwatts_ml.readings.table.table import open_table
from smartwatts_ml.readings.table.taking_back import take_back
from smartwatts_ml.runs.arrivals import note_arrival
from smartwatts_ml.runs.doubtful import keep_doubtful
from smartwatts_ml.runs.ingested import Ingested, keep_ingested
from smartwatts_ml.settings import Settings

__all__ = ["ingest", "reread"]


def ingest(
    objects: Objects,
    settings: Settings,
    progress: Progress | None = None,
    only: Collection[str] | None = None,
    run_id: str | None = None,
) -> IngestReport:
    """Add every landing file whose content is not in the table yet; ``only`` some keys.
    ``run_id``: the run that is told what became of each file.

    A file of which nothing can be taken is left, with the reason, until it or what is said of
    it changes; rows that cannot be used go to quarantine/. Repeating adds nothing.
    """
    landing = _Landing(objects, settings)
    landed = [info for info in landing.files if only is None or info.key in only]
    new = [info for info in landed if not landing.ledger.taken(info)]
    left = {info.key: why for info in new if (why := landing.still_refused(info))}
    due = [info for info in new if info.key not in left]
    report = landing.take(landed, due, progress, left=left)
    note_arrival(objects, run_id or "", report.files)
    if run_id is not None and report.files:
        lines, none = file_lines(report.files, settings), len(report.left)
        keep_ingested(objects, run_id, Ingested(len(report.files) - none, none, lines))
        keep_doubtful(objects, run_id, _doubtful(report, settings))
    return report


def _doubtful(report: IngestReport, settings: Settings) -> list[str]:
    """A line on each file that was left, or has rejected lines, and on homes that are kept on
    another clock than is said; on all of them where sites are not named, since files may be called
    after homes."""
    files = [file for file in report.files if file.left or file.rejected]
    if settings.show_site_names:
        return [*file_lines(files, settings), *change_lines(report.clocks)]
    lines = [counted(len(report.left), "file was left", "files were left")] if report.left else []
    if report.rejected:
        lines.append(f"{counted(report.rejected, 'line')} rejected ({report.why_rejected()})")
    if report.clocks:
        homes = len({change.site for change in report.clocks})
        lines.append(f"{counted(homes, 'home')} kept on another clock than is said of now")
    return [f"{line}; the log of the ingest names each file" for line in lines]


def reread(
    objects: Objects,
    settings: Settings,
    patterns: Sequence[str],
    progress: Progress | None = None,
    *,
    outdated: bool = False,
    drop: bool = False,
) -> IngestReport:
    """Read landing files again that match a pattern (below landing/), or all that are outdated;
    what the table has of each is replaced.

    Raises BadInputError where a pattern matches no file. A file of which nothing can be taken
    now keeps what the table has of it, unless that is to ``drop``; as is then what the table has
    of files that match and are gone from landing/, but not of those that could not be read this
    time.
    """
    landing = _Landing(objects, settings)
    gone = landing.gone() if drop else frozenset()
    chosen = landing.matching(patterns, gone)
    if outdated:
        chosen |= {file.key for file in landing.ledger.outdated(landing.files, settings)}
    files = [info for info in landing.files if info.key in chosen]
    report = landing.take(files, files, progress, again=True)
    if not drop:
        return report
    unusable = [file.key for file in report.left if not file.passing]
    return landing.drop(report, [*unusable, *sorted(gone & chosen)])


class _Landing:
    """What lies in landing/, and what is known of it."""

    def __init__(self, objects: Objects, settings: Settings) -> None:
        share_memory()
        self._objects = objects
        self._settings = settings
        self._table = open_table(objects, SiteClocks.of_settings(settings))
        self.ledger = Ledger.read(objects, self._table.id)
        self.files, self._ignored = list_landing(objects)

    def still_refused(self, info: ObjectInfo) -> str | None:
        """Why a file was left, if neither it nor what is said of it has changed since."""
        known = self.ledger.refused(info)
        if known is None or known.said != said_of(info.key, self._settings):
            return None
        return known.left

    def gone(self) -> frozenset[str]:
        """Keys of files that were taken and lie there no more, under whatever name."""
        landed = {info.key for info in self.files}
        there = {known.digest for key, known in self.ledger.files.items() if key in landed}
        return frozenset(
            key
            for key, known in self.ledger.files.items()
            if known.arrival and key not in landed and known.digest not in there
        )

    def drop(self, report: IngestReport, keys: Sequence[str]) -> IngestReport:
        """Take away what the table has of files, in one commit; an ingest may take them anew."""
        files = [file for key in keys if (file := self.ledger.files.get(key)) and file.arrival]
        self._remember_dropped({file.digest for file in files})
        gone = 0
        with Workspace() as work:
            for _ in self._table.attempts():
                there = {
                    file.digest: file.arrival
                    for file in files
                    if self._table.arrival_of(file.digest) == file.arrival
                }
                if not there:
                    break
                exchange = take_back(self._table, there.values(), work.folder)
                with suppress(ChangedError):
                    self._table.replace(exchange, forgotten=there.keys())
                    gone = exchange.gone
                    break
        return replace(
            report,
            dropped=tuple(keys),
            replaced=report.replaced + gone,
            snapshot=self._table.snapshot(),
        )

    def _remember_dropped(self, digests: Collection[str]) -> None:
        """The next ingest has to look at files with a content that is dropped. That is said before
        it goes, so that nobody who dies in between leaves it unsaid."""
        news = {
            key: replace(known, left="its readings were dropped", said="")
            for key, known in self.ledger.files.items()
            if known.digest in digests
        }
        if news:
            self.ledger.keep(self._objects, news, {})

    def matching(self, patterns: Sequence[str], gone: Collection[str] = ()) -> set[str]:
        """Keys of files, or of what is ``gone``. Raises BadInputError where a pattern has none."""
        keys = [*(info.key for info in self.files), *gone]
        names = {key.removeprefix(LANDING): key for key in keys}
        chosen: set[str] = set()
        for pattern in patterns:
            exact = {pattern} & names.keys()
            matched = {names[n] for n in exact or names if exact or fnmatchcase(n, pattern)}
            if not matched:
                raise BadInputError(
                    f"no file {pattern} in {self._objects.uri(LANDING[:-1])}",
                    fix="name files as they are called below it, and put back what is gone "
                    "(or --drop what the readings have of it)",
                )
            chosen |= matched
        return chosen

    def take(
        self,
        landed: Sequence[ObjectInfo],
        files: Sequence[ObjectInfo],
        progress: Progress | None,
        *,
        left: Mapping[str, str] | None = None,
        again: bool = False,
    ) -> IngestReport:
        """Take ``files`` of those that are looked at."""
        arrivals = arrivals_of(self.files, self.ledger)
        reports = {key: FileReport(key, left=why) for key, why in (left or {}).items()}
        with Workspace() as work:
            intake = Intake(
                self._objects, self._settings, self._table, self.ledger, work, arrivals, again=again
            )
            whole = sum(info.size for info in files) or 1
            done = 0
            for info in files:
                if progress:
                    progress(info.key.removeprefix(LANDING), done / whole)
                intake.take(info)
                done += info.size
            if progress and files:
                progress("writing", done / whole)
            intake.finish()
            if files:
                compact(self._table, work.folder)
        reports |= intake.reports
        return IngestReport(
            files=tuple(reports[info.key] for info in landed if info.key in reports),
            unchanged=len(landed) - len(reports),
            ignored=self._ignored,
            outdated=tuple(self.ledger.outdated(landed, self._settings)),
            clocks=tuple(clock_changes(self._table, self._settings, list(reports.values()))),
            replaced=intake.replaced,
            snapshot=self._table.snapshot(),
        )
