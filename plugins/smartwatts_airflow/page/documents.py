"""A root as the page reads it: small documents are fetched side by side, once.

A listing tells each object's etag, so what is remembered is used only while the object is
the one that was read; signatures are verified anew by whoever reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from smartwatts_ml.errors import NotFoundError, UsageError
from smartwatts_ml.objects import Object, ObjectInfo, Objects, open_root
from smartwatts_ml.objects.base import ReadOnlyObjects, check_size
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES, METADATA

__all__ = ["READS_AT_ONCE", "RememberedObjects"]

READS_AT_ONCE = 16
_REMEMBERED = 8192


@lru_cache(maxsize=_REMEMBERED)
def _read(url: str, key: str, etag: str) -> Object:
    return open_root(url, writable=False).read(key, MAX_DOCUMENT_BYTES)


class RememberedObjects(ReadOnlyObjects):
    """A root for reading, where a model's JSON documents are at hand: its manifests, and the
    versions of its role."""

    def __init__(self, objects: Objects, model: str) -> None:
        self.url = objects.url
        self._objects = objects
        self._places = {f"models/{model}/": ".json", METADATA: f".{model}.json"}
        self._listed = {
            info.key: info
            for place in self._places
            for info in objects.list(place)
            if self._is_document(info.key)
        }
        with ThreadPoolExecutor(READS_AT_ONCE) as pool:
            for _ in pool.map(self._remembered, self._listed):
                pass

    def _is_document(self, key: str) -> bool:
        return any(key.startswith(at) and key.endswith(end) for at, end in self._places.items())

    def _remembered(self, key: str) -> Object | None:
        """None where it is gone since it was listed."""
        try:
            return _read(self.url, key, self._listed[key].etag)
        except NotFoundError:
            return None

    def read(self, key: str, limit: int | None = None) -> Object:
        if not self._is_document(key):
            return self._objects.read(key, limit)
        remembered = self._remembered(key) if key in self._listed else None
        if remembered is None:
            raise NotFoundError(f"{self.uri(key)} is not there")
        check_size(len(remembered.data), limit, self.uri(key))
        return remembered

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._objects.list(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        return self._objects.folders(prefix)

    def info(self, key: str) -> ObjectInfo:
        return self._objects.info(key)

    def fetch(self, key: str, path: Path) -> None:
        self._objects.fetch(key, path)

    def uri(self, key: str) -> str:
        return self._objects.uri(key)

    def storage_options(self) -> dict[str, str]:
        return self._objects.storage_options()

    def refusal(self) -> UsageError:
        return UsageError("the Models page changes nothing by itself")
