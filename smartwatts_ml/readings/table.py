"""The Delta table of readings: exactly-once appends, pinned snapshots, sites read one by one.

Partitioned by month and by a bucket of sites, sorted by site inside a file, so that
reading one site opens the files of one bucket and skips most of their row groups. A
corrected reading is one more row: of one device and stamp the row that arrived last
counts, which is settled when a site is read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from smartwatts_ml.errors import ChangedError, NotFoundError, StoreError, UsageError
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.base import Readings
from smartwatts_ml.readings.columns import (
    ANOMALY,
    ARRIVAL,
    BUCKET,
    CHANNEL,
    CONSUMPTION,
    MONTH,
    PARTITIONS,
    SITE,
    TIMESTAMP,
)
from smartwatts_ml.readings.pinned import TableReadings
from smartwatts_ml.settings import Settings, settings

__all__ = ["SCHEMA", "ReadingsTable", "Snapshot", "open_table"]

TABLE = "readings"
SCHEMA = pa.schema(
    [
        (TIMESTAMP, pa.timestamp("us", "UTC")),
        (SITE, pa.string()),
        (CHANNEL, pa.string()),
        (CONSUMPTION, pa.float32()),
        (ANOMALY, pa.int8()),
        (ARRIVAL, pa.int64()),
        (MONTH, pa.string()),
        (BUCKET, pa.int32()),
    ]
)
WRITER = WriterProperties(compression="ZSTD", max_row_group_size=256 * 1024)
OPEN_ATTEMPTS = 5


@dataclass(frozen=True)
class Snapshot:
    """One version of the table.

    ``digest`` names its exact files. ``rows`` counts rows, superseded ones too. ``start``
    and ``end`` are the first and the last stamp, ISO 8601 UTC, None where it is empty.
    """

    version: int
    digest: str
    rows: int
    start: str | None
    end: str | None
    sites: int

    def to_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "digest": self.digest,
            "rows": self.rows,
            "start": self.start,
            "end": self.end,
            "sites": self.sites,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Snapshot:
        return cls(**{name: value[name] for name in cls.__dataclass_fields__})


def open_table(objects: Objects, current: Settings | None = None) -> ReadingsTable:
    """The table of a root, created empty if absent."""
    return ReadingsTable(objects, current or settings())


@contextmanager
def _as_store_errors(where: str) -> Iterator[None]:
    try:
        yield
    except (DeltaError, OSError) as error:
        raise StoreError(f"cannot use the table {where}: {error}") from error


def _check_address(address: str) -> str:
    """delta-rs unquotes every address twice, so an escape in a path names another one."""
    if "://" not in address and re.search("%[0-9a-fA-F]{2}", address):
        raise UsageError(f"{address} has a % followed by two digits", fix="rename the folder")
    return address


class ReadingsTable:
    """The newest version of the table, until ``reload``; older ones by snapshot."""

    def __init__(self, objects: Objects, current: Settings) -> None:
        self._uri = _check_address(objects.uri(TABLE))
        self._options = objects.storage_options()
        self._settings = current
        self._table = self._open_or_create()

    def _open(self, version: int | None = None) -> DeltaTable:
        return DeltaTable(self._uri, version=version, storage_options=self._options)

    def _open_or_create(self) -> DeltaTable:
        """Several processes may do this at once: one creates, the others open."""
        with _as_store_errors(self._uri):
            for _ in range(OPEN_ATTEMPTS):
                try:
                    return self._open()
                except TableNotFoundError:
                    pass
                try:
                    return DeltaTable.create(
                        self._uri,
                        SCHEMA,
                        partition_by=list(PARTITIONS),
                        name="readings",
                        configuration={
                            "delta.dataSkippingStatsColumns": f"{TIMESTAMP},{SITE},{CHANNEL}"
                        },
                        storage_options=self._options,
                    )
                except DeltaError as error:
                    lost = error
        raise StoreError(f"cannot create the table {self._uri}: {lost}")

    @property
    def id(self) -> str:
        """The same for all versions, another one if the table is made anew."""
        return str(self._table.metadata().id)

    @property
    def version(self) -> int:
        return int(self._table.version())

    def reload(self) -> None:
        """Move on to the newest version."""
        with _as_store_errors(self._uri):
            self._table.update_incremental()

    def has(self, digest: str) -> bool:
        """Whether a file with this content is in the version at hand."""
        return self._table.transaction_version(digest) is not None

    def append(
        self,
        batches: Iterable[pa.RecordBatch],
        digests: Sequence[str],
        notes: Mapping[str, str],
    ) -> None:
        """Add rows (in ``SCHEMA``) and record the contents they are from, in one commit.

        The caller has asked ``has`` for each digest on this same object. Raises
        ChangedError if somebody else recorded one of them since; nothing is added then.
        """
        transactions = [Transaction(digest, 1) for digest in digests]
        commit = CommitProperties(custom_metadata=dict(notes), app_transactions=transactions)
        reader = pa.RecordBatchReader.from_batches(SCHEMA, batches)
        with _as_store_errors(self._uri):
            try:
                write_deltalake(
                    self._table,
                    reader,
                    mode="append",
                    writer_properties=WRITER,
                    commit_properties=commit,
                )
            except CommitFailedError as error:
                raise ChangedError(f"{self._uri} was changed by somebody else: {error}") from error

    def rows(self) -> int:
        """Rows of the version at hand, from metadata alone."""
        return int(pc.sum(_files(self._table)["num_records"]).as_py() or 0)

    def snapshot(self, version: int | None = None) -> Snapshot:
        """A version, the newest by default. Only the count of sites looks at data."""
        with _as_store_errors(self._uri):
            table = self._open(version)
            files = _files(table)
            if not len(files):
                return Snapshot(table.version(), _digest(table, files), 0, None, None, 0)
            return Snapshot(
                version=table.version(),
                digest=_digest(table, files),
                rows=int(pc.sum(files["num_records"]).as_py()),
                start=_iso(pc.min(files[f"min.{TIMESTAMP}"])),
                end=_iso(pc.max(files[f"max.{TIMESTAMP}"])),
                sites=_count_sites(table, files),
            )

    def readings(self, snapshot: Snapshot) -> Readings:
        """The readings of a snapshot. Raises StoreError if the table is not the one that
        the snapshot was taken of."""
        with _as_store_errors(self._uri):
            try:
                table = self._open(snapshot.version)
            except DeltaError as error:
                raise NotFoundError(f"no version {snapshot.version} of {self._uri}") from error
            if _digest(table, _files(table)) != snapshot.digest:
                raise StoreError(
                    f"{self._uri} version {snapshot.version} is not what was snapshot",
                    fix="the table was replaced: start a new run",
                )
        return TableReadings(table.to_pyarrow_dataset(), self._settings)


def _files(table: DeltaTable) -> pa.Table:
    """One row a data file: path, num_records, min.*, max.*, partition.*."""
    return pa.table(table.get_add_actions(flatten=True))


def _digest(table: DeltaTable, files: pa.Table) -> str:
    text = "\n".join([str(table.metadata().id), *sorted(files["path"].to_pylist())])
    return hashlib.sha256(text.encode()).hexdigest()


def _iso(stamp: pa.Scalar) -> str:
    return str(stamp.as_py().strftime("%Y-%m-%dT%H:%M:%SZ"))


def _count_sites(table: DeltaTable, files: pa.Table) -> int:
    """Files of a single site tell by their statistics; only the others are read."""
    lows, highs = files[f"min.{SITE}"].to_pylist(), files[f"max.{SITE}"].to_pylist()
    sites = {low for low, high in zip(lows, highs, strict=True) if low == high}
    if any(low != high for low, high in zip(lows, highs, strict=True)):
        scan = table.to_pyarrow_dataset()
        for batch in scan.to_batches(columns=[SITE]):
            sites.update(pc.unique(batch[SITE]).to_pylist())
    return len(sites)
