"""Versions of a model: a file and its manifest, each created once and never changed."""

from __future__ import annotations

import re
from dataclasses import replace

from smartwatts_ml.errors import (
    AlreadyExistsError,
    NotFoundError,
    TrustError,
)
from smartwatts_ml.names import check_model
from smartwatts_ml.store.documents import (
    HistoryEntry,
    Manifest,
    file_key,
    file_name,
    manifest_key,
)
from smartwatts_ml.store.sealed import MAX_DOCUMENT_BYTES, SealedObjects

__all__ = ["Versions"]


class Versions:
    """Reads versions, and reserves one for a new file."""

    def __init__(self, sealed: SealedObjects) -> None:
        self._sealed = sealed

    def numbers(self, model: str) -> tuple[int, ...]:
        """Versions that have a file or a manifest, ascending."""
        return self._listed(model, r"(tflite|json)")

    def described(self, model: str) -> tuple[int, ...]:
        """Versions that have a manifest, ascending."""
        return self._listed(model, "json")

    def _listed(self, model: str, suffix: str) -> tuple[int, ...]:
        prefix = f"models/{check_model(model)}/{model}_v"
        name = re.compile(re.escape(prefix) + r"([1-9]\d*)\." + suffix)
        keys = (info.key for info in self._sealed.objects.list(prefix))
        return tuple(sorted({int(match[1]) for key in keys if (match := name.fullmatch(key))}))

    def manifest(self, model: str, version: int) -> Manifest:
        """A version's verified manifest. Raises NotFoundError, TrustError."""
        key = manifest_key(model, version)
        envelope = self._sealed.objects.read(key, MAX_DOCUMENT_BYTES).data
        return self.verified(envelope, model, version)

    def verified(self, envelope: bytes, model: str, version: int) -> Manifest:
        """The manifest in its envelope. Raises TrustError."""
        key = manifest_key(model, version)
        manifest = self._sealed.verify(envelope, key, Manifest)
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

    def reserve(self, draft: Manifest, data: bytes, version: int) -> Manifest | None:
        """Give a file and its manifest a version; the manifest as stored, or None where
        the version is another run's, whole or not.

        What a crashed attempt of the same run left is completed.
        """
        wanted = replace(draft, version=version, file=file_name(draft.model, version))
        try:
            self._sealed.objects.create(file_key(wanted.model, version), data)
        except AlreadyExistsError:
            return self._complete(wanted)
        return self._describe(wanted)

    def _describe(self, wanted: Manifest) -> Manifest | None:
        """Write the manifest of a file that is there; None where another run was quicker."""
        key = manifest_key(wanted.model, wanted.version)
        try:
            self._sealed.objects.create(key, self._sealed.seal(wanted))
        except AlreadyExistsError:
            return self._complete(wanted)
        return wanted

    def _complete(self, wanted: Manifest) -> Manifest | None:
        """The version's manifest, if file and manifest are of the wanted run and bytes."""
        try:
            stored = self.manifest(wanted.model, wanted.version)
        except NotFoundError:
            # Broken off between the two, or another run is between them just now.
            return self._describe(wanted) if self._holds_file(wanted) else None
        except TrustError:
            return None
        same = (stored.run_id, stored.sha256) == (wanted.run_id, wanted.sha256)
        return stored if same and self._holds_file(wanted) else None

    def _holds_file(self, wanted: Manifest) -> bool:
        try:
            self.read_file(wanted)
        except TrustError:
            return False
        return True
