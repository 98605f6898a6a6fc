"""A temporary place to work with more rows than fit into memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

__all__ = ["Workspace", "quoted"]

MEMORY = "768MB"


class Workspace:
    """A temporary folder and a DuckDB database that spills into it, gone at the end.

    So memory stays bounded whatever the size of a file, and nothing is flushed to disk
    that need not survive.
    """

    def __init__(self, memory: str = MEMORY) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="smartwatts-")
        self.folder = Path(self._folder.name)
        self.database = duckdb.connect(":memory:")
        self.database.execute(f"SET memory_limit = '{memory}'")
        self.database.execute(f"SET temp_directory = {quoted(str(self.folder / 'spill'))}")

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement."""
        return self.database.execute(sql, list(values)).fetchall()

    def close(self) -> None:
        self.database.close()
        self._folder.cleanup()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def quoted(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"
