"""The repository below ``models/metadata/`` as the signing side sees it.

A client believes what timestamp and snapshot name. Here these two are a cache, which may be
missing, damaged or behind after a crash: what is in force follows from the roles' own chains
(``history``). Whatever is found is verified, and compared with what this machine remembers
to have signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from smartwatts_ml.errors import AlreadyExistsError, NotFoundError, StoreError, TrustError
from smartwatts_ml.objects import Object, Objects
from smartwatts_ml.pulling.layout import METADATA
from smartwatts_ml.store.keys import KeyFolder
from smartwatts_ml.store.layout import TIMESTAMP_KEY, metadata_key
from smartwatts_ml.store.metadata import Stored, limit_of, parse_metadata, parse_root, verify

__all__ = ["Repository", "View"]

_LIFETIME_MARGIN = timedelta(days=1)
"""How far the clocks of a signer and a reader may differ."""
_TIMESTAMP_LIFETIME = timedelta(days=3)
_MOST_OCCUPIED = 64
"""So many objects that are none of ours may lie in the way of the next metadata."""
_MOST_ROOTS = 256

_Signed = TypeVar("_Signed", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True)
class View:
    """What clients are told now. ``seen``: the timestamp as found, None where there is none;
    ``timestamp`` and ``snapshot``: where they hold. ``trouble``: why one does not."""

    root: Stored[Root]
    seen: Object | None
    timestamp: Stored[Timestamp] | None
    snapshot: Stored[Snapshot] | None
    trouble: str | None = None
    delegators: list[Stored[Targets]] = field(default_factory=list)
    """Kept by ``Repository.delegators``, so that it asks once."""


class Repository:
    """Reads and verifies metadata, and creates versions of it."""

    def __init__(self, objects: Objects, keys: KeyFolder, clock: Callable[[], datetime]) -> None:
        self.objects = objects
        self.keys = keys
        self.memory = keys.memory
        self.clock = clock
        self._root: Stored[Root] | None = None

    def root(self) -> Stored[Root] | None:
        """The newest root, each signed by the one before it; None where this machine trusts
        none and there is no store. Raises TrustError where there is one."""
        root = self.keys.trusted_root()
        if root is None:
            if self.objects.exists(metadata_key(Root.type, 1)):
                raise TrustError(
                    f"{self.objects.url} has a store, this machine trusts no root",
                    fix="`smartwatts keys trust root.json` with the root of the ceremony",
                )
            return None
        for _ in range(_MOST_ROOTS):
            key = metadata_key(Root.type, root.version + 1)
            try:
                data = self.objects.read(key, limit_of(Root.type)).data
                root = parse_root(data, root, self.objects.uri(key))
            except NotFoundError:
                return root
            except TrustError:
                return root  # whoever put it there cannot sign it
        return root

    def forget_root(self) -> None:
        """Look for the newest root anew: this process has put one there."""
        self._root = None

    def look(self) -> View | None:
        """What clients are told now; None before the ceremony."""
        known, self._root = self._root, self._root or self.root()
        if self._root is None:
            return None
        view = self._look(self._root)
        if known and view.trouble:  # the root may have been replaced since
            self._root = self.root() or known
            view = self._look(self._root)
        return view

    def _look(self, root: Stored[Root]) -> View:
        # Before the bucket is read: what is signed meanwhile may only be newer.
        remembered, confirmed = (
            self._remembered_snapshot(root),
            self.memory.newest(Timestamp.type),
        )
        try:
            seen = self.objects.read(TIMESTAMP_KEY, limit_of(Timestamp.type))
        except NotFoundError:
            return View(root, None, None, remembered, "there is no timestamp")
        except TrustError as error:  # larger than any: its etag is all that is of use
            seen = Object(b"", self.objects.info(TIMESTAMP_KEY).etag)
            return View(root, seen, None, remembered, str(error))
        timestamp = None
        try:
            timestamp = self._timestamp(seen.data, root)
            snapshot = self._named_snapshot(timestamp, root)
        except TrustError as error:
            return View(root, seen, timestamp, remembered, str(error))
        if remembered and remembered.version > snapshot.version:
            behind = f"the timestamp is back at snapshot {snapshot.version}"
            return View(root, seen, timestamp, remembered, behind)
        trouble = self._not_current(timestamp, confirmed) or self._expired(snapshot)
        return View(root, seen, timestamp, snapshot, trouble)

    def find(self, role: str, version: int, kind: type[_Signed]) -> Stored[_Signed] | None:
        """A version of a role, not verified yet; None where there is none. Raises TrustError."""
        key = metadata_key(role, version)
        try:
            data = self.objects.read(key, limit_of(role)).data
        except NotFoundError:
            return None
        stored = parse_metadata(data, kind, self.objects.uri(key))
        if stored.version != version:
            raise TrustError(f"{self.objects.uri(key)} says that it is version {stored.version}")
        return stored

    def listed(self, role: str) -> list[int]:
        """The versions of a role that are there, ascending."""
        name = re.compile(rf"{re.escape(METADATA)}([1-9]\d{{0,18}})\.{re.escape(role)}\.json")
        keys = (info.key for info in self.objects.list(METADATA))
        return sorted(int(match[1]) for key in keys if (match := name.fullmatch(key)))

    def newest_snapshot(self, view: View) -> tuple[Stored[Snapshot] | None, int]:
        """The newest snapshot that follows from the one in view, whether the timestamp is
        there yet or not; and the next version that is free."""
        newest = view.snapshot or self._listed_snapshot(view)
        version = (newest.version if newest else self.memory.newest(Snapshot.type)) + 1
        for _ in range(_MOST_OCCUPIED):
            try:
                following = self.find(Snapshot.type, version, Snapshot)
                if following is None:
                    return newest, version
                self._verify_following(following, newest, view.root)
            except TrustError:
                following = None
            newest, version = following or newest, version + 1
        raise StoreError(
            f"{_MOST_OCCUPIED} objects that are no snapshots lie after {METADATA}{version}",
            fix="`smartwatts models verify --repair`",
        )

    def delegators(self, view: View) -> tuple[Stored[Targets], ...]:
        """The targets metadata that delegate to models, newest first: those that clients
        know, and newer ones of a rotation under way. Raises TrustError."""
        if not view.delegators:
            targets: Stored[Targets] | None = self._first_targets(view)
            while targets:
                view.delegators.insert(0, targets)
                targets = self._following_targets(targets, view.root)
        return tuple(view.delegators)

    def create(self, role: str, stored: Stored[_Signed]) -> bool:
        """Create a version of a role; False where another writer did. Then it is remembered."""
        key = metadata_key(role, stored.version)
        try:
            self.objects.create(key, stored.data)
        except AlreadyExistsError:
            # A retry below us may have met the success of its own first attempt.
            try:
                if self.objects.read(key, limit_of(role)).data != stored.data:
                    return False
            except (NotFoundError, TrustError):
                return False
        self.memory.record(role, stored.version, stored.data)
        return True

    def put_back(self, role: str, stored: Stored[_Signed]) -> bool:
        """Create a version that verified before where it is gone; whether it was."""
        try:
            self.objects.create(metadata_key(role, stored.version), stored.data)
        except AlreadyExistsError:
            return False
        return True

    def _timestamp(self, data: bytes, root: Stored[Root]) -> Stored[Timestamp]:
        where = self.objects.uri(TIMESTAMP_KEY)
        timestamp = parse_metadata(data, Timestamp, where)
        return verify(timestamp, root.signed, Timestamp.type, None, where)

    def _not_current(self, timestamp: Stored[Timestamp], confirmed: int) -> str | None:
        now, expires = self.clock(), timestamp.signed.expires
        if expires <= now:
            return f"the timestamp expired {expires:%Y-%m-%dT%H:%M:%SZ}"
        if expires > now + _TIMESTAMP_LIFETIME + _LIFETIME_MARGIN:
            return f"the timestamp is to hold until {expires:%Y-%m-%d}, longer than any may"
        if timestamp.version < confirmed:
            return f"the timestamp was turned back to version {timestamp.version}"
        return None

    def _expired(self, snapshot: Stored[Snapshot]) -> str | None:
        expires = snapshot.signed.expires
        if expires > self.clock():
            return None
        return f"the snapshot expired {expires:%Y-%m-%dT%H:%M:%SZ}"

    def _named_snapshot(self, timestamp: Stored[Timestamp], root: Stored[Root]) -> Stored[Snapshot]:
        meta = timestamp.signed.snapshot_meta
        key = metadata_key(Snapshot.type, meta.version)
        snapshot = self.find(Snapshot.type, meta.version, Snapshot)
        if snapshot is None:
            raise TrustError(f"{self.objects.uri(key)} is gone")
        try:
            meta.verify_length_and_hashes(snapshot.data)
        except LengthOrHashMismatchError as error:
            raise TrustError(f"{self.objects.uri(key)} is not what the timestamp names") from error
        return verify(snapshot, root.signed, Snapshot.type, meta.version, self.objects.uri(key))

    def _remembered_snapshot(self, root: Stored[Root]) -> Stored[Snapshot] | None:
        data = self.memory.last(Snapshot.type)
        if data is None:
            return None
        snapshot = parse_metadata(data, Snapshot, str(self.keys.path))
        try:
            return verify(snapshot, root.signed, Snapshot.type, None, str(self.keys.path))
        except TrustError:  # its key was replaced
            return None

    def _listed_snapshot(self, view: View) -> Stored[Snapshot] | None:
        for version in self.listed(Snapshot.type)[: -_MOST_OCCUPIED - 1 : -1]:
            key = metadata_key(Snapshot.type, version)
            try:
                if snapshot := self.find(Snapshot.type, version, Snapshot):
                    where = self.objects.uri(key)
                    return verify(snapshot, view.root.signed, Snapshot.type, version, where)
            except TrustError:
                continue
        return None

    def _verify_following(
        self, snapshot: Stored[Snapshot], before: Stored[Snapshot] | None, root: Stored[Root]
    ) -> None:
        where = self.objects.uri(metadata_key(Snapshot.type, snapshot.version))
        verify(snapshot, root.signed, Snapshot.type, snapshot.version, where)
        if before is None:
            return
        if snapshot.previous_sha256 != before.sha256:
            raise TrustError(f"{where} does not follow the snapshot before it")
        for name, meta in before.signed.meta.items():
            now = snapshot.signed.meta.get(name)
            if now is None or now.version < meta.version:
                raise TrustError(f"{where} turns {name} back")

    def _first_targets(self, view: View) -> Stored[Targets]:
        named = view.snapshot.signed.meta.get("targets.json") if view.snapshot else None
        versions: Iterator[int] = iter(
            [named.version] if named else self.listed(Targets.type)[::-1][:_MOST_OCCUPIED]
        )
        trouble: TrustError | None = None
        for version in versions:
            where = self.objects.uri(metadata_key(Targets.type, version))
            try:
                targets = self.find(Targets.type, version, Targets)
                if targets:
                    return verify(targets, view.root.signed, Targets.type, version, where)
            except TrustError as error:
                trouble = error
        raise trouble or TrustError(
            f"{self.objects.uri(METADATA + 'targets.json')} is gone",
            fix="`smartwatts models verify --repair` where the keys are",
        )

    def _following_targets(
        self, before: Stored[Targets], root: Stored[Root]
    ) -> Stored[Targets] | None:
        version = before.version + 1
        where = self.objects.uri(metadata_key(Targets.type, version))
        try:
            following = self.find(Targets.type, version, Targets)
            if following is None or following.previous_sha256 != before.sha256:
                return None
            return verify(following, root.signed, Targets.type, version, where)
        except TrustError:
            return None
