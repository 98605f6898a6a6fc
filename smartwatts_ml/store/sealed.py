"""Signed documents in a root: signed when written, verified when read."""

from __future__ import annotations

import hashlib
from typing import TypeVar

from smartwatts_ml.errors import TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store.documents import Document
from smartwatts_ml.store.keys import KeyFolder
from smartwatts_ml.store.signing import reseal, seal, unseal

__all__ = ["MAX_DOCUMENT_BYTES", "SealedObjects", "check_identifier", "digest"]

MAX_DOCUMENT_BYTES = 1 << 20
"""What a signed document may have; a server that offers more is not listened to."""
_IDENTIFIER = b"TFL3"

_SomeDocument = TypeVar("_SomeDocument", bound=Document)


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def check_identifier(data: bytes, where: str) -> None:
    """Raise TrustError where a file does not say that it is a flatbuffer of TensorFlow Lite."""
    if data[4:8] != _IDENTIFIER:
        raise TrustError(f"{where} is not a .tflite file: it lacks the identifier TFL3")


class SealedObjects:
    """A root together with the keys that sign and verify what is in it."""

    def __init__(self, objects: Objects, keys: KeyFolder) -> None:
        self.objects = objects
        self.keys = keys

    def seal(self, document: Document) -> bytes:
        """The document's envelope, signed with this machine's keys."""
        return seal(document.to_bytes(), document.payload_type, self.keys.signing_keys())

    def reseal(self, key: str, kind: type[Document]) -> bool:
        """Sign a document again if a key of this machine has not; whether it had to be.
        Its payload stays as it is. Raises TrustError."""
        before = self.objects.read(key, MAX_DOCUMENT_BYTES)
        self.verify(before.data, key, kind)
        again = reseal(before.data, self.keys.signing_keys(), self.objects.uri(key))
        if again:
            self.objects.replace(key, again, before.etag)
        return again is not None

    def read(self, key: str, kind: type[_SomeDocument]) -> _SomeDocument:
        """A verified document. Raises NotFoundError, TrustError."""
        return self.verify(self.objects.read(key, MAX_DOCUMENT_BYTES).data, key, kind)

    def verify(self, envelope: bytes, key: str, kind: type[_SomeDocument]) -> _SomeDocument:
        """The document in an envelope that was read from ``key``. Raises TrustError."""
        where = self.objects.uri(key)
        payload = unseal(envelope, kind.payload_type, self.keys.trusted(), where)
        return kind.read(payload, where)

    def read_file(self, key: str, sha256: str, size: int) -> bytes:
        """A file's bytes, if they are the signed ones. Raises NotFoundError, TrustError."""
        where = self.objects.uri(key)
        data = self.objects.read(key, size).data
        if len(data) != size or digest(data) != sha256:
            raise TrustError(
                f"{where} is not the file that was signed",
                fix="restore it from a backup, or roll back to a version that verifies",
            )
        check_identifier(data, where)
        return data
