"""The folder of keys: whom this machine trusts, which keys it may use, what it signed.

``root.json`` is the root metadata that everything is verified from; it is public.
``signers.json`` maps key ids to URIs of private keys (a file, or a KMS, an HSM, a Vault: see
``securesystemslib.signer``); a machine that only trains has none. ``online/`` holds private
keys that are files, ``offline/`` those of root while they are here, ``memory/`` what was
signed. No signing is done here: it is securesystemslib's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey
from tuf.api.metadata import Root

from smartwatts_ml.errors import BadInputError, StoreError, TrustError
from smartwatts_ml.objects.durable import flush_folder, make_folder, staged
from smartwatts_ml.pulling.forms import check_key_form
from smartwatts_ml.pulling.layout import MAX_METADATA_BYTES
from smartwatts_ml.store.memory import Memory, locked
from smartwatts_ml.store.metadata import Delegator, Stored, parse_root
from smartwatts_ml.store.signers import UriSigner

__all__ = ["KeyFolder", "NO_KEYS", "public_key"]

NO_KEYS = (
    "`smartwatts keys init` makes the keys of a new store; of one that is there, restore the key"
    " folder, or run this where the keys are"
)
_MOST_SIGNERS_BYTES = 1 << 16


class KeyFolder:
    """Keys on this machine. Reading never writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.memory = Memory(path / "memory")

    @property
    def root_path(self) -> Path:
        """Where the root is that this machine trusts."""
        return self.path / "root.json"

    @property
    def signers_path(self) -> Path:
        """Where the URIs of private keys are."""
        return self.path / "signers.json"

    @property
    def offline_path(self) -> Path:
        """Where the private keys of root lie until they are taken away."""
        return self.path / "offline"

    def is_empty(self) -> bool:
        """Whether this machine trusts nobody and can sign nothing."""
        return not (self.root_path.exists() or self.signers_path.exists())

    def trusted_root(self) -> Stored[Root] | None:
        """The root that everything is verified from: the newest that was signed here, or the
        one that was put here; None where there is neither."""
        if remembered := self.memory.last(Root.type):
            return parse_root(remembered, None, str(self.path / "memory"))
        data = _read(self.root_path, MAX_METADATA_BYTES[Root.type])
        return None if data is None else parse_root(data, None, str(self.root_path))

    def trust(self, data: bytes, where: str) -> Stored[Root]:
        """Trust a root and what it delegates to. Raises TrustError where it does not hold in
        itself."""
        root = parse_root(data, None, where)
        self.write(self.root_path, data)
        return root

    def uris(self) -> dict[str, str]:
        """URIs of private keys by key id. Raises TrustError."""
        data = _read(self.signers_path, _MOST_SIGNERS_BYTES)
        if data is None:
            return {}
        try:
            uris = json.loads(data)
            return {str(keyid): str(uri) for keyid, uri in uris.items()}
        except (ValueError, AttributeError) as error:
            raise TrustError(f"{self.signers_path} is damaged", fix="restore it") from error

    def add_uris(self, uris: Mapping[str, str]) -> None:
        """Let this machine sign with more keys."""
        self._write_uris(self.uris() | dict(uris))

    def keep_uris(self, keyids: Sequence[str]) -> None:
        """Forget every other key; files of such keys in ``online/`` are removed."""
        kept = {keyid: uri for keyid, uri in self.uris().items() if keyid in keyids}
        gone = set(self.uris().values()).difference(kept.values())
        self._write_uris(kept)
        for uri in gone:
            if uri.startswith("file2:online/"):
                (self.path / uri.removeprefix("file2:")).unlink(missing_ok=True)

    def signers(
        self, delegator: Delegator, role: str, offline: Sequence[Path] = ()
    ) -> tuple[Signer, ...]:
        """Those that may sign a role, by URI or from PEM files in ``offline`` folders. Raises
        TrustError where they are fewer than the delegator demands."""
        uris, files = self.uris(), dict(_signers_in(offline))
        wanted = delegator.get_delegated_role(role)
        signers: list[Signer] = []
        for keyid in wanted.keyids:
            if keyid in files:
                signers.append(files[keyid])
            elif keyid in uris:
                signers.append(self.signer(uris[keyid], delegator.get_key(keyid)))
        if len(signers) < wanted.threshold:
            raise TrustError(
                f"no key here to sign {role} with"
                if not signers
                else f"{len(signers)} of {wanted.threshold} keys are here to sign {role} with",
                fix=NO_KEYS,
            )
        return tuple(signers)

    def run_signer(self) -> CryptoSigner:
        """The key by which this machine knows again what its own stages left; made when it is
        first asked for. Nobody else trusts it."""
        path = self.path / "runs.pem"
        with self.locked():
            if not path.exists():
                self.write(path, CryptoSigner.generate_ed25519().private_bytes, 0o600)
        return _signer_of(path)

    def generate(self, name: str, folder: Path) -> tuple[str, Key]:
        """A new Ed25519 key in a file of its own that its owner alone reads; its URI and its
        public half."""
        signer = CryptoSigner.generate_ed25519()
        path = folder / f"{name}-{signer.public_key.keyid[:8]}.pem"
        self.write(path, signer.private_bytes, 0o600)
        inside = path.relative_to(self.path) if path.is_relative_to(self.path) else path.absolute()
        return f"{CryptoSigner.SCHEME}:{inside}", signer.public_key

    def write(self, path: Path, data: bytes, mode: int = 0o666) -> None:
        """Write a file whole or not at all, so that it survives a power cut."""
        try:
            make_folder(self.path, 0o700)
            make_folder(path.parent)
            with staged(path.parent, data, ".", mode) as temporary:
                temporary.replace(path)
            flush_folder(path.parent)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder against other processes that make keys. Raises StoreError."""
        return locked(self.path)

    def signers_in(self, folders: Sequence[Path], keyids: Sequence[str]) -> list[Signer]:
        """Those with these ids whose PEM files lie in folders."""
        return [signer for keyid, signer in _signers_in(folders) if keyid in keyids]

    def signer(self, uri: str, key: Key) -> UriSigner:
        """The signer of a URI. Raises UsageError, TrustError where it cannot be used."""
        scheme, _, rest = uri.partition(":")
        if scheme == CryptoSigner.SCHEME:
            uri = f"{scheme}:{self.path.absolute() / rest}"
        return UriSigner.from_priv_key_uri(uri, key)

    def _write_uris(self, uris: Mapping[str, str]) -> None:
        self.write(self.signers_path, json.dumps(dict(uris), indent=1).encode(), 0o600)


def public_key(path: Path) -> Key:
    """A public key from a PEM file. Raises BadInputError, also of kinds that no client takes."""
    try:
        key = SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()))
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadInputError(f"{path} is no public key in PEM form") from error
    try:
        check_key_form(key.to_dict())
    except ValueError as error:
        raise BadInputError(
            f"no gateway would take the {key.scheme} key of {path}",
            fix="Ed25519, ECDSA P-256 or RSA",
        ) from error
    return key


def _signers_in(folders: Sequence[Path]) -> Iterator[tuple[str, Signer]]:
    for folder in folders:
        for path in sorted(folder.glob("*.pem")):
            signer = _signer_of(path)
            yield signer.public_key.keyid, signer


def _signer_of(path: Path) -> CryptoSigner:
    try:
        return CryptoSigner(load_pem_private_key(path.read_bytes(), None))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TrustError(f"{path} is no private key that can sign") from error


def _read(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrustError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise TrustError(f"{path} has more than {limit:,} bytes")
    return data
