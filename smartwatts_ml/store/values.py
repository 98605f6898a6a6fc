"""What the store hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smartwatts_ml.pulling.rings import Candidate
from smartwatts_ml.store.documents import HistoryEntry, Manifest

__all__ = ["Champion", "Published", "Renewed", "StoredVersion"]


@dataclass(frozen=True)
class Champion:
    """The version in force, verified. ``manifest`` and ``entry``, by which it came into force,
    agree; ``candidate``: what some gateways take instead, or did until it was halted;
    ``step_since``: when that was done with it last."""

    manifest: Manifest
    entry: HistoryEntry
    candidate: Candidate | None = None
    step_since: str | None = None

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
    """What a publish or a rollback put in force, or the ``candidate`` that a publish or a change of
    it left. ``new_key``: the key folder in which the keys of a new store were made, one of each."""

    model: str
    version: int
    serial: int
    new_key: Path | None = None
    candidate: Candidate | None = None


@dataclass(frozen=True)
class Renewed:
    """Until when clients believe what they are told. ``problems``: why a model is told of as
    it was before, by model."""

    expires: str
    models: tuple[str, ...]
    problems: Mapping[str, str]


@dataclass(frozen=True)
class StoredVersion:
    """A version as a listing shows it; ``was_in_force``, or was a candidate; ``problem`` says why
    it cannot be trusted."""

    model: str
    version: int
    manifest: Manifest | None
    in_force: bool
    was_in_force: bool
    problem: str | None = None
