"""Verify, prune and the rotation of keys: looking after a store."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from smartwatts_ml.errors import NotFoundError, StoreError, TrustError, UsageError
from smartwatts_ml.objects import Objects
from smartwatts_ml.runs.copies import run_copy
from smartwatts_ml.store import Audit, Store
from tests.store.helpers import (
    Clock,
    FragileObjects,
    PowerCutError,
    content,
    new_store,
    opened,
    publish,
)


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    return str(tmp_path / "root")


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
        ("nilm/nilm_v1.tflite", content("other"), "nilm_v1.tflite .*not the one that was signed"),
        ("nilm/nilm_v1.tflite", content("run1")[:50], "nilm_v1.tflite .*not the one that was"),
        ("nilm/nilm_v1.tflite", content("run1") * 2, "nilm_v1.tflite .*larger than"),
        ("nilm/nilm_v1.json", b"{}", "nilm_v1.json .*not the one that was signed"),
        ("nilm/nilm_v1.intoto.jsonl", b"{}", "nilm_v1.intoto.jsonl .*not the one that was signed"),
        ("metadata/2.nilm.json", b"{", r"\*.nilm.json .*2.nilm.json is no metadata"),
        ("metadata/timestamp.json", b"", "timestamp.json .*is no metadata"),
        ("nilm/notes.txt", b"", "notes.txt is no part of the store"),
    ],
)
def test_what_was_damaged_is_named(
    store: Store, objects: Objects, key: str, data: bytes, named: str
) -> None:
    objects.write(f"models/{key}", data)
    (found,) = wrong(store.verify("nilm"))
    assert re.match(named, found)


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("nilm/nilm_v3.json", "nilm_v3.json is missing"),
        ("metadata/2.nilm.json", "serial 2 is missing"),
        ("metadata/3.nilm.json", "3.nilm.json is gone, which clients were told of"),
        ("metadata/timestamp.json", "there is no timestamp"),
        ("nilm/nilm_v2.tflite", "is gone"),
    ],
)
def test_what_was_removed_is_named(store: Store, objects: Objects, key: str, named: str) -> None:
    objects.delete(f"models/{key}")
    assert any(named in found for found in wrong(store.verify("nilm")))


def test_a_champion_that_is_gone_is_wrong_and_a_pruned_version_is_not(
    store: Store, objects: Objects
) -> None:
    for suffix in ("json", "tflite", "intoto.jsonl"):
        objects.delete(f"models/nilm/nilm_v1.{suffix}")
    audit = store.verify("nilm")
    assert (audit.pruned, audit.findings) == ((1,), ())
    objects.delete("models/nilm/nilm_v3.tflite")
    assert "nilm_v3.tflite is gone" in wrong(store.verify("nilm", repair=True))[0]


def test_a_missing_file_is_mended_from_the_run_that_made_it(store: Store, objects: Objects) -> None:
    for version in (2, 3):
        objects.delete(f"models/nilm/nilm_v{version}.tflite")
        objects.write(f"runs/run{version}/nilm/nilm.tflite", content(f"run{version}"))
    objects.write("runs/run2/nilm/nilm.tflite", content("evil"))  # unsigned, and not its bytes
    audit = store.verify("nilm", repair=True, run_file=partial(run_copy, objects))
    assert audit.repaired
    (left,) = wrong(audit)
    assert left.startswith("nilm_v2.tflite")
    objects.write("runs/run2/nilm/refitted.tflite", content("run2"))
    assert store.verify("nilm", repair=True, run_file=partial(run_copy, objects)).findings == ()


@pytest.mark.parametrize("timestamp", ["missing", "unreadable", "behind", "expired", "future"])
def test_a_wrong_timestamp_is_signed_anew(
    store: Store, objects: Objects, clock: Clock, tmp_path: Path, timestamp: str
) -> None:
    key = "models/metadata/timestamp.json"
    old = objects.read(key).data
    if timestamp == "missing":
        objects.delete(key)
    elif timestamp == "unreadable":
        objects.write(key, b"{")
    elif timestamp == "behind":
        publish(store, "nilm", "run4")
        objects.write(key, old)
    else:
        clock.advance(days=-40 if timestamp == "future" else 40)
    for audit in (store.verify("nilm"), store.verify_repository()):
        assert [finding.repairable for finding in audit.findings] == [True]
    repaired = store.verify("nilm", repair=True)
    assert (repaired.repaired, repaired.findings) == (True, ())
    champion = store.champion("nilm")
    assert champion is not None
    assert store.pull("nilm", tmp_path / "out").version == champion.version


def test_metadata_that_were_signed_here_are_put_back(store: Store, objects: Objects) -> None:
    for serial in (1, 3):
        objects.delete(f"models/metadata/{serial}.nilm.json")
    objects.write("models/metadata/2.nilm.json", b"{}")
    with pytest.raises(TrustError):
        publish(store, "nilm", "run4")
    assert store.verify("nilm", repair=True).findings == ()
    assert [entry.version for entry in store.history("nilm")] == [1, 2, 3]


def test_a_history_that_was_cut_is_not_repaired_away(store: Store, objects: Objects) -> None:
    """Without what was signed here nobody knows what serial 3 was."""
    shutil.rmtree(store.keys.path / "memory")
    objects.delete("models/metadata/3.nilm.json")
    audit = store.verify("nilm", repair=True)
    assert not audit.repaired
    assert "is gone, which clients were told of" in wrong(audit)[0]


def _snapshots(objects: Objects) -> list[str]:
    keys = [info.key for info in objects.list("models/metadata/")]
    return [key for key in keys if key.endswith(".snapshot.json")]


def test_what_nobody_signed_is_removed_from_the_way(store: Store, objects: Objects) -> None:
    newest = max(int(k.split("/")[2].split(".")[0]) for k in _snapshots(objects))
    for name in ("4.nilm", f"{newest + 1}.snapshot", f"{newest + 2}.snapshot"):
        objects.create(f"models/metadata/{name}.json", b"[" * 50_000)
    assert store.renew() is not None  # whoever may create snapshots cannot stop it
    with pytest.raises(TrustError, match="is no metadata"):
        publish(store, "nilm", "run4")
    assert store.verify("nilm", repair=True).findings == ()
    assert publish(store, "nilm", "run4").version == 4


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
        if key.endswith("/4.nilm.json"):
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


def test_a_pruning_that_died_is_completed_by_the_next(store: Store, root_url: str) -> None:
    """Killed between any two of its deletes; nothing is ever wrong in between."""
    for die_at in range(1, 7):
        dying = FragileObjects(opened(root_url), die_at)
        with suppress(PowerCutError):
            Store(dying, store.keys.path, clock=Clock()).prune(
                "nilm", keep=1, older_than=timedelta(0)
            )
        assert store.verify("nilm").findings == ()
    assert prune(store) in ((), (1,), (2,), (1, 2))
    assert [version.version for version in store.versions("nilm")] == [3]
    assert not [i.key for i in opened(root_url).list("models/nilm/nilm_v1")]


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


def test_verify_of_a_model_that_is_not_there_finds_nothing(store: Store) -> None:
    assert store.verify("anomaly").findings == ()
    with pytest.raises(NotFoundError):
        store.pull("anomaly", Path(f"{store.keys.path}-out"))
