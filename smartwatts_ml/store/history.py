"""The append-only history of a model: creating the next serial IS the commit.

The newest entry is found from the pointer, which is normally at it and otherwise a few
serials behind, so that neither publishing nor reading grows with the history. Without a
valid pointer the names of all entries are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartwatts_ml.errors import AlreadyExistsError, NotFoundError, TrustError
from smartwatts_ml.store.documents import HistoryEntry, Pointer, history_key, history_prefix
from smartwatts_ml.store.sealed import SealedObjects

__all__ = ["PROMOTIONS", "History"]

PROMOTIONS = ("promote", "force")
"""Actions that put a version in force for the first time. The other one is a rollback."""
_ENTRY = re.compile(r"(\d{10})\.json")
_RESTORE = "restore the model's history folder from a backup"


class History:
    """Reads and extends histories; an entry is never changed."""

    def __init__(self, sealed: SealedObjects) -> None:
        self._sealed = sealed

    def serials(self, model: str) -> list[int]:
        """Every serial that there is, ascending."""
        prefix = history_prefix(model)
        names = (info.key.removeprefix(prefix) for info in self._sealed.objects.list(prefix))
        return [int(match[1]) for name in names if (match := _ENTRY.fullmatch(name))]

    def entry(self, model: str, serial: int) -> HistoryEntry:
        """One verified entry. Raises TrustError, also where it is missing."""
        entry = self._find(model, serial)
        if entry is None:
            raise TrustError(
                f"the history of {model} has a gap: serial {serial} is missing", fix=_RESTORE
            )
        return entry

    def last(self, model: str, pointer: Pointer | None) -> HistoryEntry | None:
        """The newest entry; its version is the champion. ``pointer``: the model's verified
        one, read before. Raises TrustError where the history lacks what it was signed for."""
        entry = self._pointed(pointer) if pointer else self._listed(model)
        newer = entry
        while newer:
            entry, newer = newer, self._after(newer)
        return entry

    def back(self, entry: HistoryEntry) -> Iterator[HistoryEntry]:
        """An entry and those before it, newest first, each following from the next."""
        yield entry
        while entry.serial > 1:
            before = self.entry(entry.model, entry.serial - 1)
            _check_follows(entry, before)
            yield before
            entry = before
        _check_follows(entry, None)

    def chain(self, model: str, pointer: Pointer | None) -> tuple[HistoryEntry, ...]:
        """All entries, oldest first, each following from the one before."""
        last = self.last(model, pointer)
        return tuple(self.back(last))[::-1] if last else ()

    def try_append(self, entry: HistoryEntry) -> bool:
        """Commit an entry; False where another one took its serial."""
        key = history_key(entry.model, entry.serial)
        try:
            self._sealed.objects.create(key, self._sealed.seal(entry))
        except AlreadyExistsError:
            # A retry below us may have met the success of its own first attempt.
            return self.entry(entry.model, entry.serial).commit_id == entry.commit_id
        return True

    def _find(self, model: str, serial: int) -> HistoryEntry | None:
        key = history_key(model, serial)
        try:
            entry = self._sealed.read(key, HistoryEntry)
        except NotFoundError:
            return None
        if (entry.model, entry.serial) != (model, serial):
            raise TrustError(f"{key} holds serial {entry.serial} of {entry.model}", fix=_RESTORE)
        return entry

    def _pointed(self, pointer: Pointer) -> HistoryEntry:
        entry = self._find(pointer.model, pointer.serial)
        if entry is None or entry.commit_id != pointer.commit_id:
            fate = "lacks it" if entry is None else "was rewritten"
            raise TrustError(
                f"the pointer of {pointer.model} was signed for serial {pointer.serial}, but the"
                f" history {fate}",
                fix=_RESTORE,
            )
        return entry

    def _listed(self, model: str) -> HistoryEntry | None:
        serials = self.serials(model)
        missing = set(range(1, len(serials) + 1)).difference(serials)
        return self.entry(model, min(missing, default=len(serials))) if serials else None

    def _after(self, entry: HistoryEntry) -> HistoryEntry | None:
        newer = self._find(entry.model, entry.serial + 1)
        if newer:
            _check_follows(newer, entry)
        return newer


def _check_follows(entry: HistoryEntry, before: HistoryEntry | None) -> None:
    version = before.version if before else None
    if entry.previous_version != version:
        raise TrustError(
            f"serial {entry.serial} of {entry.model} follows v{entry.previous_version}, but the"
            f" entry before it put v{version} in force",
            fix=_RESTORE,
        )
