"""The folder that an app ships, and ``.smartwatts/`` in it: what was verified before.

gateway/SmartWattsPull.java keeps the same, so that either puller goes on where the other stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import TargetFile

from smartwatts_ml.errors import StoreError
from smartwatts_ml.objects.durable import flush_folder, make_folder, staged
from smartwatts_ml.pulling.fetching import Deadline
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES
from smartwatts_ml.pulling.rings import Ring

__all__ = ["PulledVersion", "PullFolder"]

_STATE = ".smartwatts"
_STAGED = "staged-"


@dataclass(frozen=True)
class PulledVersion:
    """A version of a model, as signed metadata of a ``serial`` name its file and its manifest."""

    model: str
    version: int
    file: TargetFile
    manifest: TargetFile
    serial: int
    ring: Ring = "champion"

    @property
    def names(self) -> tuple[str, str, str]:
        """Of file, manifest, and the file again under the name that does not change, which
        comes last."""
        base = f"{self.model}_v{self.version}"
        return f"{base}.tflite", f"{base}.json", f"{self.model}.tflite"

    @property
    def note(self) -> bytes:
        """What is noted of it beside the metadata, the same by both pullers."""
        said = {
            "model": self.model,
            "ring": self.ring,
            "serial": self.serial,
            "version": self.version,
        }
        return json.dumps(said, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True)
class PullFolder:
    """A folder to pull into."""

    path: Path

    @property
    def state(self) -> Path:
        """Where verified metadata is kept."""
        return self.path / _STATE / "metadata"

    @contextmanager
    def held(self, deadline: Deadline) -> Iterator[None]:
        """Hold the folder against other pulls; what a killed one left is removed."""
        with self._writing():
            make_folder(self.state)
            lock = (self.path / _STATE / "lock").open("ab")
        with lock:
            # As Java locks files; released where the process dies.
            deadline.within(fcntl.lockf, lock, fcntl.LOCK_EX, what=f"another pull into {self.path}")
            with self._writing():
                for leftover in (self.path / _STATE).glob(f"{_STAGED}*"):
                    shutil.rmtree(leftover)
            yield

    def holds(self, version: PulledVersion) -> bool:
        """Whether the folder has this version, whole, under both of its names."""
        file, manifest, stable = version.names
        return (
            self._is(stable, version.file, MAX_FILE_BYTES)
            and self._is(file, version.file, MAX_FILE_BYTES)
            and self._is(manifest, version.manifest, MAX_DOCUMENT_BYTES)
        )

    def contents(self, version: PulledVersion) -> dict[str, bytes]:
        """File and manifest of a version that the folder ``holds``, by name."""
        try:
            return {name: (self.path / name).read_bytes() for name in version.names[:2]}
        except OSError as error:
            raise StoreError(f"cannot read {error.filename}: {error.strerror}") from error

    def write(
        self, changes: Sequence[tuple[str, bytes]], versions: Sequence[PulledVersion]
    ) -> None:
        """Write every change or none: all bytes are on the disk before one file takes its name.
        Other versions of these models then go: an app ships its whole folder."""
        with self._writing(), contextlib.ExitStack() as stack:
            if changes:
                folder = tempfile.TemporaryDirectory(dir=self.path / _STATE, prefix=_STAGED)
                place = Path(stack.enter_context(folder))
                ready = [stack.enter_context(staged(place, data, "")) for _, data in changes]
                for name, _ in changes:
                    self._check_place(self.path / name)
                for path, (name, _) in zip(ready, changes, strict=True):
                    path.replace(self.path / name)
                flush_folder(self.path)
            for version in versions:
                self._remove_others(version)
                self._note(version)

    def _is(self, name: str, target: TargetFile, limit: int) -> bool:
        path = self.path / name
        try:
            if not path.is_file() or path.stat().st_size > limit:
                return False
            target.verify_length_and_hashes(path.read_bytes())
        except (OSError, RepositoryError):
            return False
        return True

    @staticmethod
    def _check_place(path: Path) -> None:
        """Before anything is moved: nothing else is in a file's place."""
        if path.exists() and not path.is_file():
            raise StoreError(f"{path} is no file")

    def _remove_others(self, version: PulledVersion) -> None:
        name = re.compile(re.escape(version.model) + r"_v[1-9][0-9]*\.(tflite|json)")
        for path in self.path.iterdir():
            if name.fullmatch(path.name) and path.name not in version.names:
                path.unlink()

    def _note(self, version: PulledVersion) -> None:
        """Say which version it is that lies here, and of which ring."""
        path = self.path / _STATE / f"{version.model}.json"
        size = len(version.note)
        if path.is_file() and path.stat().st_size == size and path.read_bytes() == version.note:
            return
        with staged(self.state, version.note, ".new-") as temporary:
            temporary.replace(path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or self.path
            raise StoreError(f"cannot write {where}: {error.strerror}") from error
