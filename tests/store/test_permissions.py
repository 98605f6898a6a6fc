"""The policies of docs/store.md, tried on a server that enforces users."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from smartwatts_ml.errors import StoreError
from smartwatts_ml.judging.refitted import drop_judged_files
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.store import Store
from tests.ministack import Ministack
from tests.store.helpers import content, keys_of, publish

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
    """Three versions, published by a publisher, and a run; nothing by the owner."""
    objects = as_user("publisher")
    store = Store(objects, keys_of(tmp_path))
    for run_id in ("run1", "run2", "run3"):
        publish(store, "nilm", run_id)
    objects.write("runs/run1/nilm/decision.json", b"{}")
    objects.write("state/nilm.json", b"{}")
    return objects


def test_a_publisher_publishes_rolls_back_and_signs_again(filled: Objects, tmp_path: Path) -> None:
    store = Store(filled, keys_of(tmp_path))
    assert store.rollback("nilm", 1, "bob", "why").serial == 4
    assert store.resign("nilm") is not None
    assert publish(store, "nilm", "run4").version == 4
    assert store.verify("nilm").findings == ()


@pytest.mark.parametrize("key", ["nilm_v3.tflite", "nilm_v3.json", "history/0000000003.json"])
def test_a_publisher_can_neither_delete_nor_overwrite_a_version(
    filled: Objects, tmp_path: Path, key: str
) -> None:
    key = f"models/nilm/{key}"
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


def test_a_publisher_cannot_prune(filled: Objects, tmp_path: Path) -> None:
    store = Store(filled, keys_of(tmp_path))
    with pytest.raises(StoreError, match=DENIED):
        store.prune("nilm", keep=1, older_than=timedelta(0))
    assert store.verify("nilm").findings == ()


def test_an_operator_prunes_and_signs_documents_again(
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
    store.keys.generate(rotate=True)
    assert store.resign_documents("nilm") == 4
    assert store.verify("nilm", repair=True).findings == ()
    with pytest.raises(StoreError, match=DENIED):
        store._objects.read("runs/run1/nilm/decision.json")


def test_a_gateway_pulls(filled: Objects, as_user: Callable[..., Objects], tmp_path: Path) -> None:
    store = Store(as_user("gateway", writable=False), keys_of(tmp_path))
    assert store.models() == ("nilm",)
    assert store.pull("nilm", tmp_path / "out").version == 3
    assert store.pull("nilm", tmp_path / "old", version=1).version == 1


def test_a_gateway_can_neither_write_nor_list_nor_read_anything_else(
    filled: Objects, as_user: Callable[..., Objects]
) -> None:
    objects = as_user("gateway", writable=False)
    etag = objects.read("models/nilm/champion.json").etag
    for attempt in (
        lambda: objects.create("models/nilm/nilm_v9.tflite", b"x"),
        lambda: objects.replace("models/nilm/champion.json", b"x", etag),
        lambda: objects.delete("models/nilm/champion.json"),
        lambda: objects.read("runs/run1/nilm/decision.json"),
        lambda: objects.read("state/nilm.json"),
        lambda: list(objects.list("runs/")),
        lambda: list(objects.list("")),
        lambda: list(objects.list("models/")),
        lambda: list(objects.folders("")),
    ):
        with pytest.raises(StoreError, match=DENIED):
            attempt()


@pytest.mark.skipif(shutil.which("java") is None, reason="no JDK on this machine")
def test_the_java_puller_signs_its_requests_as_a_gateway(
    filled: Objects, ministack: Ministack, bucket: str, tmp_path: Path
) -> None:
    from smartwatts_ml.store.keys import public_pem

    key = Store(filled, keys_of(tmp_path)).keys.signing_key()
    (tmp_path / "key.pub").write_bytes(public_pem(key.key.public_key()))
    source = REPOSITORY / "gateway" / "SmartWattsPull.java"
    key_file = str(tmp_path / "key.pub")
    command = ["java", str(source), "--root", f"s3://{bucket}/{PREFIX}", "--key", key_file]
    user = ministack.new_user(policy("gateway", bucket))
    path = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
    for environment, code in ((user, 0), (user | {"AWS_SECRET_ACCESS_KEY": "wrong"}, 4), ({}, 4)):
        out = tmp_path / f"out{len(environment)}{code}"
        endpoint = {"AWS_ENDPOINT_URL_S3": ministack.url}
        run = subprocess.run(
            [*command, "--to", str(out), "nilm"],
            env=path | endpoint | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert run.returncode == code, run.stderr
        assert ("answers 403" in run.stderr) == bool(code)
        if not code:
            assert (out / "nilm.tflite").read_bytes() == content("run3")
