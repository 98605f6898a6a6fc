"""Files and folders that survive a power cut, once the call has returned."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

__all__ = ["flush_folder", "make_folder", "write_flushed"]


def write_flushed(path: Path, write: Callable[[IO[bytes]], object], mode: int = 0o666) -> None:
    """Make a file that survives a power cut. Raises FileExistsError."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each so that it survives a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Make a new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
