"""What is refused: anything tampered with, swapped, foreign, expired or turned back."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from smartwatts_ml.errors import BadInputError, TrustError, UsageError
from smartwatts_ml.objects import Object, Objects
from smartwatts_ml.store import KeyFolder, Store
from smartwatts_ml.store.canonical import canonical_json, without_floats
from smartwatts_ml.store.keys import public_pem
from smartwatts_ml.store.sealed import MAX_DOCUMENT_BYTES
from smartwatts_ml.store.signing import seal
from tests.store.helpers import Clock, FragileObjects, content, keys_of, new_store, opened, publish


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    """Trust is the same on every kind of root; a directory is the quickest."""
    return str(tmp_path / "root")


@pytest.fixture
def objects(root_url: str) -> Objects:
    return opened(root_url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(root_url: str, tmp_path: Path, clock: Clock) -> Store:
    """Two versions of nilm, one of anomaly."""
    store = new_store(root_url, tmp_path, clock=clock)
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    publish(store, "anomaly", "run1")
    return store


def put(objects: Objects, key: str, data: bytes) -> None:
    objects.write(key, data)


def with_payload(envelope: bytes, **changes: Any) -> bytes:
    """The envelope with other words under the same signature."""
    value = json.loads(envelope)
    payload = json.loads(b64decode(value["payload"])) | changes
    value["payload"] = b64encode(canonical_json(payload)).decode()
    return canonical_json(value)


def test_a_tampered_file_is_refused(store: Store, objects: Objects, tmp_path: Path) -> None:
    put(objects, "models/nilm/nilm_v2.tflite", b"x" + content("run2")[1:])
    champion = store.champion("nilm")
    assert champion is not None
    with pytest.raises(TrustError, match="not the file that was signed"):
        store.read_file(champion.manifest)
    with pytest.raises(TrustError):
        store.pull("nilm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tampered_manifest_is_refused(store: Store, objects: Objects) -> None:
    key = "models/nilm/nilm_v2.json"
    put(objects, key, with_payload(objects.read(key).data, size=3))
    with pytest.raises(TrustError, match="not signed by a trusted key"):
        store.champion("nilm")
    listed = store.versions("nilm")
    assert [version.problem is None for version in listed] == [True, False]


@pytest.mark.parametrize("field", ["serial", "version", "sha256", "actor"])
def test_a_tampered_history_is_refused(store: Store, objects: Objects, field: str) -> None:
    key = "models/nilm/history/0000000002.json"
    value: Any = "f" * 64 if field in ("sha256", "actor") else 1
    put(objects, key, with_payload(objects.read(key).data, **{field: value}))
    with pytest.raises(TrustError):
        store.champion("nilm")
    with pytest.raises(TrustError):
        store.history("nilm")
    with pytest.raises(TrustError):
        publish(store, "nilm", "run3")


class Bounded(FragileObjects):
    """Objects that are never read without saying how much they may have."""

    def read(self, key: str, limit: int | None = None) -> Object:
        assert limit is not None, key
        return super().read(key, limit)


def test_nothing_is_read_without_a_limit(objects: Objects, tmp_path: Path, clock: Clock) -> None:
    store = Store(Bounded(objects, None), keys_of(tmp_path), clock=clock)
    for run_id in ("run1", "run2", "run3", "run3"):
        publish(store, "nilm", run_id)
    champion = store.champion("nilm")
    assert champion is not None
    store.read_file(champion.manifest)
    store.rollback("nilm", 2, "bob", "why")
    store.resign("nilm")
    store.resign_documents("nilm")
    store.versions("nilm")
    store.pull("nilm", tmp_path / "out", version=1)
    clock.advance(days=10)
    store.rollback("nilm", 3, "bob", "why")
    clock.advance(days=10)
    assert store.prune("nilm", keep=1, older_than=timedelta(days=1)).versions == (1, 2)
    assert not store.verify("nilm", repair=True).findings


HUGE = b" " * (MAX_DOCUMENT_BYTES + 1)


def test_a_huge_manifest_is_refused(store: Store, objects: Objects) -> None:
    put(objects, "models/nilm/nilm_v2.json", HUGE)
    with pytest.raises(TrustError, match="larger than"):
        store.champion("nilm")


def test_a_huge_pointer_stops_pulls_until_it_is_signed_again(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    put(objects, "models/nilm/champion.json", HUGE)
    with pytest.raises(TrustError, match="larger than"):
        store.pull("nilm", tmp_path / "out")
    assert store.resign("nilm") is not None
    assert store.pull("nilm", tmp_path / "out").version == 2


def test_a_huge_manifest_can_be_pruned(store: Store, objects: Objects, clock: Clock) -> None:
    put(objects, "models/nilm/nilm_v1.json", HUGE)
    clock.advance(days=10)
    assert store.prune("nilm", keep=1, older_than=timedelta(days=1)).versions == (1,)
    assert not objects.exists("models/nilm/nilm_v1.json")


def test_manifests_swapped_between_models_are_refused(store: Store, objects: Objects) -> None:
    put(objects, "models/anomaly/anomaly_v1.json", objects.read("models/nilm/nilm_v1.json").data)
    with pytest.raises(TrustError, match="is the manifest of nilm v1"):
        store.champion("anomaly")


def test_manifests_swapped_between_versions_are_refused(store: Store, objects: Objects) -> None:
    put(objects, "models/nilm/nilm_v2.json", objects.read("models/nilm/nilm_v1.json").data)
    with pytest.raises(TrustError, match="is the manifest of nilm v1"):
        store.champion("nilm")


def test_history_swapped_between_models_is_refused(store: Store, objects: Objects) -> None:
    nilm = objects.read("models/nilm/history/0000000001.json").data
    put(objects, "models/anomaly/history/0000000001.json", nilm)
    with pytest.raises(TrustError, match="holds serial 1 of nilm"):
        store.champion("anomaly")


def test_an_old_entry_under_a_new_serial_is_refused(store: Store, objects: Objects) -> None:
    old = objects.read("models/nilm/history/0000000001.json").data
    objects.create("models/nilm/history/0000000003.json", old)
    with pytest.raises(TrustError, match="holds serial 1 of nilm"):
        store.champion("nilm")


def test_one_document_cannot_pass_for_another(store: Store, objects: Objects) -> None:
    put(objects, "models/nilm/nilm_v2.json", objects.read("models/nilm/champion.json").data)
    with pytest.raises(TrustError, match=r"champion\+json, not a .*manifest\+json"):
        store.champion("nilm")


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"payload":1}', b"[" * 100_000]
)
def test_what_is_no_envelope_is_refused(store: Store, objects: Objects, data: bytes) -> None:
    put(objects, "models/nilm/history/0000000002.json", data)
    with pytest.raises(TrustError, match="not a signed envelope"):
        store.champion("nilm")


def test_an_envelope_that_says_a_name_twice_is_refused(store: Store, objects: Objects) -> None:
    key = "models/nilm/history/0000000002.json"
    put(objects, key, b'{"payload":"",' + objects.read(key).data[1:])
    with pytest.raises(TrustError, match="not a signed envelope"):
        store.champion("nilm")


def test_a_signed_document_that_says_a_name_twice_is_refused(
    store: Store, objects: Objects
) -> None:
    envelope = json.loads(objects.read("models/nilm/champion.json").data)
    body = b'{"serial":1,' + b64decode(envelope["payload"])[1:]
    sealed = seal(body, envelope["payloadType"], store.keys.signing_keys())
    put(objects, "models/nilm/champion.json", sealed)
    with pytest.raises(TrustError, match="a payload that is no document"):
        store.pointer("nilm")


def resealed(store: Store, objects: Objects, key: str, changes: dict[str, Any]) -> None:
    """Sign a document with other words; None takes a word out."""
    envelope = json.loads(objects.read(key).data)
    payload = json.loads(b64decode(envelope["payload"])) | changes
    body = canonical_json({name: value for name, value in payload.items() if value is not None})
    put(objects, key, seal(body, envelope["payloadType"], store.keys.signing_keys()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": 2}, "has schema 2, this version reads 1.*update"),
        ({"schema": None}, "no document"),
        ({"serial": "2"}, "no valid 'serial'"),
        ({"serial": True}, "no valid 'serial'"),
        ({"actor": 3}, "no valid 'actor'"),
        ({"actor": None}, "no valid 'actor'"),
        ({"more": 1}, "no valid 'more'"),
    ],
)
def test_a_signed_document_of_another_form_is_refused(
    store: Store, objects: Objects, changes: dict[str, Any], said: str
) -> None:
    resealed(store, objects, "models/nilm/history/0000000002.json", changes)
    with pytest.raises(TrustError, match=said):
        store.champion("nilm")


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{}", b"\xff", b"[" * 100_000])
def test_a_signed_payload_that_is_no_document_is_refused(
    store: Store, objects: Objects, body: bytes
) -> None:
    kind = "application/vnd.smartwatts.champion+json"
    put(objects, "models/nilm/champion.json", seal(body, kind, store.keys.signing_keys()))
    with pytest.raises(TrustError, match="a payload that is no document"):
        store.pointer("nilm")


def test_a_foreign_key_is_refused(root_url: str, store: Store, tmp_path: Path) -> None:
    stranger = KeyFolder(tmp_path / "strange")
    stranger.generate()
    other = Store(opened(root_url), tmp_path / "strange")
    with pytest.raises(TrustError, match=r"not signed by a trusted key.*smartwatts keys list"):
        other.champion("nilm")
    with pytest.raises(TrustError):
        publish(other, "nilm", "run3")


def test_a_machine_without_keys_trusts_nothing(root_url: str, store: Store, tmp_path: Path) -> None:
    bare = Store(opened(root_url), tmp_path / "none")
    with pytest.raises(TrustError, match=r"no trusted key.*smartwatts keys trust"):
        bare.champion("nilm")
    with pytest.raises(TrustError, match="no signing key"):
        publish(bare, "forecasting_24h", "run1")
    assert not (tmp_path / "none").exists()


def test_a_gap_in_the_history_is_refused(store: Store, root_url: str) -> None:
    publish(store, "nilm", "run3")
    (Path(root_url) / "models/nilm/history/0000000002.json").unlink()
    with pytest.raises(TrustError, match="gap: serial 2 is missing"):
        store.history("nilm")
    (Path(root_url) / "models/nilm/champion.json").unlink()
    with pytest.raises(TrustError, match="gap: serial 2 is missing"):
        store.champion("nilm")


def test_a_history_that_was_cut_is_refused(store: Store, root_url: str) -> None:
    (Path(root_url) / "models/nilm/history/0000000002.json").unlink()
    with pytest.raises(TrustError, match="signed for serial 2, but the history lacks it"):
        store.champion("nilm")
    with pytest.raises(TrustError):
        publish(store, "nilm", "run3")
    (Path(root_url) / "models/nilm/history/0000000001.json").unlink()
    with pytest.raises(TrustError, match="the history lacks it"):
        store.champion("nilm")


def test_an_expired_pointer_stops_pulls_until_it_is_signed_again(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    clock.advance(days=29, hours=23)
    assert store.pull("nilm", tmp_path / "out").version == 2
    clock.advance(hours=2)
    with pytest.raises(TrustError, match=r"expired 2026-12-22T02:11:09Z.*models resign"):
        store.pull("nilm", tmp_path / "out")
    champion = store.champion("nilm")
    assert champion is not None  # training goes on
    before = store.pointer("nilm")
    after = store.resign("nilm")
    assert after is not None
    assert (after.serial, after.commit_id) == (before.serial, before.commit_id)
    assert store.pull("nilm", tmp_path / "out").serial == 2


@pytest.mark.parametrize("pointer", ["unreadable", "foreign", "behind", "of another model"])
def test_a_bad_pointer_is_rebuilt_from_the_history(
    store: Store, objects: Objects, pointer: str, tmp_path: Path
) -> None:
    key = "models/nilm/champion.json"
    old = objects.read(key).data
    if pointer == "behind":
        publish(store, "nilm", "run3")
    bad = {
        "unreadable": b"{",
        "foreign": with_payload(old, version=1),
        "behind": old,
        "of another model": objects.read("models/anomaly/champion.json").data,
    }[pointer]
    put(objects, key, bad)
    champion = store.champion("nilm")
    assert champion is not None
    resigned = store.resign("nilm")
    assert resigned is not None
    assert (resigned.version, resigned.serial) == (champion.version, champion.entry.serial)
    assert store.pull("nilm", tmp_path / "out").version == champion.version


def test_a_pull_does_not_follow_a_bad_pointer(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    put(objects, "models/nilm/champion.json", b"{")
    with pytest.raises(TrustError):
        store.pull("nilm", tmp_path / "out")


def test_a_pull_follows_a_pointer_that_is_behind_but_never_back(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    old = objects.read("models/nilm/champion.json").data
    publish(store, "nilm", "run3")
    put(objects, "models/nilm/champion.json", old)
    assert store.pull("nilm", tmp_path / "new").version == 2
    store.resign("nilm")
    assert store.pull("nilm", tmp_path / "new").version == 3
    put(objects, "models/nilm/champion.json", old)
    with pytest.raises(TrustError, match="offers serial 2 of nilm, but 3 was pulled"):
        store.pull("nilm", tmp_path / "new")


# Keys


def test_a_rotated_key_keeps_what_the_old_one_signed(store: Store, tmp_path: Path) -> None:
    old = store.keys.signing_key().keyid
    new = store.keys.generate(rotate=True)
    assert set(store.keys.trusted()) == {old, new}
    publish(store, "nilm", "run3")
    assert [entry.version for entry in store.history("nilm")] == [1, 2, 3]
    (keys_of(tmp_path) / "trusted" / f"{old}.pub").unlink()
    with pytest.raises(TrustError):
        store.history("nilm")


def test_a_machine_that_trusts_the_public_key_can_pull(
    root_url: str, store: Store, clock: Clock, tmp_path: Path
) -> None:
    reader = KeyFolder(tmp_path / "reader")
    reader.trust(public_pem(store.keys.signing_key().key.public_key()))
    other = Store(opened(root_url), tmp_path / "reader", clock=clock)
    assert other.pull("nilm", tmp_path / "out").version == 2
    with pytest.raises(TrustError, match="no signing key"):
        publish(other, "nilm", "run3")


def test_a_signing_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    folder.generate()
    assert folder.signing_path.stat().st_mode & 0o777 == 0o600
    before = folder.signing_path.read_bytes()
    with pytest.raises(UsageError, match="--rotate"):
        folder.generate()
    assert folder.signing_path.read_bytes() == before
    assert sorted(p.name for p in folder.path.iterdir()) == ["signing_key.pem", "trusted"]


def test_a_crash_between_the_two_files_of_a_key_is_made_good(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    keyid = folder.generate()
    (folder.path / "trusted" / f"{keyid}.pub").unlink()
    assert folder.signing_key().keyid == keyid
    assert list(folder.trusted()) == [keyid]


def test_a_signing_key_that_is_not_trusted_does_not_sign(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    keyid = folder.generate()
    folder.trust(public_pem(Ed25519PrivateKey.generate().public_key()))
    (folder.path / "trusted" / f"{keyid}.pub").unlink()
    with pytest.raises(TrustError, match="is not trusted here"):
        folder.signing_key()


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    with pytest.raises(BadInputError, match=r"x\.pub is not a public key"):
        folder.trust(b"nonsense", "x.pub")
    folder.generate()
    (folder.path / "trusted" / "bad.pub").write_bytes(b"nonsense")
    with pytest.raises(TrustError, match=r"bad\.pub"):
        folder.trusted()


def test_the_reference_implementation_of_dsse_verifies_our_envelopes(
    store: Store, objects: Objects
) -> None:
    signing = store.keys.signing_key()
    key = SSlibKey.from_crypto(signing.key.public_key(), keyid=signing.keyid)
    for name in ("champion.json", "nilm_v1.json", "history/0000000001.json"):
        envelope = Envelope.from_dict(json.loads(objects.read(f"models/nilm/{name}").data))
        assert list(envelope.verify([key], 1)) == [signing.keyid]


def test_a_float_is_never_signed_as_a_float() -> None:
    with pytest.raises(TypeError):
        canonical_json({"a": [1.5]})
    assert without_floats({"a": (1.0, float("inf"), True, 3)}) == {"a": ["1.0", None, True, 3]}


# Pulling


def test_a_pull_writes_versioned_and_stable_names_and_then_nothing(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "b"
    pulled = store.pull("nilm", folder)
    assert (pulled.version, pulled.serial, pulled.updated) == (2, 2, True)
    assert sorted(path.name for path in folder.iterdir()) == [
        "nilm.serial",
        "nilm.tflite",
        "nilm_v2.json",
        "nilm_v2.tflite",
    ]
    assert pulled.path.read_bytes() == (folder / "nilm_v2.tflite").read_bytes() == content("run2")
    assert (folder / "nilm_v2.json").read_bytes() == objects.read("models/nilm/nilm_v2.json").data
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert not store.pull("nilm", folder).updated
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_a_pull_is_on_the_disk_before_what_it_replaces_goes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut may undo names that were given since their folder was flushed."""
    folder, steps = tmp_path / "out", list[str]()
    store.pull("nilm", folder, version=1)
    fsync, replace, unlink = os.fsync, Path.replace, Path.unlink

    def flush(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink() == folder:
            steps.append("flush")
        fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path.name.startswith("nilm_v1."):
            steps.append("remove")
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    monkeypatch.setattr(Path, "unlink", remove)
    store.pull("nilm", folder)
    assert steps == ["rename"] * 3 + ["flush"] + ["remove"] * 2


def test_a_pull_repairs_a_damaged_folder(store: Store, tmp_path: Path) -> None:
    store.pull("nilm", tmp_path)
    (tmp_path / "nilm.tflite").write_bytes(b"x" * len(content("run2")))
    assert store.pull("nilm", tmp_path).updated
    assert (tmp_path / "nilm.tflite").read_bytes() == content("run2")


def test_a_pull_follows_promotions_and_rollbacks(store: Store, tmp_path: Path) -> None:
    store.pull("nilm", tmp_path)
    store.rollback("nilm", 1, "bob", "why")
    pulled = store.pull("nilm", tmp_path)
    assert (pulled.version, pulled.serial) == (1, 3)
    assert pulled.path.read_bytes() == content("run1")


def test_a_version_asked_for_is_pulled(store: Store, tmp_path: Path) -> None:
    pulled = store.pull("nilm", tmp_path, version=1)
    assert (pulled.version, pulled.serial) == (1, 2)
    assert pulled.path.read_bytes() == content("run1")


def test_a_store_that_was_turned_back_whole_is_refused(
    root_url: str, store: Store, clock: Clock, tmp_path: Path
) -> None:
    """Old, genuine objects put back: every signature holds, only the puller can know."""
    old = Store(opened(root_url), keys_of(tmp_path), clock=clock)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/nilm.serial").write_text("3\n")
    with pytest.raises(TrustError, match=r"offers serial 2 of nilm, but 3 was pulled"):
        old.pull("nilm", tmp_path / "out")
