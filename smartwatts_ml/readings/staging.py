"""Files that were scanned but not yet committed, and rows that were rejected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.columns import (
    ANOMALY,
    ARRIVAL,
    BUCKET,
    CHANNEL,
    CONSUMPTION,
    MONTH,
    SITE,
    TIMESTAMP,
    site_bucket,
)
from smartwatts_ml.readings.faults import FAULTS, FileReport
from smartwatts_ml.readings.scan import ACCEPTED, SCANNED, forget
from smartwatts_ml.readings.table import SCHEMA
from smartwatts_ml.readings.workspace import Workspace, quoted

__all__ = ["Staging", "quarantine"]

BATCH_ROWS = 100_000
FILES_PER_COMMIT = 1 << 20


class Staging:
    """Accepted rows of several files, on disk, until one commit takes them."""

    def __init__(self, work: Workspace) -> None:
        self._work = work
        self.files: list[FileReport] = []
        self.clear()

    def clear(self) -> None:
        """Forget all files."""
        self.files = []
        self._work.query("""
            CREATE OR REPLACE TABLE staged (device VARCHAR, stamp TIMESTAMP, value FLOAT,
                anomaly TINYINT, file INTEGER)
        """)

    @property
    def rows(self) -> int:
        return sum(file.accepted for file in self.files)

    def add(self, report: FileReport) -> None:
        """Take over what was scanned last; of several rows of a device and stamp, the last."""
        latest = (
            ""
            if not report.duplicate
            else (
                "QUALIFY row_number() OVER (PARTITION BY device, stamp ORDER BY line_no DESC) = 1"
            )
        )
        self._work.query(f"""
            INSERT INTO staged SELECT device, stamp, value, anomaly, {len(self.files)}
            FROM {SCANNED} WHERE {ACCEPTED} {latest}
        """)
        self.files.append(report)
        forget(self._work)

    def batches(self, numbers: Sequence[int], version: int) -> Iterator[pa.RecordBatch]:
        """Rows of the files with these numbers in ``SCHEMA``, sorted as the table wants
        them, streamed. ``version`` is the table's that they will follow."""
        self._number_devices()
        wanted = ", ".join(str(number) for number in numbers) or "NULL"
        reader = self._work.database.sql(f"""
            SELECT stamp AS {TIMESTAMP}, {SITE}, {CHANNEL}, value AS {CONSUMPTION},
                anomaly AS {ANOMALY}, {version * FILES_PER_COMMIT}::BIGINT + file AS {ARRIVAL},
                strftime(stamp, '%Y-%m') AS {MONTH}, {BUCKET}
            FROM staged JOIN devices USING (device) WHERE file IN ({wanted})
            ORDER BY {MONTH}, {BUCKET}, {SITE}, {CHANNEL}, {TIMESTAMP}
        """).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            columns = [
                column.cast(field.type) for column, field in zip(batch.columns, SCHEMA, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _number_devices(self) -> None:
        """Site, channel and bucket of each device."""
        names = [row[0] for row in self._work.query("SELECT DISTINCT device FROM staged")]
        sites = [name.partition("/")[0] for name in names]
        table = pa.table(
            {
                "device": pa.array(names, pa.string()),
                SITE: pa.array(sites, pa.string()),
                CHANNEL: pa.array([name.partition("/")[2] for name in names], pa.string()),
                BUCKET: pa.array([site_bucket(site) for site in sites], pa.int32()),
            }
        )
        self._work.database.register("device_names", table)
        self._work.query("CREATE OR REPLACE TABLE devices AS SELECT * FROM device_names")
        self._work.database.unregister("device_names")


def quarantine(work: Workspace, objects: Objects, report: FileReport) -> None:
    """Keep the rejected rows of the file scanned last: file, line, column, value, reason.

    Repeating it writes the same.
    """
    if report.quarantine_key is None:
        return

    def told(attribute: str) -> str:
        whens = " ".join(
            f"WHEN '{code}' THEN {quoted(getattr(fault, attribute))}"
            for code, fault in FAULTS.items()
        )
        return f"CASE fault {whens} END"

    path: Path = work.folder / "rejected.csv.gz"
    work.query(f"""
        COPY (
            SELECT {quoted(report.key)} AS file, line_no AS line, {told("column")} AS "column",
                text AS value, {told("reason")} AS reason
            FROM {SCANNED} WHERE fault IS NOT NULL ORDER BY line_no
        ) TO {quoted(str(path))} (FORMAT csv, HEADER, COMPRESSION gzip)
    """)
    objects.upload(report.quarantine_key, path)
    path.unlink()
