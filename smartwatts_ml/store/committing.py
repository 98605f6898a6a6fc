"""The commit protocol: how a version, or an older one again, comes into force.

File, manifest, history entry, pointer, in that order, each created once; the history entry
alone decides. So a crash anywhere leaves the old champion or the new one in force, and the
same run published again completes what it left. The number of requests depends on what
happened since the champion was promoted, not on the length of the history.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from smartwatts_ml.errors import NotFoundError, StaleChallengerError, StoreError
from smartwatts_ml.store.canonical import format_time, without_floats
from smartwatts_ml.store.documents import HistoryEntry, Manifest
from smartwatts_ml.store.history import PROMOTIONS
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.sealed import check_identifier, digest

__all__ = ["ANY_CHAMPION", "Candidate", "Committer"]

_TIMEOUT_S = 300.0
"""Each lost attempt means that somebody else's commit succeeded."""
_PATIENCE_S = 5.0
"""How long a version that another run has reserved is waited for. A run that died there is
then passed over, which is what makes a gap in the version numbers."""
_LONGEST_PAUSE_S = 0.05
ANY_CHAMPION: Final = -1
"""For ``judged_against``: publish whatever is in force."""


@dataclass(frozen=True)
class Candidate:
    """A file that wants to be in force. ``fields`` are those of Manifest that the store does
    not know itself; ``judged_against``: a version, None for no champion, or ANY_CHAMPION."""

    model: str
    data: bytes
    fields: Mapping[str, Any]
    run_id: str
    actor: str
    reason: str
    action: str
    judged_against: int | None


class Committer:
    """Publishes and rolls back."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def publish(self, candidate: Candidate) -> HistoryEntry:
        """Put a file in force as a new version, once for a run and its file.

        Raises StaleChallengerError where another champion than the one it was judged
        against is in force by the time of the commit.
        """
        check_identifier(candidate.data, f"the file of {candidate.model}")
        sha256 = digest(candidate.data)
        reserved: Manifest | None = None
        taken: dict[int, float] = {}
        for _ in _turns():
            head = self._records.head(candidate.model)
            last = head.entry
            done = self._published_before(candidate, sha256, last) if last else None
            if done and last:
                manifest = self._records.versions.of_entry(last)
                self._records.pointer.advance(last, manifest, head.seen)
                return done
            _check_not_stale(candidate, last)
            if reserved is None:
                reserved = self._reserve(
                    self._draft(candidate, sha256, last), candidate, last, taken
                )
            if reserved is None:
                continue
            entry = self._next(reserved, last, candidate.action, candidate.actor, candidate.reason)
            if self._records.history.try_append(entry):
                self._records.pointer.advance(entry, reserved, head.seen)
                return entry
        raise StoreError(f"others publish {candidate.model} without a pause")

    def rollback(self, model: str, version: int, actor: str, reason: str) -> HistoryEntry:
        """Put a version that was in force before in force again, under a new serial. Does
        nothing more if that version is in force already."""
        for _ in _turns():
            head = self._records.head(model)
            if head.entry is None:
                raise NotFoundError(f"{model} has no version yet")
            manifest = self._records.versions.of_entry(self._put_in_force(head.entry, version))
            self._records.versions.read_file(manifest)
            if head.entry.version == version:
                self._records.pointer.advance(head.entry, manifest, head.seen)
                return head.entry
            entry = self._next(manifest, head.entry, "rollback", actor, reason)
            if self._records.history.try_append(entry):
                self._check_not_pruned(manifest, entry, head.entry)
                self._records.pointer.advance(entry, manifest, head.seen)
                return entry
        raise StoreError(f"others publish {model} without a pause")

    def _published_before(
        self, candidate: Candidate, sha256: str, last: HistoryEntry
    ) -> HistoryEntry | None:
        """The entry by which this run put this file in force, if it did. It can only have
        done so after the champion that it was judged against was promoted."""
        for entry in self._records.history.back(last):
            if entry.action not in PROMOTIONS:
                continue
            if (entry.run_id, entry.sha256) == (candidate.run_id, sha256):
                return entry
            if entry.version == candidate.judged_against:
                return None
        return None

    def _reserve(
        self,
        draft: Manifest,
        candidate: Candidate,
        last: HistoryEntry | None,
        taken: dict[int, float],
    ) -> Manifest | None:
        """The next version, as this run's own; None while another run has just reserved it.
        ``taken`` keeps when a version was first seen to be another run's."""
        version = self._newest_promotion(last) + 1 if last else 1
        while True:
            now = time.monotonic()
            if now - taken.get(version, 0.0) < _PATIENCE_S:
                return None
            reserved = self._records.versions.reserve(draft, candidate.data, version)
            if reserved:
                return reserved
            if version not in taken:
                taken[version] = now
                return None
            version += 1

    def _newest_promotion(self, last: HistoryEntry) -> int:
        return next(e.version for e in self._records.history.back(last) if e.action in PROMOTIONS)

    def _put_in_force(self, last: HistoryEntry, version: int) -> HistoryEntry:
        """The newest entry that put a version in force."""
        known = set()
        for entry in self._records.history.back(last):
            if entry.version == version:
                return entry
            known.add(entry.version)
        raise NotFoundError(
            f"{last.model} v{version} was never in force",
            fix=f"one of {', '.join(f'v{v}' for v in sorted(known)[-10:])}",
        )

    def _check_not_pruned(
        self, manifest: Manifest, entry: HistoryEntry, before: HistoryEntry
    ) -> None:
        """A version that was pruned while it was rolled back to goes out of force at once.
        The manifest is what pruning removes first; the pointer has not moved yet."""
        try:
            self._records.versions.manifest(manifest.model, manifest.version)
        except NotFoundError as error:
            kept = self._records.versions.of_entry(before)
            reason = f"v{entry.version} was pruned while it was rolled back to"
            undo = self._next(kept, entry, "rollback", entry.actor, reason)
            if self._records.history.try_append(undo):
                self._records.pointer.advance(undo, kept)
            raise StoreError(f"{entry.model} {reason}") from error

    def _draft(self, candidate: Candidate, sha256: str, last: HistoryEntry | None) -> Manifest:
        return Manifest(
            **without_floats(candidate.fields),
            model=candidate.model,
            version=0,
            file="",
            sha256=sha256,
            size=len(candidate.data),
            created=format_time(self._records.clock()),
            run_id=candidate.run_id,
            replaces=last.version if last else None,
        )

    def _next(
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
            time=format_time(self._records.clock()),
        )


def _check_not_stale(candidate: Candidate, last: HistoryEntry | None) -> None:
    in_force = last.version if last else None
    if candidate.judged_against not in (ANY_CHAMPION, in_force):
        against = candidate.judged_against
        judged = "no champion" if against is None else f"v{against}"
        now = "none" if in_force is None else f"v{in_force}"
        raise StaleChallengerError(
            f"{candidate.model} was judged against {judged}, {now} is in force",
            fix="run validate again",
        )


def _turns() -> Iterator[None]:
    """Turns at a commit, with short, uneven pauses, so that publishers at once do not keep
    in step. They end when the time is up."""
    until = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < until:
        yield
        time.sleep(random.uniform(0, _LONGEST_PAUSE_S))
