"""All versions of a model that were in force or candidates, by what its history says of them."""

from __future__ import annotations

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.store.documents import Manifest
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.values import StoredVersion

__all__ = ["commit_of", "manifests", "stored_versions"]


def commit_of(records: Records, model: str, version: int) -> Commit:
    """The newest commit that names a version's objects. Raises NotFoundError."""
    head = records.head(model)
    for commit in records.history.back(head) if head else ():
        for either in (commit, commit.of_candidate()):
            if either and either.entry.version == version:
                return either
    raise NotFoundError(f"{model} v{version} was never in force")


def manifests(records: Records, model: str) -> dict[int, Manifest | None]:
    """The verified manifest of every version; None of one that was pruned. Raises TrustError."""
    by_version: dict[int, Manifest | None] = {}
    for version, commit in _commits(records, model).items():
        try:
            by_version[version] = records.versions.manifest(commit)
        except NotFoundError:
            by_version[version] = None
    return by_version


def stored_versions(records: Records, model: str) -> tuple[StoredVersion, ...]:
    """Every version of which anything is there, oldest first."""
    commits = _commits(records, model)
    head = records.head(model)
    stored = []
    for version in records.versions.numbers(model):
        manifest, problem = None, None
        commit = commits.get(version)
        try:
            if commit:
                manifest = records.versions.manifest(commit)
            else:
                problem = "a publish broke off before it was in force"
        except NotFoundError:
            problem = "it is being pruned"
        except TrustError as error:
            problem = str(error)
        in_force = head is not None and head.entry.version == version
        stored.append(
            StoredVersion(model, version, manifest, in_force, commit is not None, problem)
        )
    return tuple(stored)


def _commits(records: Records, model: str) -> dict[int, Commit]:
    """A commit for each version, in the order in which they came."""
    commits: dict[int, Commit] = {}
    for commit in records.chain(model):
        for either in (commit, commit.of_candidate()):
            if either:
                commits.setdefault(either.entry.version, either)
    return commits
