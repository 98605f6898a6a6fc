"""A table of what a repository, a server or a folder can do to a client, and how a pull has to end.

Each case changes a copy of a repository in which ``nilm`` has two versions, the first of which the
client may have pulled before. Both pullers run the table: ``test_pull_cases.py``.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from tests.store.tuf_repository import Repository, sha256, time_text

__all__ = ["Case", "Lab", "cases"]

DONE, USE, THERE, TRUST = 0, 2, 3, 4


@dataclass
class Lab:
    """What a case may change: the repository, the client's folder, and what it is asked for."""

    repository: Repository
    old: Repository
    """As it was when the client pulled."""
    folder: Path
    pinned: Path
    models: list[str] = field(default_factory=lambda: ["nilm"])
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """``code``: the exit code; ``text``: what lies in ``nilm.tflite`` afterwards, None where it is
    as it was; ``before``: what the client pulled before: nothing, the old or the new repository."""

    name: str
    change: Callable[[Lab], None]
    code: int
    text: str | None = None
    before: str = "old"


# Bytes that somebody without a key can put there


def _flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def _unsigned(data: bytes) -> bytes:
    return json.dumps({**json.loads(data), "signatures": []}).encode()


def _strange(data: bytes) -> bytes:
    signed = json.loads(data)["signed"]
    return Repository.sealed(signed, [CryptoSigner.generate_ed25519()])


def _forged_ids(data: bytes) -> bytes:
    """Of another key, under the id of the right one."""
    document = json.loads(data)
    forged = json.loads(_strange(data))["signatures"][0]["sig"]
    for signature in document["signatures"]:
        signature["sig"] = forged
    return json.dumps(document).encode()


def _changed(data: bytes) -> bytes:
    document = json.loads(data)
    document["signed"]["version"] += 1
    return json.dumps(document).encode()


def _name_twice(data: bytes) -> bytes:
    return b'{"signed":{},' + data[1:]


def _sig_twice(data: bytes) -> bytes:
    document = json.loads(data)
    document["signatures"] *= 2
    return json.dumps(document).encode()


def _deep_beside(data: bytes) -> bytes:
    return data[:-1] + b',"deep":' + b"[" * 70 + b"]" * 70 + b"}"


JSON_TAMPERINGS: dict[str, Callable[[bytes], bytes]] = {
    "unsigned": _unsigned,
    "signed by a stranger": _strange,
    "signed by a stranger under the id": _forged_ids,
    "another version": _changed,
    "a name twice": _name_twice,
    "a signature twice": _sig_twice,
    "deep beside what is signed": _deep_beside,
    "a float beside": lambda data: data[:-1] + b',"x":1.5}',
    "NaN beside": lambda data: data[:-1] + b',"x":NaN}',
    "a huge number beside": lambda data: data[:-1] + b',"x":' + b"9" * 5000 + b"}",
    "half a character beside": lambda data: data[:-1] + b',"x":"\\ud800"}',
    "a control character": lambda data: data[:-1] + b',"x":"\x1b"}',
}
TAMPERINGS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "a bit": _flip,
    "more": lambda data: data + b"x",
    "noise": lambda data: random.Random(1).randbytes(len(data)),
    "null": lambda data: b"null",
    "a list": lambda data: b"[]",
    "an object": lambda data: b"{}",
    "deep": lambda data: b"[" * 40_000,
    "deep objects": lambda data: b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "endless": lambda data: b" " * 3_000_000,
    "not UTF-8": lambda data: b"\xff" + data,
    "a mark of UTF-8": lambda data: b"\xef\xbb\xbf" + data,
}
METADATA = ("timestamp", "snapshot", "targets", "nilm")


def _replace(make: Callable[[bytes], bytes], path: Callable[[Lab], Path], lab: Lab) -> None:
    file = path(lab)
    file.write_bytes(make(file.read_bytes()))


def _newest(role: str, lab: Lab) -> Path:
    return lab.repository.path(role)


def _file(name: str, lab: Lab) -> Path:
    return lab.repository.root / "models/nilm" / name


def _next_root(lab: Lab) -> Path:
    return lab.repository.metadata / "2.root.json"


def _with_next_root(make: Callable[[bytes], bytes], lab: Lab) -> None:
    lab.repository.next("root")
    _replace(make, _next_root, lab)


