"""The folder of keys: those that sign, and the public ones that are trusted.

``signing_key.pem`` (PKCS 8, readable by its owner alone) and ``trusted/<keyid>.pub`` (PEM).
A keyid is the SHA-256 of the public key's DER form. While a key is being rotated, the old
one lies beside as ``outgoing_key.pem`` and both sign, so that a gateway may trust either.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from smartwatts_ml.errors import BadInputError, StoreError, TrustError, UsageError
from smartwatts_ml.objects.durable import flush_folder, staged

__all__ = ["KeyFolder", "RESTORE", "SigningKey", "keyid_of", "load_public_key", "public_pem"]

_SIGNING_KEY = "signing_key.pem"
_OUTGOING_KEY = "outgoing_key.pem"
_TRUSTED = "trusted"
RESTORE = (
    "restore the key folder, or make a key with `smartwatts keys new` and let gateways trust it"
)


@dataclass(frozen=True)
class SigningKey:
    """A private key and its id."""

    keyid: str
    key: Ed25519PrivateKey


class KeyFolder:
    """Keys on this machine. Reading never writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def signing_path(self) -> Path:
        """Where the private key is."""
        return self.path / _SIGNING_KEY

    @property
    def outgoing_path(self) -> Path:
        """Where the private key is that is being rotated out."""
        return self.path / _OUTGOING_KEY

    def is_empty(self) -> bool:
        """Whether there is no key at all."""
        private = self.signing_path.exists() or self.outgoing_path.exists()
        return not private and not self._public_files()

    def can_sign(self) -> bool:
        """Whether there is a private key."""
        return self.signing_path.exists()

    def signing_key(self) -> SigningKey:
        """The private key. Raises TrustError where it is missing or not trusted itself."""
        signing = _load_private_key(self.signing_path)
        trusted = self.trusted()
        if not trusted:  # a crash came between the two files of a new key
            self.trust(public_pem(signing.key.public_key()))
        elif signing.keyid not in trusted:
            raise TrustError(
                f"the signing key {signing.keyid[:12]} is not trusted here",
                fix="`smartwatts keys trust FILE.pub` with its public half",
            )
        return signing

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Every key that signs: the signing key, and the one that is being rotated out."""
        keys = (self.signing_key(),)
        if not self.outgoing_path.exists():
            return keys
        return (*keys, _load_private_key(self.outgoing_path))

    def trusted(self) -> dict[str, Ed25519PublicKey]:
        """The trusted public keys by keyid."""
        keys = {}
        for path in self._public_files():
            try:
                key = load_public_key(path.read_bytes(), str(path))
            except (OSError, BadInputError) as error:
                raise TrustError(f"cannot use {path}: {error}", fix="replace or remove it") from (
                    error
                )
            keys[keyid_of(key)] = key
        return keys

    def generate(self, *, rotate: bool = False) -> str:
        """Make a signing key and trust it; its keyid.

        With a key already here, ``rotate`` lets both sign until ``retire``; without
        ``rotate`` that is wrong use.
        """
        signing = Ed25519PrivateKey.generate()
        pem = signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if rotate and self.can_sign():
            if self.outgoing_path.exists():
                raise UsageError(
                    f"{self.outgoing_path} is still being rotated out",
                    fix="`smartwatts keys retire` ends that",
                )
            self.signing_key()
            self.signing_path.rename(self.outgoing_path)
        try:
            self._write(self.signing_path, pem, os.link, 0o600)
        except FileExistsError as error:
            raise UsageError(
                f"{self.signing_path} exists", fix="--rotate makes a new one, and both sign"
            ) from error
        return self.trust(public_pem(signing.public_key()))

    def retire(self) -> str:
        """End a rotation: the old key neither signs nor is trusted any more; its keyid."""
        if not self.outgoing_path.exists():
            raise UsageError(
                f"no key is being rotated out of {self.path}",
                fix="`smartwatts keys new --rotate` begins that",
            )
        self.signing_key()
        keyid = _load_private_key(self.outgoing_path).keyid
        # The private half last: a crash before leaves something to retire again.
        self._trusted_path(keyid).unlink(missing_ok=True)
        self.outgoing_path.unlink()
        return keyid

    def trust(self, pem: bytes, where: str = "the public key") -> str:
        """Trust a public key given as PEM; its keyid."""
        key = load_public_key(pem, where)
        keyid = keyid_of(key)
        self._write(self._trusted_path(keyid), public_pem(key), os.replace)
        return keyid

    def _trusted_path(self, keyid: str) -> Path:
        return self.path / _TRUSTED / f"{keyid}.pub"

    def _public_files(self) -> list[Path]:
        return sorted((self.path / _TRUSTED).glob("*.pub"))

    def _write(
        self, path: Path, pem: bytes, name: Callable[[Path, Path], None], mode: int = 0o666
    ) -> None:
        """Write a file whole or not at all, so that it survives a power cut. ``name`` gives
        it its name: ``os.replace``, or ``os.link``, which raises FileExistsError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(exist_ok=True)
            with staged(path.parent, pem, ".", mode) as temporary:
                name(temporary, path)
            flush_folder(path.parent)
        except FileExistsError:
            raise
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def keyid_of(key: Ed25519PublicKey) -> str:
    """SHA-256 of the key's DER form, in hex."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def public_pem(key: Ed25519PublicKey) -> bytes:
    """The PEM form of a public key, as ``.pub`` files have it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_public_key(pem: bytes, where: str) -> Ed25519PublicKey:
    """An Ed25519 public key from PEM. Raises BadInputError."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise BadInputError(f"{where} is not a public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadInputError(f"{where} is not an Ed25519 public key")
    return key


def _load_private_key(path: Path) -> SigningKey:
    try:
        pem = path.read_bytes()
    except FileNotFoundError as error:
        raise TrustError(f"no signing key at {path}", fix=RESTORE) from error
    except OSError as error:
        raise TrustError(f"cannot read {path}: {error.strerror}") from error
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise TrustError(f"{path} is not a private key in PEM form", fix=RESTORE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise TrustError(f"{path} is not an Ed25519 key", fix=RESTORE)
    return SigningKey(keyid_of(key.public_key()), key)
