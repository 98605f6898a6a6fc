"""Verify, prune and the rotation of keys: looking after a store."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from smartwatts_ml.errors import NotFoundError, StoreError, TrustError, UsageError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Audit, KeyFolder, Store
from smartwatts_ml.store.keys import public_pem
from tests.store.helpers import Clock, content, new_store, opened, publish


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    return str(tmp_path / "root")


@pytest.fixture
def objects(root_url: str) -> Objects:
    return opened(root_url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(root_url: str, tmp_path: Path, clock: Clock) -> Store:
    """Three versions of nilm, a day apart."""
    store = new_store(root_url, tmp_path, clock=clock)
    for run_id in ("run1", "run2", "run3"):
        publish(store, "nilm", run_id)
        clock.advance(days=1)
    return store


def wrong(audit: Audit) -> list[str]:
    return [f"{finding.key.rpartition('/')[2]} {finding.problem}" for finding in audit.findings]


# Verify


def test_a_whole_store_has_nothing_wrong(store: Store) -> None:
    audit = store.verify("nilm")
    assert (audit.entries, audit.versions, audit.findings) == (3, 3, ())


@pytest.mark.parametrize(
    ("key", "data", "named"),
    [
        ("nilm_v1.tflite", content("other"), "nilm_v1.tflite .*not the file that was signed"),
        ("nilm_v1.tflite", content("run1")[:50], "nilm_v1.tflite .*not the file that was signed"),
        ("nilm_v1.tflite", content("run1") * 2, "nilm_v1.tflite .*larger than"),
        ("nilm_v1.json", b"{}", "nilm_v1.json .*not a signed envelope"),
        ("history/0000000002.json", b"{", "0000000002.json .*not a signed envelope"),
        ("champion.json", b"", "champion.json .*not a signed envelope"),
        ("notes.txt", b"", "notes.txt is no part of the store"),
    ],
)
def test_what_was_damaged_is_named(
    store: Store, objects: Objects, key: str, data: bytes, named: str
) -> None:
    objects.write(f"models/nilm/{key}", data)
    (found,) = wrong(store.verify("nilm"))
    import re

    assert re.match(named, found)


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("nilm_v1.json", "nilm_v1.json is missing"),
        ("history/0000000002.json", "serial 2 is missing"),
        ("champion.json", "champion.json is missing"),
        ("nilm_v2.tflite", "is gone"),
    ],
)
def test_what_was_removed_is_named(store: Store, objects: Objects, key: str, named: str) -> None:
    objects.delete(f"models/nilm/{key}")
    assert any(named in found for found in wrong(store.verify("nilm")))


def test_a_champion_that_is_gone_is_wrong_and_a_pruned_version_is_not(
    store: Store, objects: Objects
) -> None:
    for name in ("nilm_v1.json", "nilm_v1.tflite"):
        objects.delete(f"models/nilm/{name}")
    audit = store.verify("nilm")
    assert (audit.pruned, audit.findings) == ((1,), ())
    for name in ("nilm_v3.json", "nilm_v3.tflite"):
        objects.delete(f"models/nilm/{name}")
    assert wrong(store.verify("nilm", repair=True)) == ["nilm_v3.tflite the champion is gone"]


@pytest.mark.parametrize("pointer", ["missing", "unreadable", "behind", "expired", "future"])
def test_a_wrong_pointer_is_rebuilt_from_the_history(
    store: Store, objects: Objects, clock: Clock, tmp_path: Path, pointer: str
) -> None:
    key = "models/nilm/champion.json"
    old = objects.read(key).data
    if pointer == "missing":
        objects.delete(key)
    elif pointer == "unreadable":
        objects.write(key, b"{")
    elif pointer == "behind":
        publish(store, "nilm", "run4")
        objects.write(key, old)
    else:
        clock.advance(days=-40 if pointer == "future" else 40)
    assert [finding.repairable for finding in store.verify("nilm").findings] == [True]
    repaired = store.verify("nilm", repair=True)
    assert (repaired.repaired, repaired.findings) == (True, ())
    champion = store.champion("nilm")
    assert champion is not None
    assert store.pull("nilm", tmp_path / "out").version == champion.version


def test_a_history_that_was_cut_is_not_repaired_away(store: Store, objects: Objects) -> None:
    objects.delete("models/nilm/history/0000000003.json")
    audit = store.verify("nilm", repair=True)
    assert not audit.repaired
    assert "was signed for serial 3, but the history ends at 2" in wrong(audit)[0]


# Prune


def prune(store: Store, **more: object) -> tuple[int, ...]:
    options = {"keep": 1, "older_than": timedelta(0)} | more
    return store.prune("nilm", **options).versions  # type: ignore[arg-type]


def test_old_versions_go_and_the_history_stays(store: Store, tmp_path: Path) -> None:
    assert prune(store, dry_run=True) == (1, 2)
    assert [version.version for version in store.versions("nilm")] == [1, 2, 3]
    assert prune(store) == (1, 2)
    assert [version.version for version in store.versions("nilm")] == [3]
    assert [entry.version for entry in store.history("nilm")] == [1, 2, 3]
    assert store.verify("nilm").pruned == (1, 2)
    assert store.verify("nilm").findings == ()
    with pytest.raises(TrustError, match="is gone"):
        store.rollback("nilm", 1, "bob", "why")
    assert publish(store, "nilm", "run4").version == 4


def test_the_champion_stays_however_old(store: Store) -> None:
    store.rollback("nilm", 1, "bob", "why")
    assert prune(store) == (2,)
    assert [version.version for version in store.versions("nilm")] == [1, 3]
    assert store.pull("nilm", Path(str(store.keys.path) + "-out")).version == 1


def test_the_newest_versions_stay(store: Store) -> None:
    assert prune(store, keep=2) == (1,)
    with pytest.raises(UsageError):
        prune(store, keep=0)


def test_what_was_in_force_within_the_time_stays(store: Store, clock: Clock) -> None:
    # v1 went out of force two days ago, v2 one day ago.
    assert prune(store, older_than=timedelta(days=3)) == ()
    assert prune(store, older_than=timedelta(days=1, hours=12)) == (1,)
    assert prune(store, older_than=timedelta(hours=12)) == (2,)


def test_a_version_number_is_never_used_again(store: Store) -> None:
    store.rollback("nilm", 1, "bob", "why")
    prune(store)
    assert publish(store, "nilm", "run4").version == 4


def test_a_publish_that_broke_off_goes_when_it_is_old(
    store: Store, objects: Objects, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smartwatts_ml.store.committing._PATIENCE_S", 0.0)
    objects.create("models/nilm/nilm_v4.tflite", content("died"))
    assert publish(store, "nilm", "run5").version == 5
    clock.advance(days=-400)
    assert store.prune("nilm", keep=9, older_than=timedelta(0)).unfinished == ()
    clock.advance(days=4000)
    assert store.prune("nilm", keep=9, older_than=timedelta(0)).unfinished == (4,)
    assert store.verify("nilm").unfinished == ()


def test_a_version_that_is_rolled_back_to_while_it_is_pruned_is_kept(
    store: Store, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = objects.delete

    def roll_back_first(key: str) -> None:
        if key.endswith("nilm_v1.json"):
            store.rollback("nilm", 1, "bob", "why")
        delete(key)

    monkeypatch.setattr(objects, "delete", roll_back_first)
    assert prune(store) == (2,)
    champion = store.champion("nilm")
    assert champion is not None
    assert store.read_file(champion.manifest) == content("run1")
    assert store.verify("nilm").findings == ()


def test_a_rollback_to_a_version_that_is_pruned_meanwhile_puts_the_old_champion_back(
    store: Store, objects: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    create = objects.create

    def prune_first(key: str, data: bytes) -> str:
        if key.endswith("0000000004.json"):
            prune(store)
        return create(key, data)

    monkeypatch.setattr(objects, "create", prune_first)
    with pytest.raises(StoreError, match="was pruned while it was rolled back to"):
        store.rollback("nilm", 1, "bob", "why")
    champion = store.champion("nilm")
    assert champion is not None
    assert champion.version == 3
    assert store.pull("nilm", tmp_path / "out").serial == 5
    assert store.verify("nilm").findings == ()


def test_files_of_writers_that_died_go_when_they_are_old(store: Store, root_url: str) -> None:
    import os
    import time

    old, young = (Path(root_url) / f"models/nilm/.tmp-{age}" for age in ("old", "young"))
    old.write_bytes(b"")
    young.write_bytes(b"")
    then = time.time() - 30 * 86_400
    os.utime(old, (then, then))
    assert store.prune("nilm", keep=9, older_than=timedelta(0)).leftovers == 1
    assert (old.exists(), young.exists()) == (False, True)


# Rotation of keys


def trusting(root_url: str, folder: Path, keyids: set[str], keys: KeyFolder, clock: Clock) -> Store:
    """A gateway's machine, which has some public keys and no other."""
    trusted = folder / "trusted"
    shutil.rmtree(folder, ignore_errors=True)
    trusted.mkdir(parents=True)
    for keyid in keyids:
        shutil.copy(keys.path / "trusted" / f"{keyid}.pub", trusted)
    return Store(opened(root_url), folder, clock=clock)


