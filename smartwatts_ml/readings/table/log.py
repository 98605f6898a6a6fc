"""What the log of the readings table says: its parts, and what a part is said to hold."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.columns import ARRIVAL, BUCKET, CHANNEL, MONTH, SITE, TIMESTAMP
from smartwatts_ml.readings.table.snapshot_readings import TablePart
from smartwatts_ml.readings.table.written_part import WrittenPart

__all__ = ["TABLE", "LogEntries", "Snapshot", "add_statistics", "commit_notes"]

TABLE = "readings"
"""The table's folder below the root."""
_COMMIT = re.compile(rf"{TABLE}/_delta_log/\d{{20}}\.json")


@dataclass(frozen=True)
class Snapshot:
    """One version of the table.

    ``digest`` names its exact files. ``rows`` counts rows, superseded ones too. ``start``
    and ``end`` are the first and the last stamp, ISO 8601 UTC, None where it is empty.
    ``dropped`` counts rows that were taken away so far, by retention or to be read again.
    """

    version: int
    digest: str
    rows: int
    start: str | None
    end: str | None
    sites: int
    dropped: int = 0

    @property
    def arrived(self) -> int:
        """Rows that were ever accepted: it never falls."""
        return self.rows + self.dropped


class LogEntries:
    """The parts of one version of the table, as its log lists them."""

    def __init__(self, table: DeltaTable) -> None:
        self._id = str(table.metadata().id)
        self._entries = pa.table(table.get_add_actions(flatten=True))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def rows(self) -> int:
        return int(pc.sum(self._entries["num_records"]).as_py() or 0)

    @property
    def start(self) -> str | None:
        """The first stamp, ISO 8601 UTC; None where there is none."""
        return _iso(pc.min(self._entries[f"min.{TIMESTAMP}"])) if len(self) else None

    @property
    def end(self) -> str | None:
        """The last stamp."""
        return _iso(pc.max(self._entries[f"max.{TIMESTAMP}"])) if len(self) else None

    @property
    def digest(self) -> str:
        """Names the table and its exact files."""
        text = "\n".join([self._id, *sorted(self._column("path"))])
        return hashlib.sha256(text.encode()).hexdigest()

    def parts(self) -> list[TablePart]:
        """Sorted by month and bucket."""
        parts = [
            TablePart(f"{TABLE}/{path}", path, *rest)
            for path, *rest in zip(
                self._column("path"),
                self._column(f"partition.{MONTH}"),
                self._column(f"partition.{BUCKET}"),
                self._column("num_records"),
                self._column("size_bytes"),
                self._column(f"min.{SITE}"),
                self._column(f"max.{SITE}"),
                self._column(f"min.{ARRIVAL}"),
                self._column(f"max.{ARRIVAL}"),
                strict=True,
            )
        ]
        return sorted(parts, key=lambda part: (part.month, part.bucket, part.path))

    def _column(self, name: str) -> list[Any]:
        """Values of a column, which an empty log lacks."""
        if name not in self._entries.column_names:
            return [None] * len(self)
        return list(self._entries[name].to_pylist())


def _iso(stamp: pa.Scalar) -> str:
    return str(stamp.as_py().strftime("%Y-%m-%dT%H:%M:%SZ"))


def add_statistics(part: WrittenPart) -> str:
    """What the log says of a part, as Delta's protocol has it; stamps to the ms, outwards."""
    low = {
        TIMESTAMP: _stamp(part.first // 1000),
        SITE: part.sites[0],
        CHANNEL: part.channels[0],
        ARRIVAL: part.arrivals[0],
    }
    high = {
        TIMESTAMP: _stamp(-(-part.last // 1000)),
        SITE: part.sites[1],
        CHANNEL: part.channels[1],
        ARRIVAL: part.arrivals[1],
    }
    counts = {
        "numRecords": part.rows,
        "minValues": low,
        "maxValues": high,
        "nullCount": dict.fromkeys(low, 0),
    }
    return json.dumps(counts)


def _stamp(ms: int) -> str:
    instant = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def commit_notes(objects: Objects, name: str) -> Iterator[str]:
    """What commits noted under a name, the newest first; each is read when it is asked for."""
    keys = [info.key for info in objects.list(f"{TABLE}/_delta_log/")]
    for key in reversed([key for key in keys if _COMMIT.fullmatch(key)]):
        for line in objects.read(key).data.splitlines():
            note = json.loads(line).get("commitInfo", {}).get(name)
            if isinstance(note, str):
                yield note
