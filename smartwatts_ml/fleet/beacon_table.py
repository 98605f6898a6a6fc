"""The Delta table of beacons: exactly-once appends, and SQL over all of it.

A commit records the digests of the contents that it takes, and one number that each commit
raises: Delta refuses two commits that raise it at once, so that what a commit left out as told
before was really there.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from smartwatts_ml.errors import ChangedError
from smartwatts_ml.fleet.beacon import Beacon
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table.changes import now_ms
from smartwatts_ml.readings.table.delta import (
    BlankTable,
    as_store_errors,
    check_address,
    open_or_create,
)

__all__ = ["BeaconTable", "existing_beacons"]

_BEACONS = "beacons"
"""The table's folder below the root."""
_COMMITS = "smartwatts.beacons"
_MONTH = "month"
_SCHEMA = pa.schema(
    [
        ("gateway", pa.string()),
        ("model", pa.string()),
        ("version", pa.int32()),
        ("time", pa.timestamp("us", "UTC")),
        ("serial", pa.int32()),
        ("hours", pa.float32()),
        ("runtime", pa.string()),
        ("loaded", pa.bool_()),
        ("runs", pa.int32()),
        ("failures", pa.int32()),
        ("latency_ms", pa.float32()),
        ("error", pa.float64()),
        ("scale", pa.float64()),
        ("alerts", pa.int32()),
        ("trouble", pa.string()),
        ("arrived", pa.timestamp("us", "UTC")),
        (_MONTH, pa.string()),
    ]
)
_BLANK = BlankTable(_BEACONS, _SCHEMA, (_MONTH,))
_KEY = "gateway, model, version, hour"
_HOUR_US = 3_600_000_000
_ATTEMPTS = 50
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.5
_SMALL_FILES = 12
"""So many parts of one month are joined."""
_KEPT_HOURS = 168
"""For so long parts that were joined stay, for whoever reads them still."""


def existing_beacons(objects: Objects) -> BeaconTable | None:
    """The table of a root; None where there is none, and none is made."""
    with as_store_errors(objects.uri(_BEACONS)):
        try:
            return BeaconTable(objects, create=False)
        except TableNotFoundError:
            return None


