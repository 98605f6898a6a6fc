"""A table of what a repository or a folder can do to a client, and how a pull has to end.

Each case changes a copy of a repository in which ``nilm`` has two versions, the first of which the
client may have pulled before. Both pullers run the table: ``test_pull_cases.py``.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator

from tests.store.pull_attacks import attacks, key_changes
from tests.store.pull_lab import DONE, THERE, TRUST, USE, Case, Lab, file_of
from tests.store.pull_malformed import forms, root_forms
from tests.store.pull_rings import rings
from tests.store.pull_tampered import gone, tampered
from tests.store.tuf_repository import Repository

__all__ = ["cases"]


def _nothing(lab: Lab) -> None:
    """Nothing is wrong."""


def _hash_names(lab: Lab) -> None:
    for path, entry in lab.repository.signed["nilm"]["targets"].items():
        file = lab.repository.root / "models" / path
        file.rename(file.with_name(f"{entry['hashes']['sha256']}.{file.name}"))


def _more_hashes(lab: Lab) -> None:
    data = file_of("nilm_v2.tflite", lab).read_bytes()
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


def _ordinary() -> Iterator[Case]:
    yield Case("nothing", _nothing, DONE, "two")
    yield Case("nothing, at first", _nothing, DONE, "two", before="")
    yield Case("names with hashes", _hash_names, DONE, "two")
    yield Case("more hashes", _more_hashes, DONE, "two")
    yield Case("unknown fields", _unknown_fields, DONE, "two")
    yield Case("no hashes in the snapshot", _no_meta_hashes, DONE, "two")
    yield Case("one broken of all", _one_broken_of_all, TRUST, "two")


def _asked_for() -> Iterator[Case]:
    part = functools.partial
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


def _in_the_folder() -> Iterator[Case]:
    part = functools.partial
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
    usual = [*_ordinary(), *_asked_for(), *_in_the_folder(), *attacks(), *key_changes()]
    every = [*usual, *tampered(), *gone(), *forms(), *root_forms(), *rings()]
    assert len({case.name for case in every}) == len(every)
    return every
