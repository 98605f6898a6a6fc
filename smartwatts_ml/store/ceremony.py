"""The ceremony: the keys of a new store, its first root, and who may sign which model.

Root and targets are signed by the same offline keys, ``threshold`` of them; snapshot,
timestamp and the models by keys that are at hand where models are published. Everything is
written on this machine first, and then created in the root; run again after a crash, it
completes that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import DelegatedRole, Delegations, Root, Snapshot, Targets, Timestamp

from smartwatts_ml.errors import AlreadyExistsError, NotFoundError, TrustError, UsageError
from smartwatts_ml.names import check_model
from smartwatts_ml.pulling.layout import PREVIOUS
from smartwatts_ml.store.keys import NO_KEYS, KeyFolder
from smartwatts_ml.store.layout import metadata_key
from smartwatts_ml.store.metadata import Stored, limit_of, sign
from smartwatts_ml.store.pointing import turns
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.repository import View

__all__ = ["Ceremony", "MODELS", "ONLINE", "OFFLINE_LIFETIME", "Ceremonies", "delegated"]

MODELS: Final = "models"
"""Names the key of all models' roles."""
ONLINE: Final = (Snapshot.type, Timestamp.type, MODELS)
OFFLINE_LIFETIME: Final = timedelta(days=730)
"""Of root and targets: so long until somebody has to fetch the offline keys."""
_MOST_KEYS = 20


@dataclass(frozen=True)
class Ceremony:
    """What was made. ``offline``: private keys of root, to be taken away from this machine;
    ``root``: what whoever pulls has to trust."""

    threshold: int
    keyids: tuple[str, ...]
    offline: tuple[Path, ...]
    root: Path
    models: tuple[str, ...]


