"""A temporary place on disk for what does not fit into memory."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

__all__ = ["Workspace"]


class Workspace:
    """A temporary folder, gone at the end; ``TMPDIR`` says where it lies."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="smartwatts-")
        self._numbers = itertools.count()
        self.folder = Path(self._folder.name)

    def new_folder(self) -> Path:
        """A path in it that nothing has used before."""
        return self.folder / str(next(self._numbers))

    def close(self) -> None:
        self._folder.cleanup()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
