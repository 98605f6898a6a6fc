"""What whoever writes into the bucket can do, with no key or with the store's own past."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root, Timestamp
from typer.testing import CliRunner

from smartwatts_ml.commands.cli import app
from smartwatts_ml.errors import StoreError, TrustError, UsageError
from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.store import Store
from tests.store.helpers import FIELDS, Clock, content, new_store, opened, publish

DEEP = b"[" * 40_000


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    return str(tmp_path / "root")


@pytest.fixture
def store(root_url: str, tmp_path: Path, clock: Clock) -> Store:
    """Three versions of nilm."""
    store = new_store(root_url, tmp_path, clock=clock)
    for run_id in ("run1", "run2", "run3"):
        publish(store, "nilm", run_id)
    return store


def forked(store: Store, root_url: str, tmp_path: Path, clock: Clock) -> Path:
    """Another root that the same keys signed, which parted after serial 2: the bucket as it was
    then, published to twice by a machine with the keys and without the memory."""
    folder, keys = tmp_path / "fork", tmp_path / "keys of fork"
    shutil.copytree(root_url, folder)
    shutil.copytree(store.keys.path, keys)
    shutil.rmtree(keys / "memory")
    fork = Store(open_root(str(folder)), keys, clock=clock)
    metadata = folder / "models/metadata"
    newest = max(int(p.name.split(".")[0]) for p in metadata.glob("*.snapshot.json"))
    for name in ("3.nilm", f"{newest}.snapshot", "timestamp"):
        (metadata / f"{name}.json").unlink()
    publish(fork, "nilm", "run3b")
    publish(fork, "nilm", "run4b")
    return folder


def newest_snapshot(folder: Path) -> Path:
    found = (folder / "models/metadata").glob("*.snapshot.json")
    return max(found, key=lambda path: int(path.name.split(".")[0]))


def test_what_was_signed_is_not_signed_below(
    store: Store, objects: Objects, root_url: str, tmp_path: Path
) -> None:
    """Timestamp, newest snapshot and newest commit are deleted: nothing older is renewed."""
    objects.delete("models/metadata/timestamp.json")
    objects.delete("models/metadata/3.nilm.json")
    newest_snapshot(Path(root_url)).unlink()
    renewed = store.renew()
    assert renewed is not None and "turned back" not in renewed.expires
    assert "is gone, which clients were told of" in renewed.problems["nilm"]
    for change in (
        lambda: publish(store, "nilm", "run4"),
        lambda: store.rollback("nilm", 1, "bob", "why"),
    ):
        with pytest.raises(TrustError, match="is gone, which clients were told of"):
            change()
    with pytest.raises(StoreError):  # not an older version
        store.pull("nilm", tmp_path / "out")
    assert store.verify("nilm", repair=True).findings == ()
    assert store.pull("nilm", tmp_path / "out").version == 3


@pytest.mark.slow
def test_what_was_signed_is_not_signed_beside(
    store: Store, root_url: str, tmp_path: Path, clock: Clock
) -> None:
    """The whole bucket is replaced by a fork that the same keys signed."""
    fork = forked(store, root_url, tmp_path, clock)
    shutil.rmtree(Path(root_url) / "models")
    shutil.copytree(fork / "models", Path(root_url) / "models")
    with pytest.raises(TrustError, match="is not what was signed here"):
        publish(store, "nilm", "run4")
    with pytest.raises(TrustError, match="is not what was signed here"):
        store.champion("nilm")


@pytest.mark.slow
def test_a_history_that_is_spliced_from_two_forks_does_not_verify(
    store: Store, root_url: str, tmp_path: Path, clock: Clock
) -> None:
    name = "models/metadata/4.nilm.json"
    fork = forked(store, root_url, tmp_path, clock)
    shutil.copy(fork / name, Path(root_url) / name)
    reader = Store(opened(root_url), tmp_path / "reader", clock=clock)  # remembers nothing
    reader.keys.trust(store.keys.root_path.read_bytes(), "root.json")
    for one in (store, reader):
        with pytest.raises(TrustError, match="does not follow serial 3"):
            one.history("nilm")


def test_a_serial_is_never_used_for_two_things(
    store: Store, objects: Objects, root_url: str
) -> None:
    for name in ("3.nilm", "timestamp"):
        objects.delete(f"models/metadata/{name}.json")
    with pytest.raises(TrustError):
        publish(store, "nilm", "other")
    assert not objects.exists("models/metadata/3.nilm.json")


@pytest.mark.parametrize("data", [DEEP, b"{" * 40_000, b'{"a":' * 40_000, b"\xff\xfe", b""])
def test_one_models_damage_is_no_others(
    store: Store, objects: Objects, root_url: str, tmp_path: Path, data: bytes
) -> None:
    publish(store, "anomaly", "run1")
    objects.write("models/metadata/2.anomaly.json", data)
    objects.write("models/aaa/champion.json", data)
    objects.write("models/anomaly/anomaly_v1.json", data)
    assert publish(store, "nilm", "run4").version == 4
    assert store.rollback("nilm", 1, "bob", "why").version == 1
    renewed = store.renew()
    assert renewed is not None and set(renewed.problems) == {"anomaly"}
    assert store.pull("nilm", tmp_path / "out").version == 1
    listed = CliRunner().invoke(
        app,
        ["models", "list", "--root", root_url],
        env={"SMARTWATTS_KEYS": str(store.keys.path)},
    )
    assert isinstance(listed.exception, TrustError)
    assert "v1 (rolled back)" in listed.stdout


@pytest.mark.parametrize("name", ["timestamp", "4.nilm", "2.root", "2.targets"])
def test_what_is_larger_than_it_can_be_is_not_read(store: Store, root_url: str, name: str) -> None:
    path = Path(root_url) / f"models/metadata/{name}.json"
    path.touch()
    os.truncate(path, 3 << 30)  # sparse: reading it would take 3 GB of memory
    champion = store.champion("nilm") if name != "4.nilm" else None
    assert champion is None or champion.version == 3
    assert store.renew() is not None


def test_limits_hold_before_anything_is_written(store: Store, objects: Objects) -> None:
    before = [info.key for info in objects.list("models/")]
    for reason in ("x" * 131_000, "red \x1b[31m alert"):
        with pytest.raises(UsageError, match="the reason"):
            store.publish("nilm", content("run4"), FIELDS, run_id="r", actor="ann", reason=reason)
        with pytest.raises(UsageError, match="the reason"):
            store.rollback("nilm", 1, "bob", reason)
    huge = FIELDS | {"decision": {"reasons": ["x" * (1 << 20)]}}
    with pytest.raises(UsageError, match="the manifest"):
        store.publish("nilm", content("run4"), huge, run_id="r", actor="ann", reason="y")
    assert [info.key for info in objects.list("models/")] == before


def test_a_timestamp_that_would_hold_for_ever_is_not_taken(store: Store, objects: Objects) -> None:
    key = "models/metadata/timestamp.json"
    timestamp = Metadata[Timestamp].from_bytes(objects.read(key).data)
    root = Metadata[Root].from_bytes(store.keys.root_path.read_bytes()).signed
    timestamp.signed.version += 1
    timestamp.signed.expires = datetime(9999, 1, 1, tzinfo=UTC)
    timestamp.sign(store.keys.signers(root, "timestamp")[0])
    objects.write(key, timestamp.to_bytes())
    with pytest.raises(TrustError, match="longer than any may"):
        store.pointer("nilm")
    renewed = store.renew()
    assert renewed is not None and renewed.expires.startswith("2026")


def test_text_from_the_bucket_is_not_obeyed_by_a_terminal(
    store: Store, objects: Objects, root_url: str
) -> None:
    objects.write("models/nilm/\x1b[2Jgone.txt", b"")
    shown = CliRunner().invoke(
        app, ["models", "verify", "--root", root_url], env={"SMARTWATTS_KEYS": str(store.keys.path)}
    )
    assert "gone.txt" in shown.stdout
    assert "\x1b[2J" not in shown.stdout + str(shown.stderr)


@pytest.mark.parametrize("root", ["https://ann:secret@host/x", "s3://key:secret@bucket/x"])
def test_a_password_in_a_roots_address_is_refused_and_not_repeated(root: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_root(root)
    assert "secret" not in str(caught.value)
