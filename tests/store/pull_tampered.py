"""What somebody without a key can do to the objects of a repository."""

from __future__ import annotations

import functools
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from tests.store.pull_lab import METADATA, TRUST, Case, Lab, file_of, next_root
from tests.store.tuf_repository import Repository

__all__ = ["gone", "tampered"]


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


def _replace(make: Callable[[bytes], bytes], path: Callable[[Lab], Path], lab: Lab) -> None:
    file = path(lab)
    file.write_bytes(make(file.read_bytes()))


def _newest(role: str, lab: Lab) -> Path:
    return lab.repository.path(role)


def _with_next_root(make: Callable[[bytes], bytes], lab: Lab) -> None:
    lab.repository.next("root")
    _replace(make, next_root, lab)


def tampered() -> Iterator[Case]:
    """Every tampering of every object."""
    every = TAMPERINGS | JSON_TAMPERINGS
    for role in METADATA:
        path = functools.partial(_newest, role)
        for name, make in every.items():
            yield Case(f"{role}: {name}", functools.partial(_replace, make, path), TRUST)
    for name, make in every.items():
        yield Case(f"root: {name}", functools.partial(_with_next_root, make), TRUST)
    for file in ("nilm_v2.tflite", "nilm_v2.json"):
        path = functools.partial(file_of, file)
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


def gone() -> Iterator[Case]:
    """Objects that are not there, or are none."""
    paths = {role: functools.partial(_newest, role) for role in METADATA}
    paths |= {name: functools.partial(file_of, name) for name in ("nilm_v2.tflite", "nilm_v2.json")}
    for name, path in paths.items():
        for word, change in (
            ("gone", _remove),
            ("a folder", _folder_instead),
            ("a pipe", _pipe_instead),
        ):
            yield Case(f"{name}: {word}", functools.partial(change, path), TRUST)
