"""The store's public face: publish, roll back, pull, verify, prune, and who is the champion.

A model's history is the truth: whatever is newest in it is in force. How a version gets there
is in ``committing``, what clients are told in ``pointing``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api.metadata import Root, Targets

from smartwatts_ml.errors import NotFoundError, StoreError, TrustError, UsageError
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling import Gateway, Pulled, pull_models
from smartwatts_ml.settings import Settings
from smartwatts_ml.store.auditing import Audit, Auditor, RunFile
from smartwatts_ml.store.canonical import format_time
from smartwatts_ml.store.ceremony import Ceremonies, delegated
from smartwatts_ml.store.committing import Committer
from smartwatts_ml.store.documents import ROLLOUT, Action, HistoryEntry, Manifest, Pointer
from smartwatts_ml.store.history import Commit, History
from smartwatts_ml.store.keys import KeyFolder
from smartwatts_ml.store.layout import file_key, file_name
from smartwatts_ml.store.listing import commit_of, manifests, stored_versions
from smartwatts_ml.store.metadata import Stored
from smartwatts_ml.store.pointing import MODEL_LIFETIME, Pointing, turns
from smartwatts_ml.store.pruning import Pruned, Pruner
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.repository import Repository
from smartwatts_ml.store.rollouts import Rollouts
from smartwatts_ml.store.rotation import Rotation
from smartwatts_ml.store.submission import ANY_CHAMPION, FirstRing, Submission
from smartwatts_ml.store.values import Champion, Published, Renewed, StoredVersion
from smartwatts_ml.store.versions import Versions

__all__ = ["Store", "open_store"]


def open_store(objects: Objects, settings: Settings) -> Store:
    """The models of a root, with this machine's keys and for as long as settings say that a
    timestamp holds."""
    return Store(objects, Path(settings.keys), timestamp_hours=settings.timestamp_hours)


class Store:
    """The models of one root, seen with one folder of keys."""

    def __init__(
        self,
        objects: Objects,
        keys_folder: Path,
        *,
        timestamp_hours: float = 72,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.keys = KeyFolder(Path(keys_folder))
        self._objects = objects
        repository = Repository(objects, self.keys, clock)
        self._records = Records(
            repository=repository,
            history=History(repository),
            versions=Versions(objects),
            pointing=Pointing(repository, timedelta(hours=timestamp_hours)),
        )
        self.ceremonies = Ceremonies(self._records)
        self.rollouts = Rollouts(self._records)
        self.rotation = Rotation(self._records, self.ceremonies, self.renew)

    def metadata(self) -> tuple[Root | None, Targets | None]:
        """Root and targets metadata: who may sign what. None before the ceremony. Raises
        TrustError."""
        view = self._records.repository.look()
        if view is None:
            return None, None
        return view.root.signed, self._records.repository.delegators(view)[0].signed

    def models(self) -> tuple[str, ...]:
        """Names of all models that may be published and have anything in the store."""
        view = self._records.repository.look()
        if view is None:
            return ()
        known = delegated(self._records.repository.delegators(view)[0].signed)
        return tuple(name for name in self._objects.folders("models/") if name in known)

    def champion(self, model: str) -> Champion | None:
        """The version in force by the history, or None. Raises TrustError."""
        head = self._records.head(model)
        if head is None:
            return None
        manifest, newest = self._records.manifest_of(head), head.entry
        if newest.candidate is None:
            return Champion(manifest, newest)
        entries = (commit.entry for commit in self._records.history.back(head))
        entry = next((entry for entry in entries if entry.action not in ROLLOUT), newest)
        return Champion(manifest, entry, newest.candidate, newest.time)

    def history(self, model: str) -> tuple[HistoryEntry, ...]:
        """Every promotion, rollback and change of a candidate, oldest first: a verified chain."""
        return tuple(commit.entry for commit in self._records.chain(model))

    def pointer(self, model: str) -> Pointer:
        """What clients are told of a model. Raises NotFoundError, TrustError."""
        view = self._records.repository.look()
        if view is None or view.seen is None:
            raise NotFoundError(f"{self._objects.url} has no timestamp")
        if view.trouble or not (view.timestamp and view.snapshot):
            raise TrustError(view.trouble or "there is no snapshot")
        named = view.snapshot.signed.meta.get(f"{model}.json")
        head = self._records.history.head(model, view)
        if named is None or head is None:
            raise NotFoundError(f"clients are told nothing of {model}")
        commits = self._records.history.role_versions(model, head)
        entry = next(c.entry for c in commits if c.serial == named.version)
        return Pointer(
            model=model,
            version=entry.version,
            file=file_name(model, entry.version),
            sha256=entry.sha256,
            size=entry.size,
            serial=named.version,
            commit_id=entry.commit_id,
            expires=format_time(view.timestamp.signed.expires),
        )

    def file_uri(self, manifest: Manifest) -> str:
        """Address of a version's file."""
        return self._objects.uri(file_key(manifest.model, manifest.version))

    def manifest(self, model: str, version: int) -> Manifest:
        """The verified manifest of a version that was in force, or a candidate. Raises
        NotFoundError, TrustError."""
        return self._records.versions.manifest(self._commit_of(model, version))

    def manifests(self, model: str) -> dict[int, Manifest | None]:
        """The verified manifest of every version that was in force; None of one that was pruned.
        Raises TrustError."""
        return manifests(self._records, model)

    def statement(self, model: str, version: int) -> bytes:
        """The in-toto statements of a version, an envelope a line, verified by digest. Raises
        NotFoundError, TrustError."""
        return self._records.versions.statement(self._commit_of(model, version))

    def read_file(self, manifest: Manifest) -> bytes:
        """The .tflite file of a version, verified by digest. Raises TrustError."""
        return self._records.versions.read_file(manifest)

    def versions(self, model: str) -> tuple[StoredVersion, ...]:
        """Every version of which anything is there, oldest first."""
        return stored_versions(self._records, model)

    def publish(
        self,
        model: str,
        file_bytes: bytes,
        manifest_fields: Mapping[str, Any],
        *,
        run_id: str,
        actor: str,
        reason: str,
        action: Action = "promote",
        judged_against: int | None = ANY_CHAMPION,
        evidence: Mapping[str, Any] | None = None,
        attestations: Mapping[str, Mapping[str, Any]] | None = None,
        ring: FirstRing | None = None,
    ) -> Published:
        """Put a file in force as a new version, once for a run and its file; or let it be a
        candidate for a ``ring`` of gateways, where anything is in force.

        ``manifest_fields`` are those of Manifest that the store does not know itself:
        code, snapshot, inputs, outputs, metrics, decision, quantization; ``evidence`` is what
        ``provenance`` says beside them, ``attestations`` what else is said of the file, by type
        of predicate. With ``judged_against`` (a version, or None for
        no champion) StaleChallengerError is raised if another version is in force by the time
        of the commit; CandidateOutError while another candidate is out.
        """
        submission = Submission(
            check_model(model),
            file_bytes,
            manifest_fields,
            evidence or {},
            run_id,
            actor,
            reason,
            action,
            judged_against,
            attestations or {},
            ring,
        )
        made = self.ceremonies.make_ready(model)
        entry = Committer(self._records).publish(submission)
        new_key = self.keys.path if made else None
        return Published(model, entry.about, entry.serial, new_key, entry.candidate)

    def rollback(self, model: str, version: int, actor: str, reason: str) -> Published:
        """Put a version that was in force before, and whose bytes still verify, in force
        again, under a new serial, and take a candidate back. Does nothing more if that is so
        already."""
        entry = Committer(self._records).rollback(model, version, actor, reason)
        return Published(model, entry.version, entry.serial)

    def renew(self) -> Renewed | None:
        """Sign the timestamp again, so that clients go on to believe what they are told; None
        before the ceremony. What a crash left untold is told; a model's role that is about to
        expire, or that keys of before signed, is signed again. A model whose history is not
        whole is told of as before."""
        view = self._records.repository.look()
        if view is None:
            return None
        heads: dict[str, Stored] = {}
        problems: dict[str, str] = {}
        for model in delegated(self._records.repository.delegators(view)[0].signed):
            try:
                head = self._signed_by_today(model)
            except StoreError as error:
                problems[model] = str(error)
                continue
            if head:
                heads[model] = head.stored
        timestamp = self._records.pointing.tell(heads, renew=True)
        return Renewed(format_time(timestamp.signed.expires), tuple(heads), problems)

    def pull(
        self, model: str, folder: Path, version: int | None = None, gateway: Gateway | None = None
    ) -> Pulled:
        """``pull_all`` for one model."""
        return self.pull_all([model], folder, version, gateway)[0]

    def pull_all(
        self,
        models: Sequence[str],
        folder: Path,
        version: int | None = None,
        gateway: Gateway | None = None,
    ) -> list[Pulled]:
        """Copy champions, one version that was in force, or what a gateway takes, into a folder,
        verified as a gateway does that trusts this machine's root. Raises the first trouble."""
        trusted = self.keys.trusted_root()
        if trusted is None:
            raise TrustError("this machine trusts no root", fix="`smartwatts keys trust root.json`")
        now = self._records.repository.clock()
        outcome = pull_models(
            self._objects, trusted.data, folder, models, version=version, gateway=gateway, now=now
        )
        for trouble in outcome.troubles:
            raise trouble
        return list(outcome.pulled)

    def verify(
        self, model: str, *, repair: bool = False, run_file: RunFile = lambda entry: None
    ) -> Audit:
        """Check every digest, signature and serial of a model, and whether clients are told of
        it. ``repair`` mends what can be mended from what verifies; ``run_file`` gives a run's
        own copy of a file that is missing."""
        auditor = Auditor(self._records)
        return auditor.repair(model, run_file) if repair else auditor.audit(model)

    def verify_repository(self, *, repair: bool = False) -> Audit:
        """Check what clients are told, and what lies beside it."""
        auditor = Auditor(self._records)
        return auditor.repair_repository() if repair else auditor.audit_repository()

    def prune(
        self, model: str, *, keep: int, older_than: timedelta, dry_run: bool = False
    ) -> Pruned:
        """Remove versions that nobody may need: see ``pruning``."""
        if keep < 1:
            raise UsageError(f"cannot keep {keep} versions", fix="1 or more")
        return Pruner(self._records).prune(model, keep, older_than, dry_run)

    def _commit_of(self, model: str, version: int) -> Commit:
        return commit_of(self._records, model, version)

    def _signed_by_today(self, model: str) -> Commit | None:
        """The head, signed again where its keys are not those of today or its year ends."""
        for _ in turns():
            view = self._records.view()
            head = self._records.history.head(model, view)
            if head is None:
                return None
            ends = head.stored.signed.expires - self._records.repository.clock()
            if ends > MODEL_LIFETIME / 4 and self._records.is_signed_by_today(head, view):
                return head
            delegator = self._records.delegator(model, view)
            if again := Committer(self._records).sign_again(head, delegator):
                return again
        raise StoreError(f"others publish {model} without a pause")