def test_a_key_is_rotated_without_a_gap(
    root_url: str, store: Store, clock: Clock, tmp_path: Path
) -> None:
    keys = store.keys
    old = keys.signing_key().keyid
    new = keys.generate(rotate=True)
    only_old = trusting(root_url, tmp_path / "gw-old", {old}, keys, clock)
    only_new = trusting(root_url, tmp_path / "gw-new", {new}, keys, clock)
    assert only_old.pull("nilm", tmp_path / "a").version == 3
    with pytest.raises(TrustError, match="not signed by a trusted key"):
        only_new.pull("nilm", tmp_path / "b")
    assert store.resign_documents("nilm") == 6
    assert store.resign_documents("nilm") == 0
    store.resign("nilm")
    publish(store, "nilm", "run4")
    for number, gateway in enumerate((only_old, only_new)):
        assert gateway.pull("nilm", tmp_path / f"c{number}").version == 4
        assert len(gateway.history("nilm")) == 4
        assert gateway.pull("nilm", tmp_path / f"d{number}", version=1).version == 1
    with pytest.raises(UsageError, match="keys retire"):
        keys.generate(rotate=True)
    assert keys.retire() == old
    assert set(keys.trusted()) == {new}
    publish(store, "nilm", "run5")
    assert store.verify("nilm").findings == ()
    assert only_new.pull("nilm", tmp_path / "e").version == 5
    with pytest.raises(TrustError, match="not signed by a trusted key"):
        only_old.pull("nilm", tmp_path / "f")


