"""Readings straight from files: what train --data-dir, evaluate and predict read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.printable import printable
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.device_rows import DeviceRows
from smartwatts_ml.readings.file_lines import warning_lines
from smartwatts_ml.readings.ingest.intervals import untold_interval
from smartwatts_ml.readings.ingest.landing import FILE_NAMES, LANDING, is_readings_file
from smartwatts_ml.readings.ingest.late import contradiction, is_torn
from smartwatts_ml.readings.ingest.refusals import unusable
from smartwatts_ml.readings.ingest.settling import Settled, settle
from smartwatts_ml.readings.ingest.staged import Staged, count_files
from smartwatts_ml.readings.ingest.staging import Staging
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.parsed import ParsedBlock, labels_of
from smartwatts_ml.readings.report import FileReport, ReadReport
from smartwatts_ml.readings.resample import DeviceReadings
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.readings.site_clocks import disagreement_lines, first_said
from smartwatts_ml.readings.sites import DeviceSpan, StoredReadings, site_spans, summarise
from smartwatts_ml.readings.stamps.text import StampForm
from smartwatts_ml.settings import Settings
from smartwatts_ml.timezones import is_place

__all__ = ["FileReadings", "LocalFile", "Watch", "find_files"]


Watch = Callable[[FileScan, ParsedBlock | None], None]


def _look_away(scan: FileScan, block: ParsedBlock | None) -> None:
    pass


class LocalFile(NamedTuple):
    """``key``: the path that sources are matched against, as ingest has it."""

    path: Path
    key: str


def find_files(paths: Sequence[Path | LocalFile]) -> list[LocalFile]:
    """Files of readings, in the order given; those of a folder and below it by name."""
    files: list[LocalFile] = []
    for path in paths:
        if isinstance(path, LocalFile):
            files.append(path)
        elif path.is_dir():
            inside = (p for p in path.rglob("*") if is_readings_file(p.name))
            inside = (p for p in inside if p.is_file() and not p.name.startswith("."))
            files += (LocalFile(p, _key(p, path)) for p in sorted(inside))
        elif path.is_file():
            files.append(LocalFile(path, _key(path, path.parent)))
        else:
            raise BadInputError(f"no file or folder {path}")
    if not files:
        listed = ", ".join(str(path) for path in paths)
        raise BadInputError(f"no file of readings in {listed}", fix=f"they are named {FILE_NAMES}")
    return files


def _key(path: Path, folder: Path) -> str:
    """A file's path below ``landing/``, wherever that is; of others the path below the folder
    that was given, so that one file is the same to every verb.

    >>> _key(Path("/srv/landing/berlin/a.csv"), Path("/srv/landing/berlin"))
    'berlin/a.csv'
    >>> _key(Path("data/home1/a.csv"), Path("data")), _key(Path("data/a.csv"), Path("data"))
    ('home1/a.csv', 'a.csv')
    """
    _, landing, below = path.absolute().as_posix().rpartition(f"/{LANDING}")
    return below if landing else path.relative_to(folder).as_posix()


class FileReadings(StoredReadings):
    """Readings of files; folders are searched below.

    The files are scanned once, into a temporary folder that is gone with this object. Of
    several readings of one device and stamp, the last one counts. ``report`` says what
    became of each line. ``watch`` is shown each file before it is read, and each of its blocks.
    Raises BadInputError where a file cannot be read, or, if they have to be ``usable``, where
    there is no reading in any, or mains are where no home's are.
    """

    def __init__(
        self,
        paths: Sequence[Path | LocalFile],
        settings: Settings,
        *,
        watch: Watch | None = None,
        usable: bool = True,
    ) -> None:
        super().__init__(settings)
        self._watch = watch or _look_away
        self._defaults = settings.defaults
        if not usable:  # nor need their mains be like a home's
            self._defaults = self._defaults.model_copy(update={"check_mains": False})
        self._work = Workspace()
        self._staging = Staging(self._work.new_folder(), by_device=True)
        try:
            files = [self._scan(file) for file in find_files(paths)]
            self._staged = self._check_intervals(files)
            self._duplicates: Counter[int] = Counter()
            self._netted: Counter[int] = Counter()
            self._incomplete: Counter[int] = Counter()
            self._dropped: dict[int, Counter[str]] = {}
            self._numbers, self._device_spans = self._settle_all()
            self._check_contradictions(files, find_files(paths))
            self.report = ReadReport(tuple(map(self._account, range(len(files)), files)))
            self._files_of_sites = {
                site: file for file in self.report.files if file.accepted for site in file.sites
            }
            self._clocks, self._other_clocks = first_said(
                (file.key, file.clocks(settings)) for file in self.report.files if file.accepted
            )
            if usable and not self.report.accepted:
                worst = max(range(len(files)), key=lambda n: self.report.files[n].rejected)
                raise unusable(self.report.files[worst], self._staging.registers_of(worst))
        except BaseException:
            self.close()
            raise

    def warnings(self) -> list[str]:
        """Lines of files that warn of something, and of sites of several clocks."""
        files = warning_lines(self.report.files, self._settings)
        rejected = [file.key for file in self.report.files if file.rejected]
        which = [f"which lines: smartwatts ingest --explain {quote(key)}" for key in rejected[:1]]
        return [*files, *map(printable, (*which, *disagreement_lines(self._other_clocks)))]

    def close(self) -> None:
        """Delete the temporary folder."""
        self._staging.close()
        self._work.close()

    def __enter__(self) -> FileReadings:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _scan(self, file: LocalFile) -> FileReport:
        """Take over one file's rows."""
        path, key = file
        scan = FileScan(path, str(path), self._settings.source_of(key), self._defaults, key)
        self._watch(scan, None)
        number = self._staging.open_file(arrival=len(self._staging.arrivals))
        for block in scan:
            self._watch(scan, block)
            self._staging.add(number, block, scan.clock)
        return scan.report()

    def _check_intervals(self, files: Sequence[FileReport]) -> Staged:
        intervals = self._staging.intervals(range(len(files)))
        for number, file in enumerate(files):
            if self._staging.untold(number, intervals):
                raise untold_interval(file.key)
        return self._staging.staged(intervals)

    def _settle_all(self) -> tuple[dict[tuple[str, str], int], list[DeviceSpan]]:
        """The number of each site and channel, and what it spans. Counts what went into
        others."""
        pairs, ranks = self._staging.devices.ranked()
        numbers = {pairs[ranks[number]]: number for number in self._staging.spill.sizes()}
        spans = []
        for (site, channel), number in sorted(numbers.items()):
            settled = self._settled(number)
            self._duplicates.update(settled.duplicates)
            self._netted.update(settled.netted)
            self._incomplete.update(settled.incomplete)
            for dropped in settled.dropped:
                for file, count in count_files(dropped.files).items():
                    self._dropped.setdefault(file, Counter())[dropped.fault] += count
            if len(settled.rows):
                rows = settled.rows
                held = self._staged.measured(rows, lambda measure: measure.held)
                spans.append(summarise(site, channel, rows.stamps, rows.seconds, held))
        return numbers, spans

    def _check_contradictions(self, files: Sequence[FileReport], local: list[LocalFile]) -> None:
        for number, file in enumerate(files):
            count = self._dropped.get(number, Counter())
            if is_torn(count, file):
                path, key = local[number]
                source = self._settings.source_of(key)
                scan = FileScan(path, str(path), source, self._defaults, key)
                raise contradiction(scan, count["value_two"])

    def _settled(self, number: int) -> Settled:
        return settle(self._staging.spill.read(number), self._staged)

    def _account(self, number: int, file: FileReport) -> FileReport:
        return file.settled(
            self._duplicates[number],
            self._netted[number],
            self._incomplete[number],
            self._dropped.get(number),
        )

    def _find_spans(self) -> tuple[SiteSpan, ...]:
        return site_spans(self._device_spans)

    def _devices(self, site: str, channels: Sequence[str]) -> dict[str, DeviceReadings]:
        devices = {}
        for channel in channels:
            rows = self._settled(self._numbers[site, channel]).rows
            total = self._staged.measured(rows, lambda measure: measure.quantity == "total")
            devices[channel] = DeviceRows(
                rows.stamps,
                rows.values.astype(np.float32),
                labels_of(rows.labels),
                self._staged.files(rows),
                np.where(total, rows.values, np.nan) if total.any() else None,
                rows.seconds,
                self._staged.measured(rows, lambda measure: measure.held),
            ).readings()
        return devices

    @cached_property
    def _form(self) -> StampForm:
        """How stamps are written: as in the first file that has a column of them."""
        files = self._files_of_sites.values()
        forms = [StampForm.like(f.stamps) if f.stamps else StampForm() for f in files]
        if any(form.is_naive for form in forms) and len({f.timezone for f in files}) > 1:
            return StampForm(zone="+00:00")
        accepted = (file.stamps for file in self.report.files if file.accepted)
        return next((StampForm.like(stamps) for stamps in accepted if stamps), StampForm())

    def timezone(self, site: str) -> str:
        return self._clocks[site].timezone

    def sites_by_timezone(self) -> dict[str, list[str]]:
        """Sites by the timezone by whose clock they live."""
        sites: dict[str, list[str]] = {}
        for site in sorted(self._clocks):
            sites.setdefault(self.timezone(site), []).append(site)
        return sites

    def stamps_for(self, site: str) -> Callable[[np.ndarray], list[str]]:
        """How UTC instants (datetime64[s], shape (n,)) of a site are written: in the form and on
        the clock of the input, with an offset in an hour that the clock shows twice; in ISO 8601
        where that has no column of them, and with offsets where files have different clocks."""
        file = self._files_of_sites[site]
        lived = self.timezone(site)
        form = self._form
        follows = form.has_offset and is_place(lived) and not is_place(file.timezone)
        timezone = lived if follows else file.timezone
        return lambda stamps: form.write(stamps, timezone)
