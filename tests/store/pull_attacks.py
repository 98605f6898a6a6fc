"""What can be done to a repository as a whole, and to its keys."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

from securesystemslib.signer import CryptoSigner

from tests.store.pull_lab import DONE, METADATA, TRUST, Case, Lab, file_of, next_root
from tests.store.tuf_repository import Repository, sha256, time_text

__all__ = ["attacks", "key_changes"]


def _old_timestamp(lab: Lab) -> None:
    data = (lab.old.metadata / "timestamp.json").read_bytes()
    (lab.repository.metadata / "timestamp.json").write_bytes(data)


def _older_than_pulled(role: str, lab: Lab) -> None:
    """What is above goes on, and names an older version of something."""
    repository = lab.repository
    above = "timestamp" if role == "snapshot" else "snapshot"
    data = (repository.metadata / f"1.{role}.json").read_bytes()
    meta = {"version": 1, "length": len(data), "hashes": {"sha256": sha256(data)}}
    repository.signed[above]["meta"][f"{role}.json"] = meta
    if above == "snapshot":
        repository.next("snapshot")
        repository.name("snapshot")
    repository.next("timestamp")


def _frozen(role: str, lab: Lab) -> None:
    lab.repository.signed[role]["expires"] = time_text(seconds=-5)
    if role == "root":
        lab.repository.next("root")
    else:
        lab.repository.rewrite(role)


def _name_above(role: str, lab: Lab) -> None:
    """Let next versions of what is above name a role."""
    if role == "timestamp":
        return
    lab.repository.name(role)
    if role != "snapshot":
        lab.repository.next("snapshot")
        lab.repository.name("snapshot")
    lab.repository.next("timestamp")


def _fast_forward(role: str, lab: Lab) -> None:
    lab.repository.signed[role]["version"] = 10**9
    lab.repository.write(role)
    _name_above(role, lab)


def _fork(role: str, lab: Lab) -> None:
    """Another one of the version that the client has."""
    lab.repository.signed[role]["other"] = "history"
    lab.repository.write(role)
    _name_above(role, lab)


def _successor(role: str, lab: Lab) -> None:
    """The next of what the client has names another predecessor."""
    lab.repository.next(role)
    lab.repository.signed[role]["previous_sha256"] = "0" * 64
    lab.repository.write(role)
    _name_above(role, lab)


def _wrong_keys(role: str, lab: Lab) -> None:
    lab.repository.signers[role] = [CryptoSigner.generate_ed25519()]
    lab.repository.rewrite(role)


def _key_of_another(role: str, lab: Lab) -> None:
    """One role's key signs for another one."""
    other = {"timestamp": "snapshot", "snapshot": "timestamp", "targets": "nilm", "nilm": "anomaly"}
    lab.repository.signers[role] = lab.repository.signers[other[role]]
    lab.repository.rewrite(role)


def _two_of_three(role: str, signing: int, lab: Lab) -> None:
    repository = lab.repository
    signers = [CryptoSigner.generate_ed25519() for _ in range(3)]
    repository.keys_of(role, signers, threshold=2)
    if role == "root":
        return _next_root_of(lab, [*lab.old.signers["root"], *signers[:signing]])
    if role == "nilm":
        repository.commit("targets")
    else:
        repository.next("root")
    repository.signers[role] = list(signers[:signing])
    return repository.rewrite(role)


def _next_root_of(lab: Lab, signers: list[Any]) -> None:
    lab.repository.signed["root"]["version"] = 2
    data = lab.repository.sealed(lab.repository.signed["root"], signers)
    next_root(lab).write_bytes(data)


def _new_key(role: str, lab: Lab) -> None:
    """A rotation as it should be."""
    lab.repository.keys_of(role, [CryptoSigner.generate_ed25519()])
    if role == "root":
        return _next_root_of(lab, [*lab.old.signers["root"], *lab.repository.signers["root"]])
    if role == "nilm":
        return lab.repository.commit("targets", "nilm")
    lab.repository.next("root")
    return lab.repository.commit("targets")


def _root_by(which: str, lab: Lab) -> None:
    old = lab.old.signers["root"]
    lab.repository.keys_of("root", [CryptoSigner.generate_ed25519()])
    new = lab.repository.signers["root"]
    _next_root_of(lab, {"old": old, "new": new, "both": [*old, *new]}[which])


def _root_skips(lab: Lab) -> None:
    """Without the second, the third is not found: the first is the newest."""
    lab.repository.next("root")
    lab.repository.next("root")
    next_root(lab).unlink()


def _many_roots(lab: Lab) -> None:
    for _ in range(20):
        lab.repository.next("root")