def test_signing_documents_again_verifies_them_first(store: Store, objects: Objects) -> None:
    store.keys.generate(rotate=True)
    objects.write("models/nilm/nilm_v1.json", objects.read("models/nilm/nilm_v2.json").data[:-9])
    with pytest.raises(TrustError):
        store.resign_documents("nilm")


def test_a_crash_in_a_rotation_is_made_good(store: Store, tmp_path: Path) -> None:
    old = store.keys.signing_key().keyid
    store.keys.signing_path.rename(store.keys.outgoing_path)  # it died right here
    with pytest.raises(TrustError, match="keys new"):
        store.resign("nilm")
    new = store.keys.generate(rotate=True)
    assert {key.keyid for key in store.keys.signing_keys()} == {old, new}


def test_keys_are_for_their_owner_alone_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = KeyFolder(tmp_path / "keys")
    caplog.set_level(0)
    keys.generate()
    keys.generate(rotate=True)
    for path in (keys.signing_path, keys.outgoing_path):
        assert path.stat().st_mode & 0o777 == 0o600
        secret = path.read_text().splitlines()[1]
        assert secret not in caplog.text + repr(keys.signing_keys())
    assert keys.path.stat().st_mode & 0o777 == 0o700
    public_pem(keys.signing_key().key.public_key())


def test_verify_of_a_model_that_is_not_there_finds_nothing(store: Store) -> None:
    assert store.verify("anomaly").findings == ()
    with pytest.raises(NotFoundError):
        store.pull("anomaly", Path("nowhere"))
