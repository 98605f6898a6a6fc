"""Versions of a model: a file and its manifest, each created once and never changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from smartwatts_ml.errors import (
    AlreadyExistsError,
    NotFoundError,
    StoreError,
    TrustError,
)
from smartwatts_ml.objects import Object
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    check_model,
    file_key,
    file_name,
    manifest_key,
)
from smartwatts_ml.store.sealed import SealedObjects, digest

__all__ = ["Versions"]

FURTHER_VERSIONS = 1000


class Versions:
    """Reads versions, and claims one for a new file."""

    def __init__(self, sealed: SealedObjects) -> None:
        self._sealed = sealed

    def numbers(self, model: str) -> tuple[int, ...]:
        """Versions that have a file or a manifest, ascending."""
        prefix = f"models/{check_model(model)}/{model}_v"
        name = re.compile(re.escape(prefix) + r"([1-9]\d*)\.(tflite|json)")
        keys = (info.key for info in self._sealed.objects.list(prefix))
        return tuple(sorted({int(match[1]) for key in keys if (match := name.fullmatch(key))}))

    def manifest(self, model: str, version: int) -> Manifest:
        """A version's verified manifest. Raises NotFoundError, TrustError."""
        return self.verified(
            self._sealed.objects.read(manifest_key(model, version)), model, version
        )

    def verified(self, found: Object, model: str, version: int) -> Manifest:
        """The manifest in an object's bytes. Raises TrustError."""
        key = manifest_key(model, version)
        manifest = self._sealed.verify(found, key, Manifest)
        named = (manifest.model, manifest.version, manifest.file)
        if named != (model, version, file_name(model, version)):
            raise TrustError(
                f"{self._sealed.objects.uri(key)} is the manifest of {manifest.model}"
                f" v{manifest.version}"
            )
        return manifest

    def of_entry(self, entry: HistoryEntry) -> Manifest:
        """The manifest of the version that an entry put in force."""
        try:
            manifest = self.manifest(entry.model, entry.version)
        except NotFoundError as error:
            raise TrustError(f"the manifest of {entry.model} v{entry.version} is gone") from error
        if manifest.sha256 != entry.sha256:
            raise TrustError(
                f"manifest and history disagree about the file of {entry.model} v{entry.version}"
            )
        return manifest

    def read_file(self, manifest: Manifest) -> bytes:
        """A version's file, verified. Raises TrustError."""
        key = file_key(manifest.model, manifest.version)
        try:
            return self._sealed.read_file(key, manifest.sha256, manifest.size)
        except NotFoundError as error:
            raise TrustError(f"{self._sealed.objects.uri(key)} is gone") from error

    def claim(self, draft: Manifest, data: bytes, in_history: Collection[int]) -> Manifest:
        """Give a file and its manifest a version of their own; the manifest as stored.

        A version that a crashed attempt of the same run left is completed; one that is
        somebody else's, whole or not, is passed over.
        """
        for version in self._candidates(draft.model, in_history):
            manifest = self._try_claim(
                replace(draft, version=version, file=file_name(draft.model, version)), data
            )
            if manifest:
                return manifest
        raise StoreError(f"{FURTHER_VERSIONS} versions of {draft.model} in a row are taken")

    def _candidates(self, model: str, in_history: Collection[int]) -> Iterator[int]:
        stored = self.numbers(model)
        yield from (version for version in stored if version not in in_history)
        after = max((0, *stored, *in_history)) + 1
        yield from range(after, after + FURTHER_VERSIONS)

    def _try_claim(self, manifest: Manifest, data: bytes) -> Manifest | None:
        key = manifest_key(manifest.model, manifest.version)
        if self._sealed.objects.exists(key):
            return self._complete(manifest, data)
        if not self._put_file(manifest, data):
            return None
        try:
            self._sealed.objects.create(key, self._sealed.seal(manifest))
        except AlreadyExistsError:
            return self._complete(manifest, data)
        return manifest

    def _complete(self, wanted: Manifest, data: bytes) -> Manifest | None:
        """The manifest that is there, if it is of the same run and file."""
        try:
            found = self.manifest(wanted.model, wanted.version)
        except TrustError:
            return None
        same = (found.run_id, found.sha256) == (wanted.run_id, wanted.sha256)
        return found if same and self._put_file(wanted, data) else None

    def _put_file(self, manifest: Manifest, data: bytes) -> bool:
        """Whether the version's file holds these bytes, after an attempt to create it."""
        key = file_key(manifest.model, manifest.version)
        try:
            self._sealed.objects.create(key, data)
        except AlreadyExistsError:
            return digest(self._sealed.objects.read(key).data) == manifest.sha256
        return True
