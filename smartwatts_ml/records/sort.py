"""What a sort of records is: how its lines are read, and which of them say the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import pyarrow as pa

from smartwatts_ml.readings.ingest.landing import LANDING

__all__ = ["RecordT", "Sort"]

RecordT = TypeVar("RecordT")


class Sort(ABC, Generic[RecordT]):
    """A sort of records. SQL is DuckDB's, on the columns of the table, whose times are in µs.

    A record says something (``said``) of a ``subject``. What repeats what was said last of its
    subject is a duplicate; what says something else counts as changed. ``order``: what is last.
    """

    name: ClassVar[str]
    """Of the table, of the folder below ``landing/``, and of many of them for people."""
    needed: ClassVar[frozenset[str]]
    """Fields without which a line is none of them."""
    open_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that have to be there, and may be empty."""
    whole: ClassVar[frozenset[str]] = frozenset()
    """Fields that cannot be cut short without being unfit: with one of them as its last column a
    file may end without the end of its line."""
    fix: ClassVar[str]
    """What to do about a file that has none of them."""
    columns: ClassVar[Mapping[str, pa.DataType]]
    """Of the table, beside the month that it is partitioned by."""
    time: ClassVar[str]
    """The column that tells the month."""
    subject: ClassVar[tuple[str, ...]]
    said: ClassVar[str] = "true"
    order: ClassVar[tuple[str, ...]] = ("arrived",)
    sorted_by: ClassVar[tuple[str, ...]]
    """Columns by which a part file is sorted."""

    @property
    def landing(self) -> str:
        """Where its files arrive."""
        return f"{LANDING}{self.name}/"

    @property
    def ledger(self) -> str:
        """Where what is known of its files is kept."""
        return f"state/{self.name}.json"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*self.columns.items(), ("month", pa.string())])

    @abstractmethod
    def read(self, fields: Mapping[str, Any]) -> RecordT | None:
        """The record that fields make; None where they are left open, as an answer that nobody
        gave. Raises UnfitError."""

    def as_of(self, record: RecordT, arrived: datetime) -> RecordT:
        """The record itself, or as it counts if its file came before it."""
        del arrived
        return record

    @abstractmethod
    def source(self, record: RecordT) -> str:
        """Whom it is of: nobody has too many lines in a file."""

    @abstractmethod
    def row(self, record: RecordT, arrived: datetime, number: int, digest: str) -> dict[str, Any]:
        """Values by column; ``number`` in its file, whose content has the ``digest``."""
