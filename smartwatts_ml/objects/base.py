"""What a root of objects can do, wherever it is kept."""

from __future__ import annotations

import io
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    NotFoundError,
    TrustError,
    UsageError,
)

__all__ = [
    "Object",
    "ObjectInfo",
    "Objects",
    "ReadOnlyObjects",
    "check_key",
    "check_size",
]

_UPDATE_ATTEMPTS = 20
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.5


@dataclass(frozen=True)
class Object:
    """An object's bytes, and the etag that ``replace`` wants back."""

    data: bytes
    etag: str


_UNREAD: Final = Object(b"", "")
"""Stands for an object that was not looked at yet."""


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing says of an object; ``size`` in bytes, times in UTC.

    ``modified`` is what a writer may set (``cp -p``, ``rsync -t``); ``arrived`` is when the
    object came to be as it is by the root's own clock, which no writer sets.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    arrived: datetime


def check_size(size: int, limit: int | None, where: str) -> None:
    """Raise TrustError if an object is larger than it can be."""
    if limit is not None and size > limit:
        raise TrustError(f"{where} is larger than the {limit} bytes it may have")


def check_key(key: str) -> str:
    """The key itself, if it is relative and cannot leave its root.

    >>> check_key("models/nilm/nilm_v1.json")
    'models/nilm/nilm_v1.json'
    """
    if not key or "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise UsageError(f"{key!r} cannot be the key of an object")
    return key


class Objects(ABC):
    """Objects by key below one root. Keys are relative POSIX paths."""

    url: str

    @abstractmethod
    def read(self, key: str, limit: int | None = None) -> Object:
        """The whole object. Raises NotFoundError, and TrustError where it has more than
        ``limit`` bytes."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with ``prefix``, below folders too, sorted by key."""

    @abstractmethod
    def folders(self, prefix: str = "") -> Iterator[str]:
        """Names of the folders directly below ``prefix`` ("" or ending with a slash),
        sorted. Costs nothing for what is in them."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> str:
        """Write only if absent; the etag. Raises AlreadyExistsError."""

    @abstractmethod
    def replace(self, key: str, data: bytes, etag: str) -> str:
        """Write only if still at ``etag``; the new etag. Raises ChangedError."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; nothing where it is gone already."""

    @abstractmethod
    def info(self, key: str) -> ObjectInfo:
        """One object's entry, without reading it. Raises NotFoundError."""

    @abstractmethod
    def fetch(self, key: str, path: Path) -> None:
        """Stream an object into a local file. Raises NotFoundError."""

    def open(self, key: str) -> BinaryIO:
        """An object to read in places, of which only those are fetched where the root can
        do that. Raises NotFoundError."""
        return io.BytesIO(self.read(key).data)

    @contextmanager
    def at_hand(self, key: str, folder: Path) -> Iterator[Path]:
        """A local file with the object's content, to be read and left as it is: the object
        itself where it is one, otherwise a copy in ``folder`` that is gone afterwards."""
        path = folder / "fetched"
        self.fetch(key, path)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @abstractmethod
    def upload(self, key: str, path: Path) -> None:
        """Stream a local file into an object, whether it is there or not."""

    @abstractmethod
    def uri(self, key: str) -> str:
        """The object's address for other libraries."""

    @abstractmethod
    def storage_options(self) -> dict[str, str]:
        """What delta-rs needs to open this root; nothing for a directory."""

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        try:
            self.info(key)
        except NotFoundError:
            return False
        return True

    def remove_leftovers(self, prefix: str, older_than_s: float) -> int:
        """Remove what processes that died left below ``prefix``; how many. Objects that
        are written in one request leave nothing."""
        return 0

    def update(
        self,
        key: str,
        change: Callable[[bytes | None], bytes],
        *,
        seen: Object | None = _UNREAD,
        limit: int | None = None,
    ) -> bytes:
        """Read, change and write an object, anew wherever another writer was quicker.

        ``change`` gets what is there (None: nothing) and gives what is to be there; the same
        bytes leave the object as it is, and what it raises ends the update. ``seen``: what a
        read gave just before, which saves the first one. Returns what is there then. Raises
        ChangedError where others replace the object again and again, TrustError where it has
        more than ``limit`` bytes.
        """
        for attempt in range(_UPDATE_ATTEMPTS):
            before = self._read_if_there(key, limit) if seen is _UNREAD else seen
            after = change(before.data if before else None)
            if before and after == before.data:
                return after
            try:
                if before:
                    self.replace(key, after, before.etag)
                else:
                    self.create(key, after)
            except (AlreadyExistsError, ChangedError):
                # Uneven pauses, so that writers at once do not keep in step.
                time.sleep(random.uniform(0, min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)))
                seen = _UNREAD
            else:
                return after
        raise ChangedError(
            f"{self.uri(key)} is being replaced by others without a pause", fix="try again later"
        )

    def _read_if_there(self, key: str, limit: int | None) -> Object | None:
        try:
            return self.read(key, limit)
        except NotFoundError:
            return None

    @abstractmethod
    def write(self, key: str, data: bytes) -> str:
        """Create or replace, for objects of which the last writer may win; the etag."""


class ReadOnlyObjects(Objects):
    """Objects of which none can be changed this way; trying to is wrong use."""

    @abstractmethod
    def refusal(self) -> UsageError:
        """Why not, and what to do instead."""

    def create(self, key: str, data: bytes) -> str:
        raise self.refusal()

    def replace(self, key: str, data: bytes, etag: str) -> str:
        raise self.refusal()

    def write(self, key: str, data: bytes) -> str:
        raise self.refusal()

    def delete(self, key: str) -> None:
        raise self.refusal()

    def upload(self, key: str, path: Path) -> None:
        raise self.refusal()
