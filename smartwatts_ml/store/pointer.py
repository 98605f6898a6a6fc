"""The pointer to the champion: a cache of the history's newest entry, for gateways.

It may be missing, unreadable or behind after a crash; the next write puts it right. It
never goes back to an older serial, and one that is ahead of the history means that
somebody cut the history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    NotFoundError,
    StoreError,
    TrustError,
)
from smartwatts_ml.objects import Object
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    Pointer,
    file_name,
    format_time,
    pointer_key,
)
from smartwatts_ml.store.sealed import MAX_DOCUMENT_BYTES, SealedObjects

__all__ = ["PointerFile", "Seen"]

ATTEMPTS = 20


@dataclass(frozen=True)
class Seen:
    """A pointer as it was found. ``pointer`` is None where it does not verify, ``etag``
    where there is none."""

    pointer: Pointer | None
    etag: str | None


class PointerFile:
    """Reads and moves pointers."""

    def __init__(self, sealed: SealedObjects, days: int, clock: Callable[[], datetime]) -> None:
        self._sealed = sealed
        self._lifetime = timedelta(days=days)
        self._clock = clock

    def read(self, model: str) -> Pointer:
        """The verified pointer. Raises NotFoundError, TrustError."""
        key = pointer_key(model)
        return self._verify(self._sealed.objects.read(key, MAX_DOCUMENT_BYTES), model)

    def look(self, model: str) -> Seen:
        """What is there, valid or not."""
        try:
            found = self._sealed.objects.read(pointer_key(model))
        except NotFoundError:
            return Seen(None, None)
        try:
            return Seen(self._verify(found, model), found.etag)
        except TrustError:
            return Seen(None, found.etag)

    def advance(self, entry: HistoryEntry, manifest: Manifest, seen: Seen | None = None) -> Pointer:
        """Point to an entry with a new expiry, unless a newer one is pointed to already.
        ``seen``: what a look gave before, which saves another."""
        key = pointer_key(entry.model)
        for _ in range(ATTEMPTS):
            seen = seen or self.look(entry.model)
            if seen.pointer and seen.pointer.serial > entry.serial:
                return seen.pointer
            pointer = self._pointer(entry, manifest)
            data = self._sealed.seal(pointer)
            try:
                if seen.etag is None:
                    self._sealed.objects.create(key, data)
                else:
                    self._sealed.objects.replace(key, data, seen.etag)
            except (AlreadyExistsError, ChangedError):
                seen = None
                continue
            return pointer
        raise StoreError(f"{key} is being replaced by others without a pause")

    def _verify(self, found: Object, model: str) -> Pointer:
        key = pointer_key(model)
        pointer = self._sealed.verify(found, key, Pointer)
        if (pointer.model, pointer.file) != (model, file_name(model, pointer.version)):
            raise TrustError(
                f"{self._sealed.objects.uri(key)} is of {pointer.model} v{pointer.version}"
            )
        return pointer

    def _pointer(self, entry: HistoryEntry, manifest: Manifest) -> Pointer:
        now = self._clock()
        return Pointer(
            model=entry.model,
            version=entry.version,
            file=manifest.file,
            sha256=entry.sha256,
            size=manifest.size,
            serial=entry.serial,
            commit_id=entry.commit_id,
            time=format_time(now),
            expires=format_time(now + self._lifetime),
        )
