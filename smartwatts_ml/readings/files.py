"""Readings straight from CSV files: what train --data-dir, evaluate and predict read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smartwatts_ml.errors import BadInputError
from smartwatts_ml.readings.base import SiteSpan
from smartwatts_ml.readings.faults import FileReport, ReadReport
from smartwatts_ml.readings.resample import DeviceReadings
from smartwatts_ml.readings.scan import ACCEPTED, SCANNED, forget, scan
from smartwatts_ml.readings.sites import StoredReadings, primary_channels, site_spans
from smartwatts_ml.readings.stamps import StampForm, parse_stamp
from smartwatts_ml.readings.workspace import Workspace
from smartwatts_ml.settings import Settings

__all__ = ["SUFFIXES", "FileReadings", "find_files"]

SUFFIXES = (".csv", ".csv.gz")
LINE_BITS = 40
"""Bits of a line number within the order of arrival."""


def find_files(paths: Sequence[Path]) -> list[Path]:
    """CSV and CSV.gz files, in the order given; those of a folder and below it by name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.name.lower().endswith(SUFFIXES))
            found += sorted(p for p in inside if p.is_file() and not p.name.startswith("."))
        elif path.is_file():
            found.append(path)
        else:
            raise BadInputError(f"no file or folder {path}")
    if not found:
        listed = ", ".join(str(path) for path in paths)
        raise BadInputError(f"no CSV or CSV.gz file in {listed}")
    return found


class FileReadings(StoredReadings):
    """Readings of CSV and CSV.gz files; folders are searched below.

    The files are scanned once, into a temporary database that is gone with this object.
    Of several readings of one device and stamp, the last one counts. ``report`` says what
    became of each line.
    """

    def __init__(self, paths: Sequence[Path], settings: Settings) -> None:
        super().__init__(settings)
        self._work = Workspace()
        self._work.query("""
            CREATE TABLE devices (device INTEGER, name VARCHAR, site VARCHAR, channel VARCHAR);
            CREATE TABLE readings (device INTEGER, stamp BIGINT, value FLOAT, anomaly UTINYINT,
                arrival BIGINT);
        """)
        try:
            files = find_files([Path(path) for path in paths])
            self.report = ReadReport(tuple(self._take(i, path) for i, path in enumerate(files)))
            if not self.report.accepted:
                raise BadInputError(f"no usable reading: {self.report.summary()}")
        except BaseException:
            self._work.close()
            raise

    def close(self) -> None:
        """Delete the temporary database."""
        self._work.close()

    def __enter__(self) -> FileReadings:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, order: int, path: Path) -> FileReport:
        """Scan one file and keep what was accepted."""
        report = scan(self._work, path, str(path), self._settings)
        self._work.query(f"""
            INSERT INTO devices
            SELECT (SELECT count(*) FROM devices) + row_number() OVER (ORDER BY device), device,
                split_part(device, '/', 1), substr(device, instr(device, '/') + 1)
            FROM (SELECT DISTINCT device FROM {SCANNED} WHERE {ACCEPTED})
            WHERE device NOT IN (SELECT name FROM devices)
        """)
        self._work.query(f"""
            INSERT INTO readings
            SELECT devices.device, epoch_us(stamp), value, anomaly,
                {order << LINE_BITS} + line_no
            FROM {SCANNED} AS scanned JOIN devices ON devices.name = scanned.device
            WHERE {ACCEPTED}
        """)
        forget(self._work)
        return report

    def _find_spans(self) -> tuple[SiteSpan, ...]:
        devices = self._work.query("""
            SELECT site, channel, min(stamp), max(stamp), count(*)
            FROM readings JOIN devices USING (device) GROUP BY ALL ORDER BY ALL
        """)
        chosen = primary_channels((site, channel) for site, channel, *_ in devices)
        natives = {
            site: self._devices(site, [channel])[channel].native_us
            for site, channel in chosen.items()
        }
        return site_spans(devices, natives)

    def _devices(self, site: str, channels: Sequence[str]) -> dict[str, DeviceReadings]:
        found = {}
        for channel in channels:
            columns = self._work.database.execute(
                """SELECT stamp, value, anomaly::FLOAT AS anomaly, arrival FROM readings
                WHERE device = (SELECT device FROM devices WHERE site = ? AND channel = ?)""",
                [site, channel],
            ).fetchnumpy()
            found[channel] = DeviceReadings.of(
                columns["stamp"],
                columns["value"],
                np.ma.filled(columns["anomaly"], np.nan),
                columns["arrival"],
            )
        return found

    def format_stamps(self, stamps: np.ndarray) -> list[str]:
        """UTC instants (datetime64[s], shape (n,)) in the form and clock of the input."""
        sample = next(file.sample for file in self.report.files if file.sample)
        return StampForm.of(sample).write(stamps, self._settings.timezone)

    def parse_stamp(self, text: str) -> np.datetime64:
        """An ISO 8601 date or date and time as UTC (datetime64[s]); naive ones in the
        configured timezone."""
        return parse_stamp(text, self._settings.timezone)