def _tampered() -> Iterator[Case]:
    every = TAMPERINGS | JSON_TAMPERINGS
    for role in METADATA:
        path = functools.partial(_newest, role)
        for name, make in every.items():
            yield Case(f"{role}: {name}", functools.partial(_replace, make, path), TRUST)
    for name, make in every.items():
        yield Case(f"root: {name}", functools.partial(_with_next_root, make), TRUST)
    for file in ("nilm_v2.tflite", "nilm_v2.json"):
        path = functools.partial(_file, file)
        for name, make in TAMPERINGS.items():
            yield Case(f"{file}: {name}", functools.partial(_replace, make, path), TRUST)


def _remove(path: Callable[[Lab], Path], lab: Lab) -> None:
    path(lab).unlink()


def _folder_instead(path: Callable[[Lab], Path], lab: Lab) -> None:
    path(lab).unlink()
    path(lab).mkdir()


def _pipe_instead(path: Callable[[Lab], Path], lab: Lab) -> None:
    path(lab).unlink()
    os.mkfifo(path(lab))


def _gone() -> Iterator[Case]:
    paths = {role: functools.partial(_newest, role) for role in METADATA}
    paths |= {name: functools.partial(_file, name) for name in ("nilm_v2.tflite", "nilm_v2.json")}
    for name, path in paths.items():
        for word, change in (
            ("gone", _remove),
            ("a folder", _folder_instead),
            ("a pipe", _pipe_instead),
        ):
            yield Case(f"{name}: {word}", functools.partial(change, path), TRUST)


# What holders of keys can do, by mistake or after a theft: forms


def _change(fields: Any, at: str, value: Any) -> None:
    """Change a field; ``at`` is a path of names with ``~`` for a slash inside of one, and ``-``
    before the last to remove it."""
    *above, last = (part.replace("~", "/") for part in at.split("/"))
    for name in above:
        if isinstance(fields, dict):
            fields.setdefault(name, {})
        fields = fields[int(name)] if isinstance(fields, list) else fields[name]
    if last.startswith("-"):
        del fields[last[1:]]
    else:
        fields[last] = value