class BeaconTable:
    """The newest version of the table, created empty if absent."""

    def __init__(self, objects: Objects, *, create: bool = True) -> None:
        self._objects = objects
        self._uri = check_address(objects.uri(_BEACONS))
        self._options = objects.storage_options()
        self._table = open_or_create(objects, _BEACONS, _BLANK) if create else self._open()

    def _open(self) -> DeltaTable:
        return DeltaTable(self._uri, storage_options=self._options)

    @property
    def id(self) -> str:
        """The same for all versions, another one if the table is made anew."""
        return str(self._table.metadata().id)

    def has(self, digest: str) -> bool:
        """Whether a file with this content is in the version at hand."""
        return self._table.transaction_version(digest) is not None

    def append(
        self, contents: Mapping[str, Sequence[tuple[Beacon, datetime]]], work: Path
    ) -> dict[str, int]:
        """Add the beacons of contents, by digest, each with when its file arrived; in one commit.
        How many of each content the table had already. A content that it has as a whole, by
        another run, is not in the answer."""
        for _ in self._attempts():
            new = {digest: rows for digest, rows in contents.items() if not self.has(digest)}
            if not new:
                return {}
            rows, repeats = self._untold(new)
            with suppress(ChangedError):
                self._commit(rows, new.keys(), work)
                return repeats
        raise ChangedError(f"{self._uri} is being changed by others without a pause")

    def _attempts(self) -> Iterator[None]:
        for attempt in range(_ATTEMPTS):
            yield
            # Uneven pauses, so that writers at once do not keep in step.
            time.sleep(random.uniform(0, min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)))
            with as_store_errors(self._uri):
                self._table.update_incremental()

    def _untold(
        self, contents: Mapping[str, Sequence[tuple[Beacon, datetime]]]
    ) -> tuple[pa.Table, dict[str, int]]:
        """Rows that neither the table has nor an earlier content; how many of each it has."""
        digests = [digest for digest, rows in contents.items() for _ in rows]
        new = _rows([row for rows in contents.values() for row in rows])
        new = new.append_column("digest", pa.array(digests, pa.string()))
        new = new.append_column("number", pa.array(range(len(new)), pa.int64()))
        months = pc.unique(new[_MONTH]).to_pylist()
        near = ", ".join(f"'{month}'" for month in months)
        with self._connected() as connection:
            connection.register("new", new)
            untold = connection.sql(
                f"WITH n AS (SELECT *, {_hour('time')} AS hour FROM new), "
                f"h AS (SELECT gateway, model, version, time // {_HOUR_US} AS hour FROM beacons "
                f"WHERE {_MONTH} IN ({near})) "
                f"SELECT * EXCLUDE (hour) FROM n ANTI JOIN h USING ({_KEY}) "
                f"QUALIFY row_number() OVER (PARTITION BY {_KEY} ORDER BY number) = 1 "
                "ORDER BY number"
            ).to_arrow_table()
        kept = {digest: 0 for digest in contents}
        for digest in untold["digest"].to_pylist():
            kept[digest] += 1
        repeats = {digest: len(rows) - kept[digest] for digest, rows in contents.items()}
        return untold.select(_SCHEMA.names).cast(_SCHEMA), repeats

    def _commit(self, rows: pa.Table, digests: Collection[str], work: Path) -> None:
        number = int(self._table.transaction_version(_COMMITS) or 0) + 1
        taken = [Transaction(digest, 1) for digest in digests]
        actions: list[AddAction | RemoveAction] = [
            self._upload(rows, month, work) for month in sorted(set(_months(rows)))
        ]
        with as_store_errors(self._uri):
            try:
                self._table.create_write_transaction(
                    actions,
                    "append",
                    self._table.schema(),
                    [_MONTH],
                    commit_properties=CommitProperties(
                        app_transactions=[*taken, Transaction(_COMMITS, number)]
                    ),
                )
            except CommitFailedError as error:
                raise ChangedError(f"{self._uri} was changed by somebody else: {error}") from error
            self._table.update_incremental()

    def _upload(self, rows: pa.Table, month: str, work: Path) -> AddAction:
        part = rows.filter(pc.equal(rows[_MONTH], month)).drop_columns([_MONTH])
        path = f"{_MONTH}={month}/{uuid.uuid4().hex}.parquet"
        local = work / f"{uuid.uuid4().hex}.parquet"
        pq.write_table(part.sort_by([("model", "ascending"), ("gateway", "ascending")]), local)
        self._objects.upload(f"{_BEACONS}/{path}", local)
        size = local.stat().st_size
        local.unlink()
        statistics = f'{{"numRecords": {len(part)}}}'
        return AddAction(path, size, {_MONTH: month}, now_ms(), True, statistics)

    def tidy(self, kept_months: int) -> None:
        """Months before the ``kept_months`` that end with the newest leave the table (0: none do),
        and the parts of others that have many are joined; files that went stay for a week. A
        content that was taken stays known."""
        parts = pa.table(self._table.get_add_actions(flatten=True))
        if not len(parts):
            return
        listed = pc.value_counts(parts[f"partition.{_MONTH}"]).to_pylist()
        counts = {entry["values"]: entry["counts"] for entry in listed}
        first = _months_before(max(counts), kept_months - 1) if kept_months else ""
        old = [month for month in counts if month < first]
        many = [m for m, count in counts.items() if m >= first and count >= _SMALL_FILES]
        with as_store_errors(self._uri), suppress(CommitFailedError):  # another run does
            if old:
                self._table.delete(f"{_MONTH} < '{first}'")
            for month in many:
                self._table.optimize.compact([(_MONTH, "=", month)])
            if old or many:
                self._table.vacuum(_KEPT_HOURS, dry_run=False)

    def query(
        self, sql: str, parameters: Sequence[Any] = (), since: datetime | None = None
    ) -> list[dict[str, Any]]:
        """What SQL (DuckDB's) says of the relation ``beacons``, a row each; ``time`` and
        ``arrived`` in µs since the epoch. ``since``: of that month and later ones alone, so that
        no older file is opened."""
        with self._connected(since) as connection:
            answer = connection.execute(sql, list(parameters))
            names = [column[0] for column in answer.description or ()]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def columns(
        self, sql: str, parameters: Mapping[str, Any], since: datetime
    ) -> dict[str, np.ndarray]:
        """The same as arrays by column, with parameters by name."""
        with self._connected(since) as connection:
            answer: dict[str, np.ndarray] = connection.execute(sql, dict(parameters)).fetchnumpy()
            return answer

    def _connected(self, since: datetime | None = None) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        with as_store_errors(self._uri):
            connection.register("stored", self._table.to_pyarrow_dataset())
        lately = f"WHERE {_MONTH} >= '{since:%Y-%m}'" if since else ""
        connection.execute(
            "CREATE TEMP VIEW beacons AS SELECT * REPLACE "
            f"(epoch_us(time) AS time, epoch_us(arrived) AS arrived) FROM stored {lately}"
        )
        return connection


def _hour(column: str) -> str:
    return f"epoch_us({column}) // {_HOUR_US}"


def _months(rows: pa.Table) -> list[str]:
    return list(rows[_MONTH].to_pylist())


def _months_before(month: str, count: int) -> str:
    """
    >>> _months_before("2026-02", 3)
    '2025-11'
    """
    year, number = map(int, month.split("-"))
    months = 12 * year + number - 1 - count
    return f"{months // 12:04}-{months % 12 + 1:02}"


def _rows(repeats: Sequence[tuple[Beacon, datetime]]) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}
    for beacon, arrived in repeats:
        for name in _SCHEMA.names[:-2]:
            columns[name].append(getattr(beacon, name))
        columns["arrived"].append(arrived)
        columns[_MONTH].append(f"{beacon.time.astimezone(UTC):%Y-%m}")
    return pa.table(columns, schema=_SCHEMA)
