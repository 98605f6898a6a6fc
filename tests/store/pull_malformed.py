"""What holders of keys can sign, by mistake or after a theft, that is no metadata."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from tests.store.pull_lab import METADATA, TRUST, Case, Lab, change, next_root

__all__ = ["forms", "root_forms"]

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
    change(lab.repository.signed[role], at, value)
    lab.repository.rewrite(role, number)


def forms() -> Iterator[Case]:
    """Signed metadata below root of a wrong form, or that does not fit."""
    for role in METADATA:
        for at, value in COMMON_FORMS + FORMS[role]:
            yield Case(f"{role}: {at} = {value!r}", functools.partial(_set, role, at, value), TRUST)


def _root_form(at: str, value: Any, lab: Lab) -> None:
    repository = lab.repository
    repository.signed["root"]["version"] = 2
    change(repository.signed["root"], at, value)
    repository.data["root"] = repository.sealed(
        repository.signed["root"], repository.signers["root"]
    )
    next_root(lab).write_bytes(repository.data["root"])


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


def root_forms() -> Iterator[Case]:
    """Signed roots of a wrong form, or that do not fit."""
    for at, value in ROOT_FORMS:
        yield Case(f"root: {at} = {value!r}", functools.partial(_root_form, at, value), TRUST)
