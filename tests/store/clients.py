"""A gateway as the framework's own client makes one: what it trusts, what it pulls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import Objects
from smartwatts_ml.store import Store
from tests.store.helpers import Clock, opened

__all__ = ["ObjectsFetcher", "gateway"]


class ObjectsFetcher(FetcherInterface):
    """Fetches for the framework's client from a root of any kind, and nothing more."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield self._objects.read(url).data
        except NotFoundError as error:
            raise DownloadHTTPError(str(error), 404) from error


def gateway(url: str, folder: Path, root: bytes, clock: Clock) -> Store:
    """A machine that trusts a root and has no other key."""
    shutil.rmtree(folder, ignore_errors=True)
    store = Store(opened(url), folder, clock=clock)
    store.keys.trust(root, "root.json")
    return store
