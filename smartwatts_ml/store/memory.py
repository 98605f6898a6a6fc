"""What this machine signed, kept beside its keys: the bucket cannot be turned back unnoticed.

One file a version of a role's metadata. Of models all are kept, which is what lets a repair
put back what was deleted from the bucket; of the other roles the newest. ``timestamp.mark``
counts ahead of the bucket: no two timestamps of one version are ever signed, whatever dies.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smartwatts_ml.errors import StoreError
from smartwatts_ml.objects.durable import flush_folder, make_folder, staged

__all__ = ["Memory", "locked"]

_NAME = re.compile(r"([1-9]\d{0,9})\.([a-z0-9_]+)\.json")
_MARK = "timestamp.mark"
_OF_ONE_VERSION = ("snapshot", "timestamp")


class Memory:
    """The memory in a folder; there is none until something is signed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self, role: str) -> int:
        """The newest version that was signed here, 0 before the first."""
        return max(self.versions(role), default=0)

    def versions(self, role: str) -> list[int]:
        """The versions that are remembered, ascending."""
        return sorted(version for version, name in self._names() if name == role)

    def read(self, role: str, version: int) -> bytes:
        """What was signed as a version that is remembered. Raises StoreError."""
        path = self._path(role, version)
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error

    def last(self, role: str) -> bytes | None:
        """What was signed last, None before the first."""
        while newest := self.newest(role):
            try:
                return self._path(role, newest).read_bytes()
            except FileNotFoundError:  # a newer one took its place just now
                continue
            except OSError as error:
                raise StoreError(f"cannot read {error.filename}: {error.strerror}") from error
        return None

    def record(self, role: str, version: int, data: bytes) -> None:
        """Remember what is in the bucket now by our hand."""
        with locked(self._folder):
            self._write(self._path(role, version).name, data)
            if role in _OF_ONE_VERSION:
                for older in self.versions(role)[:-1]:
                    self._path(role, older).unlink(missing_ok=True)

    def forget(self, role: str, above: int) -> None:
        """Forget versions that were taken out of the bucket on purpose."""
        with locked(self._folder):
            for version in self.versions(role):
                if version > above:
                    self._path(role, version).unlink(missing_ok=True)

    def next_timestamp(self, above: int) -> int:
        """A version for a timestamp that none was signed with: above that of the bucket."""
        with locked(self._folder):
            version = max(above, self._marked()) + 1
            self._write(_MARK, f"{version}\n".encode())
        return version

    def _marked(self) -> int:
        try:
            return int((self._folder / _MARK).read_text())
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise StoreError(f"cannot read {self._folder / _MARK}", fix="remove it") from error

    def _path(self, role: str, version: int) -> Path:
        return self._folder / f"{version}.{role}.json"

    def _names(self) -> Iterator[tuple[int, str]]:
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if match := _NAME.fullmatch(path.name):
                    yield int(match[1]), match[2]

    def _write(self, name: str, data: bytes) -> None:
        with staged(self._folder, data, ".", 0o600) as temporary:
            temporary.replace(self._folder / name)
        flush_folder(self._folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes; made, for its owner alone, where it is not there.
    Raises StoreError where it, or what is written meanwhile, cannot be."""
    try:
        make_folder(folder, 0o700)
        with (folder / ".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StoreError(f"cannot write {error.filename or folder}: {error.strerror}") from error
