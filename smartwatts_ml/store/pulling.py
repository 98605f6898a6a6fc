"""Copying verified versions into a folder, by the framework's own client."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import Targets
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from smartwatts_ml.errors import NotFoundError, StoreError, TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store.documents import entry_of
from smartwatts_ml.store.layout import FILE_SUFFIX, MAX_FILE_BYTES, file_name
from smartwatts_ml.store.records import Records

__all__ = ["ObjectsFetcher", "Pulled", "Puller"]

_STATE = ".smartwatts"
_BASE = "store:/"


@dataclass(frozen=True)
class Pulled:
    """What lies in the folder now; ``serial`` is the store's newest."""

    model: str
    version: int
    serial: int
    path: Path
    sha256: str
    updated: bool


class ObjectsFetcher(FetcherInterface):
    """Fetches for the framework's client from a root of any kind."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield self._objects.read(url.removeprefix(_BASE), MAX_FILE_BYTES).data
        except NotFoundError as error:
            raise DownloadHTTPError(str(error), 404) from error
        except StoreError as error:
            raise DownloadError(str(error)) from error


class Puller:
    """Pulls from one root into folders."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def pull(self, models: Sequence[str], folder: Path, version: int | None) -> list[Pulled]:
        """Bring a folder up to date with champions, or with one version that was in force."""
        state = folder / _STATE
        try:
            state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write {folder}: {error.strerror}") from error
        trusted = self._records.repository.keys.trusted_root()
        if trusted is None:
            raise TrustError("this machine trusts no root", fix="`smartwatts keys trust root.json`")
        updater = Updater(
            metadata_dir=str(state),
            metadata_base_url=f"{_BASE}models/metadata/",
            target_dir=str(state),
            target_base_url=f"{_BASE}models/",
            fetcher=ObjectsFetcher(self._records.repository.objects),
            config=UpdaterConfig(prefix_targets_with_hash=False),
            bootstrap=trusted.data,
        )
        # The framework's client has no other way to be told the time.
        updater._trusted_set.reference_time = self._records.repository.clock()
        try:
            updater.refresh()
            return [self._pull(updater, model, folder, version) for model in models]
        except (RepositoryError, DownloadError) as error:
            raise TrustError(f"cannot pull: {error}") from error

    def _pull(self, updater: Updater, model: str, folder: Path, version: int | None) -> Pulled:
        if f"{model}.json" not in updater._trusted_set.snapshot.meta:
            raise NotFoundError(f"{model} has no version yet")
        updater.get_targetinfo(f"{model}/")  # loads the role
        role = cast(Targets, updater._trusted_set[model])
        entry = entry_of(model, role, model)
        if version not in (None, entry.version):
            return self._pull_past(model, folder, version, role.version)
        name = file_name(model, entry.version)
        info = updater.get_targetinfo(f"{model}/{name}")
        if info is None:
            raise NotFoundError(f"{model} has no version that clients know of")
        path, stable = folder / name, folder / f"{model}{FILE_SUFFIX}"
        updated = updater.find_cached_target(info, str(path)) is None
        if updated:
            updater.download_target(info, str(path))
        shutil.copyfile(path, stable)
        return Pulled(model, entry.version, role.version, stable, entry.sha256, updated)

    def _pull_past(self, model: str, folder: Path, version: int | None, serial: int) -> Pulled:
        """A version that was in force before."""
        for commit in self._records.chain(model):
            if commit.entry.version == version:
                data = self._records.versions.file(commit)
                path = folder / file_name(model, version)
                for target in (path, folder / f"{model}{FILE_SUFFIX}"):
                    target.write_bytes(data)
                return Pulled(model, version, serial, path, commit.entry.sha256, True)
        raise NotFoundError(f"{model} v{version} was never in force")
