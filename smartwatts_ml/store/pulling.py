"""Copying verified versions into a folder, for a gateway's build.

A pull asks for one small object a model, the pointer; only where the folder does not hold
what it points to are manifest and file read. Everything is verified, and every byte is on
the disk beside its place, before the first file takes its name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smartwatts_ml.errors import NotFoundError, StoreError, TrustError
from smartwatts_ml.objects.durable import flush_folder, make_folder, staged
from smartwatts_ml.store.documents import Manifest, Pointer, manifest_key
from smartwatts_ml.store.records import Records
from smartwatts_ml.store.sealed import MAX_DOCUMENT_BYTES, digest

__all__ = ["Puller", "Pulled"]

_POINTER_FIX = "`smartwatts models resign MODEL` where the signing key is, or the next retraining"


@dataclass(frozen=True)
class Pulled:
    """What lies in the folder now; ``serial`` is the store's newest."""

    model: str
    version: int
    serial: int
    path: Path
    sha256: str
    updated: bool


@dataclass(frozen=True)
class _Wanted:
    """A version that a signed document names."""

    model: str
    version: int
    file: str
    sha256: str
    size: int

    @classmethod
    def named_by(cls, document: Pointer | Manifest) -> _Wanted:
        return cls(document.model, document.version, document.file, document.sha256, document.size)


class Puller:
    """Pulls from one root into folders."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def pull(self, models: Sequence[str], folder: Path, version: int | None) -> list[Pulled]:
        """Bring a folder up to date with champions, or with one version that was in force.

        Raises TrustError where anything does not verify, StoreError where something cannot
        be read or written; the folder is then as it was.
        """
        pulled: list[Pulled] = []
        moves: list[tuple[str, bytes]] = []
        outdated: list[Path] = []
        for model in models:
            pointer = self._checked_pointer(folder, model)
            wanted = _Wanted.named_by(pointer) if version is None else self._past(pointer, version)
            current = self._holds(folder, wanted)
            if not current:
                moves += self._files(wanted)
                outdated += _other_versions(folder, wanted)
            if _last_serial(folder, model) != pointer.serial:
                moves.append((f"{model}.serial", f"{pointer.serial}\n".encode()))
            stable = folder / f"{model}.tflite"
            pulled.append(
                Pulled(model, wanted.version, pointer.serial, stable, wanted.sha256, not current)
            )
        _write_all(folder, moves)
        for path in outdated:
            with contextlib.suppress(OSError):
                path.unlink()
        return pulled

    def _checked_pointer(self, folder: Path, model: str) -> Pointer:
        try:
            pointer = self._records.pointer.read(model)
        except NotFoundError as error:
            raise NotFoundError(
                f"{model} has no pointer in {self._records.sealed.objects.url}"
            ) from error
        trouble = pointer.trouble(self._records.clock())
        if trouble:
            raise TrustError(f"the pointer of {model} {trouble}", fix=_POINTER_FIX)
        seen = _last_serial(folder, model)
        if pointer.serial < seen:
            raise TrustError(
                f"the store offers serial {pointer.serial} of {model}, but {seen} was pulled here"
                " before",
                fix=f"if the store was rebuilt on purpose, remove {_serial_path(folder, model)}",
            )
        return pointer

    def _past(self, pointer: Pointer, version: int) -> _Wanted:
        """A version that was in force, found from the pointer back."""
        last = self._records.history.entry(pointer.model, pointer.serial)
        for entry in self._records.history.back(last):
            if entry.version == version:
                return _Wanted.named_by(self._records.versions.of_entry(entry))
        raise NotFoundError(f"{pointer.model} v{version} was never in force")

    def _holds(self, folder: Path, wanted: _Wanted) -> bool:
        """Whether the folder holds this version, whole, under both of its names."""
        manifest = folder / f"{wanted.model}_v{wanted.version}.json"
        key = manifest_key(wanted.model, wanted.version)
        try:
            files = [(folder / name).read_bytes() for name in (wanted.file, _stable(wanted.model))]
            held = self._records.sealed.verify(manifest.read_bytes(), key, Manifest)
        except (OSError, TrustError):
            return False
        whole = all(len(f) == wanted.size and digest(f) == wanted.sha256 for f in files)
        return whole and _Wanted.named_by(held) == wanted

    def _files(self, wanted: _Wanted) -> list[tuple[str, bytes]]:
        """What to write, verified, in the order in which it takes its names."""
        key, objects = manifest_key(wanted.model, wanted.version), self._records.sealed.objects
        try:
            envelope = objects.read(key, MAX_DOCUMENT_BYTES).data
        except NotFoundError as error:
            raise TrustError(f"{objects.uri(key)} is gone") from error
        manifest = self._records.versions.verified(envelope, wanted.model, wanted.version)
        if _Wanted.named_by(manifest) != wanted:
            raise TrustError(f"{objects.uri(key)} does not describe what the pointer points to")
        data = self._records.versions.read_file(manifest)
        return [
            (wanted.file, data),
            (f"{wanted.model}_v{wanted.version}.json", envelope),
            (_stable(wanted.model), data),
        ]


def _stable(model: str) -> str:
    """The name that does not change with the version."""
    return f"{model}.tflite"


def _serial_path(folder: Path, model: str) -> Path:
    return folder / f"{model}.serial"


def _last_serial(folder: Path, model: str) -> int:
    """The newest serial seen by a pull into the folder, 0 before the first. Refusing an
    older one is what notices that a whole store, signatures and all, was turned back."""
    path = _serial_path(folder, model)
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise TrustError(f"cannot read {path}", fix="remove it to trust the store anew") from error


def _other_versions(folder: Path, wanted: _Wanted) -> list[Path]:
    """Files of versions that earlier pulls left: an app ships its whole folder."""
    name = re.compile(re.escape(wanted.model) + r"_v[1-9]\d*\.(tflite|json)")
    kept = {wanted.file, f"{wanted.model}_v{wanted.version}.json"}
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if name.fullmatch(p.name) and p.name not in kept]


def _write_all(folder: Path, moves: Sequence[tuple[str, bytes]]) -> None:
    """Write all files or none. A crash between two names leaves each model's stable name
    and serial, which come last, with all that they stand for."""
    if not moves:
        return
    try:
        make_folder(folder)
        with contextlib.ExitStack() as stack:
            ready = [stack.enter_context(staged(folder, data, ".pull-")) for _, data in moves]
            for path, (name, _) in zip(ready, moves, strict=True):
                path.replace(folder / name)
        flush_folder(folder)
    except OSError as error:
        raise StoreError(f"cannot write {error.filename or folder}: {error.strerror}") from error
