"""The pointer to the champion: a cache of the history's newest entry, for gateways.

It may be missing, unreadable or behind after a crash; the next write puts it right. It
never goes back to an older serial, and one that is ahead of the history means that
somebody cut the history.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from smartwatts_ml.errors import (
    AlreadyExistsError,
    ChangedError,
    NotFoundError,
    StoreError,
    TrustError,
)
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    Pointer,
    format_time,
    pointer_key,
)
from smartwatts_ml.store.sealed import SealedObjects

__all__ = ["PointerFile"]

ATTEMPTS = 20


class PointerFile:
    """Reads and moves pointers."""

    def __init__(self, sealed: SealedObjects, days: int, clock: Callable[[], datetime]) -> None:
        self._sealed = sealed
        self._lifetime = timedelta(days=days)
        self._clock = clock

    def read(self, model: str) -> Pointer:
        """The verified pointer. Raises NotFoundError, TrustError."""
        key = pointer_key(model)
        pointer = self._sealed.read(key, Pointer)
        if pointer.model != model:
            raise TrustError(f"{self._sealed.objects.uri(key)} points to {pointer.model}")
        return pointer

    def read_if_valid(self, model: str) -> Pointer | None:
        """The pointer, or None where it is missing or does not verify."""
        try:
            return self.read(model)
        except (NotFoundError, TrustError):
            return None

    def check(self, pointer: Pointer | None, last: HistoryEntry | None, model: str) -> None:
        """Raise TrustError where a valid pointer contradicts the history read after it."""
        if pointer is None:
            return
        serial = last.serial if last else 0
        same = last is not None and pointer.commit_id == last.commit_id
        if pointer.serial > serial or (pointer.serial == serial and not same):
            raise TrustError(
                f"the pointer of {model} was signed for serial {pointer.serial}, but the history"
                f" ends at {serial} or was rewritten",
                fix="restore the model's history folder from a backup",
            )

    def advance(self, entry: HistoryEntry, manifest: Manifest) -> Pointer:
        """Point to an entry with a new expiry, unless a newer one is pointed to already."""
        key = pointer_key(entry.model)
        for _ in range(ATTEMPTS):
            try:
                found = self._sealed.objects.read(key)
            except NotFoundError:
                found = None
            if found:
                try:
                    current = self._sealed.verify(found, key, Pointer)
                except TrustError:
                    current = None
                if current and current.model == entry.model and current.serial > entry.serial:
                    return current
            pointer = self._pointer(entry, manifest)
            data = self._sealed.seal(pointer)
            try:
                if found is None:
                    self._sealed.objects.create(key, data)
                else:
                    self._sealed.objects.replace(key, data, found.etag)
            except (AlreadyExistsError, ChangedError):
                continue
            return pointer
        raise StoreError(f"{key} is being replaced by others without a pause")

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
