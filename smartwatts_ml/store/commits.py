"""The next version of a model's role: what it says, and creating it, which is the commit."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from tuf.api.metadata import TargetFile, Targets

from smartwatts_ml.pulling.layout import PREVIOUS
from smartwatts_ml.pulling.rings import Candidate
from smartwatts_ml.store.canonical import format_time
from smartwatts_ml.store.documents import Action, HistoryEntry, Manifest, custom_of
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.layout import FILE_SUFFIX, file_key
from smartwatts_ml.store.metadata import sign
from smartwatts_ml.store.pointing import MODEL_LIFETIME
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.submission import FirstRing, Submission

__all__ = ["CANDIDATE", "Commits", "ByWhom"]

CANDIDATE: Final = "candidate"


@dataclass(frozen=True)
class ByWhom:
    """Who does something, and why. ``run_id``: of the run that made what is in force then."""

    run_id: str
    actor: str
    reason: str


class Commits:
    """Writes commits of models."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def next(
        self, manifest: Manifest, head: Commit | None, action: Action, said: Submission | ByWhom
    ) -> HistoryEntry:
        """That a version is in force, and no candidate beside it."""
        return HistoryEntry(
            model=manifest.model,
            serial=head.serial + 1 if head else 1,
            action=action,
            version=manifest.version,
            sha256=manifest.sha256,
            size=manifest.size,
            previous_version=head.entry.version if head else None,
            commit_id=str(uuid.uuid4()),
            actor=said.actor,
            run_id=said.run_id,
            reason=said.reason,
            time=format_time(self._records.repository.clock()),
        )

    def beside(
        self, head: Commit, action: Action, candidate: Candidate, actor: str, reason: str
    ) -> HistoryEntry:
        """That the same is in force as before, and a candidate beside it."""
        return replace(
            head.entry,
            serial=head.serial + 1,
            action=action,
            previous_version=head.entry.version,
            commit_id=str(uuid.uuid4()),
            actor=actor,
            reason=reason,
            time=format_time(self._records.repository.clock()),
            candidate=candidate,
        )

    def offered(
        self, head: Commit, manifest: Manifest, submission: Submission, ring: FirstRing
    ) -> HistoryEntry:
        """That a new version is a candidate. Its salt is new, so that it is not always the same
        gateways that go first."""
        now = self._records.repository.clock()
        candidate = Candidate(
            version=manifest.version,
            size=manifest.size,
            sha256=manifest.sha256,
            share=ring.share,
            salt=secrets.token_hex(8),
            since=format_time(now),
            until=format_time(now + timedelta(days=ring.for_days)),
            runtime=ring.runtime,
            run_id=submission.run_id,
        )
        return self.beside(head, CANDIDATE, candidate, submission.actor, submission.reason)

    def try_commit(
        self,
        delegator: Targets,
        head: Commit | None,
        entry: HistoryEntry,
        targets: Mapping[str, TargetFile],
    ) -> Commit | None:
        """Create the next version of the model's role; None where another writer did. Of
        ``targets`` it names what the entry puts in force and, but for its file, the candidate:
        who knows of no candidates takes the one file there is for what is in force."""
        path = file_key(entry.model, entry.version).removeprefix("models/")
        starts = (f"{path.removesuffix(FILE_SUFFIX)}.", *_others(entry))
        named = {
            name: TargetFile(target.length, dict(target.hashes), name)
            for name, target in targets.items()
            if name.startswith(starts) and (name == path or not name.endswith(FILE_SUFFIX))
        }
        named[path].unrecognized_fields["custom"] = custom_of(entry)
        role = Targets(
            version=entry.serial,
            expires=self._records.repository.clock() + MODEL_LIFETIME,
            targets=named,
            unrecognized_fields={PREVIOUS: head.stored.sha256} if head else {},
        )
        signers = self._records.repository.keys.signers(delegator, entry.model)
        stored = sign(role, signers, entry.model)
        if not self._records.repository.create(entry.model, stored):
            return None
        return Commit(stored, entry)


def _others(entry: HistoryEntry) -> tuple[str, ...]:
    """How the names of the candidate's objects begin."""
    it = entry.candidate
    return (f"{entry.model}/{entry.model}_v{it.version}.",) if it else ()
