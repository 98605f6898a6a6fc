"""Who may sign what, for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tuf.api.metadata import Root, Targets

from smartwatts_ml.errors import UsageError
from smartwatts_ml.store.canonical import format_time
from smartwatts_ml.store.ceremony import MODELS
from smartwatts_ml.store.store import Store

__all__ = ["RoleKey", "full_keyid", "role_keys"]


@dataclass(frozen=True)
class RoleKey:
    """A key of a role. ``threshold``: so many of the role's have to sign; ``expires``: of what
    says so; ``here``: whether this machine can use it."""

    role: str
    keyid: str
    threshold: int
    expires: str
    here: bool


def role_keys(store: Store) -> list[RoleKey]:
    """The keys of all roles; those of models as one, where they are the same for all."""
    root, targets = store.metadata()
    return list(_rows(store, root, targets)) if root and targets else []


def full_keyid(store: Store, start: str) -> str:
    """The one key id that starts so. Raises UsageError where there are none or some."""
    keyids = {row.keyid for row in role_keys(store) if row.keyid.startswith(start)}
    if len(keyids) != 1:
        raise UsageError(
            f"{len(keyids)} keys have an id that starts so", fix="`smartwatts keys list`"
        )
    return keyids.pop()


def _rows(store: Store, root: Root, targets: Targets) -> Iterator[RoleKey]:
    held = store.keys.uris()
    for name, role in root.roles.items():
        for keyid in role.keyids:
            yield RoleKey(name, keyid, role.threshold, format_time(root.expires), keyid in held)
    if targets.delegations is None or targets.delegations.roles is None:
        return
    by_keys: dict[tuple[str, ...], list[str]] = {}
    for name, delegated in targets.delegations.roles.items():
        by_keys.setdefault(tuple(delegated.keyids), []).append(name)
    for keyids, names in by_keys.items():
        name = MODELS if len(by_keys) == 1 else ", ".join(names)
        for keyid in keyids:
            yield RoleKey(name, keyid, 1, format_time(targets.expires), keyid in held)
