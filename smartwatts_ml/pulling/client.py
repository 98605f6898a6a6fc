"""A client of The Update Framework within bounds: python-tuf's own, over a root of any kind.

On top of its workflow: forms are checked before anything is parsed; nothing may take longer than
the pull; a timestamp may not outlive ``longest_timestamp``; and of a version that was seen before
there may be no second one, nor a successor of something else. What was verified is kept in a
folder, which python-tuf works on a copy of: a fork leaves it as it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.fetching import BoundedFetcher, Deadline, as_store_errors, checked
from smartwatts_ml.pulling.forms import TOP_LEVEL, check_form, kind_of
from smartwatts_ml.pulling.layout import MAX_METADATA_BYTES, METADATA, PREVIOUS

__all__ = ["Client"]

_TARGETS = "models/"
_LONGEST_TIMESTAMP = timedelta(days=4)
"""Three days that a store may give it, and a day that clocks may differ by."""
_HISTORY = "root_history"
_T = TypeVar("_T")


@dataclass
class Client:
    """Reads signed metadata and what it names. ``state``: the folder of what was verified
    before; ``pinned``: the root that is trusted; ``now``: the time, if not the clock's."""

    state: Path
    objects: Objects
    pinned: bytes
    deadline: Deadline
    metadata: str = METADATA
    targets: str = _TARGETS
    longest_timestamp: timedelta | None = _LONGEST_TIMESTAMP
    now: datetime | None = None
    hash_first: bool = False
    _copy: Path = field(init=False)
    _before: Path = field(init=False)
    _updater: Updater = field(init=False)
    _fetcher: BoundedFetcher = field(init=False)

    @contextmanager
    def opened(self) -> Iterator[Client]:
        """The client, up to date with the top level. Raises TrustError, StoreError."""
        with contextlib.ExitStack() as stack:
            with as_store_errors():
                scratch = tempfile.TemporaryDirectory(dir=self.state.parent, prefix="staged-")
                self._start(Path(stack.enter_context(scratch)))
                self._refresh()
            self._check_timestamp()
            yield self

    def models(self) -> dict[str, bool]:
        """Roles that the top level delegates to, and whether the snapshot has them."""
        delegations = self._read("targets", Targets).delegations
        roles = (delegations.roles if delegations else None) or {}
        meta = self._read("snapshot", Snapshot).meta
        return {name: f"{name}.json" in meta for name in roles}

    def role(self, name: str) -> Targets:
        """The metadata of a role that the top level delegates to. Raises TrustError."""
        with as_store_errors():
            self._updater.get_targetinfo(f"{name}/{name}.tflite")  # loads the role
            role = self._verified_role(name)
            self._check_lineage(name)
        self._keep(f"{quote(name, '')}.json")
        return role

    def target(self, path: str) -> TargetFile:
        """What signed metadata says of a file. Raises TrustError."""
        with as_store_errors():
            try:
                target = self._updater.get_targetinfo(path)
            finally:
                self._keep_roles()
        if target is None:
            raise TrustError(f"no metadata speaks of {path}")
        return target

    def download(self, target: TargetFile, limit: int) -> bytes:
        """A file's bytes: under its plain name, or with its hash in front. Raises TrustError,
        StoreError."""
        if target.length > limit:
            raise TrustError(
                f"{target.path} has {target.length} bytes, more than the {limit} it may have"
            )
        path = self._copy.parent / "download"
        try:
            self._download(target, path, self.hash_first)
        except NotFoundError as absent:
            try:
                self._download(target, path, not self.hash_first)
            except NotFoundError:
                raise absent from None
        return path.read_bytes()

    def past(self, name: str, version: int, sha256: str) -> Targets:
        """An older version of a role's metadata, which its successor knows by its digest.
        Raises TrustError, StoreError."""
        key = f"{self.metadata}{version}.{quote(name, '')}.json"
        with as_store_errors():
            data = self._fetcher.download_bytes(key, MAX_METADATA_BYTES["targets"])
            if hashlib.sha256(data).hexdigest() != sha256:
                raise TrustError(f"{key} is not the version that was followed")
            return Metadata[Targets].from_bytes(data).signed

    def _start(self, scratch: Path) -> None:
        self._copy, self._before = scratch / "copy", scratch / "before"
        for folder in (self._copy, self._before):
            _copy_sound(self.state, folder)
        self._fetcher = BoundedFetcher(self.objects, self.deadline, self.metadata)
        checked(self.pinned, "root", "the trusted root")
        self._updater = Updater(
            metadata_dir=str(self._copy),
            metadata_base_url=self.metadata,
            target_base_url=self.targets,
            fetcher=self._fetcher,
            config=UpdaterConfig(
                root_max_length=MAX_METADATA_BYTES["root"],
                timestamp_max_length=MAX_METADATA_BYTES["timestamp"],
                snapshot_max_length=MAX_METADATA_BYTES["snapshot"],
                targets_max_length=MAX_METADATA_BYTES["targets"],
            ),
            bootstrap=self.pinned,
        )
        if self.now is not None:
            # python-tuf's client has no other way to be told the time.
            self._updater._trusted_set.reference_time = self.now

    def _refresh(self) -> None:
        """Whatever was verified is kept, if a later step fails too; what is forked is not."""
        try:
            self._updater.refresh()
        finally:
            for role in (Timestamp.type, Snapshot.type, Targets.type):
                self._check_lineage(role)
            self._check_fetched_timestamp()
            for path in sorted((self._copy / _HISTORY).iterdir()):
                self._keep(f"{_HISTORY}/{path.name}")
            for role in (Root.type, Timestamp.type, Snapshot.type, Targets.type):
                self._keep(f"{role}.json")
        self._check_snapshot()

    def _check_timestamp(self) -> None:
        expires = self._read("timestamp", Timestamp).expires
        now = self.now or datetime.now(UTC)
        if self.longest_timestamp is not None and expires > now + self.longest_timestamp:
            raise TrustError(
                f"timestamp.json expires only on {expires:%Y-%m-%dT%H:%M:%SZ}, so that it could"
                " hold back newer versions",
                fix="is the clock right here?",
            )

    def _check_snapshot(self) -> None:
        """python-tuf takes the snapshot that it has for any one of the same version."""
        meta = self._read("timestamp", Timestamp).snapshot_meta
        try:
            meta.verify_length_and_hashes((self._copy / "snapshot.json").read_bytes())
        except RepositoryError as error:
            raise _forked("snapshot", meta.version) from error

    def _check_fetched_timestamp(self) -> None:
        """python-tuf drops a timestamp of the version that it has without comparing them."""
        data = self._fetcher.fetched.get("timestamp.json")
        kept = _metadata(self._copy / "timestamp.json")
        if data is None or kept is None:
            return
        fetched = Metadata[Any].from_bytes(data)
        if fetched.signed.version == kept.signed.version and _differ(fetched, kept):
            root = _metadata(self._copy / "root.json")
            if root and _signed_by(root.signed, Timestamp.type, fetched):
                raise _forked("timestamp", kept.signed.version)

    def _check_lineage(self, role: str) -> None:
        """Nothing else of the same version, and no successor of something else."""
        name = f"{quote(role, '')}.json"
        before, after = _metadata(self._before / name), _metadata(self._copy / name)
        if before is None or after is None:
            return
        above = _metadata(self._copy / ("root.json" if role in TOP_LEVEL else "targets.json"))
        if above is None or not _signed_by(above.signed, role, before):
            return  # signed by keys that are trusted no more: a fresh start
        same = after.signed.version == before.signed.version
        if same and _differ(before, after):
            raise _forked(role, after.signed.version)
        previous = after.signed.unrecognized_fields.get(PREVIOUS)
        data = (self._before / name).read_bytes()
        follows = after.signed.version == before.signed.version + 1
        if follows and previous is not None and previous != hashlib.sha256(data).hexdigest():
            raise _forked(role, before.signed.version)

    def _keep_roles(self) -> None:
        """Keep the roles that a search came by, but for forks."""
        for path in self._copy.glob("*.json"):
            role = unquote(path.name.removesuffix(".json"))
            if role not in TOP_LEVEL:
                with contextlib.suppress(TrustError):
                    self._check_lineage(role)
                    self._keep(path.name)

    def _verified_role(self, name: str) -> Targets:
        """The role's metadata as it is delegated to by the top level, whichever way python-tuf
        came by it."""
        path = self._copy / f"{quote(name, '')}.json"
        metadata, meta = _metadata(path), self._read("snapshot", Snapshot).meta[f"{name}.json"]
        if metadata is None:
            raise TrustError(f"nothing is delegated to {name} that is called so")
        top = self._read("targets", Targets)
        top.verify_delegate(name, metadata.signed_bytes, metadata.signatures)
        meta.verify_length_and_hashes(path.read_bytes())
        now = self.now or datetime.now(UTC)
        if metadata.signed.version != meta.version or metadata.signed.is_expired(now):
            raise TrustError(f"the metadata of {name} is not the one in the snapshot")
        role: Targets = metadata.signed
        return role

    def _download(self, target: TargetFile, path: Path, hashed: bool) -> None:
        self._updater.config.prefix_targets_with_hash = hashed
        with as_store_errors():
            self._updater.download_target(target, str(path))

    def _read(self, role: str, kind: type[_T]) -> _T:
        """What python-tuf verified."""
        signed = Metadata[Any].from_file(str(self._copy / f"{role}.json")).signed
        assert isinstance(signed, kind)
        return signed

    def _keep(self, name: str) -> None:
        """Keep what was verified, in one step."""
        source, place = self._copy / name, self.state / name
        if not source.exists():
            return
        data = source.read_bytes()
        if place.is_file() and place.stat().st_size == len(data) and place.read_bytes() == data:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._copy.parent / "kept"
        temporary.write_bytes(data)
        temporary.replace(place)


def _copy_sound(state: Path, folder: Path) -> None:
    """Copy what is metadata, of bounded size and form; nothing else is of use."""
    (folder / _HISTORY).mkdir(parents=True)
    for path in [*state.glob("*.json"), *(state / _HISTORY).glob("*.root.json")]:
        role = "root" if path.name.endswith("root.json") else path.name.removesuffix(".json")
        kind = kind_of(role)
        with contextlib.suppress(OSError, ValueError):
            if path.stat().st_size <= MAX_METADATA_BYTES[kind]:
                check_form(path.read_bytes(), kind)
                shutil.copyfile(path, folder / path.relative_to(state))


def _metadata(path: Path) -> Metadata[Any] | None:
    try:
        return Metadata[Any].from_bytes(path.read_bytes())
    except (OSError, RepositoryError):
        return None


def _differ(before: Metadata[Any], after: Metadata[Any]) -> bool:
    return before.signed_bytes != after.signed_bytes


def _signed_by(above: Any, role: str, metadata: Metadata[Any]) -> bool:
    try:
        above.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError):
        return False
    return True


def _forked(role: str, version: int) -> TrustError:
    return TrustError(
        f"there are two of {role} version {version}: this one, and the one pulled here before"
    )
