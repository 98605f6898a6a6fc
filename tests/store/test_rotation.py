"""The ceremony, and what to do about a key: rotation, revocation, theft, fast-forward."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from smartwatts_ml.errors import NotFoundError, TrustError, UsageError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Store
from tests.store.clients import gateway
from tests.store.helpers import Clock, content, keys_of, opened, publish


@pytest.fixture
def root_url(tmp_path: Path) -> str:
    return str(tmp_path / "root")


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    return tmp_path / "offline"


@pytest.fixture
def store(root_url: str, tmp_path: Path, clock: Clock, offline: Path) -> Store:
    """Root is 2 of 3, offline; two versions of nilm, one of anomaly."""
    store = Store(opened(root_url), keys_of(tmp_path), clock=clock)
    store.ceremonies.init(["nilm", "anomaly"], threshold=2, count=3, offline=offline)
    publish(store, "nilm", "run1")
    publish(store, "nilm", "run2")
    publish(store, "anomaly", "run1")
    return store


@pytest.fixture
def first_root(store: Store) -> bytes:
    """What gateways were built with."""
    return store.keys.root_path.read_bytes()


def test_a_ceremony_leaves_no_private_key_of_root_in_the_key_folder(
    store: Store, offline: Path
) -> None:
    root = Metadata[Root].from_bytes(store.keys.root_path.read_bytes()).signed
    assert root.roles["root"].threshold == root.roles["targets"].threshold == 2
    assert len(root.roles["root"].keyids) == 3
    assert not set(root.roles["root"].keyids) & set(store.keys.uris())
    assert len(list(offline.glob("*.pem"))) == 3
    for path in [*offline.glob("*.pem"), *store.keys.path.rglob("*.pem")]:
        assert path.stat().st_mode & 0o777 == 0o600
    assert store.keys.path.stat().st_mode & 0o777 == 0o700
    assert not store.keys.offline_path.exists()


def test_a_second_ceremony_is_refused(store: Store, root_url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has keys already"):
        store.ceremonies.init(["nilm"])
    elsewhere = Store(opened(root_url), tmp_path / "other keys")
    with pytest.raises(TrustError, match="has a store already"):
        elsewhere.ceremonies.init(["nilm"])
    assert not (tmp_path / "other keys" / "root.json").exists()


@pytest.mark.parametrize("threshold", [0, 4])
def test_a_threshold_that_no_number_of_keys_meets_is_refused(
    root_url: str, tmp_path: Path, threshold: int
) -> None:
    store = Store(opened(root_url), tmp_path / "keys")
    with pytest.raises(UsageError):
        store.ceremonies.init(["nilm"], threshold=threshold, count=3)


def test_a_model_is_added_with_a_threshold_of_the_offline_keys(
    store: Store, offline: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"no model of this store.*keys add-model water"):
        publish(store, "water", "run1")
    one = tmp_path / "one"
    one.mkdir()
    first, second, _ = sorted(offline.glob("*.pem"))
    shutil.copy(first, one)
    with pytest.raises(TrustError, match="1 of 2 keys are here to sign targets with"):
        store.ceremonies.add_models(["water"], [one])
    shutil.copy(second, one)
    assert store.ceremonies.add_models(["water", "nilm"], [one]) == ("water",)
    assert publish(store, "water", "run1").version == 1
    assert store.pull("water", tmp_path / "out").version == 1


@pytest.mark.parametrize("scheme", ["ecdsa", "rsa"])
def test_keys_of_other_kinds_sign_by_their_uri(
    root_url: str, tmp_path: Path, scheme: str, clock: Clock
) -> None:
    """What a KMS or an HSM has. Such signatures differ each time, and a rerun completes."""
    signer = CryptoSigner.generate_ecdsa() if scheme == "ecdsa" else CryptoSigner.generate_rsa()
    path = tmp_path / "elsewhere.pem"
    path.write_bytes(signer.private_bytes)
    store = Store(opened(root_url), tmp_path / "keys", clock=clock)
    online = {role: (f"file2:{path}", signer.public_key) for role in ("models", "timestamp")}
    store.ceremonies.init(["nilm"], online=online)
    assert publish(store, "nilm", "run1") == publish(store, "nilm", "run1")
    assert store.pull("nilm", tmp_path / "out").version == 1


@pytest.mark.parametrize("role", ["snapshot", "timestamp", "models"])
def test_a_key_is_rotated_without_a_gap(
    store: Store,
    first_root: bytes,
    root_url: str,
    clock: Clock,
    offline: Path,
    tmp_path: Path,
    role: str,
    monkeypatch: pytest.MonkeyPatch,
    objects: Objects,
) -> None:
    pulls = 0
    puller = gateway(root_url, tmp_path / "gateway", first_root, clock)

    def pulling(write: Any) -> Any:
        def pull_and_write(*args: Any) -> Any:
            nonlocal pulls
            pulls += 1
            assert puller.pull("nilm", tmp_path / "out").version == 2
            return write(*args)

        return pull_and_write

    before = set(store.keys.uris())
    with monkeypatch.context() as patch:
        for verb in ("create", "replace", "write"):
            patch.setattr(objects, verb, pulling(getattr(objects, verb)))
        keyid = store.rotation.rotate(role, [offline])
    assert pulls > 3
    after = set(store.keys.uris())
    assert after - before == {keyid}
    assert len(after) == len(before) == 3
    assert publish(store, "nilm", "run3").version == 3
    assert puller.pull("nilm", tmp_path / "out").version == 3
    newcomer = gateway(root_url, tmp_path / "new", store.keys.root_path.read_bytes(), clock)
    assert newcomer.pull("nilm", tmp_path / "out2").version == 3
    assert [entry.version for entry in store.history("nilm")] == [1, 2, 3]
    assert store.verify("nilm").findings == store.verify_repository().findings == ()


def test_an_old_key_signs_nothing_more_after_its_rotation(
    store: Store, offline: Path, objects: Objects, tmp_path: Path
) -> None:
    old = shutil.copytree(store.keys.path, tmp_path / "stolen")
    for role in ("snapshot", "timestamp", "models"):
        store.rotation.rotate(role, [offline])
    thief = Store(objects, Path(old))
    with pytest.raises(TrustError, match="no key here to sign"):
        publish(thief, "nilm", "evil")


def test_a_lost_key_of_root_is_revoked_by_the_others(
    store: Store,
    first_root: bytes,
    root_url: str,
    clock: Clock,
    offline: Path,
    tmp_path: Path,
) -> None:
    lost, *_ = sorted(offline.glob("*.pem"))
    signer = CryptoSigner(_private(lost))
    lost.unlink()
    new = store.rotation.revoke(signer.public_key.keyid, [offline], tmp_path / "fresh")
    root = Metadata[Root].from_bytes(store.keys.root_path.read_bytes()).signed
    assert new in root.roles["root"].keyids
    assert signer.public_key.keyid not in root.roles["root"].keyids
    assert root.roles["root"].threshold == 2
    old = gateway(root_url, tmp_path / "gateway", first_root, clock)
    assert old.pull("nilm", tmp_path / "out").version == 2
    assert store.ceremonies.add_models(["water"], [offline, tmp_path / "fresh"]) == ("water",)
    with pytest.raises(NotFoundError, match="no role has a key"):
        store.rotation.revoke("ab" * 32, [offline], tmp_path / "fresh")


def test_a_revoked_online_key_is_replaced(store: Store, offline: Path, tmp_path: Path) -> None:
    root = Metadata[Root].from_bytes(store.keys.root_path.read_bytes()).signed
    (keyid,) = root.roles["timestamp"].keyids
    new = store.rotation.revoke(keyid, [offline], tmp_path / "fresh")
    assert keyid not in store.keys.uris()
    assert new in store.keys.uris()
    assert store.renew() is not None


def test_root_and_targets_are_renewed_in_time(
    store: Store, offline: Path, clock: Clock, tmp_path: Path
) -> None:
    clock.advance(days=690)
    store.renew()
    assert len(store.verify_repository().findings) == 2
    assert store.rotation.renew_offline([offline]).startswith("2030")
    assert store.verify_repository().findings == ()
    assert store.pull("nilm", tmp_path / "out").version == 2


class Thief:
    """Has every online key and may write whatever he likes into the bucket."""

    def __init__(self, store: Store, objects: Objects, clock: Callable[[], datetime]) -> None:
        root = Metadata[Root].from_bytes(store.keys.root_path.read_bytes()).signed
        self.objects, self.clock = objects, clock
        self.signers: dict[str, Signer] = {
            role: store.keys.signers(root, role)[0] for role in ("snapshot", "timestamp")
        }
        _, delegating = store.metadata()
        assert delegating is not None
        self.signers["models"] = store.keys.signers(delegating, "nilm")[0]

    def plant(self, version: int, data: bytes) -> None:
        """Put his own file in force for every client, at a version of his choice."""
        names = [info.key for info in self.objects.list("models/metadata/")]
        serial = max(int(n.split("/")[2].split(".")[0]) for n in names if n.endswith(".nilm.json"))
        role = Metadata[Targets].from_bytes(
            self.objects.read(f"models/metadata/{serial}.nilm.json").data
        )
        timestamp = Metadata[Timestamp].from_bytes(
            self.objects.read("models/metadata/timestamp.json").data
        )
        at = timestamp.signed.snapshot_meta.version
        snapshot = Metadata[Snapshot].from_bytes(
            self.objects.read(f"models/metadata/{at}.snapshot.json").data
        )
        path = next(path for path in role.signed.targets if path.endswith(".tflite"))
        self.objects.write(f"models/{path}", data)
        target = role.signed.targets[path]
        target.length, target.hashes = len(data), {"sha256": _sha256(data)}
        role.signed.version = version
        self._put(f"{version}.nilm", role, "models")
        snapshot.signed.meta["nilm.json"] = MetaFile(version)
        snapshot.signed.version = version + 1000
        self._put(f"{version + 1000}.snapshot", snapshot, "snapshot")
        timestamp.signed.snapshot_meta = MetaFile(version + 1000)
        timestamp.signed.version = version + 2000
        timestamp.signed.expires = self.clock() + timedelta(days=2)
        self._put("timestamp", timestamp, "timestamp")

    def _put(self, name: str, metadata: Metadata[Any], role: str) -> None:
        metadata.signed.unrecognized_fields.pop("previous_sha256", None)
        metadata.sign(self.signers[role])
        self.objects.write(f"models/metadata/{name}.json", metadata.to_bytes())


@pytest.mark.parametrize("version", [4, 10**9, 2**53 - 5000], ids=["next", "far", "2^53"])
def test_after_a_theft_what_was_signed_here_last_is_in_force_again(
    store: Store,
    first_root: bytes,
    objects: Objects,
    root_url: str,
    clock: Clock,
    offline: Path,
    tmp_path: Path,
    version: int,
) -> None:
    victim = FrameworkClient(root_url, tmp_path, first_root, clock)
    Thief(store, objects, clock).plant(version, b"\x1c\0\0\0TFL3 evil")
    assert b"evil" in victim.file()
    assert store.verify_repository().findings or store.verify("nilm").findings
    recovered = store.rotation.recover([offline])
    assert any(key.endswith(f"/{version}.nilm.json") for key in recovered.removed)
    assert recovered.models == ("anomaly", "nilm")
    # The file was overwritten, not the store's word on it: the run's own copy mends that.
    audit = store.verify("nilm", repair=True, run_file=lambda entry: content(entry.run_id))
    assert audit.findings == store.verify_repository().findings == ()
    champion = store.champion("nilm")
    assert champion is not None
    assert store.read_file(champion.manifest) == content("run2")
    assert victim.file() == content("run2")
    assert publish(store, "nilm", "run3").version == 3
    assert victim.file() == content("run3")
    assert [entry.version for entry in store.history("nilm")] == [1, 2, 3]


def test_without_the_memory_the_bucket_is_not_taken_at_its_word(
    store: Store, offline: Path, objects: Objects
) -> None:
    """A recovery puts in force what this machine remembers, so it needs to."""
    shutil.rmtree(store.keys.path / "memory")
    with pytest.raises(TrustError, match="remembers nothing"):
        store.rotation.recover([offline])


class FrameworkClient:
    """The framework's own client, as it is."""

    def __init__(self, url: str, tmp_path: Path, root: bytes, clock: Clock) -> None:
        self._arguments = url, tmp_path / "client", root, clock

    def file(self) -> bytes:
        from tuf.ngclient import Updater, UpdaterConfig

        from tests.store.clients import ObjectsFetcher

        url, folder, root, clock = self._arguments
        folder.mkdir(exist_ok=True)
        updater = Updater(
            metadata_dir=str(folder),
            metadata_base_url="models/metadata/",
            target_dir=str(folder),
            target_base_url="models/",
            fetcher=ObjectsFetcher(opened(url)),
            config=UpdaterConfig(prefix_targets_with_hash=False),
            bootstrap=root,
        )
        updater._trusted_set.reference_time = clock()
        updater.refresh()
        for version in range(9, 0, -1):
            info = updater.get_targetinfo(f"nilm/nilm_v{version}.tflite")
            if info:
                return Path(updater.download_target(info)).read_bytes()
        raise AssertionError("nothing to pull")


def _private(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(path.read_bytes(), None)


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_no_key_is_ever_shown(
    store: Store, offline: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    store.rotation.rotate("timestamp", [offline])
    secrets = [p.read_text().splitlines()[1] for p in store.keys.path.rglob("*.pem")]
    assert secrets
    shown = caplog.text + json.dumps(store.keys.uris())
    assert not any(secret in shown for secret in secrets)
