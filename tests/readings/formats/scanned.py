"""What a file of any format is read as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smartwatts_ml.readings.parsed import split_part
from smartwatts_ml.readings.report import FileReport, Rejected
from smartwatts_ml.readings.scan import FileScan
from smartwatts_ml.sources import Source

HEADER = "timestamp,consumption,device_id"
HOUR = 3_600_000_000


@dataclass(frozen=True)
class Scanned:
    """``rows``: device → (stamp, value) in the order of the file; parts of a device are named
    after it, a sign and the register."""

    report: FileReport
    rows: dict[str, list[tuple[datetime, float]]]
    rejected: list[Rejected]

    @property
    def faults(self) -> dict[int, str]:
        return {row.line: row.fault for row in self.rejected}


def scan(path: Path, content: bytes | None = None, **source: Any) -> Scanned:
    """A file, read to its end; ``content`` is written to it before."""
    if content is not None:
        path.write_bytes(content)
    scanned = FileScan(path, path.name, Source(**source))
    rows: dict[str, list[tuple[datetime, float]]] = {}
    rejected: list[Rejected] = []
    for block in scanned:
        rejected += block.rejected
        for parsed in block.rows:
            stamps = parsed.stamps.astype("M8[us]").tolist()
            measure, values = parsed.measure, parsed.values
            if measure.quantity == "energy" and measure.interval_s:  # as settling does
                values = values * (3600 / measure.interval_s)
            for stamp, value, device in zip(
                stamps, values.tolist(), parsed.devices.tolist(), strict=True
            ):
                name, sign, register = split_part(parsed.names[device])
                shown = name if not sign else f"{name} {'-' if sign < 0 else '+'}{register}"
                rows.setdefault(shown, []).append((stamp, value))
    report = scanned.report()
    assert report.adds_up
    return Scanned(report, rows, rejected)
