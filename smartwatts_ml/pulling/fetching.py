"""Fetching within bounds of bytes, form and time, for python-tuf's client."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from typing import IO, Any, TypeVar

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import Metadata, Root
from tuf.ngclient import FetcherInterface

from smartwatts_ml.errors import DeniedError, NotFoundError, StoreError, TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.pulling.forms import check_form, kind_of
from smartwatts_ml.pulling.layout import MAX_FILE_BYTES, MAX_METADATA_BYTES

__all__ = ["BoundedFetcher", "Deadline", "as_store_errors", "check_trusted_root", "checked"]

_T = TypeVar("_T")


class Deadline:
    """The moment at which a pull has to be over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._pool = ThreadPool(1)

    def __enter__(self) -> Deadline:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()

    def left_s(self) -> float:
        """Seconds until then."""
        return max(0.0, self._end - time.monotonic())

    def within(self, call: Callable[..., _T], *args: Any, what: str) -> _T:
        """What the call gives. Raises StoreError where it goes on for too long; its thread,
        which cannot be ended, then goes with the process."""
        try:
            return self._pool.apply_async(call, args).get(self.left_s())
        except PoolTimeoutError as error:
            raise StoreError(f"{what} took too long", fix="--deadline") from error


class BoundedFetcher(FetcherInterface):
    """Fetches from a root; ``fetched`` holds the last bytes of each name of metadata."""

    def __init__(self, objects: Objects, deadline: Deadline, metadata: str) -> None:
        self._objects = objects
        self._deadline = deadline
        self._metadata = metadata
        self.fetched: dict[str, bytes] = {}

    def _fetch(self, url: str) -> Iterator[bytes]:
        yield self.download_bytes(url, MAX_FILE_BYTES)

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        yield io.BytesIO(self.download_bytes(url, max_length))

    def download_bytes(self, url: str, max_length: int) -> bytes:
        kind = self._kind(url)
        limit = min(max_length, MAX_METADATA_BYTES[kind] if kind else MAX_FILE_BYTES)
        try:
            data = self._deadline.within(self._objects.read, url, limit, what=url).data
        except NotFoundError as error:
            raise DownloadHTTPError(str(error), 404) from error
        except DeniedError as error:
            raise DownloadHTTPError(str(error), 403) from error
        if kind:
            checked(data, kind, url)
            self.fetched[url.removeprefix(self._metadata)] = data
        return data

    def _kind(self, url: str) -> str | None:
        """Of metadata, by its name: ``1.root.json``, ``timestamp.json``, ``3.nilm.json``."""
        if not url.startswith(self._metadata):
            return None
        name = url.removeprefix(self._metadata).removesuffix(".json")
        first, _, rest = name.partition(".")
        return kind_of(rest if first.isdigit() else name)


def checked(data: bytes, kind: str, where: str) -> None:
    """Raise RepositoryError where bytes are no metadata of a kind."""
    try:
        check_form(data, kind)
    except ValueError as error:
        raise RepositoryError(f"{where} is no {kind} metadata: {error}") from error


def check_trusted_root(data: bytes, where: str) -> None:
    """Raise TrustError where bytes are no root that its own keys signed."""
    with as_store_errors():
        checked(data, Root.type, where)
        root = Metadata[Root].from_bytes(data)
        root.signed.verify_delegate(Root.type, root.signed_bytes, root.signatures)


@contextmanager
def as_store_errors() -> Iterator[None]:
    """python-tuf's errors, and those of the disk, as errors of a store."""
    try:
        yield
    except DownloadHTTPError as error:
        raise NotFoundError(str(error)) from error
    except (RepositoryError, DownloadError, ValueError) as error:
        raise TrustError(f"cannot pull: {error}") from error
    except OSError as error:
        raise StoreError(f"cannot write {error.filename}: {error.strerror}") from error
