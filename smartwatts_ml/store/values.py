"""What the store hands out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smartwatts_ml.store.documents import HistoryEntry, Manifest

__all__ = ["Champion", "Published", "StoredVersion"]


@dataclass(frozen=True)
class Champion:
    """The version in force, verified. ``manifest`` and ``entry`` agree."""

    manifest: Manifest
    entry: HistoryEntry

    @property
    def version(self) -> int:
        """Its version."""
        return self.manifest.version

    @property
    def file(self) -> str:
        """Name of its file."""
        return self.manifest.file


@dataclass(frozen=True)
class Published:
    """What a publish or a rollback put in force. ``new_key``: a signing key was made."""

    model: str
    version: int
    serial: int
    new_key: Path | None = None


@dataclass(frozen=True)
class StoredVersion:
    """A version as a listing shows it; ``problem`` says why it cannot be trusted."""

    model: str
    version: int
    manifest: Manifest | None
    in_force: bool
    was_in_force: bool
    problem: str | None = None
