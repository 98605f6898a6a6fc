"""Walking a whole store: every digest, signature and serial of a model, and the repository.

Findings are values that name the object and what is wrong with it. What a crash or pruning
may leave is counted, not found: unfinished versions that never were in force, and versions
that were pruned. A repair mends what can be mended from what verifies: metadata from the
memory of what was signed here, a missing file from the run that made it, then what clients
are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from tuf.api.metadata import Snapshot, Targets

from smartwatts_ml.counted import counted
from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.pulling.layout import METADATA
from smartwatts_ml.store.ceremony import delegated
from smartwatts_ml.store.documents import HistoryEntry
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.layout import (
    TIMESTAMP_KEY,
    file_key,
    manifest_key,
    metadata_key,
    object_key,
    statement_key,
)
from smartwatts_ml.store.metadata import limit_of
from smartwatts_ml.store.records import Records

__all__ = ["Audit", "AuditFinding", "Auditor", "RunFile"]

_NOTICE = timedelta(days=60)
"""So long before its end it is said that somebody has to fetch the offline keys."""
_URGENT = timedelta(days=14)
RunFile = Callable[[HistoryEntry], bytes | None]
"""A run's own copy of the file that an entry put in force; None where it has none."""


@dataclass(frozen=True)
class AuditFinding:
    """One thing that is wrong. ``repairable``: a repair may put it right. ``in_time``: nothing is
    wrong yet."""

    key: str
    problem: str
    repairable: bool = False
    in_time: bool = False


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
    """Checks models, one at a time, and what clients are told."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._repository = records.repository
        self._objects = records.repository.objects

    def audit(self, model: str) -> Audit:
        """Read and verify everything that a model has. Raises StoreError only where the root
        cannot be read."""
        commits, findings = self._check_history(model)
        in_force = dict(_versions(commits))
        numbers = self._records.versions.numbers(model)
        there = _there(commits[0]) if commits else ()
        pruned = []
        for version, commit in in_force.items():
            missing = list(self._missing(commit))
            if version not in there and manifest_key(model, version) in missing:
                pruned.append(version)
                continue
            findings += self._check_version(commit)
        findings += self._check_strays(model, numbers)
        if commits:
            findings += self._check_told(model)
        return Audit(
            model=model,
            entries=len(commits),
            versions=len([v for v in numbers if v not in pruned]),
            unfinished=tuple(v for v in numbers if v not in in_force),
            pruned=tuple(sorted(pruned)),
            repaired=False,
            findings=tuple(findings),
        )

    def repair(self, model: str, run_file: RunFile) -> Audit:
        """Mend a model as far as that is possible, and audit it again."""
        before = self.audit(model)
        if not before.findings:
            return before
        self._restore_role(model)
        try:
            head = self._records.head(model)
            if head:
                for version, commit in dict(_versions(self._records.history.back(head))).items():
                    self._restore_version(commit, run_file, needed=version in _there(head))
                self._records.pointing.tell({model: head.stored})
        except TrustError:
            return self.audit(model)
        after = self.audit(model)
        return replace(after, repaired=len(after.findings) < len(before.findings))

    def audit_repository(self) -> Audit:
        """What clients are told, and what lies beside it."""
        findings = list(self._check_repository())
        return Audit(METADATA.split("/")[1], 0, 0, (), (), False, tuple(findings))

    def repair_repository(self) -> Audit:
        """Tell clients again what they are to know; remove metadata that nobody signed."""
        before = self.audit_repository()
        if not before.findings:
            return before
        for key in list(self._unsigned()):
            self._objects.delete(key)
        self._records.pointing.tell({}, renew=True)
        after = self.audit_repository()
        return replace(after, repaired=len(after.findings) < len(before.findings))

    def _check_history(self, model: str) -> tuple[list[Commit], list[AuditFinding]]:
        """The commits that verify, newest first, and what ends them."""
        commits: list[Commit] = []
        try:
            head = self._records.head(model)
            if head:
                for commit in self._records.history.back(head):
                    commits.append(commit)
        except TrustError as error:
            return commits, [AuditFinding(f"{METADATA}*.{model}.json", str(error), True)]
        identities = {commit.entry.commit_id for commit in commits}
        if len(identities) < len(commits):
            return commits, [AuditFinding(f"{METADATA}*.{model}.json", "holds a commit twice")]
        return commits, []

    def _missing(self, commit: Commit) -> Iterator[str]:
        for path in commit.targets:
            if not self._objects.exists(object_key(path)):
                yield object_key(path)

    def _check_version(self, commit: Commit) -> Iterator[AuditFinding]:
        model, version = commit.entry.model, commit.entry.version
        checks: dict[str, Callable[[Commit], object]] = {
            manifest_key(model, version): self._records.versions.manifest,
            file_key(model, version): self._records.versions.file,
            statement_key(model, version): self._records.versions.statement,
        }
        for key, check in checks.items():
            try:
                check(commit)
            except NotFoundError:
                yield AuditFinding(key, "is missing", repairable=True)
            except TrustError as error:
                yield AuditFinding(key, str(error), repairable=True)

    def _check_told(self, model: str) -> Iterator[AuditFinding]:
        view = self._repository.look()
        try:
            head = self._records.history.head(model, view)
        except TrustError:  # found before
            return
        named = view.snapshot.signed.meta.get(f"{model}.json") if view and view.snapshot else None
        serial = named.version if named else 0
        if view and view.trouble:
            yield AuditFinding(TIMESTAMP_KEY, view.trouble, repairable=True)
        elif head and serial != head.serial:
            problem = f"clients are told of serial {serial} of {model}, not {head.serial}"
            yield AuditFinding(TIMESTAMP_KEY, problem, repairable=True)

    def _check_strays(self, model: str, numbers: tuple[int, ...]) -> Iterator[AuditFinding]:
        """Objects that are no part of a store."""
        known = {
            key(model, version)
            for version in numbers
            for key in (file_key, manifest_key, statement_key)
        }
        for info in self._objects.list(f"models/{model}/"):
            if info.key not in known:
                yield AuditFinding(info.key, "is no part of the store")

    def _check_repository(self) -> Iterator[AuditFinding]:
        view = self._repository.look()
        if view is None:
            return
        if view.trouble:
            yield AuditFinding(TIMESTAMP_KEY, view.trouble, repairable=True)
        try:
            targets = self._repository.delegators(view)[0]
        except TrustError as error:
            yield AuditFinding(f"{METADATA}targets.json", str(error))
            return
        models = delegated(targets.signed)
        for offline in (view.root, targets):
            left = offline.signed.expires - self._repository.clock()
            if left < _NOTICE:
                yield AuditFinding(
                    metadata_key(offline.signed.type, offline.version),
                    f"expires in {counted(max(left.days, 0), 'day')}: "
                    "`smartwatts keys renew-offline` with the offline keys",
                    in_time=left > _URGENT,
                )
        for name in self._objects.folders("models/"):
            if name not in models and name != METADATA.split("/")[1]:
                yield AuditFinding(f"models/{name}/", "is of no model of this store")
        for key in self._unsigned():
            yield AuditFinding(key, "is signed by nobody that may", repairable=True)

    def _unsigned(self) -> Iterator[str]:
        """Metadata that are beyond what is signed: of snapshots and of models."""
        view = self._repository.look()
        if view is None:
            return
        newest, _ = self._repository.newest_snapshot(view)
        for version in self._repository.listed(Snapshot.type):
            if newest and version > newest.version:
                yield metadata_key(Snapshot.type, version)

    def _restore_role(self, model: str) -> None:
        """Put back versions of a model's role that this machine signed, and remove those
        after them that do not follow."""
        memory = self._repository.memory
        newest = memory.newest(model)
        for version in memory.versions(model):
            key, data = metadata_key(model, version), memory.read(model, version)
            try:
                there = self._objects.read(key, limit_of(model)).data
            except (NotFoundError, TrustError):
                there = b""
            if there != data:
                self._objects.write(key, data)
        self._remove_unsigned(model, newest)

    def _remove_unsigned(self, model: str, after: int) -> None:
        view = self._repository.look()
        if view is None:
            return
        for version in self._repository.listed(model):
            if version <= after:
                continue
            try:
                stored = self._repository.find(model, version, Targets)
                if stored:
                    self._records.history.check_signed(model, stored, view)
            except TrustError:
                self._objects.delete(metadata_key(model, version))

    def _restore_version(self, commit: Commit, run_file: RunFile, *, needed: bool) -> None:
        entry = commit.entry
        missing = list(self._missing(commit))
        if not needed and manifest_key(entry.model, entry.version) in missing:
            return  # pruned
        try:
            self._records.versions.file(commit)
        except (TrustError, NotFoundError):
            data = run_file(entry)
            if data is not None:
                self._records.versions.restore(commit, file_key(entry.model, entry.version), data)


def _versions(commits: Iterable[Commit]) -> Iterator[tuple[int, Commit]]:
    """Every version that was in force, or a candidate, with a commit that names its objects."""
    for commit in commits:
        if candidates := commit.of_candidate():
            yield candidates.entry.version, candidates
        yield commit.entry.version, commit


def _there(head: Commit) -> tuple[int, ...]:
    """Versions that gateways may pull."""
    return head.entry.version, head.entry.about
