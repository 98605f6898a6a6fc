"""The history of a model: the versions of its role. Creating the next one IS the commit.

Each version names what is in force from it on, and carries the digest of the version before
it. So the newest one, which has to be signed by the model's keys of today, vouches for all
before it, whatever keys signed those. It is found from the snapshot, which is normally at it
and otherwise a few versions behind; without a snapshot the names of all are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import MetaFile, TargetFile, Targets

from smartwatts_ml.errors import TrustError
from smartwatts_ml.names import check_model
from smartwatts_ml.store.documents import HistoryEntry, entry_of
from smartwatts_ml.store.layout import file_key, metadata_key
from smartwatts_ml.store.metadata import Stored, verify
from smartwatts_ml.store.repository import Repository, View

__all__ = ["Commit", "History"]

_RESTORE = "`smartwatts models verify --repair` where the keys are, or restore it from a backup"


@dataclass(frozen=True)
class Commit:
    """A version of a model's role, and what it puts in force."""

    stored: Stored[Targets]
    entry: HistoryEntry

    @property
    def serial(self) -> int:
        return self.stored.version

    @property
    def targets(self) -> dict[str, TargetFile]:
        """What is in force, by path below ``models/``: file, manifest, statement."""
        start = f"{self.entry.model}/{self.entry.model}_v{self.entry.version}."
        return {path: file for path, file in self.named().items() if path.startswith(start)}

    def named(self) -> dict[str, TargetFile]:
        """What is in force, and what the candidate is, by path below ``models/``."""
        named = dict(self.stored.signed.targets)
        if it := self.entry.candidate:
            path = file_key(self.entry.model, it.version).removeprefix("models/")
            named.setdefault(path, TargetFile(it.size, {"sha256": it.sha256}, path))
        return named

    def of_candidate(self) -> Commit | None:
        """The same of the candidate, as if it were in force."""
        entry = self.entry.of_candidate()
        return Commit(self.stored, entry) if entry else None


class History:
    """Reads histories; nothing of one is ever changed."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def head(self, model: str, view: View | None) -> Commit | None:
        """The newest commit; its version is the champion. Raises TrustError where the history
        lacks what clients were told, or what was signed here."""
        check_model(model)
        if view is None:
            return None
        remembered = self._repository.memory.newest(model)  # before the bucket is read
        delegators = self._delegators(model, view)
        if not delegators:
            return None
        named = view.snapshot.signed.meta.get(f"{model}.json") if view.snapshot else None
        head = self._named(model, named) if named else self._listed(model)
        while head:
            following = self._find(model, head.version + 1)
            if following is None:
                break
            self._check_follows(model, following, head)
            self._verify(model, following, delegators)
            head = following
        if head is not None:
            self._verify(model, head, delegators)
        self._check_remembered(model, head, remembered)
        return self._commit(model, head) if head else None

    def back(self, commit: Commit) -> Iterator[Commit]:
        """A commit and those before it, newest first. Versions that only were signed again
        are passed over: an entry is told with the version that says so first."""
        at = commit
        while at.serial > 1:
            before = self._before(at)
            if before.entry.commit_id != at.entry.commit_id:
                yield at
            at = before
        yield at

    def role_versions(self, model: str, head: Commit) -> Iterator[Commit]:
        """The newest version of a model's role and all before it, those too that only were
        signed again."""
        yield head
        while head.serial > 1:
            head = self._before(head)
            yield head

    def commit_of(self, model: str, stored: Stored[Targets]) -> Commit:
        """What a verified version of a model's role says. Raises TrustError."""
        return self._commit(model, stored)

    def check_signed(self, model: str, stored: Stored[Targets], view: View) -> None:
        """Raise TrustError where a version is not signed by the keys that may."""
        self._verify(model, stored, self._delegators(model, view))

    def _before(self, commit: Commit) -> Commit:
        model, serial = commit.entry.model, commit.serial - 1
        stored = self._find(model, serial)
        if stored is None:
            raise TrustError(
                f"the history of {model} has a gap: serial {serial} is missing", fix=_RESTORE
            )
        self._check_follows(model, commit.stored, stored)
        before = self._commit(model, stored)
        same = before.entry.commit_id == commit.entry.commit_id
        expected = before.entry.previous_version if same else before.entry.version
        if commit.entry.previous_version != expected:
            raise TrustError(
                f"serial {commit.serial} of {model} follows v{commit.entry.previous_version}, but"
                f" the entry before it put v{before.entry.version} in force",
                fix=_RESTORE,
            )
        return before

    def _commit(self, model: str, stored: Stored[Targets]) -> Commit:
        where = self._where(model, stored.version)
        entry = entry_of(model, stored.signed, where)
        first = (stored.previous_sha256, entry.previous_version) == (None, None)
        if first != (stored.version == 1):
            raise TrustError(f"{where} does not say what it follows", fix=_RESTORE)
        return Commit(stored, entry)

    def _delegators(self, model: str, view: View) -> tuple[Targets, ...]:
        """Those targets metadata that say who may sign the model."""
        delegators = (stored.signed for stored in self._repository.delegators(view))
        return tuple(
            targets
            for targets in delegators
            if targets.delegations and model in (targets.delegations.roles or {})
        )

    def _find(self, model: str, serial: int) -> Stored[Targets] | None:
        return self._repository.find(model, serial, Targets)

    def _named(self, model: str, meta: MetaFile) -> Stored[Targets]:
        stored = self._find(model, meta.version)
        where = self._where(model, meta.version)
        if stored is None:
            raise TrustError(f"{where} is gone, which clients were told of", fix=_RESTORE)
        try:
            meta.verify_length_and_hashes(stored.data)
        except LengthOrHashMismatchError as error:
            raise TrustError(f"{where} was rewritten", fix=_RESTORE) from error
        return stored

    def _listed(self, model: str) -> Stored[Targets] | None:
        """The last before the first gap."""
        serials = self._repository.listed(model)
        missing = set(range(1, len(serials) + 1)).difference(serials)
        last = min(missing, default=len(serials) + 1) - 1
        return self._find(model, last) if last else None

    def _verify(self, model: str, stored: Stored[Targets], delegators: tuple[Targets, ...]) -> None:
        where = self._where(model, stored.version)
        if not delegators:
            raise TrustError(f"{where} is of no model of this store")
        for delegator in delegators[:-1]:
            try:
                verify(stored, delegator, model, stored.version, where)
            except TrustError:  # signed before a rotation that is under way
                continue
            return
        verify(stored, delegators[-1], model, stored.version, where)

    def _check_follows(self, model: str, stored: Stored[Targets], before: Stored[Targets]) -> None:
        if stored.previous_sha256 != before.sha256:
            raise TrustError(
                f"{self._where(model, stored.version)} does not follow serial {before.version}",
                fix=_RESTORE,
            )

    def _check_remembered(self, model: str, head: Stored[Targets] | None, newest: int) -> None:
        """That the history holds what was signed here last."""
        if not newest:
            return
        if head is None or head.version < newest:
            at = head.version if head else 0
            raise TrustError(
                f"the history of {model} ends at serial {at}, but serial {newest} was signed here:"
                " the store was turned back",
                fix=_RESTORE,
            )
        there: Stored[Targets] | None = head
        while there and there.version > newest:
            before = self._find(model, there.version - 1)
            if before:
                self._check_follows(model, there, before)
            there = before
        if there is None or there.data != self._repository.memory.read(model, newest):
            raise TrustError(
                f"serial {newest} of {model} is not what was signed here", fix=_RESTORE
            )

    def _where(self, model: str, serial: int) -> str:
        return self._repository.objects.uri(metadata_key(model, serial))
