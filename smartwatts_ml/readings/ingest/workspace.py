"""A temporary place on disk for what does not fit into memory."""

from __future__ import annotations

import errno
import itertools
import os
import tempfile
from pathlib import Path
from types import TracebackType

from smartwatts_ml.errors import StoreError

__all__ = ["Workspace"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Workspace:
    """A temporary folder, gone at the end; ``TMPDIR`` says where it lies. As a context, raises
    StoreError where it has no room."""

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, OSError) and error.errno in _FULL:
            raise StoreError(
                f"cannot write temporary files below {self.folder.parent}: "
                f"{os.strerror(error.errno)}",
                fix="free some space there, or let TMPDIR name another folder",
            ) from error
