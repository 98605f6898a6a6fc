"""Replacing keys: in good order without a gap, at once, or after a theft.

All of it needs the offline keys. A rotation lets old and new keys sign beside each other, so
that at no moment a client meets what it cannot verify. A recovery trusts nothing in the root
but what the offline keys signed: what is in force then is what this machine remembers to have
signed, whatever a thief planted or however far he counted ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Delegations, Root, Snapshot, Targets, Timestamp

from smartwatts_ml.errors import NotFoundError, TrustError, UsageError
from smartwatts_ml.store.canonical import format_time
from smartwatts_ml.store.ceremony import (
    MODELS,
    OFFLINE_LIFETIME,
    ONLINE,
    Ceremonies,
    delegated,
)
from smartwatts_ml.store.committing import Committer
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.layout import metadata_key
from smartwatts_ml.store.metadata import Stored, limit_of, parse_metadata, parse_root, sign
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.repository import View

__all__ = ["Recovered", "Rotation"]


@dataclass(frozen=True)
class Recovered:
    """What a recovery did: keys that are trusted now, objects that nobody vouches for and that
    are gone, models whose last known state is in force again."""

    keyids: tuple[str, ...]
    removed: tuple[str, ...]
    models: tuple[str, ...]


class Rotation:
    """Replaces keys of one store."""

    def __init__(
        self, records: Records, ceremonies: Ceremonies, renew: Callable[[], object]
    ) -> None:
        self._records = records
        self._ceremonies = ceremonies
        self._repository = records.repository
        self._keys = records.repository.keys
        self._renew = renew

    def rotate(self, role: str, offline: Sequence[Path], new: tuple[str, Key] | None = None) -> str:
        """Replace the key of snapshot, timestamp or the models without a gap; the id of the
        new one. ``new``: URI and public half of one that is there already. Raises UsageError,
        TrustError where that one does not sign."""
        if role not in ONLINE:
            raise UsageError(f"{role} is not rotated so", fix=f"one of {', '.join(ONLINE)}")
        if new:
            self._keys.signer(*new).check_pair()
        uri, key = new or self._keys.generate(role, self._keys.path / "online")
        self._keys.add_uris({key.keyid: uri})
        if role == MODELS:
            self._ceremonies.change_targets(lambda t: _let_sign(t, [*_keys_of(t), key]), offline)
            self._records.pointing.tell({})
            self._renew()
            self._ceremonies.change_targets(lambda t: _let_sign(t, [key]), offline)
        else:
            beside = self._keys.signer(uri, key)
            self._records.pointing.tell({}, beside=[beside])
            self._change_root(lambda root: _replace_keys(root, role, [key]), offline)
        self._forget_old()
        self._renew()
        return key.keyid

    def revoke(self, keyid: str, offline: Sequence[Path], new_offline: Path) -> str:
        """Trust a key no more, from now on: a new one takes its place; the id of that. Of root
        a threshold of the others has to be here."""
        view = self._records.view()
        root = view.root.signed
        if keyid in root.roles[Root.type].keyids:
            return self._revoke_offline(keyid, offline, new_offline)
        for role in (Snapshot.type, Timestamp.type):
            if keyid in root.roles[role].keyids:
                return self.rotate(role, offline)
        targets = self._repository.delegators(view)[0].signed
        if targets.delegations and keyid in targets.delegations.keys:
            return self.rotate(MODELS, offline)
        raise NotFoundError(f"no role has a key {keyid}", fix="`smartwatts keys list`")

    def renew_offline(self, offline: Sequence[Path]) -> str:
        """Sign root and targets again, for two more years; until when."""
        self._ceremonies.change_targets(lambda targets: True, offline)
        self._change_root(lambda root: None, offline)
        self._renew()
        return format_time(self._records.view().root.signed.expires)

    def recover(self, offline: Sequence[Path]) -> Recovered:
        """New keys for all that is signed online; what nobody vouches for is removed; what
        this machine signed last is in force again. Raises TrustError where it remembers
        nothing: what a thief may have written is not taken at its word."""
        if not self._keys.memory.newest(Snapshot.type):
            raise TrustError(
                f"{self._keys.path} remembers nothing that was signed",
                fix="restore a copy of the key folder",
            )
        made = {role: self._keys.generate(role, self._keys.path / "online") for role in ONLINE}
        self._keys.add_uris({key.keyid: uri for uri, key in made.values()})
        self._restore_offline()
        view = self._offline_view()
        targets = self._new_targets(view, made[MODELS][1], offline)
        self._change_root(
            lambda root: _replace_online(root, made[Snapshot.type][1], made[Timestamp.type][1]),
            offline,
        )
        removed = self._remove_planted(targets)
        heads = {
            model: again.stored
            for model in delegated(targets)
            if (again := self._sign_remembered(model, targets))
        }
        self._records.pointing.tell(heads)
        self._forget_old()
        return Recovered(tuple(key.keyid for _, key in made.values()), tuple(removed), tuple(heads))

    def _revoke_offline(self, keyid: str, offline: Sequence[Path], folder: Path) -> str:
        number = len(self._records.view().root.signed.roles[Root.type].keyids)
        _, key = self._keys.generate(f"root-{number}", folder)
        places = [*offline, folder]
        beside = self._keys.signers_in(places, [key.keyid])
        # Before root says so: what old and new keys signed verifies on both sides of it.
        self._ceremonies.change_targets(lambda targets: True, places, beside=beside)
        self._records.pointing.tell({})

        def change(root: Root) -> None:
            for role in (Root.type, Targets.type):
                root.revoke_key(keyid, role)
                root.add_key(key, role)

        self._change_root(change, places)
        self._renew()
        return key.keyid

    def _change_root(self, change: Callable[[Root], object], offline: Sequence[Path]) -> None:
        """Sign the next root by the keys of this one and by its own."""
        before = self._repository.root()
        if before is None:
            raise TrustError("the store has no root", fix="`smartwatts keys init`")
        root = deepcopy(before.signed)
        change(root)
        root.version += 1
        root.expires = self._repository.clock() + OFFLINE_LIFETIME
        signers: dict[str, Signer] = {}
        for delegator in (before.signed, root):
            for signer in self._keys.signers(delegator, Root.type, offline):
                signers[signer.public_key.keyid] = signer
        stored: Stored[Root] = sign(root, signers.values(), Root.type)
        parse_root(stored.data, before, "the new root")
        key = metadata_key(Root.type, stored.version)
        if not self._repository.create(Root.type, stored):
            raise TrustError(
                f"{self._repository.objects.uri(key)} is there already",
                fix="remove it if no offline key signed it",
            )
        self._keys.write(self._keys.root_path, stored.data)
        self._repository.forget_root()

    def _forget_old(self) -> None:
        """Keys that no role has any more."""
        view = self._records.view()
        held = list(view.root.signed.keys)
        for targets in self._repository.delegators(view)[:1]:
            held += list(targets.signed.delegations.keys if targets.signed.delegations else {})
        self._keys.keep_uris(held)

    def _restore_offline(self) -> None:
        """Put back roots and targets that were taken out of the bucket."""
        for role in (Root.type, Targets.type):
            for version in self._keys.memory.versions(role):
                key, data = metadata_key(role, version), self._keys.memory.read(role, version)
                try:
                    there = self._repository.objects.read(key, limit_of(role)).data
                except (NotFoundError, TrustError):
                    there = b""
                if there != data:
                    self._repository.objects.write(key, data)

    def _offline_view(self) -> View:
        """The store without anything that online keys signed."""
        root = self._repository.root()
        if root is None:
            raise TrustError("the store has no root", fix="`smartwatts keys init`")
        return View(root, None, None, None)

    def _new_targets(self, view: View, key: Key, offline: Sequence[Path]) -> Targets:
        """Targets by which nothing but a new key signs models."""
        self._ceremonies.change_targets(lambda t: _let_sign(t, [key]), offline, view=view)
        newest = self._repository.delegators(self._offline_view())[0]
        return newest.signed

    def _remove_planted(self, targets: Targets) -> list[str]:
        """Restore what is remembered, and remove whatever comes after it."""
        memory, objects = self._keys.memory, self._repository.objects
        removed = []
        for role in (*delegated(targets), Snapshot.type):
            for version in self._repository.listed(role):
                if version > memory.newest(role):
                    objects.delete(metadata_key(role, version))
                    removed.append(metadata_key(role, version))
        for model in delegated(targets):
            for version in memory.versions(model):
                key, data = metadata_key(model, version), memory.read(model, version)
                try:
                    there = objects.read(key, limit_of(model)).data
                except (NotFoundError, TrustError):
                    there = b""
                if there != data:
                    objects.write(key, data)
                    removed.append(key)
        return removed

    def _sign_remembered(self, model: str, targets: Targets) -> Commit | None:
        """What was signed here last, signed by the new key."""
        data = self._keys.memory.last(model)
        if data is None:
            return None
        head = self._records.history.commit_of(model, parse_metadata(data, Targets, model))
        again = Committer(self._records).sign_again(head, targets)
        if again is None:
            raise TrustError(
                f"somebody else still writes {model}", fix="replace the S3 credentials"
            )
        return again


def _keys_of(targets: Targets) -> list[Key]:
    return list(targets.delegations.keys.values()) if targets.delegations else []


def _let_sign(targets: Targets, keys: Sequence[Key]) -> bool:
    """Let these keys and no others sign every model."""
    delegations = targets.delegations
    if delegations is None or delegations.roles is None:
        raise TrustError("the targets metadata delegate nothing")
    for role in delegations.roles.values():
        role.keyids = [key.keyid for key in keys]
    targets.delegations = Delegations({key.keyid: key for key in keys}, delegations.roles)
    return True


def _replace_keys(root: Root, role: str, keys: Sequence[Key]) -> None:
    for keyid in list(root.roles[role].keyids):
        root.revoke_key(keyid, role)
    for key in keys:
        root.add_key(key, role)


def _replace_online(root: Root, snapshot: Key, timestamp: Key) -> None:
    _replace_keys(root, Snapshot.type, [snapshot])
    _replace_keys(root, Timestamp.type, [timestamp])
