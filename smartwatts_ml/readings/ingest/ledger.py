"""What is known of landing files, so that they need not be read again: a cache.

The table alone says which contents it holds. This object spares the reading of files that
have not changed since, and can be deleted at any time: the next ingest reads every landing
file once, finds their contents in the table, and writes it anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import ObjectInfo, Objects

__all__ = ["Known", "Ledger", "PACKED_ROWS_PER_BYTE", "PLAIN_ROWS_PER_BYTE", "is_packed"]

_KEY = "state/ingest.json"
_SCHEMA = 1
PLAIN_ROWS_PER_BYTE = 1 / 42
PACKED_ROWS_PER_BYTE = 0.25


@dataclass(frozen=True)
class Known:
    """A landing file as it was when it was read. ``left``: why nothing was taken of it."""

    etag: str
    size: int
    digest: str = ""
    accepted: int = 0
    left: str | None = None

    def is_of(self, info: ObjectInfo) -> bool:
        """Whether the file is still the one that was read."""
        return (self.etag, self.size) == (info.etag, info.size)


@dataclass
class Ledger:
    """Known landing files by key, for one table."""

    table: str
    files: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def read(cls, objects: Objects, table: str) -> Ledger:
        """What is kept, if it is about this table; nothing otherwise."""
        try:
            return cls(table, _load(objects.read(_KEY).data, table))
        except NotFoundError:
            return cls(table)

    def taken(self, info: ObjectInfo) -> bool:
        """Whether the file's content is in the table."""
        known = self.files.get(info.key)
        return known is not None and known.left is None and known.is_of(info)

    def refused(self, info: ObjectInfo) -> bool:
        """Whether the file, as it is, could not be read before."""
        known = self.files.get(info.key)
        return known is not None and known.left is not None and known.is_of(info)

    def first_with(self, digest: str) -> str | None:
        """A key that has this content."""
        keys = (key for key, known in self.files.items() if known.digest == digest)
        return next(keys, None)

    def estimate_rows(self, new: Iterable[ObjectInfo]) -> int:
        """Rows that files will give, by their sizes and what files of the same folder, or
        else of the same packing, gave per byte so far."""
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
            usual = PACKED_ROWS_PER_BYTE if is_packed(info.key) else PLAIN_ROWS_PER_BYTE
            expected += info.size * (rows[alike] / size[alike] if alike else usual)
        return round(expected)

    def keep(self, objects: Objects, news: Mapping[str, Known]) -> None:
        """Add to what is kept; what others added meanwhile stays."""
        self.files.update(news)
        objects.update(_KEY, lambda kept: _dump(self.table, {**_load(kept, self.table), **news}))


def is_packed(key: str) -> bool:
    """Whether a landing file is compressed, told by its name."""
    return key.lower().endswith((".gz", ".zst", ".zstd", ".parquet", ".xlsx"))


def _sources(key: str) -> tuple[tuple[str, bool], ...]:
    """What files to compare a file with, the most alike first: of its folder, of any."""
    packed = is_packed(key)
    return (key.rpartition("/")[0], packed), ("", packed)


def _load(data: bytes | None, table: str) -> dict[str, Known]:
    """Known files; none where nothing is kept, or it is of another table or schema."""
    try:
        value = json.loads(data or b"")
        if value["schema"] != _SCHEMA or value["table"] != table:
            return {}
        return {key: Known(**known) for key, known in value["files"].items()}
    except (ValueError, KeyError, TypeError):  # damaged: it is only a cache
        return {}


def _dump(table: str, files: Mapping[str, Known]) -> bytes:
    value = {
        "schema": _SCHEMA,
        "table": table,
        "files": {key: asdict(known) for key, known in files.items()},
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
