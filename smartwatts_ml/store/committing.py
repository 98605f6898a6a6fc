"""The commit protocol: how a version, or an older one again, comes into force.

File, manifest, statement, then the next version of the model's role, then snapshot and
timestamp: all created once but the last. Creating the role's next version alone decides. So
a crash anywhere leaves the old champion or the new one in force, and the same run published
again completes what it left. The number of requests depends on what happened since the
champion was promoted, not on the length of the history.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from tuf.api.metadata import Targets

from smartwatts_ml.errors import NotFoundError, StoreError
from smartwatts_ml.store.canonical import format_time, without_floats
from smartwatts_ml.store.commits import CANDIDATE, ByWhom, Commits
from smartwatts_ml.store.documents import PROMOTIONS, HistoryEntry, Manifest, check_text
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.metadata import digest
from smartwatts_ml.store.pointing import turns
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.slsa import PROVENANCE_PREDICATE, provenance
from smartwatts_ml.store.statements import seal_statement, statement
from smartwatts_ml.store.submission import (
    Submission,
    check_length,
    check_no_candidate,
    check_not_stale,
    check_submission,
    same_statement,
)
from smartwatts_ml.store.versions import Bundle

__all__ = ["Committer"]

_PATIENCE_S = 5.0
"""How long a version that another run has reserved is waited for. A run that died there is
then passed over, which is what makes a gap in the version numbers."""


class Committer:
    """Publishes and rolls back."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._commits = Commits(records)

    def publish(self, submission: Submission) -> HistoryEntry:
        """Put a file in force as a new version, once for a run and its file; or let it be a
        candidate, where it has a ring and something is in force.

        Raises StaleChallengerError where another champion than the one it was judged
        against is in force by the time of the commit, CandidateOutError while another
        candidate is out.
        """
        check_submission(submission)
        reserved: Bundle | None = None
        draft: Bundle | None = None
        taken: dict[int, float] = {}
        for _ in turns():
            view = self._records.view()
            delegator = self._records.delegator(submission.model, view)
            head = self._records.history.head(submission.model, view)
            if head and (done := self._published_before(submission, head)):
                self._records.pointing.tell({submission.model: head.stored}, view)
                return done
            check_not_stale(submission, head)
            check_no_candidate(submission, head, self._records.repository.clock())
            draft = draft or self._draft(submission, delegator)
            reserved = reserved or self._reserve(draft, delegator, head, taken)
            if reserved is None:
                continue
            targets = reserved.targets()
            if head and submission.ring:
                entry = self._commits.offered(head, reserved.manifest, submission, submission.ring)
                targets |= head.targets
            else:
                entry = self._commits.next(reserved.manifest, head, submission.action, submission)
            if commit := self._commits.try_commit(delegator, head, entry, targets):
                self._records.pointing.tell({submission.model: commit.stored}, view)
                return entry
        raise StoreError(f"others publish {submission.model} without a pause")

    def rollback(self, model: str, version: int, actor: str, reason: str) -> HistoryEntry:
        """Put a version that was in force before in force again, under a new serial;
        a candidate is taken back. Does nothing more if that is so already."""
        check_text(actor, "the name")
        check_text(reason, "the reason")
        for _ in turns():
            view = self._records.repository.look()
            head = self._records.history.head(model, view)
            if view is None or head is None:
                raise NotFoundError(f"{model} has no version yet")
            wanted = self._put_in_force(head, version)
            manifest = self._records.manifest_of(wanted)
            self._records.versions.file(wanted)
            out = head.entry.candidate
            if head.entry.version == version and not (out and out.share):
                self._records.pointing.tell({model: head.stored}, view)
                return head.entry
            delegator = self._records.delegator(model, view)
            said = ByWhom(manifest.run_id, actor, reason)
            entry = self._commits.next(manifest, head, "rollback", said)
            if commit := self._commits.try_commit(delegator, head, entry, wanted.targets):
                self._check_not_pruned(wanted, commit, head, delegator)
                self._records.pointing.tell({model: commit.stored}, view)
                return entry
        raise StoreError(f"others publish {model} without a pause")

    def sign_again(self, head: Commit, delegator: Targets) -> Commit | None:
        """The same in force, signed by the keys of today for another year; None where another
        writer was quicker."""
        again = replace(head.entry, serial=head.serial + 1)
        return self._commits.try_commit(delegator, head, again, head.named())

    def _published_before(self, submission: Submission, head: Commit) -> HistoryEntry | None:
        """The entry by which this run put this file in force, if it did. It can only have
        done so after the champion that it was judged against was promoted."""
        sha256 = digest(submission.data)
        for commit in self._records.history.back(head):
            entry = commit.entry
            made = entry.of_candidate() if entry.action == CANDIDATE else entry
            if made is None or entry.action not in (*PROMOTIONS, CANDIDATE):
                continue
            if (made.run_id, made.sha256) == (submission.run_id, sha256):
                return entry
            if made is entry and entry.version == submission.judged_against:
                return None
        return None

    def _reserve(
        self, draft: Bundle, delegator: Targets, head: Commit | None, taken: dict[int, float]
    ) -> Bundle | None:
        """The next version, as this run's own; None while another run has just reserved it.
        ``taken`` keeps when a version was first seen to be another run's."""
        same = partial(same_statement, delegator, draft.manifest.model)
        version = self._newest_made(head) + 1 if head else 1
        while True:
            now = time.monotonic()
            if now - taken.get(version, 0.0) < _PATIENCE_S:
                return None
            reserved = self._records.versions.reserve(draft, version, same)
            if reserved:
                return reserved
            if version not in taken:
                taken[version] = now
                return None
            version += 1

    def _newest_made(self, head: Commit) -> int:
        made = (*PROMOTIONS, CANDIDATE)
        commits = self._records.history.back(head)
        return next(c.entry.about for c in commits if c.entry.action in made)

    def _put_in_force(self, head: Commit, version: int) -> Commit:
        """The newest commit that put a version in force."""
        known = set()
        for commit in self._records.history.back(head):
            if commit.entry.version == version:
                return commit
            known.add(commit.entry.version)
        raise NotFoundError(
            f"{head.entry.model} v{version} was never in force",
            fix=f"one of {', '.join(f'v{v}' for v in sorted(known)[-10:])}",
        )

    def _check_not_pruned(
        self, wanted: Commit, commit: Commit, before: Commit, delegator: Targets
    ) -> None:
        """A version that was pruned while it was rolled back to goes out of force at once.
        The manifest is what pruning removes first; clients have not been told yet."""
        entry = commit.entry
        try:
            self._records.versions.manifest(wanted)
        except NotFoundError as error:
            reason = f"v{entry.version} was pruned while it was rolled back to"
            kept = self._records.manifest_of(before)
            undo = self._commits.next(
                kept, commit, "rollback", ByWhom(kept.run_id, entry.actor, reason)
            )
            if undone := self._commits.try_commit(delegator, commit, undo, before.targets):
                self._records.pointing.tell({entry.model: undone.stored})
            raise StoreError(f"{entry.model} {reason}") from error

    def _draft(self, submission: Submission, delegator: Targets) -> Bundle:
        sha256 = digest(submission.data)
        manifest = Manifest(
            **without_floats(submission.fields),
            model=submission.model,
            version=0,
            file="",
            sha256=sha256,
            size=len(submission.data),
            created=format_time(self._records.repository.clock()),
            run_id=submission.run_id,
        )
        said = {PROVENANCE_PREDICATE: provenance(manifest, submission.evidence)}
        said |= without_floats(submission.attestations)
        subject = {f"{submission.model}.tflite": sha256}
        statements = [statement(subject, kind, predicate) for kind, predicate in said.items()]
        check_length(manifest.to_bytes(), "the manifest")
        check_length(b"".join(statements), "the statement")
        signers = self._records.repository.keys.signers(delegator, submission.model)
        sealed = b"".join(seal_statement(said_of_it, signers) for said_of_it in statements)
        return Bundle(manifest, submission.data, sealed)
