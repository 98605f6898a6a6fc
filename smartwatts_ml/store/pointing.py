"""Telling clients: a snapshot of what every model's role is at, and the timestamp to it.

Both are a cache of the roles' histories. A snapshot takes the next free version and follows
the one before it; the timestamp is replaced only from what was seen to the newer, and only
for one that follows. So whoever is late tells clients of both changes, and nothing goes back.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Final

from securesystemslib.signer import Signer
from tuf.api.metadata import MetaFile, Snapshot, Timestamp

from smartwatts_ml.errors import AlreadyExistsError, ChangedError, StoreError, TrustError
from smartwatts_ml.pulling.layout import PREVIOUS
from smartwatts_ml.store.keys import NO_KEYS
from smartwatts_ml.store.layout import TIMESTAMP_KEY
from smartwatts_ml.store.metadata import Stored, sign
from smartwatts_ml.store.repository import Repository, View

__all__ = ["MODEL_LIFETIME", "Pointing", "turns"]

MODEL_LIFETIME: Final = timedelta(days=365)
_SNAPSHOT_LIFETIME: Final = timedelta(days=30)
_TIMEOUT_S = 300.0
"""Each lost attempt means that somebody else's commit succeeded."""
_LONGEST_PAUSE_S = 0.05


class Pointing:
    """Signs snapshots and timestamps."""

    def __init__(self, repository: Repository, lifetime: timedelta) -> None:
        self._repository = repository
        self._lifetime = lifetime

    def tell(
        self,
        heads: Mapping[str, Stored],
        view: View | None = None,
        *,
        renew: bool = False,
        beside: Sequence[Signer] = (),
    ) -> Stored[Timestamp]:
        """Let clients know of roles at least at these versions, by name. ``view``: what was
        seen just before. With ``renew`` the timestamp is signed anew in any case. ``beside``:
        keys that sign both anew as well, before root says so. Raises TrustError where this
        machine cannot sign."""
        for turn, _ in enumerate(turns()):
            view = view if turn == 0 and view else self._repository.look()
            if view is None:
                raise TrustError("the store has no root", fix=NO_KEYS)
            if done := self._try_to_tell(view, heads, renew, beside):
                return done
        raise StoreError("others sign timestamps without a pause")

    def _try_to_tell(
        self, view: View, heads: Mapping[str, Stored], renew: bool, beside: Sequence[Signer]
    ) -> Stored[Timestamp] | None:
        newest, free = self._repository.newest_snapshot(view)
        targets = self._repository.delegators(view)[0]
        wanted = {f"{role}.json": head.meta_file() for role, head in heads.items()}
        wanted["targets.json"] = targets.meta_file()
        meta = _merged(newest.signed.meta if newest else {}, wanted)
        expiring = newest and newest.signed.expires < self._repository.clock() + (
            _SNAPSHOT_LIFETIME / 3
        )
        if newest is None or meta != newest.signed.meta or expiring or beside:
            newest = self._sign_snapshot(view, newest, free, meta, beside)
            if newest is None:
                return None
        elif view.trouble:
            self._repository.put_back(Snapshot.type, newest)
        named = view.timestamp.signed.snapshot_meta if view.timestamp else None
        current = view.timestamp if not view.trouble and named == newest.meta_file() else None
        if current and not renew:
            return current
        return self._sign_timestamp(view, newest, beside)

    def _sign_snapshot(
        self,
        view: View,
        before: Stored[Snapshot] | None,
        version: int,
        meta: Mapping[str, MetaFile],
        beside: Sequence[Signer],
    ) -> Stored[Snapshot] | None:
        snapshot = Snapshot(
            version=version,
            expires=self._repository.clock() + _SNAPSHOT_LIFETIME,
            meta=dict(meta),
            unrecognized_fields={PREVIOUS: before.sha256} if before else {},
        )
        signers = self._repository.keys.signers(view.root.signed, Snapshot.type)
        stored = sign(snapshot, [*signers, *beside], Snapshot.type)
        return stored if self._repository.create(Snapshot.type, stored) else None

    def _sign_timestamp(
        self, view: View, snapshot: Stored[Snapshot], beside: Sequence[Signer]
    ) -> Stored[Timestamp] | None:
        repository = self._repository
        before = view.timestamp
        timestamp = Timestamp(
            version=repository.memory.next_timestamp(self._told_before(view, snapshot)),
            expires=repository.clock() + self._lifetime,
            snapshot_meta=snapshot.meta_file(),
            unrecognized_fields={PREVIOUS: before.sha256} if before else {},
        )
        signers = repository.keys.signers(view.root.signed, Timestamp.type)
        stored = sign(timestamp, [*signers, *beside], Timestamp.type)
        try:
            if view.seen:
                repository.objects.replace(TIMESTAMP_KEY, stored.data, view.seen.etag)
            else:
                repository.objects.create(TIMESTAMP_KEY, stored.data)
        except (AlreadyExistsError, ChangedError):
            return None
        repository.memory.record(Timestamp.type, stored.version, stored.data)
        return stored

    def _told_before(self, view: View, snapshot: Stored[Snapshot]) -> int:
        """A version that no timestamp has exceeded. Where it was lost together with the memory
        of it, the minutes since 1970 are: fewer were signed."""
        if view.timestamp:
            return view.timestamp.version
        known = self._repository.memory.newest(Timestamp.type)
        if known or (view.seen is None and snapshot.version == 1):
            return known
        return int(self._repository.clock().timestamp() // 60)


def _merged(before: Mapping[str, MetaFile], wanted: Mapping[str, MetaFile]) -> dict[str, MetaFile]:
    """The newer of each."""
    merged = deepcopy(dict(before))
    for name, meta in wanted.items():
        if name not in merged or merged[name].version < meta.version:
            merged[name] = meta
    return merged


def turns() -> Iterator[None]:
    """Turns at a write that others may be quicker at, with short, uneven pauses, so that
    writers at once do not keep in step. They end when the time is up."""
    until = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < until:
        yield
        time.sleep(random.uniform(0, _LONGEST_PAUSE_S))
