"""Objects in a directory: atomic, and conditional between processes of one machine.

Every write goes to a temporary file in the same folder, is flushed to disk, and takes its
name in one step. An etag is the file's modification time and size; since each replacement
gets a later time than what it replaces, no two contents of a key share one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, BinaryIO

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    NotFoundError,
    StoreError,
)
from smartwatts_ml.objects.base import Object, ObjectInfo, Objects, check_key, check_size
from smartwatts_ml.objects.durable import flush_folder, make_folder, staged

__all__ = ["DirectoryObjects"]

_EPOCH = datetime.fromtimestamp(0, UTC)
_TEMPORARY = ".tmp-"
_LOCK = ".lock"
_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_CLOCK_STEPS_NS = (1, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000)
_FIXES = {
    errno.ENOSPC: "free some space on its disk",
    errno.EDQUOT: "free some of your quota",
    errno.EACCES: "check the permissions of the folder",
    errno.EPERM: "check the permissions of the folder",
    errno.EROFS: "the file system is read-only",
}


class DirectoryObjects(Objects):
    """A root in a directory, which is made at once or with the first write."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path.absolute()
        self.url = str(self._path)
        with _as_store_errors(self._path, "open"):
            if create:
                make_folder(self._path)

    def read(self, key: str, limit: int | None = None) -> Object:
        path = self._file(key)
        with _as_store_errors(path, "read"):
            if stat.S_ISFIFO(path.stat().st_mode):
                raise StoreError(f"{path} is no file")  # it would be waited for without end
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                check_size(status.st_size, limit, str(path))
                data = file.read() if limit is None else file.read(limit + 1)
        check_size(len(data), limit, str(path))
        return Object(data, _etag(status))

    def info(self, key: str) -> ObjectInfo:
        path = self._file(key)
        with _as_store_errors(path, "read"):
            if path.is_dir():
                raise NotFoundError(f"no object {path}")
            return _info(key, path, path.stat())

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        folder = prefix.rpartition("/")[0]
        if folder:
            check_key(folder)
        return self._walk(self._path / folder, f"{folder}/" if folder else "", prefix, ())

    def folders(self, prefix: str = "") -> Iterator[str]:
        folder = self._file(prefix.rstrip("/")) if prefix else self._path
        with _as_store_errors(folder, "list"):
            if folder.is_dir():
                yield from sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())

    def delete(self, key: str) -> None:
        path = self._file(key)
        with _as_store_errors(path, "remove"), contextlib.suppress(FileNotFoundError):
            with self._lock():
                path.unlink()
            flush_folder(path.parent)

    def remove_leftovers(self, prefix: str, older_than_s: float) -> int:
        before, removed = time.time() - older_than_s, 0
        folder = self._path / prefix
        with _as_store_errors(folder, "clean"):
            for path in folder.rglob(f"{_TEMPORARY}*"):
                with contextlib.suppress(FileNotFoundError):  # its writer lives after all
                    if path.stat().st_mtime < before:
                        path.unlink()
                        removed += 1
        return removed

    def create(self, key: str, data: bytes) -> str:
        path = self._file(key)
        with _as_store_errors(path, "write"), _temporary(path, data) as temporary:
            etag = _etag(temporary.stat())
            try:
                self._link(temporary, path)
            except FileExistsError as error:
                raise AlreadyExistsError(f"{path} is already there") from error
            flush_folder(path.parent)
            return etag

    def replace(self, key: str, data: bytes, etag: str) -> str:
        path = self._file(key)
        with _as_store_errors(path, "write"), _temporary(path, data) as temporary:
            with self._lock():
                try:
                    before = path.stat()
                except FileNotFoundError:
                    before = None
                if before is None or _etag(before) != etag:
                    raise ChangedError(f"{path} was changed by somebody else")
                _make_later(temporary, before.st_mtime_ns)
                after = _etag(temporary.stat())
                temporary.replace(path)
            flush_folder(path.parent)
            return after

    def fetch(self, key: str, path: Path) -> None:
        source = self._file(key)
        with (
            _as_store_errors(source, "read"),
            source.open("rb") as file,
            _as_store_errors(path, "write"),
            _temporary(path, file) as temporary,
        ):
            temporary.replace(path)

    def open(self, key: str) -> BinaryIO:
        path = self._file(key)
        with _as_store_errors(path, "read"):
            return path.open("rb")

    @contextmanager
    def at_hand(self, key: str, folder: Path) -> Iterator[Path]:
        self.open(key).close()  # says what is wrong with it, if something is
        yield self._file(key)

    def write(self, key: str, data: bytes) -> str:
        return self._put(self._file(key), data)

    def upload(self, key: str, path: Path) -> None:
        with _as_store_errors(path, "read"), path.open("rb") as file:
            self._put(self._file(key), file)

    def uri(self, key: str) -> str:
        return str(self._file(key)) if key else self.url

    def storage_options(self) -> dict[str, str]:
        return {}

    def _file(self, key: str) -> Path:
        return self._path / check_key(key)

    def _put(self, path: Path, data: bytes | IO[bytes]) -> str:
        """Write whether a file is there or not; the etag."""
        with _as_store_errors(path, "write"), _temporary(path, data) as temporary:
            with self._lock():
                if path.exists():
                    _make_later(temporary, path.stat().st_mtime_ns)
                etag = _etag(temporary.stat())
                temporary.replace(path)
            flush_folder(path.parent)
            return etag

    def _walk(
        self, folder: Path, base: str, prefix: str, above: tuple[str, ...]
    ) -> Iterator[ObjectInfo]:
        """Depth first; a folder sorts as its name with a slash, which is the keys' order.
        ``above`` holds the real paths of the folders above, so that links cannot loop."""
        real = os.path.realpath(folder)
        if real in above or not folder.is_dir():
            return
        with _as_store_errors(folder, "list"):
            names = sorted(
                f"{entry.name}/" if _is_folder(entry) else entry.name
                for entry in os.scandir(folder)
            )
        for name in names:
            key = base + name
            if name.startswith(_TEMPORARY) or key == _LOCK:
                continue
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(folder / name, key, prefix, (*above, real))
            elif key.startswith(prefix):
                status = _status(folder / name)
                # A pipe would be waited for without end.
                if status is not None and stat.S_ISREG(status.st_mode):
                    yield _info(key, folder / name, status)

    def _link(self, temporary: Path, path: Path) -> None:
        """Give the temporary file its name unless that is taken."""
        try:
            os.link(temporary, path)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            # No hard links here (FAT, some container mounts): the lock stands in.
            with self._lock():
                if path.exists():
                    raise FileExistsError(str(path)) from error
                temporary.replace(path)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold this root against other writers; released if the process dies."""
        with (self._path / _LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """A link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _status(path: Path) -> os.stat_result | None:
    """None where there is nothing: another process just removed it, or a link leads nowhere."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise


@contextmanager
def _as_store_errors(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(f"no object {error.filename or path}") from error
    except OSError as error:
        fix = _FIXES.get(error.errno or 0)
        raise StoreError(f"cannot {verb} {path}: {error.strerror or error}", fix=fix) from error


@contextmanager
def _temporary(path: Path, data: bytes | IO[bytes]) -> Iterator[Path]:
    """A flushed file with ``data`` beside ``path``, removed if it was not moved."""
    make_folder(path.parent)
    with staged(path.parent, data, _TEMPORARY) as temporary:
        yield temporary


def _make_later(path: Path, than_ns: int) -> None:
    """Move the modification time past ``than_ns``, however coarse the file system's clock."""
    for step in _CLOCK_STEPS_NS:
        if path.stat().st_mtime_ns > than_ns:
            return
        os.utime(path, ns=(than_ns + step, than_ns + step))


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _info(key: str, path: Path, status: os.stat_result) -> ObjectInfo:
    """A file arrives when the file system last changed its entry, or the link to it."""
    try:
        arrived_ns = max(status.st_ctime_ns, path.lstat().st_ctime_ns)
    except FileNotFoundError:  # removed just now
        arrived_ns = status.st_ctime_ns
    return ObjectInfo(
        key,
        status.st_size,
        _etag(status),
        modified=_instant(status.st_mtime_ns),
        arrived=_instant(arrived_ns),
    )


def _instant(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1000)
