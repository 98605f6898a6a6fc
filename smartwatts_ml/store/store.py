"""The store's public face: publish, roll back, pull, and who is the champion.

The history is the truth. Publishing writes file, manifest, history entry and pointer, in
that order; the history entry alone decides, so a crash anywhere leaves the old champion or
the new one in force, and the same run published again completes what it left.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from smartwatts_ml.errors import ChangedError, NotFoundError, StoreError, TrustError, UsageError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    Pointer,
    check_model,
    file_key,
    format_time,
    manifest_key,
)
from smartwatts_ml.store.history import History, published_by
from smartwatts_ml.store.keys import RESTORE, KeyFolder
from smartwatts_ml.store.pointer import PointerFile
from smartwatts_ml.store.pulling import Pulled, check_serial, is_up_to_date, write_pulled
from smartwatts_ml.store.sealed import SealedObjects, digest
from smartwatts_ml.store.signing import without_floats
from smartwatts_ml.store.values import Champion, Published, StoredVersion
from smartwatts_ml.store.versions import Versions

__all__ = ["ANY_CHAMPION", "Store"]

COMMIT_ATTEMPTS = 50
ANY_CHAMPION: Final = -1
"""For ``judged_against``: publish whatever is in force."""
POINTER_FIX = "`smartwatts models resign MODEL` where the signing key is, or the next retraining"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """The models of one root, seen with one folder of keys."""

    def __init__(
        self,
        objects: Objects,
        keys_folder: Path,
        *,
        pointer_days: int = 30,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.keys = KeyFolder(Path(keys_folder))
        self._objects = objects
        self._clock = clock
        self._sealed = SealedObjects(objects, self.keys)
        self._history = History(self._sealed)
        self._versions = Versions(self._sealed)
        self._pointer = PointerFile(self._sealed, pointer_days, clock)

    def models(self) -> tuple[str, ...]:
        """Names of all models that have anything in the store."""
        return tuple(
            dict.fromkeys(info.key.split("/")[1] for info in self._objects.list("models/"))
        )

    def champion(self, model: str) -> Champion | None:
        """The version in force by the history, or None. Raises TrustError."""
        pointer = self._pointer.read_if_valid(model)  # before the history: it may only be older
        last = self._history.last(model)
        self._pointer.check(pointer, last, model)
        return self._champion_of(last) if last else None

    def history(self, model: str) -> tuple[HistoryEntry, ...]:
        """Every promotion and rollback, oldest first, verified as a chain."""
        return self._chain(model)

    def pointer(self, model: str) -> Pointer:
        """The pointer as gateways see it. Raises NotFoundError, TrustError."""
        return self._pointer.read(model)

    def file_uri(self, manifest: Manifest) -> str:
        """Address of a version's file."""
        return self._objects.uri(file_key(manifest.model, manifest.version))

    def manifest(self, model: str, version: int) -> Manifest:
        """The verified manifest of a version. Raises NotFoundError, TrustError."""
        return self._versions.manifest(model, version)

    def versions(self, model: str) -> tuple[StoredVersion, ...]:
        """Every version that has a file or a manifest, oldest first."""
        chain = self._chain(model)
        promoted = {entry.version for entry in chain}
        stored = []
        for version in self._versions.numbers(model):
            manifest, problem = None, None
            try:
                manifest = self._versions.manifest(model, version)
            except NotFoundError:
                problem = "a publish broke off before its manifest"
            except TrustError as error:
                problem = str(error)
            in_force = bool(chain) and chain[-1].version == version
            stored.append(
                StoredVersion(model, version, manifest, in_force, version in promoted, problem)
            )
        return tuple(stored)

    def publish(
        self,
        model: str,
        file_bytes: bytes,
        manifest_fields: Mapping[str, Any],
        *,
        run_id: str,
        actor: str,
        reason: str,
        action: Literal["promote", "force"] = "promote",
        judged_against: int | None = ANY_CHAMPION,
    ) -> Published:
        """Put a file in force as a new version, once for a run and its file.

        ``manifest_fields`` are those of Manifest that the store does not know itself:
        code, snapshot, inputs, outputs, metrics, decision, quantization. With
        ``judged_against`` (a version, or None for no champion) ChangedError is raised if
        another version is in force by the time of the commit.
        """
        check_model(model)
        new_key = self._ensure_key()
        sha256 = digest(file_bytes)
        claimed: Manifest | None = None
        for _ in range(COMMIT_ATTEMPTS):
            chain = self._chain(model)
            entry = published_by(chain, run_id, sha256)
            if entry is None:
                last = chain[-1] if chain else None
                _check_judged_against(judged_against, last, model)
                if claimed is None:
                    draft = self._draft(model, file_bytes, sha256, manifest_fields, run_id, last)
                    taken = {entry.version for entry in chain}
                    claimed = self._versions.claim(draft, file_bytes, taken)
                entry = self._next_entry(claimed, last, action, actor, reason)
                if not self._history.try_append(entry):
                    continue
            self._point_to_last(model)
            return Published(model, entry.version, entry.serial, new_key)
        raise StoreError(f"others publish {model} without a pause")

    def rollback(self, model: str, version: int, actor: str, reason: str) -> Published:
        """Put a version that was in force before in force again, under a new serial.

        Does nothing more if that version is in force already.
        """
        for _ in range(COMMIT_ATTEMPTS):
            chain = self._chain(model)
            if not chain:
                raise NotFoundError(f"{model} has no version in {self._objects.url}")
            past = next((e for e in reversed(chain) if e.version == version), None)
            if past is None:
                known = ", ".join(f"v{v}" for v in sorted({e.version for e in chain}))
                raise NotFoundError(f"{model} v{version} was never in force", fix=f"one of {known}")
            entry = chain[-1]
            if entry.version != version:
                manifest = self._versions.of_entry(past)
                self._versions.read_file(manifest)
                entry = self._next_entry(manifest, chain[-1], "rollback", actor, reason)
                if not self._history.try_append(entry):
                    continue
            self._point_to_last(model)
            return Published(model, entry.version, entry.serial)
        raise StoreError(f"others publish {model} without a pause")

    def resign(self, model: str) -> Pointer | None:
        """Sign the pointer again, same serial, new expiry; None where nothing is in force."""
        champion = self.champion(model)
        return self._pointer.advance(champion.entry, champion.manifest) if champion else None

    def pull(self, model: str, folder: Path, version: int | None = None) -> Pulled:
        """Copy the champion, or a version that was in force, into a folder, verified.

        Writes ``<model>_v<N>.tflite``, its manifest and the stable name ``<model>.tflite``.
        Raises TrustError where anything does not verify or the pointer has expired.
        """
        manifest, serial = self._to_pull(model, version)
        if serial is not None:
            check_serial(folder, model, serial)
        envelope = self._objects.read(manifest_key(model, manifest.version))
        if self._versions.verified(envelope, model, manifest.version) != manifest:
            raise TrustError(f"the manifest of {model} v{manifest.version} changed meanwhile")
        current = is_up_to_date(folder, manifest, envelope.data)
        data = None if current else self._versions.read_file(manifest)
        write_pulled(folder, manifest, envelope.data, data, serial)
        path = folder / f"{model}.tflite"
        return Pulled(model, manifest.version, serial, path, manifest.sha256, not current)

    def _to_pull(self, model: str, version: int | None) -> tuple[Manifest, int | None]:
        if version is not None:
            past = [e for e in self._chain(model) if e.version == version]
            if not past:
                raise NotFoundError(f"{model} v{version} was never in force")
            return self._versions.of_entry(past[-1]), None
        champion = self.champion(model)
        if champion is None:
            raise NotFoundError(f"{model} has no version in {self._objects.url}")
        try:
            pointer = self._pointer.read(model)
        except NotFoundError as error:
            raise TrustError(f"{model} has no pointer", fix=POINTER_FIX) from error
        if pointer.is_expired(self._clock()):
            raise TrustError(f"the pointer of {model} expired {pointer.expires}", fix=POINTER_FIX)
        return champion.manifest, champion.entry.serial

    def _chain(self, model: str) -> tuple[HistoryEntry, ...]:
        """The whole history, verified against the pointer too."""
        pointer = self._pointer.read_if_valid(model)
        chain = self._history.chain(model)
        self._pointer.check(pointer, chain[-1] if chain else None, model)
        return chain

    def _champion_of(self, entry: HistoryEntry) -> Champion:
        return Champion(self._versions.of_entry(entry), entry, self._versions)

    def _point_to_last(self, model: str) -> None:
        """Bring the pointer up to the history, whoever wrote its newest entry."""
        last = self._history.last(model)
        if last:
            self._pointer.advance(last, self._versions.of_entry(last))

    def _ensure_key(self) -> Path | None:
        """Make the first key of a store that is as new as this machine's key folder."""
        may_make = self.keys.is_empty() and not self._has_history()
        if self.keys.can_sign():  # asked last: another process may have made it meanwhile
            return None
        if not may_make:
            raise TrustError(f"no signing key at {self.keys.signing_path}", fix=RESTORE)
        try:
            self.keys.generate()
        except UsageError:  # another process was quicker
            return None
        return self.keys.signing_path

    def _has_history(self) -> bool:
        return any("/history/" in info.key for info in self._objects.list("models/"))

    def _draft(
        self,
        model: str,
        data: bytes,
        sha256: str,
        given: Mapping[str, Any],
        run_id: str,
        last: HistoryEntry | None,
    ) -> Manifest:
        return Manifest(
            **without_floats(given),
            model=model,
            version=0,
            file="",
            sha256=sha256,
            size=len(data),
            created=format_time(self._clock()),
            run_id=run_id,
            replaces=last.version if last else None,
        )

    def _next_entry(
        self, manifest: Manifest, last: HistoryEntry | None, action: str, actor: str, reason: str
    ) -> HistoryEntry:
        return HistoryEntry(
            model=manifest.model,
            serial=last.serial + 1 if last else 1,
            action=action,
            version=manifest.version,
            sha256=manifest.sha256,
            previous_version=last.version if last else None,
            commit_id=str(uuid.uuid4()),
            actor=actor,
            run_id=manifest.run_id,
            reason=reason,
            time=format_time(self._clock()),
        )


def _check_judged_against(version: int | None, last: HistoryEntry | None, model: str) -> None:
    in_force = last.version if last else None
    if version not in (ANY_CHAMPION, in_force):
        judged = "no champion" if version is None else f"v{version}"
        now = "none" if in_force is None else f"v{in_force}"
        raise ChangedError(
            f"{model} was judged against {judged}, {now} is in force", fix="run validate again"
        )
