"""Metadata of The Update Framework: bytes that are parsed within bounds, verified, signed.

Pure: nothing here reads or writes a root, a key or a clock. The framework's own library does
the work; its errors become TrustError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)
from tuf.api.serialization import SerializationError

from smartwatts_ml.errors import TrustError, UsageError
from smartwatts_ml.pulling.layout import (
    MAX_DOCUMENT_BYTES,
    MAX_METADATA_BYTES,
    MAX_VERSION,
    PREVIOUS,
)
from smartwatts_ml.store.canonical import parse_json

__all__ = [
    "Delegator",
    "Stored",
    "digest",
    "limit_of",
    "parse_metadata",
    "parse_root",
    "sign",
    "verify",
]

Delegator = Root | Targets
_Signed = TypeVar("_Signed", Root, Timestamp, Snapshot, Targets)


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def limit_of(role: str) -> int:
    """Bytes that a role's metadata may have."""
    return MAX_METADATA_BYTES.get(role, MAX_DOCUMENT_BYTES)


@dataclass(frozen=True)
class Stored(Generic[_Signed]):
    """Metadata as it is stored: the bytes, and what they say."""

    data: bytes
    metadata: Metadata[_Signed]

    @property
    def signed(self) -> _Signed:
        return self.metadata.signed

    @property
    def version(self) -> int:
        return self.metadata.signed.version

    @property
    def sha256(self) -> str:
        return digest(self.data)

    @property
    def previous_sha256(self) -> str | None:
        """Digest of the version before; None of the first."""
        value = self.metadata.signed.unrecognized_fields.get(PREVIOUS)
        return value if isinstance(value, str) else None

    def meta_file(self) -> MetaFile:
        """How snapshot and timestamp name it."""
        return MetaFile(self.version, len(self.data), {"sha256": self.sha256})


def parse_metadata(data: bytes, kind: type[_Signed], where: str) -> Stored[_Signed]:
    """Metadata that is not verified yet. Raises TrustError where it is none, is nested without
    end, says a name twice, or counts further than anything here does."""
    try:
        parse_json(data)
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except (ValueError, RepositoryError) as error:
        raise TrustError(f"{where} is no metadata of The Update Framework") from error
    if not isinstance(metadata.signed, kind):
        raise TrustError(f"{where} is not of the kind {kind.type}")
    if metadata.signed.version > MAX_VERSION:
        raise TrustError(f"{where} says that it is version {metadata.signed.version}")
    return Stored(data, metadata)


def verify(
    stored: Stored[_Signed], delegator: Delegator, role: str, version: int | None, where: str
) -> Stored[_Signed]:
    """The metadata itself, if as many keys signed it as the delegator demands for the role
    and it is of that version. Raises TrustError."""
    try:
        delegator.verify_delegate(role, stored.metadata.signed_bytes, stored.metadata.signatures)
    except (RepositoryError, SerializationError, ValueError) as error:
        raise TrustError(
            f"{where} is not signed by the keys that may",
            fix="`smartwatts keys list` shows whom this machine trusts",
        ) from error
    if version is not None and stored.version != version:
        raise TrustError(f"{where} says that it is version {stored.version}")
    return stored


def parse_root(data: bytes, before: Stored[Root] | None, where: str) -> Stored[Root]:
    """A root that as many of its own keys signed as it demands, and of the one before it.
    Raises TrustError."""
    root = parse_metadata(data, Root, where)
    if before:
        verify(root, before.signed, Root.type, before.version + 1, where)
    return verify(root, root.signed, Root.type, None, where)


def sign(signed: _Signed, signers: Iterable[Signer], role: str) -> Stored[_Signed]:
    """Metadata that the signers signed. Raises UsageError where readers would refuse its size,
    TrustError where a signer fails."""
    metadata = Metadata(signed)
    try:
        for signer in signers:
            metadata.sign(signer, append=True)
        data = metadata.to_bytes()
    except (RepositoryError, SerializationError) as error:
        raise TrustError(f"cannot sign {role}: {error}", fix="check the key or its URI") from error
    if len(data) > limit_of(role):
        raise UsageError(
            f"metadata of {role} would have {len(data):,} bytes, readers take {limit_of(role):,}"
        )
    return Stored(data, metadata)