def _two_ids(role: str, lab: Lab) -> None:
    """One key counts once, under however many ids."""
    repository = lab.repository
    signer = repository.signers[role][0]
    keyid, key = signer.public_key.keyid, signer.public_key.to_dict()
    if role == "nilm":
        above = repository.signed["targets"]["delegations"]
        entry = above["roles"][0]
    else:
        above = repository.signed["root"]
        entry = above["roles"][role]
    above["keys"]["other"] = key
    entry.update({"keyids": [keyid, "other"], "threshold": 2})
    if role == "nilm":
        repository.commit("targets")
    else:
        repository.next("root")
    document = json.loads(repository.data[role])
    document["signatures"].append({**document["signatures"][0], "keyid": "other"})
    repository.path(role).write_bytes(json.dumps(document).encode())


def _signed_with(generate: Callable[[], CryptoSigner], lab: Lab) -> None:
    """All roles but root by keys of another type."""
    repository = lab.repository
    for role in ("timestamp", "snapshot", "targets", "nilm", "anomaly"):
        repository.keys_of(role, [generate()])
    repository.next("root")
    repository.commit("targets", "nilm", "anomaly")


def _recovered(lab: Lab) -> None:
    """A thief counted far; new keys of snapshot, timestamp and the model begin anew."""
    repository = lab.repository
    for role in ("timestamp", "snapshot", "nilm"):
        repository.keys_of(role, [CryptoSigner.generate_ed25519()])
        repository.signed[role]["version"] = 1
        repository.signed[role].pop("previous_sha256", None)
    repository.next("root")
    repository.next("targets")
    repository.name("targets")
    repository.write("nilm")
    repository.name("nilm")
    repository.write("snapshot")
    repository.name("snapshot")
    repository.write("timestamp")


def _mixed(lab: Lab) -> None:
    """The file of one version, the manifest of another."""
    data = file_of("nilm_v1.json", lab).read_bytes()
    file_of("nilm_v2.json", lab).write_bytes(data)


def _no_model(lab: Lab) -> None:
    """Signed and whole, and no model."""
    data = b"<html>no such page</html>"
    lab.repository.place("nilm/nilm_v2.tflite", data)
    entry = lab.repository.signed["nilm"]["targets"]["nilm/nilm_v2.tflite"]
    entry.update(Repository.target(data))
    lab.repository.rewrite("nilm")


def attacks() -> Iterator[Case]:
    """On the whole: old, frozen, forked, signed by others, or mixed."""
    part = functools.partial
    yield Case("an old timestamp", _old_timestamp, TRUST, before="new")
    yield Case("an old timestamp, at first", _old_timestamp, DONE, "one", before="")
    for role in ("snapshot", "targets", "nilm"):
        yield Case(f"{role} older than pulled", part(_older_than_pulled, role), TRUST, before="new")
    for role in (*METADATA, "root"):
        yield Case(f"{role} expired", part(_frozen, role), TRUST)
    for role in METADATA:
        yield Case(f"{role} counts far", part(_fast_forward, role), DONE, "two")
        yield Case(f"{role} forked", part(_fork, role), TRUST, before="new")
        yield Case(f"{role} follows another", part(_successor, role), TRUST, before="new")
        yield Case(f"{role} signed by nobody known", part(_wrong_keys, role), TRUST)
        yield Case(f"{role} signed by another role", part(_key_of_another, role), TRUST)
    yield Case("mixed versions", _mixed, TRUST)
    yield Case("no model", _no_model, TRUST)


def key_changes() -> Iterator[Case]:
    """Rotations, thresholds, types of keys."""
    part = functools.partial
    for role in METADATA:
        yield Case(f"{role} with a new key", part(_new_key, role), DONE, "two")
    for role in ("timestamp", "snapshot", "nilm", "root"):
        yield Case(f"{role} by two of three", part(_two_of_three, role, 2), DONE, "two")
        yield Case(f"{role} by one of three, two due", part(_two_of_three, role, 1), TRUST)
    for role in ("timestamp", "snapshot", "nilm"):
        yield Case(f"{role}: one key, two ids", part(_two_ids, role), TRUST)
    yield Case("root rotated", part(_root_by, "both"), DONE, "two")
    yield Case("root rotated, by the old alone", part(_root_by, "old"), TRUST)
    yield Case("root rotated, by the new alone", part(_root_by, "new"), TRUST)
    yield Case("root with a gap", _root_skips, DONE, "two")
    yield Case("twenty roots", _many_roots, DONE, "two")
    yield Case("recovered after a theft", _recovered, DONE, "two", before="new")
    yield Case("signed with ECDSA", part(_signed_with, CryptoSigner.generate_ecdsa), DONE, "two")
    yield Case("signed with RSA", part(_signed_with, CryptoSigner.generate_rsa), DONE, "two")