class Ceremonies:
    """Holds ceremonies for one store."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._repository = records.repository
        self._keys: KeyFolder = records.repository.keys

    def init(
        self,
        models: Sequence[str],
        *,
        threshold: int = 1,
        count: int = 1,
        offline: Path | None = None,
        online: Mapping[str, tuple[str, Key]] | None = None,
    ) -> Ceremony:
        """Make the keys of a new store and its first metadata. ``offline``: folder for the
        private keys of root (default: in the key folder); ``online``: URI and public key of
        keys that are there already, by role. Raises UsageError where there are keys."""
        if not 1 <= threshold <= count <= _MOST_KEYS:
            raise UsageError(f"cannot demand {threshold} of {count} keys")
        with self._keys.locked():
            if self._keys.root_path.exists():
                raise UsageError(
                    f"{self._keys.path} has keys already", fix="`smartwatts keys list` shows them"
                )
            self._check_new()
            made = self._make(models, threshold, count, offline or self._keys.offline_path, online)
        self.complete()
        return made

    def complete(self) -> None:
        """Create in the root what the ceremony wrote here."""
        for role, version in ((Root.type, 1), (Targets.type, 1)):
            if version not in self._keys.memory.versions(role):
                continue
            data, key = self._keys.memory.read(role, version), metadata_key(role, version)
            try:
                self._repository.objects.create(key, data)
            except AlreadyExistsError as error:
                if self._repository.objects.read(key, limit_of(role)).data != data:
                    raise TrustError(
                        f"{self._repository.objects.uri(key)} is of another ceremony",
                        fix="another --root, or the keys of that store",
                    ) from error
        self._records.pointing.tell({})

    def is_complete(self) -> bool:
        """Whether the root has what the ceremony wrote here."""
        return self._repository.objects.exists(metadata_key(Root.type, 1))

    def make_ready(self, model: str) -> bool:
        """Whether the keys of a new store had to be made before a model is published. A store
        in a directory gets its keys, one of each, by itself; one in a bucket needs the
        ceremony. Where root's keys still lie here, a model that is new is added."""
        made = False
        if self._keys.is_empty() and not self.is_complete():
            if self._repository.objects.url.startswith("s3:"):
                raise TrustError(f"{self._repository.objects.url} has no keys yet", fix=NO_KEYS)
            try:
                self.init([model])
                made = True
            except UsageError:  # another process was quicker
                made = False
        elif not self._keys.memory.newest(Timestamp.type):
            self.complete()
        if self._keys.offline_path.is_dir():
            self.add_models([model], [self._keys.offline_path])
        return made

    def add_models(self, models: Sequence[str], offline: Sequence[Path]) -> tuple[str, ...]:
        """Let the models' keys sign more models; those that are new. Needs the offline keys."""

        def change(targets: Targets) -> bool:
            new = [model for model in models if model not in delegated(targets)]
            _add_roles(targets, new, _keys_of_models(targets))
            return bool(new)

        before = self.change_targets(change, offline)
        self._records.pointing.tell({})
        return tuple(model for model in models if model not in delegated(before))

    def change_targets(
        self,
        change: Callable[[Targets], bool],
        offline: Sequence[Path],
        *,
        beside: Sequence[Signer] = (),
        view: View | None = None,
    ) -> Targets:
        """Sign new targets metadata with the offline keys, unless ``change`` says that nothing
        is to change; the metadata before. Clients are not told yet. ``beside``: keys that
        sign too; ``view``: what to start from instead of what clients are told."""
        for _ in turns():
            now = view or self._records.view()
            before = self._repository.delegators(now)[0]
            targets = deepcopy(before.signed)
            if not change(targets):
                return before.signed
            targets.version += 1
            targets.expires = self._repository.clock() + OFFLINE_LIFETIME
            targets.unrecognized_fields[PREVIOUS] = before.sha256
            signers = (*self._keys.signers(now.root.signed, Targets.type, offline), *beside)
            if self._repository.create(Targets.type, sign(targets, signers, Targets.type)):
                return before.signed
        raise TrustError("others change the targets without a pause")

    def _check_new(self) -> None:
        try:
            self._repository.objects.read(metadata_key(Root.type, 1), limit_of(Root.type))
        except NotFoundError:
            return
        raise TrustError(
            f"{self._repository.objects.url} has a store already, whose keys are not here",
            fix="`smartwatts keys trust root.json` with its root, or another --root",
        )

    def _make(
        self,
        models: Sequence[str],
        threshold: int,
        count: int,
        offline: Path,
        online: Mapping[str, tuple[str, Key]] | None,
    ) -> Ceremony:
        roots = [self._keys.generate(f"root-{n}", offline) for n in range(1, count + 1)]
        at_hand = dict(online or {})
        for role in ONLINE:
            if role not in at_hand:
                at_hand[role] = self._keys.generate(role, self._keys.path / "online")
        root = _first_root(roots, threshold, at_hand, self._repository.clock() + OFFLINE_LIFETIME)
        targets = Targets(
            expires=self._repository.clock() + OFFLINE_LIFETIME,
            delegations=Delegations({}, {}),
        )
        _add_roles(targets, models, [at_hand[MODELS][1]])
        signers = self._keys.signers(root, Root.type, [offline])
        signed_root: Stored[Root] = sign(root, signers, Root.type)
        signed_targets: Stored[Targets] = sign(targets, signers, Targets.type)
        self._keys.add_uris({key.keyid: uri for uri, key in at_hand.values()})
        self._keys.memory.record(Targets.type, 1, signed_targets.data)
        self._keys.memory.record(Root.type, 1, signed_root.data)
        self._keys.write(self._keys.root_path, signed_root.data)
        return Ceremony(
            threshold,
            tuple(key.keyid for _, key in roots),
            tuple(self._keys.path / uri.partition(":")[2] for uri, _ in roots),
            self._keys.root_path,
            tuple(models),
        )


def delegated(targets: Targets) -> tuple[str, ...]:
    """The models that may be published."""
    roles = (targets.delegations.roles if targets.delegations else None) or {}
    return tuple(sorted(roles))


def _first_root(
    roots: Sequence[tuple[str, Key]],
    threshold: int,
    online: Mapping[str, tuple[str, Key]],
    expires: datetime,
) -> Root:
    root = Root(expires=expires, consistent_snapshot=True)
    for _, key in roots:
        root.add_key(key, Root.type)
        root.add_key(key, Targets.type)
    root.roles[Root.type].threshold = root.roles[Targets.type].threshold = threshold
    for role in (Snapshot.type, Timestamp.type):
        root.add_key(online[role][1], role)
    return root


def _keys_of_models(targets: Targets) -> list[Key]:
    """Every key that may sign a model."""
    return list(targets.delegations.keys.values()) if targets.delegations else []


def _add_roles(targets: Targets, models: Sequence[str], keys: Sequence[Key]) -> None:
    delegations = targets.delegations
    if delegations is None or delegations.roles is None:
        raise TrustError("the targets metadata delegate nothing")
    for model in models:
        delegations.roles[check_model(model)] = DelegatedRole(
            model, [key.keyid for key in keys], 1, terminating=True, paths=[f"{model}/*"]
        )
    for key in keys:
        delegations.keys[key.keyid] = key
