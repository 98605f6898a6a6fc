"""What the jobs of a store work with."""

from __future__ import annotations

from dataclasses import dataclass

from tuf.api.metadata import Targets

from smartwatts_ml.errors import NotFoundError, TrustError, UsageError
from smartwatts_ml.store.documents import Manifest
from smartwatts_ml.store.history import Commit, History
from smartwatts_ml.store.keys import NO_KEYS
from smartwatts_ml.store.metadata import verify
from smartwatts_ml.store.pointing import Pointing
from smartwatts_ml.store.repository import Repository, View
from smartwatts_ml.store.versions import Versions

__all__ = ["Records"]


@dataclass(frozen=True)
class Records:
    """The objects of one root by what they are."""

    repository: Repository
    history: History
    versions: Versions
    pointing: Pointing

    def view(self) -> View:
        """What clients are told now. Raises TrustError before the ceremony."""
        view = self.repository.look()
        if view is None:
            raise TrustError("the store has no root", fix=NO_KEYS)
        return view

    def head(self, model: str) -> Commit | None:
        """The newest commit, verified, and checked against what clients were told and what
        was signed here."""
        return self.history.head(model, self.repository.look())

    def chain(self, model: str) -> tuple[Commit, ...]:
        """All commits, oldest first, verified."""
        head = self.head(model)
        return tuple(self.history.back(head))[::-1] if head else ()

    def manifest_of(self, commit: Commit) -> Manifest:
        """The verified manifest of what a commit put in force. Raises TrustError."""
        try:
            return self.versions.manifest(commit)
        except NotFoundError as error:
            entry = commit.entry
            raise TrustError(
                f"the manifest of {entry.model} v{entry.version} is gone",
                fix="restore it from a backup, or publish the run again",
            ) from error

    def delegator(self, model: str, view: View) -> Targets:
        """The newest targets metadata, which says who may sign the model. Raises UsageError
        where the model was not added."""
        targets = self.repository.delegators(view)[0].signed
        if not targets.delegations or model not in (targets.delegations.roles or {}):
            raise UsageError(
                f"{model} is no model of this store",
                fix=f"`smartwatts keys add-model {model}` with the offline keys",
            )
        return targets

    def is_signed_by_today(self, commit: Commit, view: View) -> bool:
        """Whether the keys that may sign a model now have signed a commit."""
        model = commit.entry.model
        try:
            verify(commit.stored, self.delegator(model, view), model, None, model)
        except TrustError:
            return False
        return True
