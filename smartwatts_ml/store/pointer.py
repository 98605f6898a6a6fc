"""The pointer to the champion: a cache of the history's newest entry, for gateways.

It may be missing, unreadable or behind after a crash; the next write puts it right. It
never goes back to an older serial, and one that is ahead of the history means that
somebody cut the history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.objects import UNREAD, Object
from smartwatts_ml.store.canonical import format_time
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    Pointer,
    file_name,
    pointer_key,
)
from smartwatts_ml.store.sealed import MAX_DOCUMENT_BYTES, SealedObjects

__all__ = ["PointerFile", "SeenPointer"]


@dataclass(frozen=True)
class SeenPointer:
    """A pointer as it was found. ``pointer`` is None where it does not verify, ``object``
    where there is none."""

    pointer: Pointer | None
    object: Object | None


class PointerFile:
    """Reads and moves pointers."""

    def __init__(self, sealed: SealedObjects, days: int, clock: Callable[[], datetime]) -> None:
        self._sealed = sealed
        self._lifetime = timedelta(days=days)
        self._clock = clock

    def read(self, model: str) -> Pointer:
        """The verified pointer. Raises NotFoundError, TrustError."""
        key = pointer_key(model)
        return self._verify(self._sealed.objects.read(key, MAX_DOCUMENT_BYTES).data, model)

    def look(self, model: str) -> SeenPointer:
        """What is there, valid or not."""
        key, objects = pointer_key(model), self._sealed.objects
        try:
            seen = objects.read(key, MAX_DOCUMENT_BYTES)
        except NotFoundError:
            return SeenPointer(None, None)
        except TrustError:  # larger than any pointer: its etag is all that is of use
            seen = Object(b"", objects.info(key).etag)
        return SeenPointer(self._valid(seen.data, model), seen)

    def advance(
        self, entry: HistoryEntry, manifest: Manifest, seen: SeenPointer | None = None
    ) -> Pointer:
        """Point to an entry with a new expiry, unless a newer one is pointed to already.
        ``seen``: what a look gave before, which saves another."""
        key = pointer_key(entry.model)
        pointer = self._pointer(entry, manifest)

        def advanced(data: bytes | None) -> bytes:
            nonlocal pointer
            if seen and seen.object and data is seen.object.data:
                current = seen.pointer
            else:
                current = None if data is None else self._valid(data, entry.model)
            if data is not None and current and current.serial > entry.serial:
                pointer = current
                return data
            return self._sealed.seal(pointer)

        known = seen.object if seen else UNREAD
        self._sealed.objects.update(key, advanced, seen=known, limit=MAX_DOCUMENT_BYTES)
        return pointer

    def _valid(self, data: bytes, model: str) -> Pointer | None:
        try:
            return self._verify(data, model)
        except TrustError:
            return None

    def _verify(self, envelope: bytes, model: str) -> Pointer:
        key = pointer_key(model)
        pointer = self._sealed.verify(envelope, key, Pointer)
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
