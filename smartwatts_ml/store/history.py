"""The append-only history of a model: creating the next serial IS the commit."""

from __future__ import annotations

import re

from smartwatts_ml.errors import AlreadyExistsError, NotFoundError, TrustError
from smartwatts_ml.store.documents import HistoryEntry, history_key, history_prefix
from smartwatts_ml.store.sealed import SealedObjects

__all__ = ["History", "published_by"]

ENTRY = re.compile(r"(\d{10})\.json")
RESTORE = "restore the model's history folder from a backup"


class History:
    """Reads and extends histories; an entry is never changed."""

    def __init__(self, sealed: SealedObjects) -> None:
        self._sealed = sealed

    def last_serial(self, model: str) -> int:
        """The newest serial, 0 where there is no history. Raises TrustError on a gap."""
        prefix = history_prefix(model)
        serials = [
            int(match[1])
            for info in self._sealed.objects.list(prefix)
            if (match := ENTRY.fullmatch(info.key.removeprefix(prefix)))
        ]
        for expected, serial in enumerate(serials, start=1):
            if serial != expected:
                raise TrustError(
                    f"the history of {model} has a gap: serial {expected} is missing", fix=RESTORE
                )
        return len(serials)

    def entry(self, model: str, serial: int) -> HistoryEntry:
        """One verified entry."""
        key = history_key(model, serial)
        try:
            entry = self._sealed.read(key, HistoryEntry)
        except NotFoundError as error:
            raise TrustError(f"{key} vanished from the history", fix=RESTORE) from error
        if (entry.model, entry.serial) != (model, serial):
            raise TrustError(f"{key} holds serial {entry.serial} of {entry.model}", fix=RESTORE)
        return entry

    def last(self, model: str) -> HistoryEntry | None:
        """The newest entry, verified; its version is the champion."""
        serial = self.last_serial(model)
        return self.entry(model, serial) if serial else None

    def chain(self, model: str) -> tuple[HistoryEntry, ...]:
        """All entries, verified, each following from the one before."""
        entries: list[HistoryEntry] = []
        for serial in range(1, self.last_serial(model) + 1):
            entry = self.entry(model, serial)
            previous = entries[-1].version if entries else None
            if entry.previous_version != previous:
                raise TrustError(
                    f"serial {serial} of {model} follows v{entry.previous_version}, but the entry"
                    f" before it put v{previous} in force",
                    fix=RESTORE,
                )
            entries.append(entry)
        return tuple(entries)

    def try_append(self, entry: HistoryEntry) -> bool:
        """Commit an entry; False where another one took its serial."""
        key = history_key(entry.model, entry.serial)
        try:
            self._sealed.objects.create(key, self._sealed.seal(entry))
        except AlreadyExistsError:
            # A retry below us may have met the success of its own first attempt.
            return self.entry(entry.model, entry.serial).commit_id == entry.commit_id
        return True


def published_by(chain: tuple[HistoryEntry, ...], run_id: str, sha256: str) -> HistoryEntry | None:
    """The entry by which this run put this file in force, if it did."""
    for entry in chain:
        if entry.action != "rollback" and (entry.run_id, entry.sha256) == (run_id, sha256):
            return entry
    return None
