"""Readings straight from files: what train --data-dir, evaluate and predict read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.csv.parsed import FileSource, labels_of
from smartwatts_ml.readings.csv.report import FileReport, ReadReport
from smartwatts_ml.readings.csv.scan import FileScan
from smartwatts_ml.readings.csv.stamp_text import StampForm, parse_stamp
from smartwatts_ml.readings.ingest.landing import is_readings_file
from smartwatts_ml.readings.ingest.settling import Intervals, settle, untold_interval
from smartwatts_ml.readings.ingest.spill import Rows, Spill
from smartwatts_ml.readings.ingest.staging import DeviceNumbers, as_rows
from smartwatts_ml.readings.ingest.workspace import Workspace
from smartwatts_ml.readings.resample import DeviceReadings
from smartwatts_ml.readings.sites import DeviceSpan, StoredReadings, primary_channels, site_spans
from smartwatts_ml.settings import Settings

__all__ = ["FileReadings", "find_files"]


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Files of readings, in the order given; those of a folder and below it by name."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*") if is_readings_file(p.name))
            files += sorted(p for p in inside if p.is_file() and not p.name.startswith("."))
        elif path.is_file():
            files.append(path)
        else:
            raise BadInputError(f"no file or folder {path}")
    if not files:
        listed = ", ".join(str(path) for path in paths)
        raise BadInputError(f"no CSV file, plain or packed (.gz, .zst), in {listed}")
    return files


class FileReadings(StoredReadings):
    """Readings of CSV files, plain or packed; folders are searched below.

    The files are scanned once, into a temporary folder that is gone with this object. Of
    several readings of one device and stamp, the last one counts. ``report`` says what
    became of each line.
    """

    def __init__(self, paths: Sequence[Path], settings: Settings) -> None:
        super().__init__(settings)
        self._work = Workspace()
        self._spill = Spill(self._work.new_folder())
        self._devices_seen = DeviceNumbers()
        self._sources: dict[int, FileSource] = {}
        self._intervals = Intervals()
        try:
            files = [self._scan(path) for path in find_files([Path(path) for path in paths])]
            self._count_intervals(files)
            self._numbers, self._spans_of = self._settle_all()
            self.report = ReadReport(tuple(map(self._account, range(len(files)), files)))
            if not self.report.accepted:
                raise BadInputError(f"no usable reading: {self.report.summary()}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Delete the temporary folder."""
        self._spill.close()
        self._work.close()

    def __enter__(self) -> FileReadings:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _scan(self, path: Path) -> FileReport:
        """Take over one file's rows."""
        number = len(self._sources)
        scan = FileScan(path, str(path), self._settings.source_of(str(path)))
        self._sources[number] = scan.file_source
        for parsed in scan:
            if len(parsed):
                rows = as_rows(parsed, number, self._devices_seen)
                self._spill.add(rows.devices.astype(np.int64), rows)
        return scan.report()

    def _count_intervals(self, files: Sequence[FileReport]) -> None:
        untold = [n for n, file in self._sources.items() if file.source.interval_untold]
        if not untold:
            return
        for device in self._spill.sizes():
            rows = self._spill.read(device)
            self._intervals.count(rows.take(np.isin(rows.files, untold)))
        for number in untold:
            if files[number].accepted and self._intervals.seconds(number) is None:
                raise untold_interval(files[number].key)

    def _settle_all(self) -> tuple[dict[tuple[str, str], int], list[DeviceSpan]]:
        """The number of each site and channel, and what it spans. Fills ``_duplicates``."""
        pairs, ranks = self._devices_seen.ranked()
        self._ranks = ranks
        self._duplicates = np.zeros(len(self._sources), np.int64)
        numbers = {pairs[ranks[number]]: number for number in self._spill.sizes()}
        spans = []
        for (site, channel), number in sorted(numbers.items()):
            rows, duplicates = self._settled(number)
            for file, count in duplicates.items():
                self._duplicates[file] += count
            spans.append((site, channel, int(rows.stamps[0]), int(rows.stamps[-1]), len(rows)))
        return numbers, spans

    def _settled(self, number: int) -> tuple[Rows, dict[int, int]]:
        return settle(self._spill.read(number), self._ranks, self._sources, self._intervals)

    def _account(self, number: int, file: FileReport) -> FileReport:
        return file.with_duplicates(int(self._duplicates[number]))

    def _find_spans(self) -> tuple[SiteSpan, ...]:
        chosen = primary_channels((site, channel) for site, channel, *_ in self._spans_of)
        natives = {
            site: self._devices(site, [channel])[channel].native_us
            for site, channel in chosen.items()
        }
        return site_spans(self._spans_of, natives)

    def _devices(self, site: str, channels: Sequence[str]) -> dict[str, DeviceReadings]:
        devices = {}
        for channel in channels:
            rows, _ = self._settled(self._numbers[site, channel])
            counted = np.array([file.source.is_counter for file in self._sources.values()])
            total = counted[rows.files]
            devices[channel] = DeviceReadings.from_rows(
                rows.stamps,
                rows.values.astype(np.float32),
                labels_of(rows.labels),
                rows.files,
                np.where(total, rows.values, np.nan) if total.any() else None,
            )
        return devices

    def format_stamps(self, stamps: np.ndarray) -> list[str]:
        """UTC instants (datetime64[s], shape (n,)) in the form and clock of the input."""
        form = next(file.stamps for file in self.report.files if file.stamps and file.accepted)
        return StampForm.like(form).write(stamps, self._settings.timezone)

    def parse_stamp(self, text: str) -> np.datetime64:
        """An ISO 8601 date or date and time as UTC (datetime64[s]); naive ones in the
        configured timezone."""
        return parse_stamp(text, self._settings.timezone)