COMMON_FORMS: list[tuple[str, Any]] = [
    ("_type", "mirrors"),
    ("-_type", None),
    ("version", 0),
    ("version", -1),
    ("version", True),
    ("version", "2"),
    ("version", 10**9 + 1),
    ("-version", None),
    ("expires", "2999-02-30T00:00:00Z"),
    ("expires", "2999-01-01T24:00:00Z"),
    ("expires", "2999-1-1T0:0:0Z"),
    ("expires", "2999-01-01T00:00:00+00:00"),
    ("expires", "0000-01-01T00:00:00Z"),
    ("expires", 9999999999),
    ("-expires", None),
    ("spec_version", "2.0.0"),
    ("spec_version", "1"),
    ("spec_version", "1.0.x"),
    ("spec_version", 1),
    ("-spec_version", None),
    ("x", 2**53),
]
FORMS: dict[str, list[tuple[str, Any]]] = {
    "timestamp": [
        ("meta", {}),
        ("meta", []),
        ("meta/other.json", {"version": 1}),
        ("meta/snapshot.json/version", 0),
        ("meta/snapshot.json/length", -1),
        ("meta/snapshot.json/length", None),
        ("meta/snapshot.json/length", "9"),
        ("meta/snapshot.json/hashes", {}),
        ("meta/snapshot.json/hashes", None),
        ("meta/snapshot.json/hashes", {"md5": "0" * 32}),
        ("meta/snapshot.json/hashes", {"sha256": 7}),
        ("meta/snapshot.json/hashes", {"sha256": "0" * 64}),
        ("meta/snapshot.json/length", 5),
        ("expires", "9999-12-31T23:59:59Z"),
    ],
    "snapshot": [
        ("meta/nilm.json", {}),
        ("meta/nilm.json/version", "2"),
        ("meta/nilm.json/version", 10**9 + 1),
        ("meta/nilm.json/length", True),
        ("meta/nilm.json/length", 7),
        ("meta/nilm.json/hashes", {"sha256": "0" * 64}),
        ("meta/-targets.json", None),
        ("meta/-anomaly.json", None),
        ("meta/-nilm.json", None),
        ("meta/anomaly.json", 1),
    ],
    "targets": [
        ("targets", []),
        ("delegations", None),
        ("delegations", {}),
        ("delegations/roles", {}),
        ("delegations/-keys", None),
        ("delegations/succinct_roles", {"bit_length": 1}),
        ("delegations/roles/0/name", "root"),
        ("delegations/roles/0/name", ""),
        ("delegations/roles/0/name", "anomaly"),
        ("delegations/roles/0/threshold", 0),
        ("delegations/roles/0/threshold", "1"),
        ("delegations/roles/0/threshold", 2),
        ("delegations/roles/0/keyids", "abc"),
        ("delegations/roles/0/keyids", []),
        ("delegations/roles/0/keyids", ["a", "a"]),
        ("delegations/roles/0/terminating", 1),
        ("delegations/roles/0/-terminating", None),
        ("delegations/roles/0/paths", ["anomaly/*"]),
        ("delegations/roles/0/paths", ["nilm/[n]*"]),
        ("delegations/roles/0/paths", ["*"]),
        ("delegations/roles/0/paths", [1]),
        ("delegations/roles/0/paths", None),
        ("delegations/roles/0/-paths", None),
        ("delegations/roles/0/path_hash_prefixes", ["00"]),
        ("targets", {"x": {"length": 1}}),
        ("targets", {"x": {"length": 1, "hashes": {}}}),
        ("targets", {"x": {"length": -1, "hashes": {"sha256": "00"}}}),
        ("targets", {"x": {"length": 1, "hashes": {"sha1": "00"}}}),
    ],
    "nilm": [
        ("targets", {}),
        ("targets/nilm/nilm_v2.tflite", {}),
        ("targets/nilm~nilm_v2.tflite/custom/version", 3),
        ("targets/nilm~nilm_v2.tflite/custom/version", "2"),
        ("targets/nilm~nilm_v2.tflite/custom/version", True),
        ("targets/nilm~nilm_v2.tflite/-custom", None),
        ("targets/nilm~nilm_v2.tflite/custom", 5),
        ("targets/nilm~nilm_v2.tflite/length", 1),
        ("targets/nilm~nilm_v2.tflite/length", 2**40),
        ("targets/nilm~nilm_v2.tflite/hashes", {"sha256": "0" * 64}),
        ("targets/nilm~nilm_v2.tflite/hashes", {"sha256": "0" * 64, "sha512": "0" * 128}),
        ("targets/nilm~nilm_v2.json/length", 2**21),
        ("targets/-nilm~nilm_v2.json", None),
        ("targets/-nilm~nilm_v2.tflite", None),
        ("targets/nilm~nilm_v3.tflite", {"length": 1, "hashes": {"sha256": "00"}}),
        ("targets/anomaly~nilm_v3.tflite", {"length": 1, "hashes": {"sha256": "00"}}),
        ("targets/nilm~..~..~evil.tflite", {"length": 1, "hashes": {"sha256": "00"}}),
    ],
}


def _set(role: str, at: str, value: Any, lab: Lab) -> None:
    number = lab.repository.signed[role]["version"]
    _change(lab.repository.signed[role], at, value)
    lab.repository.rewrite(role, number)


def _forms() -> Iterator[Case]:
    for role in METADATA:
        for at, value in COMMON_FORMS + FORMS[role]:
            change = functools.partial(_set, role, at, value)
            yield Case(f"{role}: {at} = {value!r}", change, TRUST)


def _root_form(at: str, value: Any, lab: Lab) -> None:
    repository = lab.repository
    repository.signed["root"]["version"] = 2
    _change(repository.signed["root"], at, value)
    repository.data["root"] = repository.sealed(
        repository.signed["root"], repository.signers["root"]
    )
    _next_root(lab).write_bytes(repository.data["root"])


