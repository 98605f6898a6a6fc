"""What is known of landing files, so that they need not be read again: a cache.

The table alone says which contents it holds. This object spares the reading of files that
have not changed since, and can be deleted at any time: the next ingest reads every landing
file once, finds their contents in the table, and writes it anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.jsontext import parsed, plain
from smartwatts_ml.objects import ObjectInfo, Objects
from smartwatts_ml.readings.ingest.taken_for import TakenFor
from smartwatts_ml.settings import Settings

__all__ = [
    "Known",
    "Ledger",
    "Outdated",
    "arrived_us",
]

_KEY = "state/ingest.json"
_SCHEMA = 2
_PLAIN_ROWS_PER_BYTE = 1 / 42
_PACKED_ROWS_PER_BYTE = 0.25


def arrived_us(info: ObjectInfo) -> int:
    """When an object arrived, µs since the epoch."""
    return round(info.arrived.timestamp() * 1e6)


@dataclass(frozen=True)
class Known:
    """A landing file as it was when it was read: ``arrived`` in µs since the epoch, ``arrival``
    of the rows that the table has of this content, and the name of what they were ``taken_for``
    (empty: not known). ``left``: why nothing was taken of it, and ``said`` a digest of all that
    was said of it then, empty where it is worth another look anyway."""

    etag: str
    size: int
    arrived: int
    digest: str = ""
    accepted: int = 0
    arrival: int = 0
    taken_for: str = ""
    left: str | None = None
    said: str = ""

    @classmethod
    def of_object(cls, info: ObjectInfo, **facts: Any) -> Self:
        return cls(info.etag, info.size, arrived_us(info), **facts)

    def is_of(self, info: ObjectInfo) -> bool:
        """Whether the file is still the one that was read."""
        return (self.etag, self.size, self.arrived) == (info.etag, info.size, arrived_us(info))


@dataclass(frozen=True)
class Outdated:
    """A file that was ``taken_for`` something, and the names of what is said otherwise now."""

    key: str
    taken_for: TakenFor
    changed: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.key} was taken for {self.taken_for}, but what is said of it has changed "
            f"since ({', '.join(self.changed)})"
        )


@dataclass
class Ledger:
    """Known landing files by key, and what they were taken for by its name, for one table."""

    table: str
    files: dict[str, Known] = field(default_factory=dict)
    taken_for: dict[str, TakenFor] = field(default_factory=dict)
    schema: int = _SCHEMA

    @classmethod
    def read(cls, objects: Objects, table: str, place: str = _KEY) -> Ledger:
        """What is kept, if it is about this table; nothing otherwise."""
        try:
            return _load(objects.read(place).data, table)
        except NotFoundError:
            return cls(table)

    def taken(self, info: ObjectInfo) -> bool:
        """Whether the file's content is in the table."""
        known = self.files.get(info.key)
        return known is not None and known.left is None and known.is_of(info)

    def refused(self, info: ObjectInfo) -> Known | None:
        """What is known of a file that, as it is, could not be taken before."""
        known = self.files.get(info.key)
        return known if known and known.left is not None and known.is_of(info) else None

    def outdated(self, landed: Iterable[ObjectInfo], settings: Settings) -> list[Outdated]:
        """Files that were taken for something else than they would be today, by what the
        settings and the layouts say."""
        changes: dict[tuple[int, str], list[str]] = {}
        outdated = []
        for info in landed:
            known = self.files.get(info.key)
            taken_for = self.taken_for.get(known.taken_for) if known else None
            if known is None or taken_for is None or known.left is not None:
                continue
            source = settings.source_of(info.key)
            alike = (id(source) if source in settings.sources else 0, known.taken_for)
            if alike not in changes:
                changes[alike] = taken_for.changes(source, settings.defaults)
            if changes[alike]:
                outdated.append(Outdated(info.key, taken_for, tuple(changes[alike])))
        return outdated

    def estimate_rows(self, new: Iterable[ObjectInfo]) -> int:
        """Rows that files will give, by their sizes and what files of the same folder, or
        else of the same packing, gave per byte so far. Of one that has grown since it was
        taken, what was added counts."""
        rows: Counter[tuple[str, bool]] = Counter()
        size: Counter[tuple[str, bool]] = Counter()
        for key, known in self.files.items():
            if known.accepted:
                for source in _sources(key):
                    rows[source] += known.accepted
                    size[source] += known.size
        expected = 0.0
        for info in new:
            alike = next((source for source in _sources(info.key) if size[source]), None)
            usual = _PACKED_ROWS_PER_BYTE if _is_packed(info.key) else _PLAIN_ROWS_PER_BYTE
            added = info.size - self._taken_bytes(info)
            expected += added * (rows[alike] / size[alike] if alike else usual)
        return round(expected)

    def _taken_bytes(self, info: ObjectInfo) -> int:
        """So much of a file was taken before. One that has not grown was written anew."""
        known = self.files.get(info.key)
        grown = known is not None and known.left is None and known.size < info.size
        return known.size if known and grown else 0

    def keep(
        self,
        objects: Objects,
        news: Mapping[str, Known],
        taken_for: Mapping[str, TakenFor],
        place: str = _KEY,
    ) -> None:
        """Add to what is kept; what others added meanwhile stays."""
        self._add(news, taken_for)

        def with_news(data: bytes | None) -> bytes:
            kept = _load(data, self.table)
            kept._add(news, taken_for)
            return json.dumps(plain(kept), sort_keys=True, separators=(",", ":")).encode()

        objects.update(place, with_news)

    def _add(self, news: Mapping[str, Known], taken_for: Mapping[str, TakenFor]) -> None:
        self.files.update(news)
        names = {known.taken_for for known in self.files.values()}
        together = {**self.taken_for, **taken_for}
        self.taken_for = {name: taken for name, taken in together.items() if name in names}


def _is_packed(key: str) -> bool:
    """Whether a landing file is compressed, told by its name."""
    return key.lower().endswith((".gz", ".zst", ".zstd", ".parquet", ".xlsx"))


def _sources(key: str) -> tuple[tuple[str, bool], ...]:
    """What files to compare a file with, the most alike first: of its folder, of any."""
    packed = _is_packed(key)
    return (key.rpartition("/")[0], packed), ("", packed)


def _load(data: bytes | None, table: str) -> Ledger:
    """What is kept; an empty one where it is damaged, or of another table or schema."""
    try:
        ledger = parsed(Ledger, json.loads(data or b""))
    except (ValueError, TypeError, RecursionError):
        return Ledger(table)
    return ledger if (ledger.table, ledger.schema) == (table, _SCHEMA) else Ledger(table)
