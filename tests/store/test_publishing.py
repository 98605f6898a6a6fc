"""Publishing and rolling back: what is in force, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import textwrap
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import ChangedError, NotFoundError, TrustError, UsageError
from smartwatts_ml.store import Store
from smartwatts_ml.store.statements import predicate_in
from tests.store.helpers import (
    FIELDS,
    Clock,
    FragileObjects,
    PowerCutError,
    content,
    keys_of,
    new_store,
    opened,
    publish,
)


def signed(url: str, key: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(opened(url).read(key).data)["signed"]
    return value


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def store(root_url: str, tmp_path: Path) -> Store:
    return new_store(root_url, tmp_path)


def test_a_new_store_has_no_champion(store: Store) -> None:
    assert store.champion("nilm") is None
    assert store.history("nilm") == ()
    assert store.versions("nilm") == ()
    assert store.models() == ()


def test_a_published_file_is_in_force(store: Store) -> None:
    published = publish(store, "nilm", "run1")
    assert (published.version, published.serial) == (1, 1)
    champion = store.champion("nilm")
    assert champion is not None
    assert (champion.version, champion.file) == (1, "nilm_v1.tflite")
    assert store.read_file(champion.manifest) == content("run1")
    assert store.models() == ("nilm",)


def test_the_documents_say_what_they_are_agreed_to_say(root_url: str, tmp_path: Path) -> None:
    store = new_store(root_url, tmp_path, clock=Clock())
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    file, manifest = content("run2"), opened(root_url).read("models/nilm/nilm_v2.json").data
    assert json.loads(manifest) == {
        **FIELDS,
        "schema": 3,
        "runtime": None,
        "model": "nilm",
        "version": 2,
        "file": "nilm_v2.tflite",
        "sha256": sha256(file),
        "size": len(file),
        "created": "2026-11-22T02:11:09Z",
        "run_id": "run2",
        "metrics": {
            "challenger": {"mae": "12.5", "slices": {"site h1": {"mae": "9.5"}}},
            "champion": None,
            "baseline": {"mae": "20.25"},
        },
    }
    role = signed(root_url, "models/metadata/2.nilm.json")
    before = opened(root_url).read("models/metadata/1.nilm.json").data
    statement = opened(root_url).read("models/nilm/nilm_v2.intoto.jsonl").data
    custom = role["targets"]["nilm/nilm_v2.tflite"].pop("custom")
    assert len(custom.pop("commit")) == 36
    assert custom == {
        "version": 2,
        "action": "promote",
        "reason": "better",
        "actor": "ann",
        "run": "run2",
        "previous": 1,
        "at": "2026-11-22T02:11:09Z",
    }
    assert role["targets"] == {
        f"nilm/nilm_v2.{suffix}": {"length": len(data), "hashes": {"sha256": sha256(data)}}
        for suffix, data in (("tflite", file), ("json", manifest), ("intoto.jsonl", statement))
    }
    assert (role["version"], role["previous_sha256"]) == (2, sha256(before))
    timestamp = signed(root_url, "models/metadata/timestamp.json")
    assert timestamp["expires"] == "2026-11-25T02:11:09Z"
    snapshot_name, meta = next(iter(timestamp["meta"].items()))
    assert snapshot_name == "snapshot.json"
    snapshot = signed(root_url, f"models/metadata/{meta['version']}.snapshot.json")
    assert {name: told["version"] for name, told in snapshot["meta"].items()} == {
        "nilm.json": 2,
        "targets.json": 1,
    }


def test_the_provenance_says_what_was_made_of_what_and_how(root_url: str, tmp_path: Path) -> None:
    store = new_store(root_url, tmp_path)
    evidence = {
        "parameters": {"epochs": 12},
        "settings": {"gate_confidence": 0.97},
        "libraries": {"keras": "3.15.0"},
        "files": {"challenger.keras": "ab"},
    }
    publish(store, "nilm", "run1", evidence=evidence)
    (line,) = store.statement("nilm", 1).splitlines()
    envelope = json.loads(line)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    snapshot = {name: value for name, value in FIELDS["snapshot"].items() if name != "digest"}
    assert json.loads(b64decode(envelope["payload"])) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "nilm.tflite", "digest": {"sha256": sha256(content("run1"))}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:smartwatts:retraining:v1",
                "externalParameters": {"model": "nilm", "epochs": 12},
                "internalParameters": {
                    "settings": {"gate_confidence": "0.97"},
                    "decision": FIELDS["decision"],
                },
                "resolvedDependencies": [
                    {"name": "readings", "digest": {"sha256": "d" * 64}, "annotations": snapshot},
                    {
                        "name": "smartwatts-ml",
                        "uri": "pkg:pypi/smartwatts-ml@0.1.0",
                        "annotations": {"commit": "abc"},
                    },
                    {"name": "keras", "uri": "pkg:pypi/keras@3.15.0"},
                ],
            },
            "runDetails": {
                "builder": {
                    "id": "urn:smartwatts:signer:v1",
                    "version": {"smartwatts-ml": FIELDS["code"]},
                },
                "metadata": {"invocationId": "run1"},
                "byproducts": [{"name": "challenger.keras", "digest": {"sha256": "ab"}}],
            },
        },
    }


def test_what_else_is_said_of_a_file_is_a_line_of_its_own(root_url: str, tmp_path: Path) -> None:
    store = new_store(root_url, tmp_path)
    said = {"urn:test:v1": {"share": 0.5}}
    publish(store, "nilm", "run1", attestations=said)
    again = publish(store, "nilm", "run1", attestations=said)
    assert (again.version, again.serial) == (1, 1)
    bundle = store.statement("nilm", 1)
    assert len(bundle.splitlines()) == 2
    assert predicate_in(bundle, "urn:test:v1", "it") == {"share": "0.5"}
    assert predicate_in(bundle, "urn:other:v1", "it") is None
    with pytest.raises(TrustError, match="no bundle"):
        predicate_in(b"[]", "urn:test:v1", "it")


def test_publishing_a_run_again_changes_nothing(store: Store) -> None:
    first = publish(store, "nilm", "run1")
    again = publish(store, "nilm", "run1")
    assert (again.version, again.serial) == (first.version, first.serial)
    publish(store, "nilm", "run2")
    again = publish(store, "nilm", "run1")
    assert (again.version, again.serial) == (1, 1)
    champion = store.champion("nilm")
    assert champion is not None
    assert champion.version == 2
    assert len(store.history("nilm")) == 2


def test_models_do_not_share_versions_or_serials(store: Store) -> None:
    publish(store, "forecasting_24h", "run1")
    published = publish(store, "forecasting_7d", "run1")
    assert (published.version, published.serial) == (1, 1)
    assert store.models() == ("forecasting_24h", "forecasting_7d")


def test_a_rollback_is_a_new_serial_of_an_old_version(store: Store) -> None:
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    done = store.rollback("nilm", 1, "bob", "v2 misses kettles")
    assert (done.version, done.serial) == (1, 3)
    champion = store.champion("nilm")
    assert champion is not None
    assert store.read_file(champion.manifest) == content("run1")
    assert store.pointer("nilm").version == 1
    assert [(e.serial, e.action, e.version, e.previous_version) for e in store.history("nilm")] == [
        (1, "promote", 1, None),
        (2, "promote", 2, 1),
        (3, "rollback", 1, 2),
    ]
    assert publish(store, "nilm", "run3").version == 3


def test_a_rollback_repeated_changes_nothing(store: Store) -> None:
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    first = store.rollback("nilm", 1, "bob", "why")
    assert store.rollback("nilm", 1, "bob", "why") == first


def test_only_what_was_in_force_can_be_rolled_back_to(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.rollback("nilm", 1, "bob", "why")
    publish(store, "nilm", "run1")
    with pytest.raises(NotFoundError, match=r"never in force.*v1"):
        store.rollback("nilm", 2, "bob", "why")


def test_a_file_judged_against_another_champion_is_refused(store: Store) -> None:
    publish(store, "nilm", "run1", judged_against=None)
    with pytest.raises(ChangedError, match="judged against no champion, v1 is in force"):
        publish(store, "nilm", "run2", judged_against=None)
    publish(store, "nilm", "run2", judged_against=1)
    with pytest.raises(ChangedError, match=r"judged against v1, v2 is in force.*validate again"):
        publish(store, "nilm", "run3", judged_against=1)
    assert publish(store, "nilm", "run2", judged_against=1).version == 2  # its own, again


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", "../nilm", "a/b", "Nilm", "nilm-1", "1nilm"])
def test_a_name_that_is_no_model_is_wrong_use(store: Store, name: str) -> None:
    for use in (store.champion, store.history, store.versions):
        with pytest.raises(UsageError):
            use(name)


def check_whole(store: Store, model: str, versions: dict[str, int]) -> None:
    """History and pointer agree and verify; every version in force reads back."""
    chain = store.history(model)
    assert [entry.serial for entry in chain] == list(range(1, len(chain) + 1))
    assert len({entry.commit_id for entry in chain}) == len(chain)
    champion = store.champion(model)
    assert champion is not None
    pointer = store.pointer(model)
    assert (pointer.serial, pointer.version) == (len(chain), champion.version)
    by_run = {}
    for entry in chain:
        assert store.manifest(model, entry.version).run_id == entry.run_id
        by_run[entry.run_id] = entry.version
    assert by_run == versions
    assert store.read_file(champion.manifest) == content(champion.manifest.run_id)


WRITES = 6


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("die_at", range(1, WRITES + 1))
def test_a_crash_at_any_write_leaves_old_or_new_and_a_rerun_completes(
    root_url: str, tmp_path: Path, die_at: int, after: bool
) -> None:
    store = new_store(root_url, tmp_path)
    publish(store, "nilm", "run1")
    dying = Store(FragileObjects(opened(root_url), die_at, after), keys_of(tmp_path))
    with pytest.raises(PowerCutError):
        publish(dying, "nilm", "run2")
    champion = store.champion("nilm")
    assert champion is not None
    assert store.read_file(champion.manifest) in (content("run1"), content("run2"))
    committed = die_at > 4 or (die_at == 4 and after)
    assert champion.version == (2 if committed else 1)
    published = publish(store, "nilm", "run2")
    assert (published.version, published.serial) == (2, 2)
    check_whole(store, "nilm", {"run1": 1, "run2": 2})
    assert [v.version for v in store.versions("nilm")] == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("die_at", range(1, WRITES + 1))
def test_another_run_passes_over_what_a_crash_left(
    root_url: str, tmp_path: Path, die_at: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smartwatts_ml.store.committing._PATIENCE_S", 0.0)
    new_store(root_url, tmp_path)
    dying = Store(FragileObjects(opened(root_url), die_at, after), keys_of(tmp_path))
    with pytest.raises(PowerCutError):
        publish(dying, "nilm", "run1")
    store = new_store(root_url, tmp_path)
    other = publish(store, "nilm", "run2")
    taken = die_at > 1 or after
    assert other.version == (2 if taken else 1)
    committed = die_at > 4 or (die_at == 4 and after)
    first = {"run1": 1} if committed else {}
    check_whole(store, "nilm", first | {"run2": other.version})


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("die_at", [1, 2, 3])
def test_a_crash_in_a_rollback_leaves_old_or_new_and_a_rerun_completes(
    root_url: str, tmp_path: Path, die_at: int, after: bool
) -> None:
    store = new_store(root_url, tmp_path)
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    dying = Store(FragileObjects(opened(root_url), die_at, after), keys_of(tmp_path))
    with pytest.raises(PowerCutError):
        dying.rollback("nilm", 1, "bob", "why")
    store.rollback("nilm", 1, "bob", "why")
    assert [entry.version for entry in store.history("nilm")] == [1, 2, 1]
    assert store.pointer("nilm").serial == 3


def test_a_publish_takes_as_many_writes_as_the_crash_tests_try(
    root_url: str, tmp_path: Path
) -> None:
    new_store(root_url, tmp_path)
    objects = FragileObjects(opened(root_url), None)
    publish(Store(objects, keys_of(tmp_path)), "nilm", "run1")
    assert objects.writes == WRITES


def test_two_runs_with_the_same_bytes_get_a_version_each(store: Store) -> None:
    for run_id in ("run1", "run2"):
        store.publish("nilm", content("same"), FIELDS, run_id=run_id, actor="ann", reason="x")
    assert [entry.version for entry in store.history("nilm")] == [1, 2]


@pytest.mark.slow
def test_publishers_at_once_lose_nothing(root_url: str, tmp_path: Path) -> None:
    publish(new_store(root_url, tmp_path), "nilm", "run0")  # makes the key
    runs = [f"run{n}" for n in range(1, 7)]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda r: publish(new_store(root_url, tmp_path), "nilm", r), runs))
    store = new_store(root_url, tmp_path)
    versions = {run: published.version for run, published in zip(runs, done, strict=True)}
    check_whole(store, "nilm", {"run0": 1} | versions)
    assert len(store.history("nilm")) == 7


def test_one_run_published_by_many_at_once_is_one_version(root_url: str, tmp_path: Path) -> None:
    publish(new_store(root_url, tmp_path), "nilm", "run0")
    with ThreadPoolExecutor(3) as pool:
        done = list(
            pool.map(lambda _: publish(new_store(root_url, tmp_path), "nilm", "run1"), range(3))
        )
    assert {(published.version, published.serial) for published in done} == {(2, 2)}
    check_whole(new_store(root_url, tmp_path), "nilm", {"run0": 1, "run1": 2})


def test_of_two_judged_against_one_champion_one_is_published(root_url: str, tmp_path: Path) -> None:
    publish(new_store(root_url, tmp_path), "nilm", "run0")

    def attempt(run_id: str) -> bool:
        try:
            publish(new_store(root_url, tmp_path), "nilm", run_id, judged_against=1)
        except ChangedError:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(attempt, ["run1", "run2", "run3"])) == 1
    assert len(new_store(root_url, tmp_path).history("nilm")) == 2


@pytest.mark.slow
def test_publishing_processes_make_one_key_and_lose_nothing(root_url: str, tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tests.store.helpers import new_store, publish
        for n in range(4):
            publish(new_store(sys.argv[1], Path(sys.argv[2])), "nilm", f"{sys.argv[3]}-{n}")
        """
    )
    repository = Path(__file__).parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, root_url, str(tmp_path), name], cwd=repository
        )
        for name in ("a", "b")
    ]
    assert [process.wait(120) for process in started] == [0, 0]
    store = new_store(root_url, tmp_path)
    chain = store.history("nilm")
    assert len({entry.run_id for entry in chain}) == len(chain) == 8
    assert len({entry.version for entry in chain}) == 8
    check_whole(store, "nilm", {entry.run_id: entry.version for entry in chain})


def test_publishing_needs_the_keys(store: Store) -> None:
    publish(store, "nilm", "run1")
    store.keys.signers_path.unlink()
    with pytest.raises(TrustError, match=r"no key here to sign nilm with.*where the keys are"):
        publish(store, "nilm", "run2")
    assert store.champion("nilm") is not None


def test_a_store_in_a_directory_gets_its_keys_by_itself_and_says_so(tmp_path: Path) -> None:
    store = Store(opened(str(tmp_path / "root")), keys_of(tmp_path))
    assert publish(store, "nilm", "run1").new_key == keys_of(tmp_path)
    assert publish(store, "nilm", "run2").new_key is None


def test_a_store_in_a_bucket_wants_a_ceremony(s3_root: str, tmp_path: Path) -> None:
    store = Store(opened(s3_root), keys_of(tmp_path))
    with pytest.raises(TrustError, match=r"has no keys yet.*smartwatts keys init"):
        publish(store, "nilm", "run1")
    assert store.models() == ()
    assert not keys_of(tmp_path).exists()
