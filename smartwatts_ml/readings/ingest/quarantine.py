"""Rejected rows: kept with file, line, column, value and reason."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smartwatts_ml.objects import Objects
from smartwatts_ml.readings.report import Rejected, fault_of, quarantine_key

__all__ = ["Quarantine"]

_COLUMNS = ("file", "line", "column", "value", "reason")


class Quarantine:
    """The rejected rows of one file, written while it is scanned; the same rows give the
    same bytes."""

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._key = key
        self._file: io.TextIOWrapper | None = None
        self._writer: Any = None

    def add(self, rejected: Sequence[Rejected]) -> None:
        """Write rows down."""
        if rejected and self._file is None:
            fresh = not self._path.exists()
            self._path.parent.mkdir(exist_ok=True)
            packed = gzip.GzipFile(self._path, "ab", compresslevel=3, mtime=0)
            self._file = io.TextIOWrapper(packed, encoding="utf-8", newline="")
            self._writer = csv.writer(self._file, lineterminator="\n")
            if fresh:
                self._writer.writerow(_COLUMNS)
        for row in rejected:
            fault = fault_of(row.fault)
            file = f"{self._key}, {row.part}" if row.part else self._key
            self._writer.writerow((file, row.line, fault.column, row.text, fault.reason))

    def close(self) -> None:
        """Hold no open file until more rows follow."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def keep(self, objects: Objects, digest: str, again: bool) -> None:
        """Copy them into the root; where the content was read ``again``, in the place of those
        that it had before."""
        self.close()
        if self._path.exists():
            objects.upload(quarantine_key(digest), self._path)
        elif again:
            objects.delete(quarantine_key(digest))
