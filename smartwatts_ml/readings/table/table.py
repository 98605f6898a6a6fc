"""The Delta table of readings: exactly-once appends, pinned snapshots, sites read one by one.

Partitioned by month and by a bucket of sites, sorted by site inside a part, so that
reading one site opens the parts of one bucket and skips most of their row groups. A
corrected reading is one more row: of one device and stamp the row that arrived last
counts, which is settled when a site is read.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from smartwatts_ml.errors import ChangedError, NotFoundError, StoreError
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.columns import BUCKET, MONTH, PARTITIONS
from smartwatts_ml.readings.site_clocks import SiteClocks
from smartwatts_ml.readings.table.changes import (
    DROPPED,
    NO_ARRIVAL,
    NOTHING,
    Exchange,
    arrival_name,
    now_ms,
)
from smartwatts_ml.readings.table.delta import as_store_errors, check_address, open_or_create
from smartwatts_ml.readings.table.log import TABLE, LogEntries, Snapshot, add_statistics
from smartwatts_ml.readings.table.schema import (
    blank_readings,
    clocks_of,
    clocks_property,
    columns_since,
)
from smartwatts_ml.readings.table.snapshot_readings import TablePart, TableReadings, read_footers
from smartwatts_ml.readings.table.written_part import WrittenPart
from smartwatts_ml.settings import Settings

__all__ = ["ReadingsTable", "Snapshot", "existing_table", "newest_readings", "open_table"]

_COMMIT_ATTEMPTS = 50
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.5
_UPLOADS_AT_ONCE = 4
_EMPTY = Snapshot(version=0, digest="", rows=0, start=None, end=None, sites=0)


def open_table(objects: Objects, clocks: SiteClocks | None = None) -> ReadingsTable:
    """The table of a root, created empty if absent, then with the ``clocks`` of its sites."""
    return ReadingsTable(objects, clocks=clocks)


def existing_table(objects: Objects) -> ReadingsTable | None:
    """The table of a root; None where there is none, and none is made."""
    with as_store_errors(objects.uri(TABLE)):
        try:
            return ReadingsTable(objects, create=False)
        except TableNotFoundError:
            return None


def newest_readings(objects: Objects, settings: Settings) -> tuple[TableReadings, Snapshot]:
    """The readings of a root and their snapshot. A root without a table has none, and gets
    none: nothing is written."""
    table = existing_table(objects)
    if table is None:
        return TableReadings(objects, [], settings), _EMPTY
    snapshot = table.snapshot()
    return table.readings(snapshot, settings), snapshot


class ReadingsTable:
    """The newest version of the table, until ``reload``; older ones by snapshot."""

    def __init__(
        self, objects: Objects, *, create: bool = True, clocks: SiteClocks | None = None
    ) -> None:
        self._objects = objects
        self._uri = check_address(objects.uri(TABLE))
        self._options = objects.storage_options()
        blank = blank_readings(clocks)
        self._table = open_or_create(objects, TABLE, blank) if create else self._open()

    def _open(self, version: int | None = None) -> DeltaTable:
        return DeltaTable(self._uri, version=version, storage_options=self._options)

    @property
    def id(self) -> str:
        """The same for all versions, another one if the table is made anew."""
        return str(self._table.metadata().id)

    @property
    def version(self) -> int:
        return int(self._table.version())

    @property
    def objects(self) -> Objects:
        return self._objects

    def reload(self) -> None:
        """Move on to the newest version."""
        with as_store_errors(self._uri):
            self._table.update_incremental()

    def attempts(self) -> Iterator[None]:
        """Turns at a commit, each on the newest version and, after the first, after a pause.
        Raises ChangedError where others commit again and again."""
        for attempt in range(_COMMIT_ATTEMPTS):
            yield
            # Uneven pauses, so that writers at once do not keep in step.
            time.sleep(random.uniform(0, min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)))
            self.reload()
        raise ChangedError(
            f"{self._uri} is being changed by others without a pause", fix="try again later"
        )

    def arrival_of(self, digest: str) -> int | None:
        """What the rows of this content have as arrival (or ``UNKNOWN_ARRIVAL``); None where
        the version at hand does not have this content."""
        return self._table.transaction_version(digest) or None

    def has(self, digest: str) -> bool:
        """Whether a file with this content is in the version at hand."""
        return self.arrival_of(digest) is not None

    def free_arrival(self, wanted: int) -> int:
        """The first from ``wanted`` on that no content has."""
        while self._table.transaction_version(arrival_name(wanted)) is not None:
            wanted += 1
        return wanted

    def upload(self, parts: Sequence[WrittenPart]) -> list[AddAction]:
        """Move part files into the root, where nothing sees them before a commit."""
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            return list(pool.map(self._upload, parts))

    def _upload(self, part: WrittenPart) -> AddAction:
        path = f"{MONTH}={part.month}/{BUCKET}={part.bucket}/{uuid.uuid4().hex}.parquet"
        size = part.path.stat().st_size
        self._objects.upload(f"{TABLE}/{path}", part.path)
        part.path.unlink()
        values = {MONTH: part.month, BUCKET: str(part.bucket)}
        return AddAction(path, size, values, now_ms(), True, add_statistics(part))

    def append(
        self,
        parts: Sequence[AddAction],
        arrivals: Mapping[str, int],
        notes: Mapping[str, str],
        instead: Exchange = NOTHING,
    ) -> None:
        """Add parts and record the contents they are from, by digest, with the arrival of each;
        ``instead`` of rows that these contents had before. All in one commit.

        The caller has asked for each digest and arrival on this same object. Raises
        ChangedError if somebody else recorded one of them since, or replaced parts; nothing is
        changed then.
        """
        self._check_columns()
        taken = [Transaction(digest, arrival) for digest, arrival in arrivals.items()]
        used = [Transaction(arrival_name(arrival), 1) for arrival in arrivals.values()]
        removals = [self._removal(instead)] if instead.old else []
        self._commit([*instead.actions(), *parts], [*taken, *used, *removals], notes)

    def _check_columns(self) -> None:
        """A table that an older version made gets the columns that came since. That is a commit,
        with which others' may come to hand, so it raises ChangedError: ask again."""
        new = columns_since(self._table)
        if new:
            with as_store_errors(self._uri), suppress(CommitFailedError):
                self._table.alter.add_columns(new)
            raise ChangedError(f"{self._uri} had the columns of an older version")

    @property
    def clocks(self) -> SiteClocks | None:
        """By which clocks the sites of the version at hand live; None where it does not say."""
        return clocks_of(self._table, self._uri)

    def keep_clocks(self, clocks: SiteClocks) -> None:
        """Keep other ones from the next version on. Raises ChangedError if somebody else changed
        the table since."""
        notes = CommitProperties(custom_metadata={"smartwatts.clocks": "changed"})
        with as_store_errors(self._uri):
            try:
                self._table.alter.set_table_properties(
                    clocks_property(clocks), raise_if_not_exists=False, commit_properties=notes
                )
            except CommitFailedError as error:
                raise ChangedError(f"{self._uri} was changed by somebody else: {error}") from error
            self._table.update_incremental()

    def sites(self) -> set[str]:
        """Those that the version at hand has readings of."""
        footers = read_footers(self._objects, self.parts())
        return {device.site for footer in footers for device in footer}

    def replace(self, exchange: Exchange, forgotten: Collection[str] = ()) -> None:
        """Put other parts in the place of some, in one commit. ``forgotten``: digests of contents
        that the table has no more from then on.

        Raises ChangedError if somebody else replaced parts, or took one of these, since.
        """
        notes = {"smartwatts.upkeep": f"{len(exchange.old)} parts"}
        forgetting = [Transaction(digest, NO_ARRIVAL) for digest in forgotten]
        self._commit(exchange.actions(), [self._removal(exchange), *forgetting], notes)

    def _removal(self, exchange: Exchange) -> Transaction:
        """Delta lets two commits remove the same part; one transaction for all of them does
        not."""
        return Transaction(DROPPED, self.dropped() + exchange.gone)

    def _commit(
        self,
        actions: Sequence[AddAction | RemoveAction],
        transactions: Sequence[Transaction],
        notes: Mapping[str, str],
    ) -> None:
        with as_store_errors(self._uri):
            try:
                self._table.create_write_transaction(
                    list(actions),
                    "append",
                    self._table.schema(),
                    list(PARTITIONS),
                    commit_properties=CommitProperties(
                        custom_metadata=dict(notes), app_transactions=list(transactions)
                    ),
                )
            except CommitFailedError as error:
                raise ChangedError(f"{self._uri} was changed by somebody else: {error}") from error
            self._table.update_incremental()

    def arrived(self) -> int:
        """Rows that were ever accepted up to the version at hand, from metadata alone."""
        return LogEntries(self._table).rows + self.dropped()

    def dropped(self) -> int:
        """Rows that were taken away so far."""
        return int(self._table.transaction_version(DROPPED) or 0)

    def parts(self) -> list[TablePart]:
        """The parts of the version at hand, sorted by month and bucket."""
        return LogEntries(self._table).parts()

    def snapshot(self, version: int | None = None) -> Snapshot:
        """A version, the newest by default, from metadata alone."""
        with as_store_errors(self._uri):
            table = self._open(version)
            log = LogEntries(table)
            dropped = int(table.transaction_version(DROPPED) or 0)
        footers = read_footers(self._objects, log.parts())
        return Snapshot(
            version=table.version(),
            digest=log.digest,
            rows=log.rows,
            start=log.start,
            end=log.end,
            sites=len({device.site for footer in footers for device in footer}),
            dropped=dropped,
        )

    def readings(self, snapshot: Snapshot, settings: Settings) -> TableReadings:
        """The readings of a snapshot, sites on the clocks that it keeps, or on those of the
        settings where it keeps none. Raises StoreError if the table is not the one that the
        snapshot was taken of."""
        with as_store_errors(self._uri):
            try:
                table = self._open(snapshot.version)
            except DeltaError as error:
                raise NotFoundError(f"no version {snapshot.version} of {self._uri}") from error
            log = LogEntries(table)
            if log.digest != snapshot.digest:
                raise StoreError(
                    f"{self._uri} version {snapshot.version} is not what was snapshot",
                    fix="the table was replaced: start a new run",
                )
        clocks = clocks_of(table, self._uri)
        return TableReadings(self._objects, log.parts(), settings, clocks)

    def vacuum(self, hours: int, keep_versions: Sequence[int], *, dry_run: bool) -> list[str]:
        """Delete files that neither the newest version nor one of ``keep_versions`` holds,
        and that are older than ``hours``, which has to outlast the longest ingest; their paths
        in the table."""
        with as_store_errors(self._uri):
            known = [version for version in keep_versions if version <= self.version]
            return self._table.vacuum(
                retention_hours=hours,
                dry_run=dry_run,
                enforce_retention_duration=False,
                full=True,
                keep_versions=known,
            )
