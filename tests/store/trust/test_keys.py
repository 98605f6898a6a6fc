"""Whose signature counts, and how keys come and go."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from smartwatts_ml.errors import BadInputError, TrustError, UsageError
from smartwatts_ml.store import KeyFolder, Store
from smartwatts_ml.store.keys import public_pem
from tests.store.helpers import Clock, keys_of, opened, publish


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
