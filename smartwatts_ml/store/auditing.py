"""Walking a whole store: every digest, signature, serial and pointer.

Findings are values that name the object and what is wrong with it. What a crash or pruning
may leave is counted, not found: unfinished versions that never were in force, and versions
that were pruned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
from smartwatts_ml.store.records import Records

__all__ = ["Audit", "Auditor", "AuditFinding"]


@dataclass(frozen=True)
class AuditFinding:
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
    findings: tuple[AuditFinding, ...]


class Auditor:
    """Checks models, one at a time."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def audit(self, model: str, repair: bool) -> Audit:
        """Read and verify everything that a model has; with ``repair`` put right what the
        history can put right. Raises StoreError only where the root cannot be read."""
        entries, of_history = self._check_history(model)
        stored = {v: self._check_version(model, v) for v in self._records.versions.numbers(model)}
        in_force = {entry.version: entry for entry in entries}
        last = entries[-1] if entries else None
        findings = [
            *of_history,
            *self._check_files(stored, in_force),
            *self._check_strays(model),
        ]
        if last and last.version not in stored:
            findings.append(AuditFinding(file_key(model, last.version), "the champion is gone"))
        of_pointer = self._check_pointer(model, last)
        champion = stored.get(last.version) if last else None
        whole = not of_history and isinstance(champion, Manifest)
        repaired = repair and whole and bool(of_pointer) and all(f.repairable for f in of_pointer)
        if repaired and last:
            self._records.pointer.advance(last, self._records.versions.of_entry(last))
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

    def _check_history(self, model: str) -> tuple[list[HistoryEntry], list[AuditFinding]]:
        """The entries that verify, oldest first, and what is wrong with the others."""
        entries: list[HistoryEntry] = []
        findings: list[AuditFinding] = []
        serials = self._records.history.serials(model)
        for serial in range(1, max(serials, default=0) + 1):
            try:
                entry = self._records.history.entry(model, serial)
            except TrustError as error:
                findings.append(AuditFinding(history_key(model, serial), str(error)))
                continue
            before = entries[-1] if entries else None
            if entry.serial - 1 == (before.serial if before else 0):
                version = before.version if before else None
                if entry.previous_version != version:
                    problem = f"follows v{entry.previous_version}, but v{version} was in force"
                    findings.append(AuditFinding(history_key(model, serial), problem))
            entries.append(entry)
        commits = {entry.commit_id for entry in entries}
        if len(commits) < len(entries):
            findings.append(AuditFinding(history_prefix(model), "holds a commit twice"))
        return entries, findings

    def _check_version(self, model: str, version: int) -> Manifest | AuditFinding:
        """The manifest, where it and the file verify."""
        key = manifest_key(model, version)
        try:
            manifest = self._records.versions.manifest(model, version)
        except NotFoundError:
            return AuditFinding(key, "is missing")
        except TrustError as error:
            return AuditFinding(key, str(error))
        try:
            self._records.versions.read_file(manifest)
        except TrustError as error:
            return AuditFinding(file_key(model, version), str(error))
        return manifest

    def _check_files(
        self, stored: dict[int, Manifest | AuditFinding], in_force: dict[int, HistoryEntry]
    ) -> Iterator[AuditFinding]:
        """Problems of versions that are or were in force; of others, all but a publish that
        broke off before its manifest."""
        for version, manifest in stored.items():
            entry = in_force.get(version)
            if isinstance(manifest, AuditFinding):
                if entry or manifest.problem != "is missing":
                    yield manifest
            elif entry and entry.sha256 != manifest.sha256:
                key = manifest_key(manifest.model, version)
                yield AuditFinding(
                    key, f"is of another file than serial {entry.serial} put in force"
                )

    def _check_pointer(self, model: str, last: HistoryEntry | None) -> list[AuditFinding]:
        key = pointer_key(model)
        try:
            pointer = self._records.pointer.read(model)
        except NotFoundError:
            return [AuditFinding(key, "is missing", repairable=True)] if last else []
        except TrustError as error:
            return [AuditFinding(key, str(error), repairable=bool(last))]
        serial = last.serial if last else 0
        if pointer.serial > serial:
            problem = f"was signed for serial {pointer.serial}, but the history ends at {serial}"
            return [AuditFinding(key, problem)]
        if last and not _agrees(pointer, last):
            return [AuditFinding(key, f"is not at serial {serial}", repairable=True)]
        trouble = pointer.trouble(self._records.clock())
        return [AuditFinding(key, trouble, repairable=True)] if trouble else []

    def _check_strays(self, model: str) -> Iterator[AuditFinding]:
        """Objects that are no part of a store."""
        known = {pointer_key(model)}
        known |= {history_key(model, serial) for serial in self._records.history.serials(model)}
        for version in self._records.versions.numbers(model):
            known |= {file_key(model, version), manifest_key(model, version)}
        for info in self._records.sealed.objects.list(f"models/{model}/"):
            if info.key not in known:
                yield AuditFinding(info.key, "is no part of the store")


def _agrees(pointer: Pointer, last: HistoryEntry) -> bool:
    return (pointer.serial, pointer.commit_id, pointer.version, pointer.sha256) == (
        last.serial,
        last.commit_id,
        last.version,
        last.sha256,
    )
