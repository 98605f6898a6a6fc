"""Copying a verified version into a folder, for a gateway's build."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from smartwatts_ml.errors import StoreError, TrustError
from smartwatts_ml.store.documents import Manifest
from smartwatts_ml.store.sealed import digest

__all__ = ["Pulled", "check_serial", "is_up_to_date", "write_pulled"]


@dataclass(frozen=True)
class Pulled:
    """What lies in the folder now; ``serial`` is None for a version asked for by number."""

    model: str
    version: int
    serial: int | None
    path: Path
    sha256: str
    updated: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "path": str(self.path)}


def check_serial(folder: Path, model: str, serial: int) -> None:
    """Refuse a champion older than the last one pulled here: somebody turned back the
    whole store, signatures and all."""
    path = _serial_path(folder, model)
    try:
        seen = int(path.read_text())
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise TrustError(f"cannot read {path}", fix="remove it to trust the store anew") from error
    if serial < seen:
        raise TrustError(
            f"the store offers serial {serial} of {model}, but {seen} was pulled here before",
            fix=f"if the store was rebuilt on purpose, remove {path}",
        )


def is_up_to_date(folder: Path, manifest: Manifest, envelope: bytes) -> bool:
    """Whether the folder holds this version, whole, under both of its names."""
    files = (folder / manifest.file, folder / f"{manifest.model}.tflite")
    try:
        same = all(
            path.stat().st_size == manifest.size and digest(path.read_bytes()) == manifest.sha256
            for path in files
        )
        return same and _manifest_path(folder, manifest).read_bytes() == envelope
    except OSError:
        return False


def write_pulled(
    folder: Path, manifest: Manifest, envelope: bytes, data: bytes | None, serial: int | None
) -> None:
    """Write the version, its manifest, and last the stable name and the serial, so that a
    crash never leaves a stable name without what it stands for. ``data`` None: the files
    are there already."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if data is not None:
            _write(folder / manifest.file, data)
            _write(_manifest_path(folder, manifest), envelope)
            _write(folder / f"{manifest.model}.tflite", data)
        if serial is not None:
            path = _serial_path(folder, manifest.model)
            if data is not None or not path.exists() or int(path.read_text()) != serial:
                _write(path, f"{serial}\n".encode())
    except OSError as error:
        raise StoreError(f"cannot write {error.filename or folder}: {error.strerror}") from error


def _manifest_path(folder: Path, manifest: Manifest) -> Path:
    return folder / f"{manifest.model}_v{manifest.version}.json"


def _serial_path(folder: Path, model: str) -> Path:
    return folder / f"{model}.serial"


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one step."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
