"""What is done with a candidate: widened, halted, promoted. Each is a commit, as publishing is.

What is in force stays so until the candidate is promoted. A candidate that was halted, or that
lapsed, is named still, for nobody; it may be widened again, and goes with the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from smartwatts_ml.errors import NotFoundError, StaleChallengerError, StoreError, UsageError
from smartwatts_ml.pulling.rings import ALL, Candidate
from smartwatts_ml.store.canonical import format_time
from smartwatts_ml.store.commits import Commits
from smartwatts_ml.store.documents import Action, HistoryEntry, check_text
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.pointing import turns
from smartwatts_ml.store.records import Records

__all__ = ["Rollouts"]


class Rollouts:
    """Changes candidates. ``version``: the candidate that is meant; where another one has come
    StaleChallengerError is raised. NotFoundError where there is none."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._commits = Commits(records)

    def widen(
        self,
        model: str,
        share: int,
        for_days: float,
        actor: str,
        reason: str,
        version: int | None = None,
    ) -> HistoryEntry:
        """Let more gateways take a candidate: a ``share`` below ALL, for so many days from now.
        Does nothing more where it is out for so many already. Raises UsageError where fewer are
        meant."""
        if not 0 < share < ALL:
            raise UsageError(
                f"cannot widen to {share * 100 / ALL:g} %", fix="more than 0, below 100"
            )
        now = self._records.repository.clock()
        until = format_time(now + timedelta(days=for_days))

        def wider(candidate: Candidate) -> Candidate | None:
            out = candidate.is_out(now)
            if out and share < candidate.share:
                raise UsageError(
                    f"{model} v{candidate.version} is a candidate for {candidate.percent} already",
                    fix="halt takes it back",
                )
            if out and share == candidate.share:
                return None
            return replace(candidate, share=share, until=until)

        return self._change(model, "widen", wider, actor, reason, version)

    def halt(self, model: str, actor: str, reason: str, version: int | None = None) -> HistoryEntry:
        """Take a candidate back from every gateway. Does nothing more where it is."""

        def halted(candidate: Candidate) -> Candidate | None:
            return replace(candidate, share=0) if candidate.share else None

        return self._change(model, "halt", halted, actor, reason, version)

    def promote(
        self, model: str, actor: str, reason: str, version: int | None = None
    ) -> HistoryEntry:
        """Put a candidate in force, if its bytes verify. With ``version``: does nothing more
        where that is in force."""
        _check_said(actor, reason)
        for _ in turns():
            view = self._records.view()
            head = self._records.history.head(model, view)
            if head and version == head.entry.version:
                self._records.pointing.tell({model: head.stored}, view)
                return head.entry
            head, _ = self._candidate(model, head, version)
            wanted = head.of_candidate()
            assert wanted
            self._records.manifest_of(wanted)
            self._records.versions.file(wanted)
            entry = replace(
                wanted.entry,
                serial=head.serial + 1,
                action="promote",
                previous_version=head.entry.version,
                commit_id=str(uuid.uuid4()),
                actor=actor,
                reason=reason,
                time=format_time(self._records.repository.clock()),
                candidate=None,
            )
            delegator = self._records.delegator(model, view)
            if commit := self._commits.try_commit(delegator, head, entry, head.named()):
                self._records.pointing.tell({model: commit.stored}, view)
                return entry
        raise StoreError(f"others publish {model} without a pause")

    def _change(
        self,
        model: str,
        action: Action,
        change: Callable[[Candidate], Candidate | None],
        actor: str,
        reason: str,
        version: int | None,
    ) -> HistoryEntry:
        _check_said(actor, reason)
        for _ in turns():
            view = self._records.view()
            head, candidate = self._candidate(
                model, self._records.history.head(model, view), version
            )
            changed = change(candidate)
            if changed is None:
                self._records.pointing.tell({model: head.stored}, view)
                return head.entry
            entry = self._commits.beside(head, action, changed, actor, reason)
            delegator = self._records.delegator(model, view)
            if commit := self._commits.try_commit(delegator, head, entry, head.named()):
                self._records.pointing.tell({model: commit.stored}, view)
                return entry
        raise StoreError(f"others publish {model} without a pause")

    def _candidate(
        self, model: str, head: Commit | None, version: int | None
    ) -> tuple[Commit, Candidate]:
        candidate = head.entry.candidate if head else None
        if head is None or candidate is None:
            raise NotFoundError(f"{model} has no candidate", fix="`smartwatts models rollout list`")
        if version not in (None, candidate.version):
            raise StaleChallengerError(
                f"the candidate of {model} is v{candidate.version}, not v{version}"
            )
        return head, candidate


def _check_said(actor: str, reason: str) -> None:
    check_text(actor, "the name")
    check_text(reason, "the reason")
