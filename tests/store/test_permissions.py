"""The policies of docs/store.md, tried on a server that enforces users."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smartwatts_ml.errors import StoreError
from smartwatts_ml.judging.refitted import drop_judged_files
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.store import Store
from tests.ministack import Ministack
from tests.store.helpers import keys_of, publish, with_keys

REPOSITORY = Path(__file__).parents[2]
PREFIX = "homes/smartwatts"
DENIED = "no permission"
pytestmark = pytest.mark.slow


def policy(name: str, bucket: str) -> dict[str, Any]:
    text = (REPOSITORY / "docs" / "store.md").read_text()
    match = re.search(rf"<!-- policy: {name} -->\n```json\n(.*?)```", text, re.DOTALL)
    assert match, name
    given: dict[str, Any] = json.loads(match[1].replace("BUCKET", bucket).replace("PREFIX", PREFIX))
    return given


@pytest.fixture
def bucket(ministack: Ministack) -> str:
    return ministack.new_bucket()


@pytest.fixture
def as_user(
    ministack: Ministack, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Objects]:
    """Open the root as a user with one of the policies, or as the bucket's owner."""

    def open_as(name: str, *, writable: bool = True) -> Objects:
        environment = ministack.environment()
        if name != "owner":
            environment = ministack.new_user(policy(name, bucket))
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        return open_root(f"s3://{bucket}/{PREFIX}", writable=writable)

    return open_as


@pytest.fixture
def filled(as_user: Callable[..., Objects], tmp_path: Path) -> Objects:
    """Three versions, published by a signer, and a run; nothing by the owner."""
    objects = as_user("signer")
    store = with_keys(Store(objects, keys_of(tmp_path)))
    for run_id in ("run1", "run2", "run3"):
        publish(store, "nilm", run_id)
    objects.write("runs/run1/nilm/decision.json", b"{}")
    objects.write("state/nilm.json", b"{}")
    return objects


def test_a_signer_publishes_rolls_back_and_renews(filled: Objects, tmp_path: Path) -> None:
    store = Store(filled, keys_of(tmp_path))
    assert store.rollback("nilm", 1, "bob", "why").serial == 4
    assert store.renew() is not None
    assert publish(store, "nilm", "run4").version == 4
    assert store.verify("nilm").findings == store.verify_repository().findings == ()


@pytest.mark.parametrize(
    "key", ["nilm/nilm_v3.tflite", "nilm/nilm_v3.json", "metadata/3.nilm.json"]
)
def test_a_signer_can_neither_delete_nor_overwrite_what_is_written_once(
    filled: Objects, tmp_path: Path, key: str
) -> None:
    key = f"models/{key}"
    found = filled.read(key)
    with pytest.raises(StoreError, match=DENIED):
        filled.delete(key)
    with pytest.raises(StoreError, match=DENIED):
        filled.replace(key, b"forged", found.etag)
    local = tmp_path / "forged"
    local.write_bytes(b"forged")
    with pytest.raises(StoreError, match=r"AccessDenied|no permission"):
        filled.upload(key, local)
    assert filled.read(key).data == found.data


def test_a_condition_that_is_none_does_not_pass_for_one(filled: Objects) -> None:
    """``If-None-Match: "zzz"`` is a condition, and holds of whatever is there."""
    client, at = filled._client, filled._at("models/nilm/nilm_v3.json")  # type: ignore[attr-defined]
    with pytest.raises(ClientError, match=r"AccessDenied|403"):
        client.put_object(**at, Body=b"forged", IfNoneMatch='"zzz"')
    assert filled.read("models/nilm/nilm_v3.json").data != b"forged"


def test_a_signer_cannot_prune(filled: Objects, tmp_path: Path) -> None:
    store = Store(filled, keys_of(tmp_path))
    with pytest.raises(StoreError, match=DENIED):
        store.prune("nilm", keep=1, older_than=timedelta(0))
    assert store.verify("nilm").findings == ()


def test_a_trainer_writes_nothing_of_the_store(
    filled: Objects, as_user: Callable[..., Objects], tmp_path: Path
) -> None:
    objects = as_user("trainer")
    objects.write("runs/run2/nilm/decision.json", b"{}")
    objects.write("state/nilm.json", b"{}")
    reader = Store(objects, tmp_path / "trainer")
    reader.keys.trust(Store(filled, keys_of(tmp_path)).keys.root_path.read_bytes(), "root.json")
    champion = reader.champion("nilm")
    assert champion is not None and champion.version == 3
    key = "models/metadata/timestamp.json"
    for attempt in (
        lambda: objects.create("models/nilm/nilm_v9.tflite", b"x"),
        lambda: objects.create("models/metadata/4.nilm.json", b"x"),
        lambda: objects.replace(key, b"x", objects.read(key).etag),
        lambda: objects.delete(key),
        lambda: objects.delete("runs/run1/nilm/decision.json"),
    ):
        with pytest.raises(StoreError, match=DENIED):
            attempt()


def test_an_operator_prunes_repairs_and_recovers(
    filled: Objects,
    as_user: Callable[..., Objects],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled.write(f"state/judged/nilm/{'0' * 64}.tflite", b"what version 1 was judged as")
    monkeypatch.setattr("smartwatts_ml.judging.refitted._UNFINISHED_FOR", timedelta(0))
    objects = as_user("operator")
    store = Store(objects, keys_of(tmp_path))
    assert store.prune("nilm", keep=1, older_than=timedelta(0)).versions == (1, 2)
    assert drop_judged_files(objects, store, "nilm") == 1
    store.rotation.recover([store.keys.offline_path])
    assert store.verify("nilm", repair=True).findings == ()
    with pytest.raises(StoreError, match=DENIED):
        store._objects.read("state/nilm.json")


def test_a_gateway_pulls(filled: Objects, as_user: Callable[..., Objects], tmp_path: Path) -> None:
    root = Store(filled, keys_of(tmp_path)).keys.root_path.read_bytes()
    store = Store(as_user("gateway", writable=False), tmp_path / "gateway")
    store.keys.trust(root, "root.json")
    assert store.models() == ("nilm",)
    assert store.pull("nilm", tmp_path / "out").version == 3


def test_a_gateway_can_neither_write_nor_list_nor_read_anything_else(
    filled: Objects, as_user: Callable[..., Objects]
) -> None:
    objects = as_user("gateway", writable=False)
    etag = objects.read("models/metadata/timestamp.json").etag
    for attempt in (
        lambda: objects.create("models/nilm/nilm_v9.tflite", b"x"),
        lambda: objects.replace("models/metadata/timestamp.json", b"x", etag),
        lambda: objects.delete("models/metadata/timestamp.json"),
        lambda: objects.read("runs/run1/nilm/decision.json"),
        lambda: objects.read("state/nilm.json"),
        lambda: list(objects.list("runs/")),
        lambda: list(objects.list("")),
        lambda: list(objects.list("models/")),
        lambda: list(objects.folders("")),
    ):
        with pytest.raises(StoreError, match=DENIED):
            attempt()