ROOT_FORMS: list[tuple[str, Any]] = [
    *(form for form in COMMON_FORMS if form[0] not in ("version",)),
    ("version", 3),
    ("version", 1),
    ("consistent_snapshot", None),
    ("consistent_snapshot", 1),
    ("roles/mirrors", {"keyids": [], "threshold": 1}),
    ("roles/-snapshot", None),
    ("roles/timestamp/threshold", 0),
    ("roles/timestamp/threshold", 2),
    ("roles/timestamp/keyids", []),
    ("roles/timestamp/keyids", None),
    ("roles/root/threshold", 2),
    ("keys", []),
    ("keys/x", {"keytype": "ed25519"}),
    ("keys/x", {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00"}}),
    ("keys/x", {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": 1}}),
    ("keys/x", {"keytype": "rsa", "scheme": "rsa-pkcs1v15-sha256", "keyval": {"public": "x"}}),
    ("keys/x", {"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": "x"}}),
    ("keys/x", {"keytype": "sphincs", "scheme": "sphincs", "keyval": {"public": "00"}}),
    ("expires", "2020-01-01T00:00:00Z"),
]


def _root_forms() -> Iterator[Case]:
    for at, value in ROOT_FORMS:
        yield Case(f"root: {at} = {value!r}", functools.partial(_root_form, at, value), TRUST)


# Attacks on the whole


def _nothing(lab: Lab) -> None:
    """Nothing is wrong."""


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
    repository.signers[role] = signers[:signing]
    return repository.rewrite(role)


def _next_root_of(lab: Lab, signers: list[Any]) -> None:
    lab.repository.signed["root"]["version"] = 2
    data = lab.repository.sealed(lab.repository.signed["root"], signers)
    _next_root(lab).write_bytes(data)


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
    _next_root(lab).unlink()


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
    data = _file("nilm_v1.json", lab).read_bytes()
    _file("nilm_v2.json", lab).write_bytes(data)


def _no_model(lab: Lab) -> None:
    """Signed and whole, and no model."""
    data = b"<html>no such page</html>"
    lab.repository.place("nilm/nilm_v2.tflite", data)
    entry = lab.repository.signed["nilm"]["targets"]["nilm/nilm_v2.tflite"]
    entry.update(Repository.target(data))
    lab.repository.rewrite("nilm")


def _hash_names(lab: Lab) -> None:
    for path, entry in lab.repository.signed["nilm"]["targets"].items():
        file = lab.repository.root / "models" / path
        file.rename(file.with_name(f"{entry['hashes']['sha256']}.{file.name}"))


def _more_hashes(lab: Lab) -> None:
    data = _file("nilm_v2.tflite", lab).read_bytes()
    entry = lab.repository.signed["nilm"]["targets"]["nilm/nilm_v2.tflite"]
    entry["hashes"]["sha512"] = hashlib.sha512(data).hexdigest()
    lab.repository.rewrite("nilm")


def _unknown_fields(lab: Lab) -> None:
    for role in ("nilm", "targets", "snapshot", "timestamp"):
        lab.repository.signed[role]['x-é\U0001f600\uffee"\\'] = {"b": [1, None, -0, "é\n"], "a": {}}
    lab.repository.rewrite("targets")
    lab.repository.rewrite("nilm")


def _no_meta_hashes(lab: Lab) -> None:
    for role in ("snapshot", "timestamp"):
        for meta in lab.repository.signed[role]["meta"].values():
            meta.pop("hashes", None)
            meta.pop("length", None)
    lab.repository.write("snapshot")
    lab.repository.write("timestamp")


def _models(names: list[str], lab: Lab) -> None:
    lab.models = names


def _option(words: list[str], lab: Lab) -> None:
    lab.options = words


def _pinned(data: bytes | None, lab: Lab) -> None:
    lab.pinned.unlink()
    if data is not None:
        lab.pinned.write_bytes(data)


def _pinned_of_another(lab: Lab) -> None:
    other = Repository.new(lab.folder.parent / "another")
    lab.pinned.write_bytes(other.trusted_root())


def _pinned_newest(lab: Lab) -> None:
    lab.repository.next("root")
    lab.pinned.write_bytes(lab.repository.data["root"])


def _one_broken_of_all(lab: Lab) -> None:
    lab.models = []
    (lab.repository.root / "models/anomaly/anomaly_v1.tflite").unlink()
    for path in lab.folder.glob("anomaly*"):
        path.unlink()


# The client's own folder


def _state(name: str, data: bytes, lab: Lab) -> None:
    (lab.folder / ".smartwatts/metadata" / name).write_bytes(data)


def _leftovers(lab: Lab) -> None:
    for name in ("staged-1", "staged-2"):
        folder = lab.folder / ".smartwatts" / name
        folder.mkdir()
        (folder / "nilm.tflite").write_bytes(b"x" * 1000)


def _damaged_file(name: str, lab: Lab) -> None:
    (lab.folder / name).write_bytes(b"x")


def _file_is_folder(lab: Lab) -> None:
    (lab.folder / "nilm.tflite").unlink()
    (lab.folder / "nilm.tflite").mkdir()


def _no_folder(lab: Lab) -> None:
    lab.folder = lab.folder / "nilm.tflite"


def _whole() -> Iterator[Case]:
    part = functools.partial
    yield Case("nothing", _nothing, DONE, "two")
    yield Case("nothing, at first", _nothing, DONE, "two", before="")
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
        yield Case(f"{role} with a new key", part(_new_key, role), DONE, "two")
    for role in ("timestamp", "snapshot", "nilm"):
        yield Case(f"{role} by two of three", part(_two_of_three, role, 2), DONE, "two")
        yield Case(f"{role} by one of three, two due", part(_two_of_three, role, 1), TRUST)
        yield Case(f"{role}: one key, two ids", part(_two_ids, role), TRUST)
    yield Case("root by two of three", part(_two_of_three, "root", 2), DONE, "two")
    yield Case("root by one of three, two due", part(_two_of_three, "root", 1), TRUST)
    yield Case("root rotated", part(_root_by, "both"), DONE, "two")
    yield Case("root rotated, by the old alone", part(_root_by, "old"), TRUST)
    yield Case("root rotated, by the new alone", part(_root_by, "new"), TRUST)
    yield Case("root with a gap", _root_skips, DONE, "two")
    yield Case("twenty roots", _many_roots, DONE, "two")
    yield Case("recovered after a theft", _recovered, DONE, "two", before="new")
    for name, generate in {
        "ECDSA": CryptoSigner.generate_ecdsa,
        "RSA": CryptoSigner.generate_rsa,
    }.items():
        yield Case(f"signed with {name}", part(_signed_with, generate), DONE, "two")
    yield Case("mixed versions", _mixed, TRUST)
    yield Case("no model", _no_model, TRUST)
    yield Case("names with hashes", _hash_names, DONE, "two")
    yield Case("more hashes", _more_hashes, DONE, "two")
    yield Case("unknown fields", _unknown_fields, DONE, "two")
    yield Case("no hashes in the snapshot", _no_meta_hashes, DONE, "two")
    yield Case("one broken of all", _one_broken_of_all, TRUST, "two")
    yield Case("never published", part(_models, ["forecasting_24h"]), THERE)
    yield Case("no such model", part(_models, ["kettle"]), THERE)
    yield Case("no such model beside one", part(_models, ["nilm", "kettle"]), THERE, "two")
    for model in ("../nilm", "Nilm", "", "metadata", "root", "nilm/x"):
        yield Case(f"model {model!r}", part(_models, [model]), USE)
    for words in (["--what"], ["--deadline", "0"], ["--deadline", "x"], ["--header-file", "x"]):
        yield Case(f"option {words}", part(_option, words), USE)
    yield Case("a trusted root that is not there", part(_pinned, None), THERE)
    for name, data in {"empty": b"", "noise": b"\xff\0", "another JSON": b"{}"}.items():
        yield Case(f"a trusted root that is {name}", part(_pinned, data), THERE)
    yield Case("a trusted root of others", _pinned_of_another, TRUST)
    yield Case("a newer trusted root", _pinned_newest, DONE, "two")
    for name in ("timestamp.json", "snapshot.json", "targets.json", "nilm.json", "root.json"):
        for word, data in {"noise": b"\xff", "deep": b"[" * 9000, "large": b" " * 600_000}.items():
            yield Case(f"kept {name} is {word}", part(_state, name, data), DONE, "two")
    yield Case("leftovers", _leftovers, DONE, "two")
    for name in ("nilm.tflite", "nilm_v2.tflite", "nilm_v2.json"):
        yield Case(f"damaged {name}", part(_damaged_file, name), DONE, "two", before="new")
    yield Case("a folder in a file's place", _file_is_folder, TRUST)
    yield Case("a file in the folder's place", _no_folder, USE)


def cases() -> list[Case]:
    """Every case; names are unique."""
    every = [*_whole(), *_tampered(), *_gone(), *_forms(), *_root_forms()]
    assert len({case.name for case in every}) == len(every)
    return every
