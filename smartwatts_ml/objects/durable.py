"""Files and folders that survive a power cut, once the call has returned."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["flush_folder", "make_folder", "staged"]


@contextmanager
def staged(folder: Path, data: bytes | IO[bytes], prefix: str, mode: int = 0o666) -> Iterator[Path]:
    """A flushed file in a folder, to be given its name there; removed if it was not."""
    path = folder / f"{prefix}{uuid.uuid4().hex}"
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                shutil.copyfileobj(data, file)
            file.flush()
            os.fsync(file.fileno())
        now = time.time_ns()
        os.utime(path, ns=(now, now))
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, each so that it survives a power cut; ``mode``: of the
    folder itself, if it is new."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode, exist_ok=True)
        flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Make a new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
