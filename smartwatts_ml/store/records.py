"""What the jobs of a store work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from smartwatts_ml.store.documents import HistoryEntry
from smartwatts_ml.store.history import History
from smartwatts_ml.store.pointer import PointerFile, SeenPointer
from smartwatts_ml.store.sealed import SealedObjects
from smartwatts_ml.store.versions import Versions

__all__ = ["Head", "Records"]


@dataclass(frozen=True)
class Head:
    """Where a model stands: the newest entry, None before the first, and the pointer as it
    was seen just before."""

    entry: HistoryEntry | None
    seen: SeenPointer


@dataclass(frozen=True)
class Records:
    """The objects of one root by what they are, and the time."""

    sealed: SealedObjects
    history: History
    versions: Versions
    pointer: PointerFile
    clock: Callable[[], datetime]

    def head(self, model: str) -> Head:
        """The newest entry, verified, and checked against the pointer."""
        seen = self.pointer.look(model)  # before the history: it may only be older
        return Head(self.history.last(model, seen.pointer), seen)

    def chain(self, model: str) -> tuple[HistoryEntry, ...]:
        """The whole history, oldest first, verified, and checked against the pointer."""
        return self.history.chain(model, self.pointer.look(model).pointer)
