"""The store's public face: publish, roll back, pull, verify, prune, and who is the champion.

The history is the truth: whatever is newest in it is in force. How a version gets there is
in ``committing``, how a gateway gets it in ``pulling``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from smartwatts_ml.errors import NotFoundError, TrustError, UsageError
from smartwatts_ml.names import check_model, is_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.settings import Settings
from smartwatts_ml.store.auditing import Audit, Auditor
from smartwatts_ml.store.committing import ANY_CHAMPION, Candidate, Committer
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    Pointer,
    file_key,
    history_key,
    history_prefix,
    manifest_key,
)
from smartwatts_ml.store.history import History
from smartwatts_ml.store.keys import RESTORE, KeyFolder
from smartwatts_ml.store.pointer import PointerFile
from smartwatts_ml.store.pruning import Pruned, Pruner
from smartwatts_ml.store.pulling import Pulled, Puller
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.sealed import SealedObjects
from smartwatts_ml.store.values import Champion, Published, StoredVersion
from smartwatts_ml.store.versions import Versions

__all__ = ["Store", "open_store"]


def open_store(objects: Objects, settings: Settings) -> Store:
    """The models of a root, with this machine's keys and for as long as settings say that a
    pointer holds."""
    return Store(objects, Path(settings.keys), pointer_days=settings.pointer_days)


class Store:
    """The models of one root, seen with one folder of keys."""

    def __init__(
        self,
        objects: Objects,
        keys_folder: Path,
        *,
        pointer_days: int = 30,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.keys = KeyFolder(Path(keys_folder))
        self._objects = objects
        sealed = SealedObjects(objects, self.keys)
        self._records = Records(
            sealed=sealed,
            history=History(sealed),
            versions=Versions(sealed),
            pointer=PointerFile(sealed, pointer_days, clock),
            clock=clock,
        )

    def models(self) -> tuple[str, ...]:
        """Names of all models that have anything in the store."""
        return tuple(filter(is_model, self._objects.folders("models/")))

    def champion(self, model: str) -> Champion | None:
        """The version in force by the history, or None. Raises TrustError."""
        last = self._records.head(model).entry
        return Champion(self._records.versions.of_entry(last), last) if last else None

    def history(self, model: str) -> tuple[HistoryEntry, ...]:
        """Every promotion and rollback, oldest first, verified as a chain."""
        return self._records.chain(model)

    def pointer(self, model: str) -> Pointer:
        """The pointer as gateways see it. Raises NotFoundError, TrustError."""
        return self._records.pointer.read(model)

    def file_uri(self, manifest: Manifest) -> str:
        """Address of a version's file."""
        return self._objects.uri(file_key(manifest.model, manifest.version))

    def manifest(self, model: str, version: int) -> Manifest:
        """The verified manifest of a version. Raises NotFoundError, TrustError."""
        return self._records.versions.manifest(model, version)

    def read_file(self, manifest: Manifest) -> bytes:
        """The .tflite file of a version, verified by digest. Raises TrustError."""
        return self._records.versions.read_file(manifest)

    def versions(self, model: str) -> tuple[StoredVersion, ...]:
        """Every version that has a file or a manifest, oldest first."""
        chain = self.history(model)
        promoted = {entry.version for entry in chain}
        stored = []
        for version in self._records.versions.numbers(model):
            manifest, problem = None, None
            try:
                manifest = self._records.versions.manifest(model, version)
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
        ``judged_against`` (a version, or None for no champion) StaleChallengerError is
        raised if another version is in force by the time of the commit.
        """
        candidate = Candidate(
            check_model(model),
            file_bytes,
            manifest_fields,
            run_id,
            actor,
            reason,
            action,
            judged_against,
        )
        new_key = self._ensure_key()
        entry = Committer(self._records).publish(candidate)
        return Published(model, entry.version, entry.serial, new_key)

    def rollback(self, model: str, version: int, actor: str, reason: str) -> Published:
        """Put a version that was in force before, and whose bytes still verify, in force
        again, under a new serial. Does nothing more if it is in force already."""
        entry = Committer(self._records).rollback(model, version, actor, reason)
        return Published(model, entry.version, entry.serial)

    def resign(self, model: str) -> Pointer | None:
        """Sign the pointer again, same serial, new expiry; None where nothing is in force."""
        head = self._records.head(model)
        if head.entry is None:
            return None
        return self._records.pointer.advance(
            head.entry, self._records.versions.of_entry(head.entry), head.seen
        )

    def resign_documents(self, model: str) -> int:
        """Let this machine's keys sign every manifest and history entry that they have not
        signed yet, after verifying it; how many those were. What they say stays the same."""
        entries = [
            self._records.sealed.reseal(history_key(model, serial), HistoryEntry)
            for serial in self._records.history.serials(model)
        ]
        manifests = [
            self._records.sealed.reseal(manifest_key(model, version), Manifest)
            for version in self._records.versions.described(model)
        ]
        return sum(entries) + sum(manifests)

    def pull(self, model: str, folder: Path, version: int | None = None) -> Pulled:
        """``pull_all`` for one model."""
        return self.pull_all([model], folder, version)[0]

    def pull_all(
        self, models: Sequence[str], folder: Path, version: int | None = None
    ) -> list[Pulled]:
        """Copy champions, or one version that was in force, into a folder, verified.

        Writes ``<model>_v<N>.tflite``, its manifest and the stable name ``<model>.tflite``.
        Raises TrustError where anything does not verify or a pointer does not hold; the
        folder is then as it was.
        """
        return Puller(self._records).pull(models, folder, version)

    def verify(self, model: str, *, repair: bool = False) -> Audit:
        """Check every digest, signature, serial and the pointer. ``repair`` rebuilds the
        pointer where the history is whole and the pointer does not match it."""
        return Auditor(self._records).audit(model, repair)

    def prune(
        self, model: str, *, keep: int, older_than: timedelta, dry_run: bool = False
    ) -> Pruned:
        """Remove versions that nobody may need: see ``pruning``."""
        if keep < 1:
            raise UsageError(f"cannot keep {keep} versions", fix="1 or more")
        return Pruner(self._records).prune(model, keep, older_than, dry_run)

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
        return any(next(self._objects.list(history_prefix(model)), None) for model in self.models())
