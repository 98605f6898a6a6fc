"""Signed documents in a root: signed when written, verified when read."""

from __future__ import annotations

import hashlib
from typing import TypeVar

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Object, Objects
from smartwatts_ml.store.documents import Document
from smartwatts_ml.store.keys import KeyFolder
from smartwatts_ml.store.signing import seal, unseal

__all__ = ["SealedObjects", "digest"]

SomeDocument = TypeVar("SomeDocument", bound=Document)


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


class SealedObjects:
    """A root together with the keys that sign and verify what is in it."""

    def __init__(self, objects: Objects, keys: KeyFolder) -> None:
        self.objects = objects
        self.keys = keys

    def seal(self, document: Document) -> bytes:
        """The document's envelope, signed with this machine's key."""
        return seal(document.payload(), document.payload_type, self.keys.signing_key())

    def read(self, key: str, kind: type[SomeDocument]) -> SomeDocument:
        """A verified document. Raises NotFoundError, TrustError."""
        return self.verify(self.objects.read(key), key, kind)

    def verify(self, found: Object, key: str, kind: type[SomeDocument]) -> SomeDocument:
        """The document in an object's bytes. Raises TrustError."""
        where = self.objects.uri(key)
        payload = unseal(found.data, kind.payload_type, self.keys.trusted(), where)
        return kind.from_payload(payload, where)

    def read_file(self, key: str, sha256: str, size: int) -> bytes:
        """A file's bytes, if they are the signed ones. Raises NotFoundError, TrustError."""
        data = self.objects.read(key).data
        if len(data) != size or digest(data) != sha256:
            raise TrustError(
                f"{self.objects.uri(key)} is not the file that was signed",
                fix="restore it from a backup, or roll back to a version that verifies",
            )
        return data
