"""Walking a whole store: every digest, signature, serial and pointer.

Findings are values that name the object and what is wrong with it. What a crash or pruning
may leave is counted, not found: unfinished versions that never were in force, and versions
that were pruned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    Pointer,
    file_key,
    history_key,
    history_prefix,
    manifest_key,
    pointer_key,
)
from smartwatts_ml.store.parts import Parts

__all__ = ["Audit", "Auditor", "Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. ``repairable``: rebuilding the pointer puts it right."""

    key: str
    problem: str
    repairable: bool = False


@dataclass(frozen=True)
class Audit:
    """What was checked of a model, and what is wrong. ``unfinished`` versions were never in
    force, ``pruned`` ones were and are gone; neither is a finding."""

    model: str
    entries: int
    versions: int
    unfinished: tuple[int, ...]
    pruned: tuple[int, ...]
    repaired: bool
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


class Auditor:
    """Checks models, one at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def audit(self, model: str, repair: bool) -> Audit:
        """Read and verify everything that a model has; with ``repair`` put right what the
        history can put right. Raises StoreError only where the root cannot be read."""
        entries, of_history = self._check_history(model)
        stored = {v: self._check_version(model, v) for v in self._parts.versions.numbers(model)}
        in_force = {entry.version: entry for entry in entries}
        last = entries[-1] if entries else None
        findings = [
            *of_history,
            *self._check_files(stored, in_force),
            *self._check_strays(model),
        ]
        if last and last.version not in stored:
            findings.append(Finding(file_key(model, last.version), "the champion is gone"))
        of_pointer = self._check_pointer(model, last)
        champion = stored.get(last.version) if last else None
        whole = not of_history and isinstance(champion, Manifest)
        repaired = repair and whole and bool(of_pointer) and all(f.repairable for f in of_pointer)
        if repaired and last:
            self._parts.pointer.advance(last, self._parts.versions.of_entry(last))
            of_pointer = self._check_pointer(model, last)
        return Audit(
            model=model,
            entries=len(entries),
            versions=len(stored),
            unfinished=tuple(v for v in stored if v not in in_force),
            pruned=tuple(sorted(v for v in in_force if v not in stored)),
            repaired=repaired,
            findings=(*findings, *of_pointer),
        )

    def _check_history(self, model: str) -> tuple[list[HistoryEntry], list[Finding]]:
        """The entries that verify, oldest first, and what is wrong with the others."""
        entries: list[HistoryEntry] = []
        findings: list[Finding] = []
        serials = self._parts.history.serials(model)
        for serial in range(1, max(serials, default=0) + 1):
            try:
                entry = self._parts.history.entry(model, serial)
            except TrustError as error:
                findings.append(Finding(history_key(model, serial), str(error)))
                continue
            before = entries[-1] if entries else None
            if entry.serial - 1 == (before.serial if before else 0):
                version = before.version if before else None
                if entry.previous_version != version:
                    problem = f"follows v{entry.previous_version}, but v{version} was in force"
                    findings.append(Finding(history_key(model, serial), problem))
            entries.append(entry)
        commits = {entry.commit_id for entry in entries}
        if len(commits) < len(entries):
            findings.append(Finding(history_prefix(model), "holds a commit twice"))
        return entries, findings

    def _check_version(self, model: str, version: int) -> Manifest | Finding:
        """The manifest, where it and the file verify."""
        key = manifest_key(model, version)
        try:
            manifest = self._parts.versions.manifest(model, version)
        except NotFoundError:
            return Finding(key, "is missing")
        except TrustError as error:
            return Finding(key, str(error))
        try:
            self._parts.versions.read_file(manifest)
        except TrustError as error:
            return Finding(file_key(model, version), str(error))
        return manifest

    def _check_files(
        self, stored: dict[int, Manifest | Finding], in_force: dict[int, HistoryEntry]
    ) -> Iterator[Finding]:
        """Problems of versions that are or were in force; of others, all but a publish that
        broke off before its manifest."""
        for version, found in stored.items():
            entry = in_force.get(version)
            if isinstance(found, Finding):
                if entry or found.problem != "is missing":
                    yield found
            elif entry and entry.sha256 != found.sha256:
                key = manifest_key(found.model, version)
                yield Finding(key, f"is of another file than serial {entry.serial} put in force")

    def _check_pointer(self, model: str, last: HistoryEntry | None) -> list[Finding]:
        key = pointer_key(model)
        try:
            pointer = self._parts.pointer.read(model)
        except NotFoundError:
            return [Finding(key, "is missing", repairable=True)] if last else []
        except TrustError as error:
            return [Finding(key, str(error), repairable=bool(last))]
        serial = last.serial if last else 0
        if pointer.serial > serial:
            problem = f"was signed for serial {pointer.serial}, but the history ends at {serial}"
            return [Finding(key, problem)]
        if last and not _agrees(pointer, last):
            return [Finding(key, f"is not at serial {serial}", repairable=True)]
        trouble = pointer.trouble(self._parts.clock())
        return [Finding(key, trouble, repairable=True)] if trouble else []

    def _check_strays(self, model: str) -> Iterator[Finding]:
        """Objects that are no part of a store."""
        known = {pointer_key(model)}
        known |= {history_key(model, serial) for serial in self._parts.history.serials(model)}
        for version in self._parts.versions.numbers(model):
            known |= {file_key(model, version), manifest_key(model, version)}
        for info in self._parts.sealed.objects.list(f"models/{model}/"):
            if info.key not in known:
                yield Finding(info.key, "is no part of the store")


def _agrees(pointer: Pointer, last: HistoryEntry) -> bool:
    return (pointer.serial, pointer.commit_id, pointer.version, pointer.sha256) == (
        last.serial,
        last.commit_id,
        last.version,
        last.sha256,
    )
