"""The Delta table of a sort of records: exactly-once appends, and SQL over all of it.

A commit records the digests of the contents that it takes, and one number that each commit
raises: Delta refuses two commits that raise it at once, so that what a commit left out as told
before was really there.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from smartwatts_ml.errors import ChangedError
from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.table.changes import now_ms
from smartwatts_ml.readings.table.delta import (
    BlankTable,
    as_store_errors,
    check_address,
    open_or_create,
)
from smartwatts_ml.records.sort import RecordT, Sort

__all__ = ["Contents", "RecordTable", "Repeats"]

Contents = Mapping[str, Sequence[tuple[RecordT, datetime]]]
"""Records of contents by digest, in the order of their files, each with when its file arrived."""
_MONTH = "month"
_NUMBER = "arriving_number"
_ATTEMPTS = 50
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.5
_SMALL_FILES = 12
"""So many parts of one month are joined."""
_KEPT_HOURS = 168
"""For so long parts that were joined stay, for whoever reads them still."""


@dataclass(frozen=True)
class Repeats:
    """Of the records of one content: how many say what the table has, and how many say something
    else of what it has."""

    duplicate: int
    changed: int


class RecordTable(Generic[RecordT]):
    """The newest version of the table, created empty if absent."""

    def __init__(self, objects: Objects, sort: Sort[RecordT], *, create: bool = True) -> None:
        self._objects = objects
        self._sort = sort
        self._uri = check_address(objects.uri(sort.name))
        self._options = objects.storage_options()
        blank = BlankTable(sort.name, sort.schema, (_MONTH,))
        self._table = open_or_create(objects, sort.name, blank) if create else self._open()

    @classmethod
    def existing(cls, objects: Objects, sort: Sort[RecordT]) -> Self | None:
        """The table of a root; None where there is none, and none is made."""
        with as_store_errors(objects.uri(sort.name)):
            try:
                return cls(objects, sort, create=False)
            except TableNotFoundError:
                return None

    def _open(self) -> DeltaTable:
        return DeltaTable(self._uri, storage_options=self._options)

    @property
    def id(self) -> str:
        """The same for all versions, another one if the table is made anew."""
        return str(self._table.metadata().id)

    @property
    def _commits(self) -> str:
        return f"smartwatts.{self._sort.name}"

    def has(self, digest: str) -> bool:
        """Whether a file with this content is in the version at hand."""
        return self._table.transaction_version(digest) is not None

    def append(self, contents: Contents[RecordT], work: Path) -> dict[str, Repeats]:
        """Add the records of contents in one commit; what of each repeats others. A content that
        the table has as a whole, by another run, is not in the answer."""
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

    def _untold(self, contents: Contents[RecordT]) -> tuple[pa.Table, dict[str, Repeats]]:
        """Rows that say what nobody said last of their subject, in the table or in a row before
        them; and what of each content they leave out."""
        sort, new = self._sort, self._rows(contents)
        if not len(new):
            return new, dict.fromkeys(contents, Repeats(0, 0))
        digests = [digest for digest, rows in contents.items() for _ in rows]
        numbered = new.append_column(_NUMBER, pa.array(range(len(new)), pa.int64()))
        months = ", ".join(f"'{month}'" for month in sorted(set(_months(new))))
        keys = [f"s{i}" for i in range(len(sort.subject))]
        subject = ", ".join(f"{e} AS {k}" for e, k in zip(sort.subject, keys, strict=True))
        by, latest = ", ".join(keys), ", ".join(f"{column} DESC" for column in sort.order)
        with self._connected() as connection:
            connection.register("arriving", numbered)
            news = connection.sql(
                f"WITH stored AS (SELECT {subject}, {sort.said} AS said FROM {sort.name} "
                f"WHERE {_MONTH} IN ({months}) "
                f"QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY {latest}) = 1), "
                f"fresh AS (SELECT {subject}, {sort.said} AS said, {_NUMBER} "
                f"FROM (SELECT * REPLACE ({self._times()}) FROM arriving)), "
                f"paired AS (SELECT {_NUMBER}, fresh.said AS said, coalesce("
                f"lag(fresh.said) OVER (PARTITION BY {by} ORDER BY {_NUMBER}), stored.said"
                f") AS before FROM fresh LEFT JOIN stored USING ({by})) "
                f"SELECT {_NUMBER}, before IS NOT NULL AS changed FROM paired "
                f"WHERE said IS DISTINCT FROM before ORDER BY {_NUMBER}"
            ).fetchall()
        kept = Counter(digests[number] for number, _ in news)
        changed = Counter(digests[number] for number, is_change in news if is_change)
        repeats = {
            digest: Repeats(len(rows) - kept[digest], changed[digest])
            for digest, rows in contents.items()
        }
        return new.take(pa.array([number for number, _ in news], pa.int64())), repeats

    def _rows(self, contents: Contents[RecordT]) -> pa.Table:
        schema = self._sort.schema
        columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        for digest, records in contents.items():
            for number, (record, arrived) in enumerate(records):
                row = self._sort.row(record, arrived, number, digest)
                row[_MONTH] = f"{row[self._sort.time].astimezone(UTC):%Y-%m}"
                for name, values in columns.items():
                    values.append(row[name])
        return pa.table(columns, schema=schema)

    def _commit(self, rows: pa.Table, digests: Collection[str], work: Path) -> None:
        number = int(self._table.transaction_version(self._commits) or 0) + 1
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
                        app_transactions=[*taken, Transaction(self._commits, number)]
                    ),
                )
            except CommitFailedError as error:
                raise ChangedError(f"{self._uri} was changed by somebody else: {error}") from error
            self._table.update_incremental()

    def _upload(self, rows: pa.Table, month: str, work: Path) -> AddAction:
        part = rows.filter(pc.equal(rows[_MONTH], month)).drop_columns([_MONTH])
        path = f"{_MONTH}={month}/{uuid.uuid4().hex}.parquet"
        local = work / f"{uuid.uuid4().hex}.parquet"
        pq.write_table(part.sort_by([(name, "ascending") for name in self._sort.sorted_by]), local)
        self._objects.upload(f"{self._sort.name}/{path}", local)
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
        """What SQL (DuckDB's) says of the relation that is called like the table, a row each;
        times in µs since the epoch. ``since``: of that month and later ones alone, so that no
        older file is opened."""
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
            connection.register("parts", self._table.to_pyarrow_dataset())
        lately = f"WHERE {_MONTH} >= '{since:%Y-%m}'" if since else ""
        connection.execute(
            f"CREATE TEMP VIEW {self._sort.name} AS "
            f"SELECT * REPLACE ({self._times()}) FROM parts {lately}"
        )
        return connection

    def _times(self) -> str:
        """Its times as µs, in SQL."""
        columns = self._sort.columns.items()
        times = [name for name, kind in columns if pa.types.is_timestamp(kind)]
        return ", ".join(f"epoch_us({name}) AS {name}" for name in times)


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
