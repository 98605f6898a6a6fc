"""Versions of a model: a file, its manifest, the statement of its run, each created once.

These objects are not signed themselves: the model's role names their digests. Until that is
committed, nothing that is read back here is believed: it has to be what this run writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import TargetFile

from smartwatts_ml.errors import AlreadyExistsError, NotFoundError, StoreError, TrustError
from smartwatts_ml.names import check_model
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES
from smartwatts_ml.store.canonical import parse_time
from smartwatts_ml.store.documents import Manifest
from smartwatts_ml.store.history import Commit
from smartwatts_ml.store.layout import file_key, file_name, manifest_key, object_key, statement_key

__all__ = ["Bundle", "Versions", "check_identifier"]

_IDENTIFIER = b"TFL3"
_MAY_DIFFER_BYTES = 1024
"""By so much may a statement differ in length that the same keys signed twice."""
_UNFINISHED_FOR = timedelta(days=30)
"""So long a publish that broke off may still be completed by running it again."""
_CLOCKS_DIFFER = timedelta(days=1)
_GONE = "restore it from a backup, or roll back to a version that verifies"


def check_identifier(data: bytes, where: str) -> None:
    """Raise TrustError where a file does not say that it is a flatbuffer of TensorFlow Lite."""
    if data[4:8] != _IDENTIFIER:
        raise TrustError(f"{where} is not a .tflite file: it lacks the identifier TFL3")


@dataclass(frozen=True)
class Bundle:
    """What a run has for a version: the bytes of file, manifest and statement."""

    manifest: Manifest
    file: bytes
    statement: bytes

    def objects(self) -> dict[str, bytes]:
        """By key, in the order in which they are created."""
        model, version = self.manifest.model, self.manifest.version
        return {
            file_key(model, version): self.file,
            manifest_key(model, version): self.manifest.to_bytes(),
            statement_key(model, version): self.statement,
        }

    def targets(self) -> dict[str, TargetFile]:
        """By path below ``models/``, with digests of the bytes at hand."""
        paths = {key.removeprefix("models/"): data for key, data in self.objects().items()}
        return {path: TargetFile.from_data(path, data) for path, data in paths.items()}


def _of_earlier_attempt(stored: bytes, ours: Manifest) -> Manifest | None:
    """A stored manifest that says what ours does, and was made a little earlier: it is signed
    as it is. None where it is anything else; nobody has signed it yet."""
    try:
        earlier = Manifest.read(stored, "the manifest")
        age = parse_time(ours.created) - parse_time(earlier.created)
    except (TrustError, ValueError):
        return None
    same = replace(earlier, created=ours.created) == ours and earlier.to_bytes() == stored
    return earlier if same and -_CLOCKS_DIFFER <= age <= _UNFINISHED_FOR else None


class Versions:
    """Reads versions, and reserves one for a new file."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def numbers(self, model: str) -> tuple[int, ...]:
        """Versions of which anything is there, ascending."""
        prefix = f"models/{check_model(model)}/{model}_v"
        name = re.compile(re.escape(prefix) + r"([1-9]\d{0,8})\.(tflite|json|intoto\.jsonl)")
        keys = (info.key for info in self._objects.list(prefix))
        return tuple(sorted({int(match[1]) for key in keys if (match := name.fullmatch(key))}))

    def manifest(self, commit: Commit) -> Manifest:
        """The manifest that a commit names. Raises TrustError, and NotFoundError where it is
        gone: it is what pruning removes first."""
        model, version = commit.entry.model, commit.entry.version
        key = manifest_key(model, version)
        where = self._objects.uri(key)
        manifest = Manifest.read(self._read(commit, key, MAX_DOCUMENT_BYTES), where)
        named = (manifest.model, manifest.version, manifest.file, manifest.sha256, manifest.size)
        entry = commit.entry
        if named != (model, version, file_name(model, version), entry.sha256, entry.size):
            raise TrustError(f"{where} is the manifest of another file")
        return manifest

    def file(self, commit: Commit) -> bytes:
        """The file that a commit names, verified. Raises TrustError."""
        key = file_key(commit.entry.model, commit.entry.version)
        try:
            data = self._read(commit, key, None)
        except NotFoundError as error:
            raise TrustError(f"{self._objects.uri(key)} is gone", fix=_GONE) from error
        check_identifier(data, self._objects.uri(key))
        return data

    def read_file(self, manifest: Manifest) -> bytes:
        """The file of a verified manifest, verified. Raises TrustError."""
        key = file_key(manifest.model, manifest.version)
        target = TargetFile(manifest.size, {"sha256": manifest.sha256}, key)
        try:
            data = self._verified(target, key)
        except NotFoundError as error:
            raise TrustError(f"{self._objects.uri(key)} is gone", fix=_GONE) from error
        check_identifier(data, self._objects.uri(key))
        return data

    def statement(self, commit: Commit) -> bytes:
        """The statement that a commit names, verified by digest. Raises NotFoundError."""
        key = statement_key(commit.entry.model, commit.entry.version)
        return self._read(commit, key, MAX_DOCUMENT_BYTES)

    def _read(self, commit: Commit, key: str, limit: int | None) -> bytes:
        target = commit.targets.get(key.removeprefix("models/"))
        if target is None:
            raise TrustError(f"serial {commit.serial} of {commit.entry.model} does not name {key}")
        if limit is not None and target.length > limit:
            raise TrustError(f"{self._objects.uri(key)} is said to have {target.length:,} bytes")
        return self._verified(target, key)

    def _verified(self, target: TargetFile, key: str) -> bytes:
        data = self._objects.read(key, target.length).data
        try:
            target.verify_length_and_hashes(data)
        except LengthOrHashMismatchError as error:
            raise TrustError(
                f"{self._objects.uri(key)} is not the one that was signed", fix=_GONE
            ) from error
        return data

    def reserve(
        self,
        draft: Bundle,
        version: int,
        same_statement: Callable[[bytes, bytes], bool],
    ) -> Bundle | None:
        """Give a run's file a version by creating its objects; None where the version is
        another run's, whole or not.

        What a crashed attempt of the same run left is completed. ``same_statement``: whether
        a stored envelope holds, and says what ours does; its signature may differ.
        """
        manifest = replace(
            draft.manifest, version=version, file=file_name(draft.manifest.model, version)
        )
        model = manifest.model
        if self._create(file_key(model, version), draft.file) != draft.file:
            return None
        ours = manifest.to_bytes()
        stored = self._create(manifest_key(model, version), ours)
        if stored != ours:
            earlier = _of_earlier_attempt(stored, manifest)
            if earlier is None:
                return None
            manifest = earlier
        statement = self._create(statement_key(model, version), draft.statement)
        if statement != draft.statement and not same_statement(statement, draft.statement):
            return None
        return Bundle(manifest, draft.file, statement)

    def _create(self, key: str, data: bytes) -> bytes:
        """What is there then: ``data`` itself if it was created."""
        try:
            self._objects.create(key, data)
        except AlreadyExistsError:
            try:
                return self._objects.read(key, len(data) + _MAY_DIFFER_BYTES).data
            except TrustError:  # it is larger
                return b""
            except NotFoundError as error:
                raise StoreError(f"{self._objects.uri(key)} is being removed") from error
        return data

    def restore(self, commit: Commit, key: str, data: bytes) -> bool:
        """Put back an object that a commit names, if these are its bytes."""
        target: TargetFile = commit.targets[key.removeprefix("models/")]
        try:
            target.verify_length_and_hashes(data)
        except LengthOrHashMismatchError:
            return False
        self._objects.write(object_key(target.path), data)
        return True
